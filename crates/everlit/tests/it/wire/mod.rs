//! Transcripts: literal bytes in, literal answers out, against the real server.
//!
//! Each row of the tables below has a name, a sentence that says why it is so, what the client sends, what it must get,
//! and what must become of the connection. Must hold: the order of the rows does not matter; a row that fails says what
//! came instead.

mod ambiguous;
mod bodies;
mod conditional;
mod keepalive;
mod malformed;
mod pipelining;
mod ranges;
mod sizes;
mod slow;
mod transcript;
