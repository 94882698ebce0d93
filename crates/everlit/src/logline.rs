//! A line for an access log, complete but for what is known only when the last byte is sent.
//!
//! In: text and holes, from the access log module. Out: the finished line. Must hold: plain data, so that it travels
//! with a frozen connection and is written exactly once, by whoever finishes the response.

use minicbor::{Decode, Encode};
use std::time::Duration;

use crate::modules::rrdtool::DatabaseId;

/// A line that waits for the end of its response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingLine {
    /// The log it belongs to. A frozen connection names it by its target instead.
    pub log: LogId,
    /// The text so far, without the holes, with the line end; empty: there is nothing to log.
    pub text: Vec<u8>,
    /// What is missing, in the order of the text.
    pub holes: Vec<Hole>,
    /// The database that the request counts for. A frozen connection names it by its file instead.
    pub database: Option<DatabaseId>,
}

/// An access log: index into [`crate::config::Server::access_logs`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogId(pub u16);

/// Something known only at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Hole {
    /// Where in the text it belongs.
    #[n(0)]
    pub at: u32,
    /// What belongs there.
    #[n(1)]
    pub what: Missing,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Missing {
    /// `%b`: body bytes sent, `-` for none. `%B` prints 0.
    #[n(0)]
    BodyOrDash,
    /// `%B`: body bytes sent.
    #[n(1)]
    Body,
    /// `%O`: all bytes sent.
    #[n(2)]
    Sent,
    /// `%I`: all bytes received of this request.
    #[n(3)]
    Received,
    /// `%T`: seconds it took.
    #[n(4)]
    Seconds,
    /// `%D`: microseconds it took.
    #[n(5)]
    Micros,
    /// `%X`: `X` aborted, `+` kept alive, `-` closed.
    #[n(6)]
    Connection,
    /// `%{ms}T`: milliseconds it took.
    #[n(7)]
    Millis,
    /// `%{ns}T`: nanoseconds it took.
    #[n(8)]
    Nanos,
    /// `%k`: requests that came before on this connection.
    #[n(9)]
    Earlier,
}

/// How a response ended.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Body bytes sent.
    pub body: u64,
    /// All bytes sent.
    pub sent: u64,
    /// All bytes received of the request.
    pub received: u64,
    /// From the head's arrival to the last byte.
    pub took: Duration,
    /// Requests that came before on this connection.
    pub earlier: u32,
    /// What becomes of the connection.
    pub connection: ConnectionAfter,
}

/// What becomes of the connection after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionAfter {
    /// It is kept.
    Kept,
    /// It is closed as agreed.
    Closed,
    /// It broke before the response was sent.
    Aborted,
}

impl PendingLine {
    /// Makes it ready for the next request, keeping its memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.holes.clear();
        self.database = None;
    }

    /// Appends the finished line to `out`.
    pub fn finish(&self, ending: &Ending, out: &mut Vec<u8>) {
        use std::io::Write;
        let mut from = 0;
        for hole in &self.holes {
            let at = (hole.at as usize).clamp(from, self.text.len());
            out.extend_from_slice(&self.text[from..at]);
            from = at;
            // Writing to a Vec cannot fail.
            let _ = match hole.what {
                Missing::BodyOrDash if ending.body == 0 => write!(out, "-"),
                Missing::BodyOrDash | Missing::Body => write!(out, "{}", ending.body),
                Missing::Sent => write!(out, "{}", ending.sent),
                Missing::Received => write!(out, "{}", ending.received),
                Missing::Seconds => write!(out, "{}", ending.took.as_secs()),
                Missing::Millis => write!(out, "{}", ending.took.as_millis()),
                Missing::Micros => write!(out, "{}", ending.took.as_micros()),
                Missing::Nanos => write!(out, "{}", ending.took.as_nanos()),
                Missing::Earlier => write!(out, "{}", ending.earlier),
                Missing::Connection => match ending.connection {
                    ConnectionAfter::Kept => write!(out, "+"),
                    ConnectionAfter::Closed => write!(out, "-"),
                    ConnectionAfter::Aborted => write!(out, "X"),
                },
            };
        }
        out.extend_from_slice(&self.text[from..]);
    }
}
