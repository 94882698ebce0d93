//! The TLS of one connection.
//!
//! In: what was read from the socket; what is owed to the client. Out: plaintext; records, sent as far as the socket takes
//! them. Must hold: nothing is sealed that is not sent next: what the socket did not take is kept, and moves along.
//!
//! ```text
//!   Hello --ClientHello--> Shaking --Finished--> Open
//!     |                       |                   |
//!     +-----------------------+---- a failure ----+--> Broken: what is owed is an alert
//! ```

use std::os::fd::OwnedFd;
use std::sync::Arc;

use portable_tls::{
    Arrived, CONTENT_MAX, ClientKey, Collected, Established, Event, Handshake, Hello, Offer,
    Progress, SealError, Session,
};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use super::context::Context;
use super::peer::{Judgement, Secured};
use crate::sys::wipe;
use crate::transport::outbox::{Broken, Flushed, Outbox};

/// Plaintext that is sealed before it is sent.
const SEAL_TURN: usize = 64 * 1024;
/// Plaintext that is sent in one go before other connections have their turn.
const SEND_TURN: usize = 1 << 20;

/// TLS with one client.
#[derive(Debug)]
pub struct Channel {
    state: State,
    /// Records that are owed to the client before anything else, from `sent` on.
    unsent: Vec<u8>,
    sent: usize,
}

#[derive(Debug)]
enum State {
    Hello(Hello),
    Shaking(Box<(Handshake, Context)>),
    Open(Box<Open>),
    Broken,
}

#[derive(Debug)]
struct Open {
    session: Session,
    secured: Arc<Secured>,
}

/// What came of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// More may come.
    Going,
    /// The client sends nothing more.
    Ended,
    /// It is over; what is owed may still be sent.
    Broken,
}

/// What comes after what an outbox holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Perhaps more.
    Open,
    /// Nothing more.
    Last,
}

/// How far a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There is no session yet, and nothing was answered: it can move.
    Greeting,
    /// In the middle of a handshake: it cannot move.
    Shaking,
    /// There is a session.
    Open,
    /// It is over.
    Broken,
}

impl Default for Channel {
    fn default() -> Channel {
        Channel {
            state: State::Hello(Hello::new()),
            unsent: Vec::new(),
            sent: 0,
        }
    }
}

impl Channel {
    /// How far it is.
    pub fn stage(&self) -> Stage {
        match self.state {
            State::Hello(_) => Stage::Greeting,
            State::Shaking(_) => Stage::Shaking,
            State::Open(_) => Stage::Open,
            State::Broken => Stage::Broken,
        }
    }

    /// What is known of the client, once there is a session.
    pub fn secured(&self) -> Option<&Arc<Secured>> {
        match &self.state {
            State::Open(open) => Some(&open.secured),
            _ => None,
        }
    }

    /// Takes what was read from the socket; plaintext is appended to `plain`. `choose` finds the context for a client; there
    /// may be none.
    pub fn receive(
        &mut self,
        input: &mut [u8],
        plain: &mut Vec<u8>,
        choose: &mut dyn FnMut(&Offer) -> Option<Context>,
    ) -> Received {
        match self.stage() {
            Stage::Open => self.open(input, plain),
            // Whoever makes keys moves them about, and leaves copies.
            Stage::Greeting | Stage::Shaking => {
                wipe::traceless(|| self.shake(input, plain, choose))
            }
            Stage::Broken => Received::Broken,
        }
    }

    fn open(&mut self, input: &mut [u8], plain: &mut Vec<u8>) -> Received {
        let State::Open(open) = &mut self.state else {
            return Received::Broken;
        };
        let received = open_all(&mut open.session, input, plain, &mut self.unsent);
        if received == Received::Broken {
            self.state = State::Broken;
        }
        received
    }

    fn shake(
        &mut self,
        input: &[u8],
        plain: &mut Vec<u8>,
        choose: &mut dyn FnMut(&Offer) -> Option<Context>,
    ) -> Received {
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Hello(hello) => match hello.read(input, &mut self.unsent) {
                Ok(Collected::More(hello)) => {
                    self.state = State::Hello(hello);
                    Received::Going
                }
                Ok(Collected::Complete(offer)) => self.begin(offer, plain, choose),
                Err(_) => Received::Broken,
            },
            State::Shaking(shaking) => {
                let (handshake, context) = *shaking;
                let progress = handshake.read(input, &mut self.unsent);
                self.go_on(progress, context, plain)
            }
            State::Open(_) | State::Broken => Received::Broken,
        }
    }

    fn begin(
        &mut self,
        offer: Offer,
        plain: &mut Vec<u8>,
        choose: &mut dyn FnMut(&Offer) -> Option<Context>,
    ) -> Received {
        let Some(context) = choose(&offer) else {
            // Alert 112, unrecognized_name: we are nobody's server under this name.
            self.unsent.extend_from_slice(&[21, 3, 3, 0, 2, 2, 112]);
            return Received::Broken;
        };
        let progress = offer.accept(&context.config, &mut self.unsent);
        self.go_on(progress, context, plain)
    }

    fn go_on(
        &mut self,
        progress: Result<Progress, portable_tls::HandshakeError>,
        context: Context,
        plain: &mut Vec<u8>,
    ) -> Received {
        match progress {
            Ok(Progress::More(handshake)) => {
                self.state = State::Shaking(Box::new((handshake, context)));
                Received::Going
            }
            Ok(Progress::Done(established)) => {
                let Established {
                    mut session,
                    facts,
                    mut unread,
                } = established;
                let judgement = match facts.client_certificates.is_empty() {
                    true => Judgement::default(),
                    false => context.judge(&facts.client_certificates),
                };
                let secured = Arc::new(Secured::new(session.suite(), facts, judgement));
                let received = open_all(&mut session, &mut unread, plain, &mut self.unsent);
                if received != Received::Broken {
                    self.state = State::Open(Box::new(Open { session, secured }));
                }
                received
            }
            Err(_) => Received::Broken,
        }
    }

    /// Whether the client sends nothing more (`close_notify`).
    pub fn has_ended(&self) -> bool {
        matches!(&self.state, State::Open(open) if !open.session.can_receive())
    }

    /// Whether records are owed, whatever the protocol above owes.
    pub fn owes(&self) -> bool {
        self.sent < self.unsent.len()
    }

    /// Sends what is owed already.
    pub fn flush(&mut self, socket: &OwnedFd) -> Result<Flushed, Broken> {
        while self.owes() {
            match send(socket, &self.unsent[self.sent..], SendFlags::NOSIGNAL) {
                Ok(n) => self.sent += n,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Flushed::Blocked),
                Err(errno) => return Err(Broken::Socket(errno)),
            }
        }
        if self.sent > 0 {
            self.unsent = Vec::new();
            self.sent = 0;
        }
        Ok(Flushed::All)
    }

    /// Seals and sends what an outbox holds, as far as the socket takes it. `sent` counts plaintext, as soon as it is sealed:
    /// it will be sent. `allowed`: at most so many of them. `scratch` is for records. What is owed already, and the end of all, travel in the same packets.
    pub fn send(
        &mut self,
        socket: &OwnedFd,
        outbox: &mut Outbox,
        sent: &mut u64,
        ending: Ending,
        allowed: u64,
        scratch: &mut Scratch,
    ) -> Result<Flushed, Broken> {
        let mut turn = 0;
        loop {
            let goes_along = !outbox.is_empty() && self.unsent.len() - self.sent <= ALONG_MAX;
            if !goes_along && self.flush(socket)? == Flushed::Blocked {
                return Ok(Flushed::Blocked);
            }
            if outbox.is_empty() {
                return Ok(Flushed::All);
            }
            let left = allowed.saturating_sub(turn as u64);
            if turn >= SEND_TURN || left == 0 {
                return Ok(Flushed::Yielded);
            }
            let open = match &mut self.state {
                State::Open(open) => open,
                // Whoever speaks first (mod_sockproxy) waits for the client to have said hello.
                State::Hello(_) | State::Shaking(_) => return Ok(Flushed::Blocked),
                State::Broken => return Err(Broken::Socket(Errno::PROTO)),
            };
            let room = scratch.room();
            let along = self.unsent.len() - self.sent;
            room[..along].copy_from_slice(&self.unsent[self.sent..]);
            let sealed = seal_some(&mut open.session, outbox, left, &mut room[along..])?;
            turn += sealed.plain;
            *sent += sealed.plain as u64;
            let mut end = along + sealed.records;
            if ending == Ending::Last && outbox.is_empty() {
                let mut notice = Vec::new();
                open.session.close(&mut notice);
                room[end..end + notice.len()].copy_from_slice(&notice);
                end += notice.len();
            }
            self.unsent = Vec::new();
            self.sent = 0;
            let records = &room[..end];
            let mut at = 0;
            while at < records.len() {
                match send_some(socket, &records[at..]) {
                    Ok(n) => at += n,
                    Err(Errno::AGAIN) => {
                        self.unsent = records[at..].to_vec();
                        return Ok(Flushed::Blocked);
                    }
                    Err(errno) => return Err(Broken::Socket(errno)),
                }
            }
        }
    }

    /// Tells the client that nothing more comes (`close_notify`), if there is a session.
    pub fn close(&mut self) {
        if let State::Open(open) = &mut self.state {
            open.session.close(&mut self.unsent);
        }
    }

    /// Gives back the memory that only a busy session needs.
    pub fn rest(&mut self) {
        if let State::Open(open) = &mut self.state {
            wipe::heapless(|| open.session.rest());
        }
    }

    /// Whether it holds no more than it must.
    pub fn is_resting(&self) -> bool {
        match &self.state {
            State::Open(open) => open.session.is_resting(),
            _ => true,
        }
    }

    /// Makes it data. Gives it back if that cannot be done.
    pub fn freeze(self) -> Result<Frozen, Channel> {
        wipe::traceless(|| self.into_data())
    }

    fn into_data(self) -> Result<Frozen, Channel> {
        match self.state {
            State::Hello(hello) if self.unsent.is_empty() => Ok(Frozen::Hello(hello.into_bytes())),
            State::Open(open) => {
                let unsent = self.unsent[self.sent..].to_vec();
                let Open { session, secured } = *open;
                let client = secured.client.as_ref();
                let judgement = client.map(|client| client.judgement.clone());
                let image = session.freeze(unsent, secured.facts.clone()).image();
                Ok(Frozen::Session {
                    image,
                    judgement: judgement.unwrap_or_default(),
                })
            }
            state => Err(Channel { state, ..self }),
        }
    }

    /// From data. Nothing if it is no good.
    pub fn thaw(frozen: Frozen) -> Option<Channel> {
        match frozen {
            Frozen::Hello(bytes) => {
                let state = match Hello::new().read(&bytes, &mut Vec::new()) {
                    Ok(Collected::More(hello)) => State::Hello(hello),
                    // It would have been answered before it was frozen.
                    Ok(Collected::Complete(_)) | Err(_) => return None,
                };
                Some(Channel {
                    state,
                    unsent: Vec::new(),
                    sent: 0,
                })
            }
            Frozen::Session { image, judgement } => {
                let whole = Arrived::decode(&image).ok()?.begin();
                let secured = Secured::new(whole.session.suite(), whole.facts, judgement);
                let open = Open {
                    session: whole.session,
                    secured: Arc::new(secured),
                };
                Some(Channel {
                    state: State::Open(Box::new(open)),
                    unsent: whole.unsent,
                    sent: 0,
                })
            }
        }
    }
}

/// A channel as data.
#[derive(Debug)]
pub enum Frozen {
    /// The beginning of a ClientHello.
    Hello(Vec<u8>),
    /// A session, as [`portable_tls`] writes it
    Session {
        /// The image: whoever reads it reads the connection.
        image: zeroize::Zeroizing<Vec<u8>>,
        /// Of the client's certificate, if there is one.
        judgement: Judgement,
    },
}

fn send_some(socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::io::retry_on_intr(|| send(socket, bytes, SendFlags::NOSIGNAL))
}

/// Opens all records of the input.
fn open_all(
    session: &mut Session,
    input: &mut [u8],
    plain: &mut Vec<u8>,
    reply: &mut Vec<u8>,
) -> Received {
    let mut incoming = session.open(input);
    loop {
        match incoming.next(reply) {
            Ok(Some(Event::Data(data))) => plain.extend_from_slice(data),
            Ok(Some(Event::Closed)) => return Received::Ended,
            Ok(None) => return Received::Going,
            Err(_) => return Received::Broken,
        }
    }
}

/// Where records are made before they are sent; one for each worker thread.
#[derive(Debug, Default)]
pub struct Scratch(Box<[u8]>);

/// Room beside plaintext for what surrounds it: 5 records, each with at most 29 bytes, a KeyUpdate and a `close_notify`; and
/// for what goes along.
const SURROUNDINGS: usize = 512 + ALONG_MAX;
/// Most bytes owed already that go along with what is sealed next: session tickets.
const ALONG_MAX: usize = 2048;

impl Scratch {
    /// Its memory, which is there from the first use on.
    fn room(&mut self) -> &mut [u8] {
        if self.0.is_empty() {
            self.0 = vec![0; SEAL_TURN + SURROUNDINGS].into();
        }
        &mut self.0
    }
}

/// What was sealed.
struct Sealed {
    /// Bytes of records.
    records: usize,
    /// Bytes of plaintext in them.
    plain: usize,
}

/// Seals some of what an outbox holds, each record where it is going to be sent from.
fn seal_some(
    session: &mut Session,
    outbox: &mut Outbox,
    allowed: u64,
    out: &mut [u8],
) -> Result<Sealed, Broken> {
    let frame = session.frame();
    let mut sealed = Sealed {
        records: 0,
        plain: 0,
    };
    while sealed.plain + CONTENT_MAX <= SEAL_TURN && !outbox.is_empty() {
        let most = CONTENT_MAX.min(usize::try_from(allowed).unwrap_or(usize::MAX) - sealed.plain);
        if most == 0 {
            break;
        }
        let mut start = sealed.records;
        let content = start + frame.head;
        let taken = outbox.take(&mut out[content..content + most])?;
        let mut end = content + taken + frame.tail;
        let mut result = session.seal_in_place(&mut out[start..end]);
        if let Err(SealError::KeyUpdateDue) = result {
            let mut update = Vec::new();
            result = session.update_key(ClientKey::Keep, &mut update);
            // It comes before the record.
            out.copy_within(start..end, start + update.len());
            out[start..start + update.len()].copy_from_slice(&update);
            start += update.len();
            end += update.len();
            result = result.and_then(|()| session.seal_in_place(&mut out[start..end]));
        }
        // The key of a session of TLS 1.2 is worn out: the connection ends.
        result.map_err(|_| Broken::Socket(Errno::PROTO))?;
        sealed.records = end;
        sealed.plain += taken;
    }
    Ok(sealed)
}
