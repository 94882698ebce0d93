//! 2c. TLS between a client's socket and its protocol (mod_openssl).
//!
//! In: what was read from a socket; what is owed to a client. Out: the same without, and with, TLS. Must hold: everything of
//! a session is in its [`channel::Channel`], so that it moves with its connection; a generation reads keys of
//! certificates before it drops its privileges, and gets new ones from its supervisor.

// What is loaded from files.
pub mod snapshot;
pub mod store;

// What handshakes work with.
pub mod context;
mod verify;

// A connection.
pub mod channel;
pub mod peer;

mod health;
mod load;

pub use channel::Channel;
pub use load::{LoadError, files, is_spoken, load, look, renew, unix_now};
pub use peer::Secured;
