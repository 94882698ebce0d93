//! What is logged to find mistakes.

use crate::config::directive::{Counts, Directive, Scope, Setter};

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "debug.log-request-handling",
        Setter::Bool(|settings, on| settings.core.debug.request_handling = on),
        "\"disable\"",
        "Whether it is logged how a request finds its file, step by step.",
    ),
    Directive::request(
        "debug.log-file-not-found",
        Setter::Bool(|settings, on| settings.core.debug.file_not_found = on),
        "\"disable\"",
        "Whether it is logged when a file was not found.",
    ),
    Directive::request(
        "debug.log-timeouts",
        Setter::Bool(|settings, on| settings.core.debug.timeouts = on),
        "\"disable\"",
        "Whether it is logged when a connection is closed because its time is over.",
    )
    .differs(Counts::Warned, "it counts outside of conditions only"),
    Directive::request(
        "debug.log-condition-handling",
        Setter::Bool(|settings, on| settings.core.debug.condition_handling = on),
        "\"disable\"",
        "Whether it is logged which conditions hold for a request.",
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
    Directive::request(
        "debug.log-request-header-on-error",
        Setter::Bool(|settings, on| settings.core.debug.header_on_error = on),
        "\"disable\"",
        "Whether a request head is logged that was refused.",
    )
    .in_scope(Scope::Server),
    Directive::request(
        "debug.log-state-handling",
        Setter::Bool(|settings, on| settings.core.debug.state_handling = on),
        "\"disable\"",
        "Whether it is logged what connections go on to.",
    )
    .differs(Counts::Warned, "it counts outside of conditions only"),
];
