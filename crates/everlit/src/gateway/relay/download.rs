//! The answer, on its way to the client.
//!
//! In: what was decided of it when its head came. Out: how what follows is written. Must hold: what is decided is not
//! decided again.

use minicbor::{Decode, Encode};

use crate::pack::{Plan, Stream as Packing};
use crate::response::Headers;
use crate::settings::Stream;
use crate::transport::outbox::Outbox;
use crate::transport::spool::Spool;

/// How an answer travels to the client.
#[derive(Debug)]
pub(crate) struct Download {
    /// When it begins to travel.
    pub(crate) stream: Stream,
    /// Where it is when it is too much for memory.
    pub(crate) spool: Spool,
    /// How the client is told where it ends; not decided before the answer's head has come.
    pub(crate) framing: Option<To>,
    /// While it is collected: the status.
    pub(crate) held: Option<Held>,
    /// What compresses it as it comes.
    pub(crate) packing: Option<Box<Packing>>,
}

/// An answer that is collected before it is sent.
#[derive(Debug)]
pub(crate) struct Held {
    /// Status.
    pub(crate) status: u16,
    /// Header fields; `None`: they are still on the desk, because its turn is not over.
    pub(crate) headers: Option<Headers>,
    /// The body so far.
    pub(crate) body: Outbox,
    /// What is to become of it when it is complete.
    pub(crate) plan: Option<Box<Plan>>,
}

/// How a client is told where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum To {
    /// `Content-Length`, or there is no body.
    #[n(0)]
    Length,
    /// In chunks.
    #[n(1)]
    Chunks,
    /// By the end of the connection.
    #[n(2)]
    End,
}
