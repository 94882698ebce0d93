//! 3b. A request that a backend answers: the client's side of it.
//!
//! In: what the backend sent, or why it did not. Out: an outbox to flush, and what becomes of the connection with the
//! backend ([`Next`]). Must hold: a client gets one answer: the backend's, or an error in its place; never the beginning
//! of one and then another.

use std::rc::Rc;

use super::encode::{self, After, Announced, LAST_CHUNK, encode};
use super::head::{Head, Method, Version};
use super::machine::{DISCARD_MAX, Http1, Need, Phase, State, Turn};
use crate::errorlog;
use crate::gateway::preface::{Length, Preface};
use crate::gateway::records::What;
use crate::gateway::relay::{
    Asked, Body, Direction, Held, News, Relay, Stage, To, Trouble, Used, WAITING_MAX, length_of,
};
use crate::gateway::reply::{self, Delimited, Persistence};
use crate::gateway::websocket::session::Reason;
use crate::gateway::{Protocol, Target, Upgrade};
use crate::http1::body::Framing;
use crate::response::Response;
use crate::route::{Answerer, Forwarded, Origin, Second};
use crate::settings::{Settings, Stream};
use crate::worker::bench::Bench;

/// What becomes of the connection with a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The exchange goes on.
    On,
    /// The exchange is over; the connection may be used for another.
    Release,
    /// The exchange is over, and so is the connection.
    Drop,
    /// The connection is of no use; the exchange wants another one.
    Retry,
}

impl Http1 {
    /// The exchange with a backend, if there is one.
    pub(crate) fn relay(&mut self) -> Option<&mut Relay> {
        match &mut self.state {
            State::Busy(turn) => turn.relay.as_deref_mut(),
            _ => None,
        }
    }

    /// Whether a backend is to answer, or is a tunnel's other end.
    pub fn is_relaying(&self) -> bool {
        matches!(&self.state, State::Busy(turn) if turn.relay.is_some())
    }

    /// Whether more of what a backend sends can be taken.
    pub(crate) fn wants_answer(&self) -> bool {
        match &self.state {
            State::Busy(turn) => turn
                .relay
                .as_ref()
                .is_some_and(|relay| relay.wants_answer(turn.outbox.memory())),
            _ => false,
        }
    }

    /// Whether a request is on its way, and so in need of a connection with a backend.
    pub(crate) fn needs_link(&self) -> bool {
        match &self.state {
            State::Busy(turn) => turn.relay.as_ref().is_some_and(|relay| relay.needs_link()),
            _ => false,
        }
    }

    /// Whether a client is to be told that a tunnel's backend has closed its direction.
    pub(crate) fn has_news(&self) -> bool {
        match &self.state {
            State::Busy(turn) => turn.relay.as_ref().is_some_and(|relay| relay.is_ending()),
            _ => false,
        }
    }

    /// A connection whose bytes are all for a backend, from the first: there is no request, and never an answer of ours.
    pub(crate) fn begin_tunnel(
        &mut self,
        target: Target,
        settings: Rc<Settings>,
        bench: &mut Bench,
    ) {
        let mut turn = bench.spare.take();
        turn.body = Framing::Empty;
        turn.after = After::Linger;
        turn.started = bench.now.monotonic;
        turn.write_idle = settings.core.max_write_idle;
        turn.read_idle = settings.core.max_read_idle;
        let asked = Asked {
            head: Vec::new(),
            told: None,
            overrides: Vec::new(),
            environment: Vec::new(),
            method: Method::Connect,
            version: Version::Http10,
            upgrade: Upgrade::Connect,
            status: None,
            settings,
        };
        let preface = Preface {
            protocol: Protocol::Raw,
            bytes: Vec::new(),
        };
        let mut relay = Relay::new(asked, target, preface, Body::Nobody, Length::Nothing);
        relay.download.framing = Some(To::End);
        turn.relay = Some(Box::new(relay));
        self.state = State::Busy(turn);
    }

    /// A backend is there. To CONNECT and to a WebSocket that is the answer: it is the other end of the tunnel (as in lighttpd).
    pub(crate) fn backend_reached(&mut self, origin: Origin<'_>, bench: &mut Bench) {
        if let State::Busy(turn) = &mut self.state
            && let Some(relay) = turn.relay.as_deref_mut()
            && !relay.is_tunnel()
        {
            match relay.protocol {
                Protocol::WebSocket => turn.greet(origin, bench),
                _ if relay.asked.upgrade != Upgrade::Connect => {}
                Protocol::Http => {
                    bench.desk.response.clear();
                    turn.switch(200, origin, bench);
                }
                Protocol::Raw => relay.join(),
                _ => {}
            }
        }
    }

    /// Ends a tunnel if neither side will say anything more. Returns whether it was one.
    pub(crate) fn ends_tunnel(&mut self) -> bool {
        let State::Busy(turn) = &mut self.state else {
            return false;
        };
        let is_over = turn.relay.as_ref().is_some_and(|relay| relay.is_over());
        if is_over {
            turn.end_tunnel();
        }
        is_over
    }

    /// Whether it is the backend that something is waited for from; not in a tunnel.
    pub(crate) fn awaits_backend(&self) -> bool {
        match &self.state {
            State::Busy(turn) if turn.outbox.is_empty() => turn
                .relay
                .as_ref()
                .is_some_and(|relay| !relay.is_tunnel() && relay.patience().is_some()),
            _ => false,
        }
    }

    /// What a backend sent.
    pub fn backend_said(&mut self, input: &[u8], origin: Origin<'_>, bench: &mut Bench) -> Next {
        let State::Busy(turn) = &mut self.state else {
            return Next::Drop;
        };
        let mut at = 0;
        while at < input.len() {
            let Some(relay) = turn.relay.as_deref_mut() else {
                return Next::Drop;
            };
            let step = match relay.unwrap(&input[at..]) {
                Ok(step) => step,
                Err(why) => return turn.fail(Trouble::Nonsense(why), Used::Never, origin, bench),
            };
            at += step.consumed;
            match step.what {
                What::Nothing => {}
                What::Complaint(length) => {
                    let text = String::from_utf8_lossy(&input[at - length..at]);
                    errorlog::say(relay.protocol.module(), text);
                }
                What::End(_) => return turn.backend_ended(origin, bench),
                What::Output(length) => {
                    let next = turn.output(&input[at - length..at], origin, bench);
                    if next == Next::Release && at < input.len() {
                        // More than an answer: whatever it is, it is not for us.
                        return Next::Drop;
                    }
                    if next != Next::On {
                        return next;
                    }
                }
            }
        }
        turn.hold_head(bench);
        Next::On
    }

    /// A backend gave no answer, or only half of one.
    pub fn backend_failed(
        &mut self,
        trouble: Trouble,
        used: Used,
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> Next {
        let State::Busy(turn) = &mut self.state else {
            return Next::Drop;
        };
        match trouble {
            Trouble::Ended if turn.relay.as_ref().is_some_and(|r| r.is_tunnel()) => {
                turn.tunnel_ended()
            }
            Trouble::Ended
                if turn
                    .relay
                    .as_ref()
                    .is_some_and(|relay| relay.ends_by_closing()) =>
            {
                turn.backend_ended(origin, bench)
            }
            trouble => turn.fail(trouble, used, origin, bench),
        }
    }

    /// The client has closed its direction. Returns whether there is anything left to do for it.
    pub(crate) fn client_ended(&mut self) -> Need {
        let State::Busy(turn) = &mut self.state else {
            return Need::Close;
        };
        match turn.relay.as_deref_mut().map(|relay| &mut relay.stage) {
            Some(Stage::Tunnel { client, .. }) => {
                // The backend is told when it has everything that came before.
                if *client == Direction::Open {
                    *client = Direction::Ending;
                }
                Need::Input
            }
            // In the middle of its own request.
            Some(_) if !turn.body.is_over() => Need::Close,
            Some(_) => Need::Input,
            None => Need::Close,
        }
    }

    /// Ends a tunnel: what is owed to the client is still sent.
    pub(crate) fn end_tunnel(&mut self) {
        if let State::Busy(turn) = &mut self.state {
            turn.close_frame(Reason::Leaving);
            turn.relay = None;
            turn.after = After::Linger;
        }
    }

    /// A request for a backend: from now on it is the backend's turn.
    pub(super) fn forward(
        &mut self,
        head: &Head<'_>,
        raw: &[u8],
        mut turn: Box<Turn>,
        forwarded: Forwarded,
    ) {
        if head.expects_continue && !head.framing.is_over() {
            turn.outbox.append(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        turn.relay = Some(Box::new(relay_of(forwarded, head.into(), raw.to_vec())));
        self.state = State::Busy(turn);
    }
}

/// What a relay is to know of a request's head.
#[derive(Clone, Copy, Debug)]
struct Summary {
    method: Method,
    version: Version,
    length: Length,
}

impl From<&Head<'_>> for Summary {
    fn from(head: &Head<'_>) -> Summary {
        Summary {
            method: head.method,
            version: head.version,
            length: length_of(head.framing),
        }
    }
}

/// The exchange with the backend that a request goes to. `raw`: the head as the client sent it.
fn relay_of(forwarded: Forwarded, summary: Summary, raw: Vec<u8>) -> Relay {
    let Forwarded {
        forward,
        told,
        overrides,
        environment,
        settings,
        status,
        body,
    } = forwarded;
    let asked = Asked {
        head: raw,
        told,
        overrides,
        environment,
        method: summary.method,
        version: summary.version,
        upgrade: forward.upgrade,
        status,
        settings,
    };
    let mut relay = Relay::new(asked, forward.target, forward.preface, body, summary.length);
    relay.websocket = forward.websocket;
    relay
}

impl Turn {
    /// What it is waiting for.
    pub(super) fn phase(&self) -> Phase {
        match &self.relay {
            Some(relay) if relay.is_tunnel() => Phase::Tunnel,
            _ if !self.outbox.is_empty() => Phase::Sending,
            Some(_) if self.body.is_over() => Phase::Waiting,
            _ => Phase::Body,
        }
    }

    /// Seconds it may stay as it is without progress.
    pub(super) fn patience(&self) -> u16 {
        if !self.outbox.is_empty() {
            return self.write_idle;
        }
        match &self.relay {
            Some(relay) => relay.patience().unwrap_or(self.read_idle),
            None => self.read_idle,
        }
    }

    /// More of the request's body, or of what a tunnel's client says. Returns how much of it was taken.
    pub(super) fn upload(&mut self, input: &[u8], origin: Origin<'_>, bench: &mut Bench) -> usize {
        let mut consumed = 0;
        while let Some(relay) = self.relay.as_deref_mut() {
            if relay.is_tunnel() {
                self.received += input.len() as u64;
                self.client_said(input);
                return input.len();
            }
            if relay.body == Body::Later {
                break;
            }
            if self.body.is_over() {
                if relay.wants_end() {
                    relay.body_over();
                }
                break;
            }
            let step = match self.body.decode(&input[consumed..]) {
                Ok(step) if step.consumed == 0 => break,
                Ok(step) => step,
                Err(_) => {
                    self.refuse_body(400, origin, bench);
                    return input.len();
                }
            };
            let data = &input[consumed + step.consumed - step.data..consumed + step.consumed];
            consumed += step.consumed;
            self.received += step.consumed as u64;
            let data = match relay.body {
                Body::Backend => data,
                Body::Nobody | Body::Later => &[],
            };
            if (step.data as u64) > self.room {
                self.refuse_body(413, origin, bench);
                return input.len();
            }
            self.room -= step.data as u64;
            if let Err(errno) = relay.upload(data) {
                // Its backend has half of it: no other request may follow it there, or here.
                self.after = After::Linger;
                self.fail(Trouble::Full(errno), Used::Never, origin, bench);
                return input.len();
            }
        }
        consumed
    }

    /// The request's body is no good: nobody is asked any more, and the connection cannot be understood any further.
    fn refuse_body(&mut self, status: u16, origin: Origin<'_>, bench: &mut Bench) {
        let Some(relay) = self.relay.as_deref_mut() else {
            return;
        };
        self.after = After::Linger;
        self.body = Framing::Empty;
        if relay.download.framing.is_some() {
            self.relay = None;
            return;
        }
        relay.download.held = None;
        self.body_length = 0;
        bench.desk.failed(&relay.asked, status, origin, bench.now);
        std::mem::swap(&mut self.line, &mut bench.desk.line);
        self.answer_here(bench);
    }

    /// A piece of an answer, without any protocol's framing.
    fn output(&mut self, mut piece: &[u8], origin: Origin<'_>, bench: &mut Bench) -> Next {
        loop {
            let Some(relay) = self.relay.as_deref_mut() else {
                return Next::Drop;
            };
            let news = match relay.read(piece, &mut bench.desk.response.headers) {
                Ok((used, news)) => {
                    let read = &piece[..used];
                    piece = &piece[used..];
                    match news {
                        News::Nothing => None,
                        News::Head(head) => Some(self.answer_head(&head, piece, origin, bench)),
                        News::Data(length) => {
                            Some(self.answer_data(&read[used - length..], origin, bench))
                        }
                    }
                }
                Err(why) => return self.fail(Trouble::Nonsense(why), Used::Never, origin, bench),
            };
            match news {
                Some(Next::On) | None => {}
                Some(next) => return next,
            }
            if let Some(relay) = &self.relay
                && let Some(persistence) = relay.is_answered()
            {
                let next = self.complete(persistence, bench);
                return if piece.is_empty() { next } else { Next::Drop };
            }
            if piece.is_empty() {
                return Next::On;
            }
        }
    }

    /// The head of an answer; its fields are in the desk's response. `rest`: what was read after it.
    fn answer_head(
        &mut self,
        head: &reply::Head,
        rest: &[u8],
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> Next {
        let Some(relay) = self.relay.as_deref_mut() else {
            return Next::Drop;
        };
        let asked = &relay.asked;
        let switches = match asked.upgrade {
            Upgrade::No => false,
            Upgrade::Asked => head.status == 101,
            Upgrade::Connect => (200..=299).contains(&head.status),
        };
        if switches {
            return self.switch(head.status, origin, bench);
        }
        if head.status == 101 {
            let why = "it switches protocols although nobody asked";
            return self.fail(Trouble::Nonsense(why), Used::Never, origin, bench);
        }
        if head.status < 200 {
            // A client that is too slow for them does without.
            let has_room = self.outbox.memory() < WAITING_MAX;
            if head.status != 100 && asked.version == Version::Http11 && has_room {
                bench.desk.response.status = head.status;
                let framing = encode::Framing {
                    method: None,
                    version: Version::Http11,
                    after: After::Keep,
                    date_line: b"",
                    tag: "",
                };
                let mut text = Vec::new();
                encode::head(
                    &bench.desk.response,
                    &framing,
                    Announced::Nothing,
                    &mut text,
                );
                self.outbox.append(&text);
            }
            return Next::On;
        }
        if let Some(second) = second_pass(relay, head, rest, &bench.desk.response) {
            return self.pass_again(second, origin, bench);
        }
        let bodiless = encode::is_bodiless(head.status) || relay.asked.method == Method::Head;
        relay.upload.settle();
        relay.stage = Stage::Answering {
            body: if bodiless {
                Delimited::By(Framing::Empty)
            } else {
                head.body
            },
            persistence: head.persistence,
        };
        bench.desk.response.status = relay.asked.status.unwrap_or(head.status);
        let backend = (relay.protocol, &relay.target);
        let answerer = bench.desk.relayed(&relay.asked, backend, origin, bench.now);
        std::mem::swap(&mut self.line, &mut bench.desk.line);
        if answerer == Answerer::Here {
            // Answered here after all: an error page, or a file that the backend has named.
            return self.answer_here(bench);
        }
        let known = match head.body {
            Delimited::By(Framing::Length(length)) => Some(length),
            Delimited::By(Framing::Empty) => Some(0),
            Delimited::By(Framing::Chunked(_)) | Delimited::ByEnd => None,
        };
        let is_here = known.is_some_and(|length| length <= rest.len() as u64);
        if bodiless {
            let announced = match (encode::is_bodiless(head.status), head.body) {
                (false, Delimited::By(Framing::Length(length))) => Announced::Length(length),
                (false, Delimited::By(Framing::Empty)) => Announced::Length(0),
                _ => Announced::Nothing,
            };
            self.write_head(To::Length, announced, bench);
        } else if relay.download.stream == Stream::Collected && !is_here {
            relay.download.held = Some(Held {
                status: bench.desk.response.status,
                headers: None,
                body: Default::default(),
            });
        } else if let Some(length) = known {
            self.write_head(To::Length, Announced::Length(length), bench);
        } else if relay.asked.version == Version::Http11 {
            self.write_head(To::Chunks, Announced::Chunked, bench);
        } else {
            self.after = After::Close;
            self.write_head(To::End, Announced::Nothing, bench);
        }
        Next::On
    }

    /// The answer is not for the client: the request goes through the modules once more.
    fn pass_again(&mut self, second: Second, origin: Origin<'_>, bench: &mut Bench) -> Next {
        let Some(relay) = self.relay.take() else {
            return Next::Drop;
        };
        self.line.clear();
        let asked = relay.asked;
        let Some(head) = bench.desk.again(&asked, &second, origin, bench.now) else {
            // It was read before, and now it is not a request any more: it cannot be.
            self.after = After::Close;
            return Next::Drop;
        };
        let length = match (&second, self.body) {
            (Second::Elsewhere(_), _) => Length::Nothing,
            (Second::Permitted(_), body) => length_of(body),
        };
        let summary = Summary {
            method: head,
            version: asked.version,
            length,
        };
        match bench.desk.forwarded.take() {
            Some(forwarded) => {
                let mut relay = relay_of(*forwarded, summary, asked.head);
                if let Second::Elsewhere(_) = second {
                    // It was told that there is no body: what still comes of one would be another request to it.
                    relay.body = Body::Nobody;
                }
                self.relay = Some(Box::new(relay));
                // What has come of the body was left for this one.
                let early = std::mem::take(&mut self.unread);
                let used = self.upload(&early, origin, bench);
                self.unread.extend_from_slice(&early[used..]);
            }
            None => {
                std::mem::swap(&mut self.line, &mut bench.desk.line);
                self.answer_in_place(&asked, bench);
            }
        }
        Next::Drop
    }

    /// Writes the head of the answer for the client.
    fn write_head(&mut self, to: To, announced: Announced, bench: &mut Bench) {
        let Some(relay) = self.relay.as_deref_mut() else {
            return;
        };
        relay.download.framing = Some(to);
        let now = bench.now;
        let response = &bench.desk.response;
        let core = &relay.asked.settings.core;
        let framing = encode::Framing {
            method: Some(relay.asked.method),
            version: relay.asked.version,
            after: self.after,
            // What a backend says of itself stays.
            date_line: match response.headers.get("Date") {
                Some(_) => b"",
                None => bench.date.line(now),
            },
            tag: match response.headers.get("Server") {
                Some(_) => "",
                None => &core.tag,
            },
        };
        if self.outbox.is_empty() {
            self.head_length = encode::head(response, &framing, announced, self.outbox.bytes());
        } else {
            let mut text = Vec::new();
            self.head_length = encode::head(response, &framing, announced, &mut text);
            self.outbox.append(&text);
        }
    }

    /// Data of an answer's body, or of a tunnel.
    fn answer_data(&mut self, data: &[u8], origin: Origin<'_>, bench: &mut Bench) -> Next {
        let Some(relay) = self.relay.as_deref_mut() else {
            return Next::Drop;
        };
        self.body_length += data.len() as u64;
        let download = &mut relay.download;
        let mut framed = Vec::new();
        let bytes = match (&mut relay.websocket, download.framing) {
            (Some(session), _) => {
                session.write(data, &mut framed);
                &framed[..]
            }
            (None, Some(To::Chunks)) => {
                encode::chunk(data, &mut framed);
                &framed[..]
            }
            (None, Some(To::Length | To::End) | None) => data,
        };
        let outbox = match &mut download.held {
            Some(held) => &mut held.body,
            None => &mut self.outbox,
        };
        if download.stream == Stream::Bounded || outbox.memory() + bytes.len() <= WAITING_MAX {
            outbox.append(bytes);
            return Next::On;
        }
        let directories = &relay.asked.settings.core.upload_dirs;
        match download.spool.append(bytes, outbox, directories) {
            Ok(()) => Next::On,
            Err(errno) => self.fail(Trouble::Full(errno), Used::Never, origin, bench),
        }
    }

    /// The answer is not complete, and the desk is needed for others: what it has of the answer is kept.
    fn hold_head(&mut self, bench: &mut Bench) {
        if let Some(relay) = &mut self.relay
            && let Some(held) = &mut relay.download.held
            && held.headers.is_none()
        {
            held.headers = Some(std::mem::take(&mut bench.desk.response.headers));
        }
    }

    /// The answer is complete.
    fn complete(&mut self, persistence: Persistence, bench: &mut Bench) -> Next {
        let held = self
            .relay
            .as_deref_mut()
            .and_then(|relay| relay.download.held.take());
        if let Some(mut held) = held {
            if let Some(headers) = held.headers {
                bench.desk.response.headers = headers;
            }
            bench.desk.response.status = held.status;
            let length = held.body.length();
            self.write_head(To::Length, Announced::Length(length), bench);
            self.outbox.append_all(&mut held.body);
        }
        let Some(relay) = self.relay.take() else {
            return Next::Drop;
        };
        if relay.download.framing == Some(To::Chunks) {
            self.outbox.append(LAST_CHUNK);
        }
        let was_asked = relay.upload.is_empty() && self.body.is_over();
        self.leave_body();
        match persistence {
            Persistence::Keep if was_asked => Next::Release,
            _ => Next::Drop,
        }
    }

    /// The backend has ended its answer by ending the connection, or the record stream.
    fn backend_ended(&mut self, origin: Origin<'_>, bench: &mut Bench) -> Next {
        let Some(relay) = self.relay.as_deref() else {
            return Next::Drop;
        };
        if relay.ends_with_connection() || relay.is_answered().is_some() {
            return self.complete(Persistence::Close, bench);
        }
        self.fail(Trouble::Ended, Used::Never, origin, bench)
    }

    /// The desk has an answer of our own in place of the backend's.
    fn answer_here(&mut self, bench: &mut Bench) -> Next {
        if let Some(relay) = self.relay.take() {
            self.answer_in_place(&relay.asked, bench);
        }
        Next::Drop
    }

    /// Puts the desk's answer to this request into the outbox.
    fn answer_in_place(&mut self, asked: &Asked, bench: &mut Bench) {
        let framing = encode::Framing {
            method: Some(asked.method),
            version: asked.version,
            after: self.after,
            date_line: bench.date.line(bench.now),
            tag: &asked.settings.core.tag,
        };
        let mut outbox = Default::default();
        (self.head_length, self.body_length) =
            encode(&mut bench.desk.response, &framing, &mut outbox);
        self.outbox.append_all(&mut outbox);
        self.leave_body();
    }

    /// What is left of the request's body is nobody's business any more: it is read and thrown away, or the connection
    /// is given up.
    fn leave_body(&mut self) {
        self.room = DISCARD_MAX;
        if matches!(self.body, Framing::Length(left) if left > DISCARD_MAX)
            && self.after == After::Keep
        {
            self.after = After::Linger;
        }
    }

    /// There is no answer, or only half of one.
    fn fail(
        &mut self,
        trouble: Trouble,
        used: Used,
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> Next {
        let Some(relay) = self.relay.as_deref_mut() else {
            return Next::Drop;
        };
        if relay.may_ask_again(trouble, used) {
            if let Trouble::Unreachable(_) = trouble {
                // The client does not notice, the operator should.
                errorlog::say(
                    relay.protocol.module(),
                    format_args!("{}: {trouble}; another host is asked", relay.target),
                );
            }
            relay.ask_again();
            return Next::Retry;
        }
        errorlog::say(
            relay.protocol.module(),
            format_args!("{}: {trouble}", relay.target),
        );
        let is_begun = relay.download.framing.is_some() || relay.is_tunnel();
        if is_begun {
            self.close_frame(Reason::Lost);
            // It cannot be taken back: the client sees that it is incomplete, because the connection ends.
            self.relay = None;
            self.body = Framing::Empty;
            self.after = After::Close;
            return Next::Drop;
        }
        relay.download.held = None;
        self.body_length = 0;
        bench.desk.failed(
            &relay.asked,
            trouble.status(&relay.target),
            origin,
            bench.now,
        );
        std::mem::swap(&mut self.line, &mut bench.desk.line);
        self.answer_here(bench)
    }

    /// The backend switches protocols: from now on both sides speak as they like.
    pub(super) fn switch(&mut self, status: u16, origin: Origin<'_>, bench: &mut Bench) -> Next {
        let Some(relay) = self.relay.as_deref_mut() else {
            return Next::Drop;
        };
        relay.join();
        bench.desk.response.status = status;
        let backend = (relay.protocol, &relay.target);
        bench.desk.relayed(&relay.asked, backend, origin, bench.now);
        std::mem::swap(&mut self.line, &mut bench.desk.line);
        let framing = encode::Framing {
            method: None,
            version: relay.asked.version,
            after: After::Keep,
            date_line: match bench.desk.response.headers.get("Date") {
                Some(_) => b"",
                None => bench.date.line(bench.now),
            },
            tag: match bench.desk.response.headers.get("Server") {
                Some(_) => "",
                None => &relay.asked.settings.core.tag,
            },
        };
        if status == 101 {
            bench.desk.response.headers.add("Connection", "upgrade");
        }
        // What the client has said before it was told.
        let early = std::mem::take(&mut self.unread);
        self.received += early.len() as u64;
        let mut text = Vec::new();
        self.head_length = encode::head(
            &bench.desk.response,
            &framing,
            Announced::Nothing,
            &mut text,
        );
        self.outbox.append(&text);
        self.body = Framing::Empty;
        self.after = After::Linger;
        self.client_said(&early);
        Next::On
    }

    /// A tunnel's backend has closed its direction: the client is told when it has everything.
    fn tunnel_ended(&mut self) -> Next {
        self.close_frame(Reason::Done);
        let Some(Stage::Tunnel { client, backend }) =
            self.relay.as_deref_mut().map(|relay| &mut relay.stage)
        else {
            return Next::Drop;
        };
        if *client == Direction::Closed {
            self.end_tunnel();
            return Next::Drop;
        }
        *backend = Direction::Ending;
        Next::On
    }

    /// Both directions are done: the client is sent what is owed to it.
    fn end_tunnel(&mut self) {
        self.relay = None;
        self.after = After::Close;
    }
}

/// Whether an answer only says how the request goes on. `rest`: what was read after its head.
fn second_pass(
    relay: &Relay,
    head: &reply::Head,
    rest: &[u8],
    response: &Response,
) -> Option<Second> {
    if relay.body == Body::Later {
        // An authorizer that says yes (FastCGI 1.0, section 6.3).
        return (head.status == 200).then(|| Second::permitted(&response.headers));
    }
    let may = relay.protocol == Protocol::Cgi && relay.asked.settings.cgi.local_redirect;
    let location = response.headers.get("Location")?;
    let is_local = location.starts_with(b"/") && !location.starts_with(b"//");
    // A program's redirect to ourselves, with nothing to show (RFC 3875 section 6.2.2).
    (may && is_local && (300..=399).contains(&head.status) && rest.is_empty())
        .then(|| Second::Elsewhere(location.to_vec()))
}
