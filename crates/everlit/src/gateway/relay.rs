//! One exchange with a backend: the request on its way there, the answer on its way back.
//!
//! In: the request's body, as data; bytes from the backend. Out: bytes for the backend; the head of its answer, its data,
//! its end. Must hold: no I/O; between two calls everything is in this value, as plain data; what is in memory is
//! bounded, whatever the sizes.
//!
//! ```text
//!                 body complete,          first byte of
//!                 or streamed             an answer's head       head complete
//!   Collecting -----------------> Asking ---------------> Asking --------------> Answering ----> Over
//!                                   ^                        |                        end
//!                                   +-- another backend <----+                +-> Tunnel ------> Over
//! ```

mod asked;
mod download;
mod trouble;
mod upload;

use minicbor::{Decode, Encode};
use rustix::io::Errno;

pub use asked::{Asked, Body, Detour, Renamed, Source};
pub use download::To;
pub(crate) use download::{Download, Held};
pub use trouble::{Trouble, Used};
pub(crate) use upload::Upload;
pub use upload::{End, Rest};

use super::preface::{Length, Preface};
use super::records::{Records, Step, What};
use super::reply::{self, Delimited, Dialect, Parsed, Persistence};
use super::upload::Framing;
use super::websocket::session::Session;
use super::{Protocol, Target, Upgrade};
use crate::http1::head::Method;
use crate::response::{FileRange, Headers};
use crate::settings::Stream;
use crate::transport::outbox::{Outbox, Segment};
use crate::transport::spool::Spool;

/// Bytes that may wait in memory for each side.
pub const WAITING_MAX: usize = 64 * 1024;

/// Seconds that a tunnel is kept of which one direction is closed, when nothing moves in the other.
const HALF_OPEN: u16 = 60;

/// Backends that are tried for one request.
const TRIES_MAX: u8 = 5;

/// One exchange with a backend.
#[derive(Debug)]
pub struct Relay {
    /// The request, as it is known here.
    pub(crate) asked: Asked,
    /// Where it goes.
    pub(crate) target: Target,
    /// How it is spoken to there.
    pub(crate) protocol: Protocol,
    /// How far it is.
    pub(crate) stage: Stage,
    /// FastCGI's framing of what the backend sends.
    pub(crate) records: Records,
    /// Whom the request's body is for.
    pub(crate) body: Body,
    /// The client's WebSocket: there is one if that is the protocol.
    pub(crate) websocket: Option<Box<Session>>,
    /// What the backend is still to be sent.
    pub(crate) upload: Upload,
    /// How the answer travels to the client.
    pub(crate) download: Download,
    /// How often it was tried to send it.
    pub(crate) tries: u8,
    /// Hosts of its group that it was tried with.
    pub(crate) tried: Vec<usize>,
}

/// How far an exchange is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The body is collected; nothing was sent.
    Collecting(Preface),
    /// The request is sent; so much of the answer's head has come.
    Asking {
        /// What was read of it.
        head: Vec<u8>,
    },
    /// The answer's body is coming.
    Answering {
        /// How it is delimited.
        body: Delimited,
        /// What becomes of the connection.
        persistence: Persistence,
    },
    /// Both sides speak as they like.
    Tunnel {
        /// The client's direction.
        client: Direction,
        /// The backend's.
        backend: Direction,
    },
}

/// One direction of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Direction {
    /// Open.
    #[n(0)]
    Open,
    /// Its end was read; what came before is still on its way.
    #[n(1)]
    Ending,
    /// Its end was passed on.
    #[n(2)]
    Closed,
}

/// What came from a backend.
#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    /// Nothing that means anything yet.
    Nothing,
    /// A head; its fields are in the headers that were lent. More may come: 1xx.
    Head(reply::Head),
    /// So many bytes of the body, the last ones consumed.
    Data(usize),
}

impl Relay {
    /// An exchange that is to begin. `body`: how long the request's body is.
    pub(crate) fn new(
        asked: Asked,
        target: Target,
        preface: Preface,
        body: Body,
        length: Length,
    ) -> Relay {
        let length = match body {
            Body::Backend => length,
            Body::Nobody | Body::Later => Length::Nothing,
        };
        let core = &asked.settings.core;
        let protocol = preface.protocol;
        // Chunks came with HTTP/1.1, and only HTTP has them.
        let takes_chunks = protocol == Protocol::Http && !asked.settings.proxy.header.force_http10;
        let (stream, download) = match asked.upgrade {
            // A thread is to have it all at once, and never to wait for a client.
            Upgrade::No if protocol == Protocol::Chore => (Stream::Collected, Stream::Eager),
            // The others want to know the length first, so all of it must find room here.
            Upgrade::No if length == Length::Chunked && !takes_chunks => {
                (Stream::Collected, core.stream_response_body)
            }
            Upgrade::No => (core.stream_request_body, core.stream_response_body),
            // A tunnel never waits for anything to be complete.
            Upgrade::Asked | Upgrade::Connect => (Stream::Bounded, Stream::Bounded),
        };
        let framing = match (length, stream) {
            (Length::Chunked, Stream::Eager | Stream::Bounded) if takes_chunks => Framing::Chunked,
            _ => Framing::of(protocol),
        };
        let upload = Upload {
            head: Vec::new(),
            sent: 0,
            rest: Outbox::default(),
            spool: Spool::default(),
            framing,
            length: 0,
            rest_is: Rest::Whole,
            stream,
            end: End::Open,
        };
        let mut relay = Relay {
            asked,
            target,
            protocol,
            stage: Stage::Collecting(preface),
            records: Records::default(),
            body,
            websocket: None,
            upload,
            download: Download {
                stream: download,
                spool: Spool::default(),
                framing: None,
                held: None,
                packing: None,
            },
            tries: 0,
            tried: Vec::new(),
        };
        let streams = match (length, stream) {
            (Length::Nothing, _) => true,
            (_, Stream::Collected) => false,
            (Length::Known(_), _) => true,
            (Length::Chunked, _) => takes_chunks,
        };
        if streams {
            relay.ask(length);
        }
        if length == Length::Nothing {
            relay.body_over();
        }
        relay
    }

    /// The head is complete: it can be sent.
    fn ask(&mut self, length: Length) {
        let next = Stage::Asking { head: Vec::new() };
        if let Stage::Collecting(preface) = std::mem::replace(&mut self.stage, next) {
            self.upload.head = preface.finish(length);
        }
    }

    /// Takes data of the request's body.
    pub(crate) fn upload(&mut self, data: &[u8]) -> Result<(), Errno> {
        let upload = &mut self.upload;
        upload.length += data.len() as u64;
        let mut framed = Vec::new();
        let bytes = if upload.framing == Framing::Plain {
            data
        } else {
            upload.framing.data(data, &mut framed);
            &framed[..]
        };
        if upload.stream == Stream::Bounded || upload.rest.memory() + bytes.len() <= WAITING_MAX {
            upload.rest.append(bytes);
            return Ok(());
        }
        let directories = &self.asked.settings.core.upload_dirs;
        upload.spool.append(bytes, &mut upload.rest, directories)
    }

    /// The request's body is complete.
    pub(crate) fn body_over(&mut self) {
        if let Stage::Collecting(_) = self.stage {
            self.ask(Length::Known(self.upload.length));
        }
        let upload = &mut self.upload;
        upload.end = End::Noted;
        let mut end = Vec::new();
        upload.framing.end(&mut end);
        upload.rest.append(&end);
        if !matches!(self.protocol, Protocol::Cgi | Protocol::Chore)
            && upload.rest_is == Rest::Whole
            && upload.rest.length() == upload.rest.memory() as u64
        {
            // Short enough to be kept for somebody else.
            for segment in std::mem::take(&mut upload.rest).into_segments() {
                if let Segment::Bytes(bytes) = segment {
                    upload.head.extend_from_slice(&bytes);
                }
            }
        }
    }

    /// Whether the end of the request's body has not been noted yet.
    pub(crate) fn wants_end(&self) -> bool {
        self.upload.end == End::Open
    }

    /// Seconds it may stay as it is without progress; `None`: it is the client's turn.
    pub(crate) fn patience(&self) -> Option<u16> {
        let [connect_timeout, write_timeout, read_timeout] = self.timeouts();
        match &self.stage {
            Stage::Collecting(_) => None,
            Stage::Tunnel { client, backend } => {
                let half = *client != Direction::Open || *backend != Direction::Open;
                Some(match &self.websocket {
                    _ if half => HALF_OPEN,
                    Some(session) => session.patience(read_timeout),
                    None => read_timeout,
                })
            }
            Stage::Asking { .. } if self.upload.sent == 0 => Some(connect_timeout),
            _ if !self.upload.is_empty() => Some(write_timeout),
            _ if self.upload.end == End::Open => None,
            _ => Some(read_timeout),
        }
    }

    /// Seconds that connecting, writing and reading may stand still.
    fn timeouts(&self) -> [u16; 3] {
        let limits = &self.asked.settings.cgi.limits;
        let all = match &self.target {
            Target::Host { group, host, .. } => {
                let host = &group.hosts[*host];
                [host.connect_timeout, host.write_timeout, host.read_timeout]
            }
            Target::Program(_) => [0, limits.write_timeout, limits.read_timeout],
            Target::Chore => [0, 0, 0],
        };
        all.map(|seconds| match seconds {
            0 => u16::MAX,
            some => u16::try_from(some).unwrap_or(u16::MAX),
        })
    }

    /// Seconds that a tunnel may be silent.
    pub(crate) fn silence(&self) -> u16 {
        let [.., read_timeout] = self.timeouts();
        read_timeout
    }

    /// Whether it is a tunnel, and open in both directions.
    pub(crate) fn is_open(&self) -> bool {
        let open = Direction::Open;
        matches!(&self.stage, Stage::Tunnel { client, backend } if *client == open && *backend == open)
    }

    /// Whether the backend of a tunnel has closed its direction, and the client has not been told.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(
            self.stage,
            Stage::Tunnel {
                backend: Direction::Ending,
                ..
            }
        )
    }

    /// Whether the client is to be told that the backend has closed its direction of a tunnel; said once.
    pub(crate) fn passes_end_on(&mut self) -> bool {
        match &mut self.stage {
            Stage::Tunnel { backend, .. } if *backend == Direction::Ending => {
                *backend = Direction::Closed;
                true
            }
            _ => false,
        }
    }

    /// Whether more of the request's body can be taken.
    pub(crate) fn wants_upload(&self) -> bool {
        match &self.stage {
            _ if self.body == Body::Later => false,
            Stage::Tunnel { client, .. } => {
                *client == Direction::Open && self.upload.rest.memory() < WAITING_MAX
            }
            _ => self.upload.stream != Stream::Bounded || self.upload.rest.memory() < WAITING_MAX,
        }
    }

    /// Whether it has anything to say to a backend, and so is in need of one.
    pub(crate) fn needs_link(&self) -> bool {
        !matches!(self.stage, Stage::Collecting(_))
    }

    /// Whether a connection that was used before will do: its backend may close it at this very moment, and then the
    /// request has to be sent again. What must not be done twice is not risked.
    pub(crate) fn may_reuse(&self) -> bool {
        self.tries == 0 && self.is_idempotent() && self.asked.upgrade == Upgrade::No
    }

    /// Whether the request may be sent twice (RFC 9110 section 9.2.2).
    fn is_idempotent(&self) -> bool {
        matches!(
            self.asked.method,
            Method::Get | Method::Head | Method::Options
        )
    }

    /// Whether more of the answer can be taken, when so much waits for the client in memory.
    pub(crate) fn wants_answer(&self, waiting: usize) -> bool {
        match &self.stage {
            Stage::Collecting(_) => false,
            Stage::Tunnel { backend, .. } => *backend == Direction::Open && waiting < WAITING_MAX,
            Stage::Asking { .. } | Stage::Answering { .. } => {
                self.download.stream != Stream::Bounded || waiting < WAITING_MAX
            }
        }
    }

    /// From now on both sides speak as they like.
    pub(crate) fn join(&mut self) {
        self.stage = Stage::Tunnel {
            client: Direction::Open,
            backend: Direction::Open,
        };
        self.download.framing = Some(To::End);
        self.download.stream = Stream::Bounded;
        self.upload.settle();
        self.upload.stream = Stream::Bounded;
        self.upload.framing = Framing::Plain;
    }

    /// Whether it is a tunnel.
    pub(crate) fn is_tunnel(&self) -> bool {
        matches!(self.stage, Stage::Tunnel { .. })
    }

    /// Takes FastCGI's framing off what a backend sent; other protocols have none. Fails, with the reason, at what is no
    /// FastCGI.
    pub(crate) fn unwrap(&mut self, input: &[u8]) -> Result<Step, &'static str> {
        match self.protocol {
            Protocol::FastCgi => self.records.decode(input),
            _ => Ok(Step {
                consumed: input.len(),
                what: What::Output(input.len()),
            }),
        }
    }

    /// Reads a piece of what a backend sent, up to the next piece of news. Returns how many bytes were consumed; if the
    /// answer is complete then, [`Relay::is_answered`] says so. Fails, with the reason, at what is no answer.
    pub(crate) fn read(
        &mut self,
        input: &[u8],
        headers: &mut Headers,
    ) -> Result<(usize, News), &'static str> {
        match &mut self.stage {
            Stage::Collecting(_) => Err("it answers before it was asked"),
            Stage::Asking { head } => {
                let dialect = match self.protocol {
                    Protocol::Http => Dialect::Http,
                    _ => Dialect::Cgi,
                };
                let before = head.len();
                let parsed = if before == 0 {
                    reply::parse(input, dialect, headers)
                } else {
                    head.extend_from_slice(input);
                    reply::parse(head, dialect, headers)
                };
                match parsed {
                    Parsed::Partial => {
                        if before == 0 {
                            head.extend_from_slice(input);
                        }
                        Ok((input.len(), News::Nothing))
                    }
                    Parsed::Broken(why) => Err(why),
                    Parsed::Head(found) => {
                        head.clear();
                        // Not complete before, so it ends in the new input.
                        Ok((found.length.saturating_sub(before), News::Head(found)))
                    }
                }
            }
            Stage::Answering {
                body: Delimited::ByEnd,
                ..
            }
            | Stage::Tunnel { .. } => Ok((input.len(), News::Data(input.len()))),
            Stage::Answering {
                body: Delimited::By(framing),
                ..
            } => {
                let step = framing.decode(input).map_err(|bad| bad.reason)?;
                Ok((step.consumed, News::Data(step.data)))
            }
        }
    }

    /// Whether the answer has reached its announced end, and whether the connection may be used again.
    pub(crate) fn is_answered(&self) -> Option<Persistence> {
        match &self.stage {
            Stage::Answering {
                body: Delimited::By(framing),
                persistence,
            } if framing.is_over() => Some(*persistence),
            _ => None,
        }
    }

    /// Whether the answer is complete because the backend has ended it.
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(
            &self.stage,
            Stage::Answering {
                body: Delimited::ByEnd,
                ..
            }
        )
    }

    /// Whether the end of the connection is the end of the answer. FastCGI says so itself: without that, something is
    /// missing.
    pub(crate) fn ends_by_closing(&self) -> bool {
        self.ends_with_connection() && self.protocol != Protocol::FastCgi
    }

    /// Whether the backend is to be sent something, or to be told that a tunnel's client has closed its direction.
    pub(crate) fn has_to_say(&self) -> bool {
        let is_ending = matches!(
            self.stage,
            Stage::Tunnel {
                client: Direction::Ending,
                ..
            }
        );
        is_ending || !self.upload.is_empty()
    }

    /// Whether both directions of a tunnel are done.
    pub(crate) fn is_over(&self) -> bool {
        match &self.stage {
            Stage::Tunnel { client, backend } => {
                *client == Direction::Closed && *backend != Direction::Open
            }
            _ => false,
        }
    }

    /// After trouble: whether somebody may be asked anew, from the beginning. `link`: whether the connection had been
    /// used before.
    pub(crate) fn may_ask_again(&self, trouble: Trouble, had: Used) -> bool {
        let untouched = match &self.stage {
            Stage::Asking { head } => head.is_empty() && self.upload.rest_is == Rest::Whole,
            _ => false,
        };
        let nothing_done = match trouble {
            // There is only one of it, and it has said why not.
            Trouble::Unreachable(_) if !matches!(self.target, Target::Host { .. }) => false,
            Trouble::Unreachable(_) => true,
            // It closed a connection that it was tired of, before it saw the request.
            Trouble::Ended | Trouble::Broke(_) => self.is_idempotent() && had == Used::Before,
            Trouble::Silent | Trouble::Nonsense(_) | Trouble::Full(_) => false,
        };
        untouched && nothing_done && self.tries < TRIES_MAX
    }

    /// Begins again, with another connection.
    pub(crate) fn ask_again(&mut self) {
        self.upload.sent = 0;
        self.records = Records::default();
    }

    /// The files of what is owed to either side.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FileRange> {
        let held = self.download.held.iter();
        (self.upload.rest.files()).chain(held.flat_map(|held| held.body.files()))
    }
}

/// How long a request says its body is.
pub(crate) fn length_of(framing: crate::http1::body::Framing) -> Length {
    use crate::http1::body::Framing as Body;
    match framing {
        Body::Empty | Body::Length(0) => Length::Nothing,
        Body::Length(length) => Length::Known(length),
        Body::Chunked(_) => Length::Chunked,
    }
}
