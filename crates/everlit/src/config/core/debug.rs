//! What is logged to find mistakes.

use crate::config::directive::{Directive, Kind, Lack, Risk, Scope, Setter};

pub(super) static DIRECTIVES: &[Directive] = &[
    missing(
        "debug.log-request-handling",
        Scope::Connection,
        "Whether each step of a request is logged.",
    ),
    Directive::request(
        "debug.log-file-not-found",
        Setter::Bool(|settings, on| settings.core.debug.file_not_found = on),
        "\"disable\"",
        "Whether it is logged when a file was not found.",
    ),
    missing(
        "debug.log-timeouts",
        Scope::Connection,
        "Whether it is logged when a connection is closed because its time is over.",
    ),
    missing(
        "debug.log-condition-handling",
        Scope::Connection,
        "Whether the evaluation of conditions is logged.",
    ),
    Directive::request(
        "debug.log-request-header",
        Setter::Bool(|settings, on| settings.core.debug.request_header = on),
        "\"disable\"",
        "Whether request heads are logged, with all that is in them.",
    ),
    Directive::request(
        "debug.log-response-header",
        Setter::Bool(|settings, on| settings.core.debug.response_header = on),
        "\"disable\"",
        "Whether status and fields of responses are logged.",
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
