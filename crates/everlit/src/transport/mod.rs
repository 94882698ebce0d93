//! 2. Between a connection and its socket.

pub mod outbox;
pub mod pace;

pub mod proxy_protocol;

pub mod spool;
