//! Server-side TLS sessions that can move between processes.
//!
//! [rustls] makes the handshake. From then on every session, whether it ever moves or not, lives on the record layer of this
//! crate, which is small, does no I/O, and whose whole state can be written down in some 120 bytes. So a server can be
//! replaced by its successor while its clients are connected: the successor gets socket and image, and goes on in the
//! middle of a record. Neither kernel TLS nor a change at the client is needed. TLS 1.3 and 1.2, AES-GCM and
//! ChaCha20-Poly1305.
//!
//! # A connection's life
//!
//! ```text
//!        read            read, accept           read                 freeze          decode           begin
//! Hello ─────► … Offer ───────────► Handshake ───────► … Session ───────────► Frozen ··image··► Arrived ───────► Session
//! (bytes)     choose a Config       (stays here)         open, seal, close     │ thaw: it stays
//!                                                                              │ gone: it has moved
//! ```
//!
//! Each step takes the one before by value. Only bytes come in and go out: reading and sending is the caller's. Ciphertext is
//! appended to a vector of the caller's and must be sent in that order; what the socket does not take stays with the
//! caller, and travels with the session as `unsent`.
//!
//! # Example
//!
//! Both ends in memory; `examples/tls_echo.rs` is a server of two processes.
//!
//! ```
//! use portable_tls::{Arrived, Collected, Config, Event, Hello, Progress, Whole};
//! # use std::io::{Read, Write};
//! # use portable_tls::rustls::{self, ClientConnection, ServerConfig};
//! # let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! # let key = rustls::pki_types::PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
//! # let certificate = identity.cert.der().clone();
//! # let mut roots = rustls::RootCertStore::empty();
//! # roots.add(certificate.clone())?;
//! # let client = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
//! # let mut client = ClientConnection::new(client.into(), "localhost".try_into()?)?;
//! # fn from(client: &mut ClientConnection) -> Vec<u8> {
//! #     let mut wire = Vec::new();
//! #     while client.wants_write() { client.write_tls(&mut wire).expect("a vector"); }
//! #     wire
//! # }
//! # fn to(client: &mut ClientConnection, mut wire: &[u8]) {
//! #     while !wire.is_empty() {
//! #         client.read_tls(&mut wire).expect("a slice");
//! #         client.process_new_packets().expect("it is understood");
//! #     }
//! # }
//!
//! // Once for each kind of server.
//! let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key.into())?;
//! let config = Config::new(config)?;
//!
//! // A client says hello. `out` is what must be sent to it.
//! let mut out = Vec::new();
//! let Collected::Complete(offer) = Hello::new().read(&from(&mut client), &mut out)? else { panic!() };
//! println!("somebody wants {:?}", offer.server_name());
//! let Progress::More(handshake) = offer.accept(&config, &mut out)? else { panic!() };
//! to(&mut client, &out);
//! out.clear();
//! let Progress::Done(done) = handshake.read(&from(&mut client), &mut out)? else { panic!() };
//! to(&mut client, &out);
//! out.clear();
//!
//! // Open what was read, in place.
//! client.writer().write_all(b"GET / HTTP/1.1\r\n\r\n")?;
//! let mut session = done.session;
//! let mut read = from(&mut client);
//! let mut incoming = session.open(&mut read);
//! while let Some(event) = incoming.next(&mut out)? {
//!     assert_eq!(event, Event::Data(&mut b"GET / HTTP/1.1\r\n\r\n".to_owned()));
//! }
//! drop(incoming);
//!
//! // The answer is sealed; before it is sent, everything moves to another process.
//! session.seal(&[b"HTTP/1.1 200 OK\r\n\r\n", b"body"], &mut out)?;
//! let frozen = session.freeze(out, done.facts);
//! let image = frozen.image();
//!
//! // There:
//! let arrived = Arrived::decode(&image)?;
//! // It says that it takes it; here that is believed, and from now on it is not ours:
//! frozen.gone();
//! // There again:
//! let Whole { mut session, mut unsent, .. } = arrived.begin();
//! session.close(&mut unsent);
//! to(&mut client, &unsent);
//! let mut answer = Vec::new();
//! client.reader().read_to_end(&mut answer)?;
//! assert_eq!(answer, b"HTTP/1.1 200 OK\r\n\r\nbody");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is safe, and what is not
//!
//! * **An image is the connection.** It has the keys of both directions in it. Who reads it can read and forge everything
//!   from then on, and in TLS 1.2 and until the next KeyUpdate what was said before. Send it only to a process that you
//!   trust as yourself, over a Unix socket between the two; never write it to disk, never log it.
//! * **An image must be begun once.** A second session from the same image, or one that is thawed while another lives, would
//!   seal different records with the same key and number: with AES-GCM and with ChaCha20-Poly1305 that gives away
//!   plaintext and lets others forge. Inside a process types see to it: a [`Frozen`] session can do nothing, and is
//!   consumed by [`thaw`](Frozen::thaw) or [`gone`](Frozen::gone); an [`Arrived`] one can do nothing before
//!   [`begin`](Arrived::begin). Between the processes it takes an agreement: the successor says that it accepts, and only
//!   then begins; the predecessor thaws only if it knows that nothing was accepted. If it cannot know, the
//!   connection has to be closed.
//! * **Memory.** Secrets stay in one place, and are wiped when they are dropped, in sessions, images and ticket keys; AWS-LC
//!   wipes its expanded keys. What is on the stack while keys are derived is overwritten by what comes next. rustls leaves
//!   copies of traffic secrets in freed memory when a handshake ends; an allocator that wipes what is freed, or the exit of
//!   the process, sees to those. Plaintext is not wiped, nor are copies that you make of images. Swap, core dumps and debuggers
//!   (`ptrace`) are the application's affair. Who reads the memory of a live server has its keys, as with any TLS library.
//! * **Half-made handshakes do not move.** Until the ClientHello is complete and answered a connection is bytes, and may
//!   ([`Hello::into_bytes`]); then it has to finish here, or be cut.
//! * **No early data (0-RTT).** It can be replayed by anybody; [`Config`] turns it off.
//! * **TLS 1.2** is that of rustls: ECDHE and AEAD only. The extended master secret (RFC 7627) is used if the client offers
//!   it; set `ServerConfig::require_ems` if it must. Sessions cannot renegotiate and cannot update keys; after 2^24 records
//!   (256 GiB in full ones) with AES-GCM they are closed in an orderly way.
//! * **Tickets** are as secret as private keys while they live: see [`Tickets`]. rustls's session cache, where tickets are
//!   off, is of one process only.
//! * **Certificates of clients** are verified by the handshake and reported in [`Facts`]; they are not verified again when a
//!   session moves or resumes.
//!
//! Untrusted bytes (hellos, records, images) meet parsers that bound before they keep and are fuzzed; none panics.
//!
//! # Bounds
//!
//! A ClientHello has at most [`HELLO_MAX`] bytes, a handshake [`HANDSHAKE_MAX`]. A session holds at most one record (16 KiB
//! and a little), and only while part of it came, plus what you hand it and do not ask for. A [`Session`] is 88 bytes and
//! two boxes of 48 for its secrets; after [`rest`](Session::rest) that is all of it.

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
