//! What is logged to find mistakes.

use crate::config::directive::{Directive, Kind, Lack, Risk, Scope, Setter};

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "debug.log-request-handling",
        Setter::Bool(|settings, on| settings.core.log_request_handling = on),
        "\"disable\"",
        "Whether each step of a request is logged.",
    ),
    Directive::request(
        "debug.log-file-not-found",
        Setter::Bool(|settings, on| settings.core.log_file_not_found = on),
        "\"disable\"",
        "Whether it is logged when a file was not found.",
    ),
    Directive::request(
        "debug.log-timeouts",
        Setter::Bool(|settings, on| settings.core.log_timeouts = on),
        "\"disable\"",
        "Whether it is logged when a connection is closed because its time is over.",
    ),
    missing(
        "debug.log-condition-handling",
        Scope::Connection,
        "Whether the evaluation of conditions is logged.",
    ),
    missing(
        "debug.log-request-header",
        Scope::Connection,
        "Whether request heads are logged.",
    ),
    missing(
        "debug.log-response-header",
        Scope::Connection,
        "Whether response heads are logged.",
    ),
    missing(
        "debug.log-request-header-on-error",
        Scope::Server,
        "Whether the head of a refused request is logged.",
    ),
    missing(
        "debug.log-state-handling",
        Scope::Connection,
        "Whether the states of connections are logged.",
    ),
];

const fn missing(name: &'static str, scope: Scope, doc: &'static str) -> Directive {
    let lack = Lack::Feature("this version does not write that log");
    Directive::unsupported(name, Kind::Bool, scope, lack, Risk::Visible, doc)
}
