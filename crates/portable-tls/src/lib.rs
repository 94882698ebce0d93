//! Server-side TLS sessions that can move between processes.

mod config;
mod hello;

mod facts;
mod handshake;

mod secrets;
mod suite;

mod record;

mod frozen;
mod image;

mod tickets;

mod error;

pub use config::Config;
pub use error::{
    Fault, Flood, HandshakeError, ImageError, SealError, SessionError, UnsupportedSuite, Violation,
};
pub use facts::{Facts, Kind};
pub use frozen::{Arrived, Frozen, Whole};
pub use handshake::{Established, HANDSHAKE_MAX, Handshake, Progress};
pub use hello::{ACME_TLS_1, Collected, HELLO_MAX, Hello, Offer};
pub use image::IMAGE_VERSION;
pub use record::{CONTENT_MAX, ClientKey, Event, Frame, Incoming, Session};
pub use rustls;
pub use suite::{Cipher, Suite, Version};
pub use tickets::{NoRandomness, Tickets, UnixSeconds};
