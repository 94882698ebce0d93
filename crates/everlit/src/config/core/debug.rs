//! What is logged to find mistakes.

use crate::config::directive::{Directive, Kind, Lack, Risk, Scope};

pub(super) static DIRECTIVES: &[Directive] = &[
    missing(
        "debug.log-request-handling",
        Scope::Connection,
        "Whether each step of a request is logged.",
    ),
    missing(
        "debug.log-file-not-found",
        Scope::Connection,
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
