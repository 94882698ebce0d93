//! 3. One HTTP/1 connection: requests in, responses out, one at a time.
//!
//! In: bytes that were read, the news that everything owed was sent, or that time is up. Out: what the driver does next
//! ([`Need`]), and an outbox to flush. Must hold: between two calls the whole state is in this value, in plain data, so
//! it can be frozen; an idle connection owns no memory beyond it.
//!
//! ```text
//!            bytes        head complete            all sent, body read
//!   Idle ----------> Head -------------> Busy ------------------------> Idle
//!                     | |                  |
//!                     | | refused, 408     | all sent, and we end the connection
//!                     | +-----> Busy       +-----> Lingering -----> closed
//!                     |
//!                     | head complete, but something is to be found out first     found out: read again
//!                     +-----------------------------------------------> Asking ------------------------> Idle
//! ```

use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::Now;
use crate::gateway::relay::Relay;
use crate::gateway::websocket::session::Said;
use crate::http1::body::Framing;
use crate::http1::encode::{self, After, encode};
use crate::http1::head::{self, Head, Parsed, Persistence, Reject, Version};
use crate::inquiry::{Answer, Key, Question, Work};
use crate::logline::{ConnectionAfter, Ending, PendingLine};
use crate::modules::rrdtool::traffic::Traffic;
use crate::route::{Origin, Trust, debug};
use crate::transport::outbox::Outbox;
use crate::transport::pace::Pace;
use crate::worker::bench::{Bench, Mode};

/// A request body that nobody wants is read and thrown away up to this length, so that the connection can be kept.
pub(super) const DISCARD_MAX: u64 = 1 << 20;

/// How long a connection that we have ended is read from, in seconds (as lighttpd does).
const LINGER_SECONDS: u16 = 5;

/// One HTTP/1 connection.
#[derive(Debug)]
pub struct Http1 {
    pub(crate) state: State,
    /// Requests answered on this connection.
    pub(crate) served: u32,
    /// Seconds it may be idle, by the settings of its last request.
    pub(crate) keep_idle: u16,
    /// Whether it may be used for more requests.
    pub(crate) future: Future,
    /// How far its last response went into its tick, if there was a limit: the next one does not begin anew.
    pub(crate) pace: Option<Box<Pace>>,
}

/// Where the connection is.
#[derive(Debug)]
pub(crate) enum State {
    /// Between requests.
    Idle,
    /// Part of a head has been read. Boxed twice because it is rare, and the idle connection pays for the size.
    #[allow(clippy::box_collection)]
    Head(Box<Vec<u8>>),
    /// A request is put off until something is found out (see [`crate::inquiry`]).
    Asking(Box<Asking>),
    /// A request is being answered.
    Busy(Box<Turn>),
    /// Our last response is sent and our direction closed: what still comes is thrown away.
    Lingering,
}

/// A request that is put off.
#[derive(Debug)]
pub(crate) struct Asking {
    /// All that was read of it, and after it: nothing of that is dealt with.
    pub(crate) input: Zeroizing<Vec<u8>>,
    /// What is to be found out.
    pub(crate) question: Key,
    /// What is the answer, if nobody finds one in time.
    pub(crate) otherwise: Answer,
    /// Seconds that it waits.
    pub(crate) patience: u16,
    /// When its head was complete (monotonic).
    pub(crate) since: Duration,
}

/// One request that is being answered.
#[derive(Debug)]
pub struct Turn {
    /// What of the request's body is still to come.
    pub(crate) body: Framing,
    /// How many more bytes of body are read before the connection is given up.
    pub(crate) room: u64,
    /// What is owed to the client.
    pub(crate) outbox: Outbox,
    /// Who still adds to that; `None`: the response is complete.
    pub(crate) relay: Option<Box<Relay>>,
    /// What comes afterwards.
    pub(crate) after: After,
    /// Input that belongs to the next request.
    pub(crate) unread: Vec<u8>,
    /// For the access log.
    pub(crate) line: PendingLine,
    /// When the head was complete (monotonic).
    pub(crate) started: Duration,
    /// Bytes of the request so far.
    pub(crate) received: u64,
    /// Bytes sent so far, head and body.
    pub(crate) sent: u64,
    /// Bytes of the response's head.
    pub(crate) head_length: u64,
    /// Bytes of the response's body; [`encode::UNTOLD`] if they are known only when they are sent.
    pub(crate) body_length: u64,
    /// How fast it may be sent; `None`: as fast as it is taken.
    pub(crate) pace: Option<Box<Pace>>,
    /// Seconds that sending may stand still.
    pub(crate) write_idle: u16,
    /// Seconds that reading may stand still.
    pub(crate) read_idle: u16,
}

/// What the driver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Wait for input.
    Input,
    /// Flush [`Http1::outbox`], then call [`Http1::flushed`].
    Flush,
    /// Close the connection; nothing is owed.
    Close,
    /// Close our direction, and go on reading.
    Linger,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// It is answered, or a backend is asked.
    Answered,
    /// There is a question first.
    PutOff,
}

/// Where a connection is in its life: different after each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What it is doing.
    pub phase: Phase,
    /// Requests answered so far.
    pub served: u32,
}

/// Whether a connection may be used for more requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Future {
    /// As the client and the settings will have it.
    #[default]
    Open,
    /// It ends with its present request, or the next one.
    Ending,
}

/// What a connection is doing, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between requests.
    Idle,
    /// In the middle of a head.
    Head,
    /// Something is to be found out before a request can be answered.
    Asking,
    /// A request's body is being read, before or after the response.
    Body,
    /// A backend is to say more.
    Waiting,
    /// Bytes go both ways as they come.
    Tunnel,
    /// A response is being sent.
    Sending,
    /// Ended by us; still reading.
    Lingering,
}

impl Phase {
    /// All of them, in the order of their numbers.
    pub const ALL: [Phase; 8] = [
        Phase::Idle,
        Phase::Head,
        Phase::Asking,
        Phase::Body,
        Phase::Waiting,
        Phase::Tunnel,
        Phase::Sending,
        Phase::Lingering,
    ];
}

impl Default for Http1 {
    fn default() -> Self {
        Http1 {
            state: State::Idle,
            served: 0,
            keep_idle: 0,
            future: Future::Open,
            pace: None,
        }
    }
}

impl Default for Turn {
    fn default() -> Self {
        Turn {
            body: Framing::Empty,
            room: 0,
            outbox: Outbox::default(),
            relay: None,
            after: After::Keep,
            unread: Vec::new(),
            line: PendingLine::default(),
            started: Duration::ZERO,
            received: 0,
            sent: 0,
            head_length: 0,
            body_length: 0,
            pace: None,
            write_idle: 0,
            read_idle: 0,
        }
    }
}

impl Http1 {
    /// What it is doing.
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Idle => Phase::Idle,
            State::Head(_) => Phase::Head,
            State::Asking(_) => Phase::Asking,
            State::Busy(turn) => turn.phase(),
            State::Lingering => Phase::Lingering,
        }
    }

    /// Where it is in its life.
    pub fn moment(&self) -> Moment {
        Moment {
            phase: self.phase(),
            served: self.served,
        }
    }

    /// Says whether it may be used for more requests than the present one.
    pub fn set_future(&mut self, future: Future) {
        self.future = future;
    }

    /// Ends it between two requests: what still comes is thrown away.
    pub fn end_if_idle(&mut self) -> Option<Need> {
        if !matches!(self.state, State::Idle) {
            return None;
        }
        self.state = State::Lingering;
        Some(Need::Linger)
    }

    /// Seconds it may stay in this phase without progress.
    pub fn patience(&self, bench: &Bench) -> u16 {
        match &self.state {
            State::Idle if self.served == 0 => bench.desk.resolver.base().core.max_read_idle,
            State::Idle => self.keep_idle,
            State::Head(_) => bench.desk.resolver.base().core.max_read_idle,
            State::Asking(asking) => asking.patience,
            State::Busy(turn) => turn.patience(),
            State::Lingering => LINGER_SECONDS,
        }
    }

    /// Whether reading more would be of use now. If not, input is left to the kernel, which slows the client down.
    pub fn wants_input(&self) -> bool {
        match &self.state {
            State::Idle | State::Head(_) | State::Lingering => true,
            State::Asking(_) => false,
            State::Busy(turn) => match &turn.relay {
                None => !turn.body.is_over(),
                Some(relay) if relay.is_tunnel() => relay.wants_upload() && turn.wants_frames(),
                Some(relay) => !turn.body.is_over() && relay.wants_upload(),
            },
        }
    }

    /// Whether anything is owed to the client.
    pub fn owes(&self) -> bool {
        matches!(&self.state, State::Busy(turn) if !turn.outbox.is_empty())
    }

    /// Whether nothing comes after what is owed now: the connection ends with it.
    pub fn ends_with_outbox(&self) -> bool {
        matches!(&self.state, State::Busy(turn) if turn.relay.is_none() && turn.after != After::Keep)
    }

    /// How many bytes may be sent now.
    pub fn allowed(&mut self, now: Now) -> u64 {
        match &mut self.state {
            State::Busy(turn) => turn
                .pace
                .as_mut()
                .map_or(u64::MAX, |pace| pace.allow(now.monotonic)),
            _ => u64::MAX,
        }
    }

    /// So many bytes of the response were sent.
    pub fn sent(&self) -> u64 {
        match &self.state {
            State::Busy(turn) => turn.sent,
            _ => 0,
        }
    }

    /// Of the bytes that were [`allowed`](Self::allowed), so many were sent.
    pub fn used(&mut self, allowed: u64, sent: u64) {
        if let State::Busy(turn) = &mut self.state
            && let Some(pace) = &mut turn.pace
        {
            pace.used(allowed, sent);
        }
    }

    /// Whether all was sent that may be sent in this tick.
    pub fn is_held_back(&self) -> bool {
        match &self.state {
            State::Busy(turn) => turn.pace.as_ref().is_some_and(|pace| pace.is_spent()),
            _ => false,
        }
    }

    /// What is owed to the client, with the count of what was sent. `None` when nothing can be.
    pub fn outbox(&mut self) -> Option<(&mut Outbox, &mut u64)> {
        match &mut self.state {
            State::Busy(turn) => Some((&mut turn.outbox, &mut turn.sent)),
            _ => None,
        }
    }

    /// Takes in what was read; returns how much of it is dealt with. The rest is to be given again after the flush, or
    /// to [`Http1::hold`], which [`Http1::flushed`] gives back.
    pub fn receive(
        &mut self,
        input: &[u8],
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> (usize, Need) {
        match &mut self.state {
            State::Idle => match head::parse(input, &bench.limits) {
                Parsed::Partial => {
                    self.state = State::Head(Box::new(input.to_vec()));
                    (input.len(), Need::Input)
                }
                Parsed::Head(head) if is_broken(head.framing, &input[head.length..]) => {
                    tell_refused(input, &Reject::bad("malformed body"), bench);
                    self.refuse(400, origin, bench);
                    (input.len(), Need::Flush)
                }
                Parsed::Head(head) => {
                    let consumed = head.length;
                    if self.begin(&head, &input[..consumed], origin, bench) == Begun::PutOff {
                        self.put_off(input.to_vec(), bench);
                        return (input.len(), Need::Input);
                    }
                    let (more, need) = self.read_body(&input[consumed..], origin, bench);
                    (consumed + more, need)
                }
                Parsed::Reject(reject) => {
                    tell_refused(input, &reject, bench);
                    self.refuse(reject.status, origin, bench);
                    (input.len(), Need::Flush)
                }
            },
            State::Head(bytes) => {
                // One buffer may hold the whole limit; what is beyond it is for the parser to refuse.
                let mut bytes = std::mem::take(&mut **bytes);
                let before = bytes.len();
                bytes.extend_from_slice(input);
                // Only an end of a line can complete a head; without one it is not read again from the start.
                if memchr::memchr(b'\n', input).is_none() && bytes.len() < bench.limits.head_bytes {
                    self.state = State::Head(Box::new(bytes));
                    return (input.len(), Need::Input);
                }
                match head::parse(&bytes, &bench.limits) {
                    Parsed::Partial => {
                        self.state = State::Head(Box::new(bytes));
                        (input.len(), Need::Input)
                    }
                    Parsed::Head(head) if is_broken(head.framing, &bytes[head.length..]) => {
                        tell_refused(&bytes, &Reject::bad("malformed body"), bench);
                        self.refuse(400, origin, bench);
                        (input.len(), Need::Flush)
                    }
                    Parsed::Head(head) => {
                        // Not complete before, so the head ends in the new input.
                        let consumed = head.length.saturating_sub(before);
                        let raw = &bytes[..head.length];
                        if self.begin(&head, raw, origin, bench) == Begun::PutOff {
                            self.put_off(bytes, bench);
                            return (input.len(), Need::Input);
                        }
                        let (more, need) = self.read_body(&input[consumed..], origin, bench);
                        (consumed + more, need)
                    }
                    Parsed::Reject(reject) => {
                        tell_refused(&bytes, &reject, bench);
                        self.refuse(reject.status, origin, bench);
                        (input.len(), Need::Flush)
                    }
                }
            }
            State::Busy(_) => {
                let (consumed, need) = self.read_body(input, origin, bench);
                match &self.state {
                    State::Busy(turn) if turn.relay.is_some() => (consumed, need),
                    State::Busy(turn) if turn.outbox.is_empty() => {
                        if turn.after != After::Keep {
                            self.retire(State::Lingering, bench);
                            (input.len(), Need::Linger)
                        } else if turn.body.is_over() {
                            self.finish(bench);
                            (consumed, Need::Input)
                        } else {
                            (consumed, Need::Input)
                        }
                    }
                    _ => (consumed, need),
                }
            }
            State::Asking(asking) => {
                asking.input.extend_from_slice(input);
                (input.len(), Need::Input)
            }
            State::Lingering => (input.len(), Need::Input),
        }
    }

    /// What was read of a request that is put off, or not complete: to be given again. `question`: only if it is this one that
    /// is answered now.
    pub(crate) fn take_back(
        &mut self,
        question: Option<&Key>,
        bench: &mut Bench,
    ) -> Option<Zeroizing<Vec<u8>>> {
        match &mut self.state {
            State::Asking(asking) if question.is_none_or(|key| *key == asking.question) => {
                let input = std::mem::take(&mut asking.input);
                bench.begun = Some(asking.since);
                self.state = State::Idle;
                Some(input)
            }
            State::Head(bytes) if question.is_none() => {
                let input = std::mem::take(&mut **bytes);
                self.state = State::Idle;
                Some(input.into())
            }
            _ => None,
        }
    }

    /// What it waits for, and what the answer is if there is none in time.
    pub(crate) fn asking(&self) -> Option<(Key, &Answer)> {
        match &self.state {
            State::Asking(asking) => Some((asking.question, &asking.otherwise)),
            _ => None,
        }
    }

    /// Keeps input for after the response that is being sent.
    pub fn hold(&mut self, input: &[u8]) {
        if let State::Busy(turn) = &mut self.state {
            turn.unread.extend_from_slice(input);
        }
    }

    /// Everything that was owed is sent. Returns what comes next, and input that was held meanwhile.
    pub fn flushed(&mut self, bench: &mut Bench) -> (Need, Vec<u8>) {
        let State::Busy(turn) = &mut self.state else {
            return (Need::Input, Vec::new());
        };
        if let Some(relay) = &mut turn.relay {
            if relay.is_tunnel() {
                turn.outbox.release();
            }
            let need = if relay.passes_end_on() {
                Need::Linger
            } else {
                Need::Input
            };
            return (need, Vec::new());
        }
        let body_over = turn.body.is_over();
        let need = match turn.after {
            After::Keep => Need::Input,
            After::Close if body_over && turn.unread.is_empty() => Need::Close,
            After::Close | After::Linger => Need::Linger,
        };
        let connection = if need == Need::Input {
            ConnectionAfter::Kept
        } else {
            ConnectionAfter::Closed
        };
        log(turn, self.served, connection, bench);
        match need {
            Need::Input if body_over => {
                let unread = std::mem::take(&mut turn.unread);
                self.finish(bench);
                (Need::Input, unread)
            }
            // What was left of the body for somebody else is thrown away like the rest of it.
            Need::Input => (Need::Input, std::mem::take(&mut turn.unread)),
            _ => {
                self.retire(State::Lingering, bench);
                (need, Vec::new())
            }
        }
    }

    /// Time is up in the present phase.
    pub fn timed_out(&mut self, origin: Origin<'_>, bench: &mut Bench) -> Need {
        match &mut self.state {
            State::Head(_) => {
                self.refuse(408, origin, bench);
                Need::Flush
            }
            State::Busy(turn) => match turn.ping() {
                Said::More => Need::Flush,
                Said::Over => Need::Close,
            },
            // Whoever drives it answers the question.
            State::Asking(_) => Need::Input,
            State::Idle | State::Lingering => Need::Close,
        }
    }

    /// The connection is no more, or is given up: the last line in the log says so.
    pub fn abandon(mut self, bench: &mut Bench) {
        if let State::Busy(turn) = &mut self.state {
            if !turn.outbox.is_empty() || turn.relay.is_some() {
                log(turn, self.served, ConnectionAfter::Aborted, bench);
            }
            self.retire(State::Idle, bench);
        }
    }

    /// A complete head: has it answered, unless something is to be found out before.
    fn begin(
        &mut self,
        head: &Head<'_>,
        raw: &[u8],
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> Begun {
        let now = bench.now;
        let (settings, trust) = bench.desk.answer(head, origin, now);
        if bench.desk.knowledge.question.is_some() {
            return Begun::PutOff;
        }
        let core = &settings.core;
        self.served += 1;
        self.keep_idle = core.max_keep_alive_idle;
        let limit = if core.max_request_size == 0 {
            u64::MAX
        } else {
            core.max_request_size
        };
        let too_much = match head.framing {
            Framing::Length(length) => length > DISCARD_MAX.min(limit),
            _ => false,
        };
        let forwarded = bench.desk.forwarded.take();
        let goes_unread =
            forwarded.is_none() && (too_much || (head.expects_continue && !head.framing.is_over()));
        let after = if head.persistence == Persistence::Close {
            After::Close
        } else if self.served >= core.max_keep_alive_requests
            || core.max_keep_alive_idle == 0
            || bench.mode == Mode::Quitting
            || self.future == Future::Ending
            || trust == Trust::Lost
            || goes_unread
        {
            After::Linger
        } else {
            After::Keep
        };
        let mut turn = bench.spare.take();
        turn.body = head.framing;
        turn.room = DISCARD_MAX.min(limit);
        turn.after = after;
        turn.started = bench.begun.take().unwrap_or(now.monotonic);
        turn.received = head.length as u64;
        turn.pace = core.limits.pace_after(self.pace.take());
        turn.write_idle = core.max_write_idle;
        turn.read_idle = core.max_read_idle;
        if let Some(forwarded) = forwarded {
            turn.room = limit;
            bench.counters.request(now);
            self.forward(head, raw, turn, *forwarded);
            return Begun::Answered;
        }
        let framing = encode::Framing {
            method: Some(head.method),
            version: head.version,
            after,
            date_line: bench.date.line(now),
            tag: &core.tag,
        };
        (turn.head_length, turn.body_length) =
            encode(&mut bench.desk.response, &framing, &mut turn.outbox);
        std::mem::swap(&mut turn.line, &mut bench.desk.line);
        bench.desk.line.clear();
        bench.counters.request(now);
        self.state = State::Busy(turn);
        Begun::Answered
    }

    /// A request waits until something is found out. `input`: all that was read, from its beginning.
    fn put_off(&mut self, input: Vec<u8>, bench: &mut Bench) {
        let now = bench.now.monotonic;
        let question = bench.desk.knowledge.question.as_ref();
        let Some(Question { key, work, .. }) = question else {
            return;
        };
        let (patience, otherwise) = match work {
            Work::Job(_) => (
                bench.desk.resolver.base().core.max_read_idle,
                Answer::Unavailable,
            ),
            Work::Time(seconds, answer) => (*seconds, answer.clone()),
        };
        self.state = State::Asking(Box::new(Asking {
            input: input.into(),
            question: *key,
            otherwise,
            patience,
            since: bench.begun.take().unwrap_or(now),
        }));
    }

    /// Something that is not a request: answered, and the connection ended.
    fn refuse(&mut self, status: u16, origin: Origin<'_>, bench: &mut Bench) {
        let now = bench.now;
        let settings = bench.desk.refuse(status, origin, now);
        self.served += 1;
        let mut turn = bench.spare.take();
        turn.after = After::Linger;
        turn.started = now.monotonic;
        turn.write_idle = settings.core.max_write_idle;
        let framing = encode::Framing {
            method: None,
            version: Version::Http11,
            after: After::Linger,
            date_line: bench.date.line(now),
            tag: &settings.core.tag,
        };
        (turn.head_length, turn.body_length) =
            encode(&mut bench.desk.response, &framing, &mut turn.outbox);
        std::mem::swap(&mut turn.line, &mut bench.desk.line);
        bench.desk.line.clear();
        bench.counters.request(now);
        self.state = State::Busy(turn);
    }

    /// Reads as much of the body as there is; gives it to the backend, or throws it away. Returns how much it was.
    fn read_body(&mut self, input: &[u8], origin: Origin<'_>, bench: &mut Bench) -> (usize, Need) {
        let State::Busy(turn) = &mut self.state else {
            return (0, Need::Input);
        };
        if turn.relay.is_some() {
            let consumed = turn.upload(input, origin, bench);
            let need = if turn.outbox.is_empty() {
                Need::Input
            } else {
                Need::Flush
            };
            return (consumed, need);
        }
        let mut consumed = 0;
        while !turn.body.is_over() {
            match turn.body.decode(&input[consumed..]) {
                Ok(step) if step.consumed == 0 => break,
                Ok(step) => {
                    consumed += step.consumed;
                    turn.received += step.consumed as u64;
                    turn.room = turn.room.saturating_sub(step.data as u64);
                    if turn.room == 0 && !turn.body.is_over() {
                        turn.after = After::Linger;
                        turn.body = Framing::Empty;
                        return (input.len(), Need::Flush);
                    }
                }
                Err(_) => {
                    // The response is on its way already; the connection cannot be understood any further.
                    turn.after = After::Linger;
                    turn.body = Framing::Empty;
                    return (input.len(), Need::Flush);
                }
            }
        }
        (consumed, Need::Flush)
    }

    /// The request is answered and read: ready for the next one.
    fn finish(&mut self, bench: &mut Bench) {
        self.retire(State::Idle, bench);
    }

    fn retire(&mut self, next: State, bench: &mut Bench) {
        if let State::Busy(mut turn) = std::mem::replace(&mut self.state, next) {
            self.pace = turn.pace.take();
            bench.counters.sent(turn.sent, bench.now);
            bench.spare.put(turn);
        }
    }
}

impl Turn {
    /// Makes it ready for another request, keeping its memory within bounds.
    pub(crate) fn clear(&mut self) {
        self.body = Framing::Empty;
        self.outbox.clear();
        self.outbox.shrink();
        self.relay = None;
        self.unread = Vec::new();
        self.line.clear();
        self.pace = None;
        self.received = 0;
        self.sent = 0;
        self.head_length = 0;
        self.body_length = 0;
    }
}

/// Says what was refused, if that is wanted (`debug.log-request-header-on-error`).
fn tell_refused(bytes: &[u8], reject: &Reject, bench: &Bench) {
    if bench.desk.resolver.base().core.debug.header_on_error {
        debug::refused(bytes, reject.status, reject.reason);
    }
}

/// Whether what is there of a body breaks the rules already: then nothing has been answered yet, and it can be refused.
fn is_broken(mut framing: Framing, mut input: &[u8]) -> bool {
    while !framing.is_over() {
        match framing.decode(input) {
            Ok(step) if step.consumed == 0 => break,
            Ok(step) => input = &input[step.consumed..],
            Err(_) => return true,
        }
    }
    false
}

/// Writes the line for the access log, and counts the request for its database, once. `served`: requests on this connection, with this one.
fn log(turn: &mut Turn, served: u32, connection: ConnectionAfter, bench: &mut Bench) {
    if let Some(database) = turn.line.database {
        let traffic = Traffic {
            received: turn.received,
            sent: turn.sent,
            requests: 1,
        };
        bench.counters.count(usize::from(database.0), traffic);
    }
    if turn.line.text.is_empty() {
        return turn.line.clear();
    }
    let ending = Ending {
        body: if connection == ConnectionAfter::Aborted || turn.body_length == encode::UNTOLD {
            turn.sent.saturating_sub(turn.head_length)
        } else {
            turn.body_length
        },
        sent: turn.sent,
        received: turn.received,
        took: bench.now.monotonic.saturating_sub(turn.started),
        earlier: served.saturating_sub(1),
        connection,
    };
    bench.logs.write(&turn.line, &ending);
    turn.line.clear();
}
