//! What `debug.log-*` says of a request on its way, and when its answer is there.
//!
//! In: an exchange. Out: lines in the error log. Must hold: a line for each field; nothing is said that was not
//! asked for.

use crate::errorlog::Errors;
use crate::exchange::Exchange;
use crate::settings::{Core, Debug};

/// Lines of a refused head that are logged.
const REFUSED_MAX: usize = 100;

/// Says what is to be said.
pub(super) fn tell(exchange: &Exchange<'_>, core: &Core) {
    for line in lines(exchange, core.debug) {
        core.errors.say("debug", line);
    }
}

/// Which conditions hold.
pub(super) fn conditions<'t>(
    exchange: &Exchange<'_>,
    errors: &Errors,
    judged: impl Iterator<Item = (&'t str, bool)>,
) {
    let target = String::from_utf8_lossy(&exchange.request.uri.target);
    for (text, holds) in judged {
        let is = if holds { "holds" } else { "does not hold" };
        errors.say("debug", format_args!("condition: {target}: {text} {is}"));
    }
}

/// What was asked for.
pub(super) fn url(exchange: &Exchange<'_>, errors: &Errors) {
    let step = |what, value: &str| step(errors, what, value);
    let request = &exchange.request;
    let text = |bytes| String::from_utf8_lossy(bytes);
    step("target", &text(&request.uri.target));
    step("scheme", request.scheme);
    step("host", &text(&request.host));
    step("path", &text(&request.uri.path));
    step(
        "query",
        &text(request.uri.query.as_deref().unwrap_or_default()),
    );
}

/// Where it leads at this moment.
pub(super) fn paths(exchange: &Exchange<'_>, errors: &Errors, moment: &str) {
    let step = |what, value: &str| step(errors, what, value);
    let text = |bytes| String::from_utf8_lossy(bytes);
    let physical = &*exchange.physical;
    step("document root", &text(&physical.document_root));
    step("below it", &text(&physical.relative));
    step(&format!("file, {moment}"), &text(&physical.path));
}

fn step(errors: &Errors, what: &str, value: &str) {
    errors.say("debug", format_args!("handling: {what}: {value}"));
}

/// A head that was refused.
pub(crate) fn refused(bytes: &[u8], errors: &Errors, status: u16, reason: &str) {
    errors.say("debug", format_args!("refused with {status}: {reason}"));
    let lines = bytes.split(|byte| *byte == b'\n').take(REFUSED_MAX);
    for line in lines
        .map(<[u8]>::trim_ascii_end)
        .filter(|line| !line.is_empty())
    {
        let text = String::from_utf8_lossy(line);
        errors.say("debug", format_args!("refused: {text}"));
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
    if debug.request_handling {
        lines.push(format!("handling: answered with {}", response.status));
    }
    if debug.response_header {
        lines.push(format!("response: {}", response.status));
        for (name, value) in response.headers.iter() {
            lines.push(format!("response: {}: {}", text(name), text(value)));
        }
    }
    lines
}
