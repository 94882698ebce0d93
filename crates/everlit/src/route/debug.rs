//! What `debug.log-*` says of a request when its answer is there.
//!
//! In: an exchange at its end. Out: lines in the error log. Must hold: a line for each field; nothing is said that was not
//! asked for.

use crate::errorlog;
use crate::exchange::Exchange;
use crate::settings::Debug;

/// Says what is to be said.
pub(super) fn tell(exchange: &Exchange<'_>, debug: Debug) {
    for line in lines(exchange, debug) {
        errorlog::say("debug", line);
    }
}

fn lines(exchange: &Exchange<'_>, debug: Debug) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (head, response) = (exchange.request.head, &*exchange.response);
    let mut lines = Vec::new();
    if debug.request_header {
        lines.push(format!(
            "request: {} {}",
            text(head.method_name),
            text(head.target)
        ));
        for field in head.fields.iter() {
            lines.push(format!(
                "request: {}: {}",
                text(field.name),
                text(field.value)
            ));
        }
    }
    if debug.file_not_found && response.status == 404 {
        lines.push(format!(
            "file not found: {} -> {}",
            text(head.target),
            text(&exchange.physical.path)
        ));
    }
    if debug.response_header {
        lines.push(format!("response: {}", response.status));
        for (name, value) in response.headers.iter() {
            lines.push(format!("response: {}: {}", text(name), text(value)));
        }
    }
    lines
}
