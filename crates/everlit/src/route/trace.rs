//! What the error log is told of requests (`debug.log-file-not-found`, `debug.log-request-handling`).
//!
//! In: an answered exchange. Out: lines on standard error, which is the error log. Must hold: whatever a client sends, it
//! cannot begin a line of its own.

use std::fmt;

use crate::exchange::Exchange;
use crate::settings::Core;

/// An exchange was answered, though not yet framed.
pub(super) fn handled(exchange: &Exchange<'_>, core: &Core) {
    if core.log_request_handling {
        eprintln!("everlit: {}", Handled(exchange));
    } else if core.log_file_not_found && exchange.response.status == 404 {
        eprintln!("everlit: file not found: {}", Handled(exchange));
    }
}

struct Handled<'e, 'r>(&'e Exchange<'r>);

impl fmt::Display for Handled<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Handled(exchange) = self;
        let request = &exchange.request;
        let physical = &exchange.physical;
        write!(
            f,
            "{} {} for {} on {}: status {}, path {}, path info {}, document root {}",
            request.head.method_name.escape_ascii(),
            request.uri.target.escape_ascii(),
            request.peer,
            request.host.escape_ascii(),
            exchange.response.status,
            physical.path.escape_ascii(),
            physical.path_info.escape_ascii(),
            physical.document_root.escape_ascii(),
        )
    }
}
