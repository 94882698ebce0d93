//! Move listening sockets and live connections from one process to its successor, losing none.
//!
//! The *giver* (the predecessor) and the *taker* (the successor) hold the two ends of a Unix stream socket. The giver
//! shares its listeners and offers [`Parcel`]s: opaque images of connections, each with the descriptors that belong to
//! it. The taker examines them and answers each with a [`Verdict`]. What an image means is the application's business;
//! this crate sees to it that every parcel has exactly one owner, whoever dies, and whenever.
//!
//! # Promises
//!
//! 1. A parcel is the giver's until the giver has read that the taker accepted it. Until then it can always come back:
//!    if the taker refuses it, takes no more, breaks the protocol or is killed.
//! 2. A parcel is the taker's from the moment its acceptance is written to the socket, and the taker cannot touch its
//!    descriptors before.
//! 3. Every offer has exactly one outcome, told by an event.
//! 4. Nothing is sent before both sides know that they understand each other, and no parcel that the taker has not
//!    said it can read.
//! 5. No more descriptors are sent than the taker has room for, and never more in flight than the kernel bears.
//! 6. What arrives is untrusted: bounded, checked, close-on-exec, closed on error, and never a reason to panic.
//! 7. No copy of a payload outlives its use in memory: payloads and all buffers of this crate that they pass through are wiped.
//!
//! One thing nobody can promise: a taker that dies after it has accepted takes those connections with it. Between
//! writing the acceptance and reading it, the same holds for the answers under way.
//!
//! # Example
//!
//! Both ends in one process; usually the taker's end is inherited by a freshly started one. `examples/echo.rs` is a
//! complete server.
//!
//! ```
//! use std::net::{TcpListener, TcpStream};
//! use std::os::unix::net::UnixStream;
//!
//! use handover::{
//!     Accepts, GiverChannel, GiverEvent, Listener, Parcel, Refusal, TakerChannel, TakerEvent, Token, Verdict,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let _client = TcpStream::connect(listener.local_addr()?)?;
//! let (connection, _) = listener.accept()?;
//! let (old, new) = UnixStream::pair()?;
//!
//! // The successor.
//! let successor = std::thread::spawn(move || {
//!     let accepts = vec![Accepts { kind: 1, versions: 1..=2 }];
//!     let mut channel = TakerChannel::new(new.into(), "server 2.0", accepts, 10_000)?;
//!     let (mut listeners, mut connections) = (Vec::new(), Vec::new());
//!     loop {
//!         channel.wait(None)?;
//!         match channel.next_event() {
//!             Some(TakerEvent::Listeners(shared)) => listeners = shared,
//!             Some(TakerEvent::Batch(batch)) => {
//!                 let verdict = |payload: &[u8]| match payload {
//!                     b"idle" => Verdict::Accept,
//!                     _ => Verdict::Refuse(Refusal::Malformed("expected: idle".to_owned())),
//!                 };
//!                 let verdicts = batch.parcels().map(|parcel| verdict(parcel.payload)).collect();
//!                 channel.answer(batch, verdicts);
//!             }
//!             // Now, and not before, these sockets are ours.
//!             Some(TakerEvent::Accepted(parcels)) => connections.extend(parcels),
//!             Some(TakerEvent::Finished(_counters)) => return Ok((listeners, connections)),
//!             Some(TakerEvent::Broken(error)) => return Err(error),
//!             _ => {}
//!         }
//!     }
//! });
//!
//! // The predecessor.
//! let listeners = vec![Listener { name: "http".to_owned(), fd: listener.into() }];
//! let mut channel = GiverChannel::new(old.into(), "server 1.0", listeners)?;
//! let parcel = Parcel { kind: 1, version: 2, payload: b"idle".to_vec().into(), fds: vec![connection.into()] };
//! channel.offer(Token(0), parcel);
//! channel.finish(Vec::new())?;
//! loop {
//!     channel.wait(None)?;
//!     match channel.next_event() {
//!         Some(GiverEvent::Accepted(Token(0))) => println!("moved"),
//!         Some(GiverEvent::Returned { parcel, reason, .. }) => println!("{parcel:?} stays here: {reason}"),
//!         Some(GiverEvent::Broken { error, returned }) => panic!("{error}: serve {returned:?} again"),
//!         Some(GiverEvent::Finished) => break,
//!         _ => {}
//!     }
//! }
//!
//! let (listeners, connections) = successor.join().unwrap()?;
//! assert_eq!((listeners.len(), connections.len()), (1, 1));
//! # Ok(())
//! # }
//! ```
//!
//! # In an event loop
//!
//! Both channels implement [`AsFd`](std::os::fd::AsFd) and [`AsRawFd`](std::os::fd::AsRawFd) and never wait in
//! [`pump`](GiverChannel::pump), which goes on until the kernel would make it wait: edge-triggered loops are fine too.
//! After each change (an offer, an answer, `finish`, `stop`, readiness of the socket): `pump`, then fetch events until
//! there are none, then look at [`wants_write`](GiverChannel::wants_write). After the last event, take the socket out of
//! the loop: it stays readable.
//!
//! # Layers
//!
//! [`GiverChannel`] and [`TakerChannel`] put the machines [`Giver`] and [`Taker`] on a socket. The machines do no I/O:
//! feed them bytes (and [`Arrived`] descriptors) to test, to fuzz, or to run them over something else.

mod parcel;
mod wire;

mod giver;
mod inbox;
mod taker;

mod channel;
pub mod sys;

mod error;

pub use channel::{GiverChannel, TakerChannel, Woken};
pub use error::{Error, Violation};
pub use giver::{Giver, GiverEvent};
pub use parcel::{
    Accepts, Listener, MAX_PARCEL_FDS, MAX_PAYLOAD_BYTES, MAX_REFUSAL_TEXT_BYTES, Parcel, Refusal,
    Token, Verdict,
};
pub use taker::{Batch, ParcelView, Taker, TakerEvent};
pub use wire::{Arrived, Transmit};
