//! The HTTP/1.1 engine, sans-I/O (RFC 9110, RFC 9112).
//!
//! In: bytes as they were read. Out: request heads, decoded bodies, response heads. Must hold: no state outside these
//! values, so that an exchange can be frozen between any two reads or writes.

pub mod body;
pub mod encode;
pub mod head;
pub mod machine;
pub mod relaying;
pub mod state;
pub mod turn;
mod websocket;
