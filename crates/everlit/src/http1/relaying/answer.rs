//! The answer: the backend's, or an error in its place.
//!
//! In: pieces of what a backend said, without its protocol's framing. Out: the outbox, framed for this client. Must hold:
//! after the first byte of one answer there is no other.

use super::Next;
use super::second::second_pass;
use crate::gateway::Upgrade;
use crate::gateway::relay::{Asked, Held, News, Stage, To, Trouble, Used, WAITING_MAX};
use crate::gateway::reply::{self, Delimited, Persistence};
use crate::gateway::websocket::session::Reason;
use crate::http1::body::Framing;
use crate::http1::encode::{self, After, Announced, LAST_CHUNK, encode};
use crate::http1::head::{Method, Version};
use crate::http1::turn::Turn;
use crate::pack::{AT_ONCE, Failed, Outcome, Packing, Paused, Plan, Stream as Coder};
use crate::route::{Answerer, Origin};
use crate::settings::Stream;
use crate::transport::outbox::{Outbox, Segment};
use crate::worker::bench::Bench;
use rustix::io::Errno;

impl Turn {
    /// A piece of an answer, without any protocol's framing.
    pub(super) fn output(
        &mut self,
        mut piece: &[u8],
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> Next {
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
            self.interim(head.status, bench);
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
        self.begin_answer(head, rest.len(), bench);
        Next::On
    }

    /// An answer before the answer (RFC 9110 section 15.2). We have sent 100 ourselves.
    fn interim(&mut self, status: u16, bench: &mut Bench) {
        let knows = (self.relay.as_ref()).is_some_and(|r| r.asked.version == Version::Http11);
        // A client that is too slow for them does without.
        let has_room = self.outbox.memory() < WAITING_MAX;
        if status == 100 || !knows || !has_room {
            return;
        }
        bench.desk.response.status = status;
        let framing = encode::Framing {
            method: None,
            version: Version::Http11,
            after: After::Keep,
            date_line: b"",
            tag: "",
        };
        let mut text = Vec::new();
        let response = &bench.desk.response;
        encode::head(response, &framing, Announced::Nothing, &mut text);
        self.outbox.append(&text);
    }

    /// Decides how the client is told where the backend's answer ends, and begins with it unless all of it is to be
    /// collected first. `here`: bytes that were read after its head.
    fn begin_answer(&mut self, head: &reply::Head, here: usize, bench: &mut Bench) {
        let Some(relay) = self.relay.as_deref_mut() else {
            return;
        };
        let known = match head.body {
            Delimited::By(Framing::Length(length)) => Some(length),
            Delimited::By(Framing::Empty) => Some(0),
            Delimited::By(Framing::Chunked(_)) | Delimited::ByEnd => None,
        };
        let plan = bench.desk.response.plan.take();
        let plan = plan.filter(|plan| known.is_none_or(|length| plan.takes(length)));
        let is_here = plan.is_none() && known.is_some_and(|length| length <= here as u64);
        let (to, announced) = if encode::is_bodiless(head.status) {
            (To::Length, Announced::Nothing)
        } else if relay.asked.method == Method::Head {
            let length = known.map_or(Announced::Nothing, Announced::Length);
            (To::Length, length)
        } else if relay.download.stream == Stream::Collected && !is_here {
            relay.download.held = Some(Held {
                status: bench.desk.response.status,
                headers: None,
                body: Default::default(),
                plan,
            });
            return;
        } else if let Some(plan) = plan
            && relay.asked.version == Version::Http11
        {
            // It is on its way: nothing can be said any more of a client that has it.
            let plan = Plan {
                outcome: match plan.outcome {
                    Outcome::Unchanged | Outcome::Refused => Outcome::Packed,
                    other => other,
                },
                ..*plan
            };
            plan.announce(&mut bench.desk.response.headers);
            if plan.outcome == Outcome::Packed {
                let paused = Paused::ahead(plan.recipe);
                relay.download.packing = Some(Box::new(Coder::Still(paused)));
            }
            (To::Chunks, Announced::Chunked)
        } else if let Some(length) = known {
            (To::Length, Announced::Length(length))
        } else if relay.asked.version == Version::Http11 {
            (To::Chunks, Announced::Chunked)
        } else {
            self.after = After::Close;
            (To::End, Announced::Nothing)
        };
        self.write_head(to, announced, bench);
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
            date_line: bench.date.line(now),
            tag: &core.tag,
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
        let download = &mut relay.download;
        let mut packed = Vec::new();
        let data = match &mut download.packing {
            None => data,
            // Whatever waits for a part of the answer gets it, although it is compressed.
            Some(packing) => match write_and_flush(packing, data, &mut packed) {
                Ok(()) => &packed[..],
                Err(_) => {
                    return self.fail(Trouble::Full(Errno::NOMEM), Used::Never, origin, bench);
                }
            },
        };
        self.body_length += data.len() as u64;
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
        // What comes after something in a file goes there too: an outbox that moves has few files.
        let fits = outbox.memory() + bytes.len() <= WAITING_MAX;
        if download.stream == Stream::Bounded || fits && outbox.files().next().is_none() {
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
    pub(super) fn hold_head(&mut self, bench: &mut Bench) {
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
            let plan = held.plan.take();
            match plan.filter(|plan| plan.takes(held.body.length())) {
                Some(plan) => self.write_planned(&plan, held.body, bench),
                None => self.write_whole(held.body, bench),
            }
        }
        let Some(mut relay) = self.relay.take() else {
            return Next::Drop;
        };
        if let Some(packing) = &mut relay.download.packing {
            let mut rest = Vec::new();
            // Without its end the client sees that something is missing, as it should.
            if packing
                .run()
                .and_then(|coder| coder.finish(&mut rest))
                .is_err()
            {
                self.after = After::Close;
                self.leave_body();
                return Next::Drop;
            }
            self.body_length += rest.len() as u64;
            let mut framed = Vec::new();
            encode::chunk(&rest, &mut framed);
            self.outbox.append(&framed);
        }
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

    /// Writes an answer that was collected. Its head is on the desk.
    fn write_whole(&mut self, mut body: Outbox, bench: &mut Bench) {
        let length = body.length();
        self.body_length = length;
        self.write_head(To::Length, Announced::Length(length), bench);
        self.outbox.append_all(&mut body);
    }

    /// The same for one that is to be compressed.
    fn write_planned(&mut self, plan: &Plan, mut body: Outbox, bench: &mut Bench) {
        let version = self.relay.as_ref().map(|relay| relay.asked.version);
        let is_short = body.length() <= AT_ONCE;
        let headers = &mut bench.desk.response.headers;
        match plan.outcome {
            Outcome::Unchanged | Outcome::Refused => {
                plan.announce(headers);
                let (status, announced) = match plan.outcome {
                    Outcome::Unchanged => (304, Announced::Nothing),
                    _ => (412, Announced::Length(0)),
                };
                bench.desk.response.status = status;
                self.body_length = 0;
                self.write_head(To::Length, announced, bench);
            }
            Outcome::Packed if is_short => {
                let length = body.length();
                let Ok(data) = body.drain() else {
                    // It waited in a file that cannot be read: the client sees that something is missing.
                    self.after = After::Close;
                    self.write_head(To::Length, Announced::Length(length), bench);
                    return;
                };
                let bytes = match plan.recipe.pack(&data) {
                    Ok(packed) => {
                        plan.announce(headers);
                        packed
                    }
                    Err(_) => data,
                };
                let mut body = Outbox::default();
                body.push(Segment::Bytes(bytes));
                self.write_whole(body, bench);
            }
            Outcome::Packed if version == Some(Version::Http11) => {
                plan.announce(headers);
                self.body_length = encode::UNTOLD;
                self.write_head(To::Length, Announced::Chunked, bench);
                let packing = Packing::new(body, Paused::ahead(plan.recipe), None);
                self.outbox.push(Segment::Packed(Box::new(packing)));
            }
            Outcome::Packed => self.write_whole(body, bench),
            Outcome::Plain => {
                plan.announce(headers);
                self.write_whole(body, bench);
            }
        }
    }

    /// Has compressors give out what they have, so that they can be gone on with elsewhere.
    pub(crate) fn settle(&mut self) -> Result<(), Failed> {
        self.outbox.settle()?;
        if let Some(relay) = &mut self.relay
            && let Some(packing) = &mut relay.download.packing
        {
            let mut made = Vec::new();
            packing.pause(&mut made)?;
            self.body_length += made.len() as u64;
            let mut framed = Vec::new();
            encode::chunk(&made, &mut framed);
            self.outbox.append(&framed);
        }
        Ok(())
    }

    /// The backend has ended its answer by ending the connection, or the record stream.
    pub(super) fn backend_ended(
        &mut self,
        persistence: Persistence,
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> Next {
        let Some(relay) = self.relay.as_deref() else {
            return Next::Drop;
        };
        if relay.may_end() {
            return self.complete(persistence, bench);
        }
        self.fail(Trouble::Ended, Used::Never, origin, bench)
    }

    /// The desk has an answer of our own in place of the backend's.
    pub(super) fn answer_here(&mut self, bench: &mut Bench) -> Next {
        if let Some(relay) = self.relay.take() {
            self.answer_in_place(&relay.asked, bench);
        }
        Next::Drop
    }

    /// Puts the desk's answer to this request into the outbox.
    pub(super) fn answer_in_place(&mut self, asked: &Asked, bench: &mut Bench) {
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

    /// There is no answer, or only half of one.
    pub(super) fn fail(
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
                relay.asked.settings.core.errors.say(
                    relay.protocol.module(),
                    format_args!("{}: {trouble}; another host is asked", relay.target),
                );
            }
            relay.ask_again();
            return Next::Retry;
        }
        relay.asked.settings.core.errors.say(
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
}

fn write_and_flush(coder: &mut Coder, data: &[u8], out: &mut Vec<u8>) -> Result<(), Failed> {
    let coder = coder.run()?;
    coder.write(data, out)?;
    coder.flush(out)
}
