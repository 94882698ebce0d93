//! A tunnel: both sides speak as they like.
//!
//! In: a backend that is there, or switches protocols; the ends of both directions. Out: the answer that says so; an
//! outbox that is the last one. Must hold: a direction's end is passed on after everything that came before it.

use std::rc::Rc;

use super::Next;
use crate::gateway::preface::{Length, Preface};
use crate::gateway::relay::{Asked, Body, Direction, Relay, Source, Stage, To};
use crate::gateway::websocket::session::Reason;
use crate::gateway::{Protocol, Target, Upgrade};
use crate::http1::body::Framing;
use crate::http1::encode::{self, After, Announced};
use crate::http1::head::{Method, Version};
use crate::http1::machine::Http1;
use crate::http1::state::State;
use crate::http1::turn::Turn;
use crate::route::Origin;
use crate::settings::Settings;
use crate::worker::bench::Bench;

impl Http1 {
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
        turn.pace = settings.core.limits.pace();
        turn.write_idle = settings.core.max_write_idle;
        turn.read_idle = settings.core.max_read_idle;
        let asked = Asked {
            source: Source::default(),
            rewritten: None,
            overrides: Vec::new(),
            environment: Vec::new(),
            fields: Vec::new(),
            method: Method::Connect,
            version: Version::Http10,
            upgrade: Upgrade::Connect,
            status: None,
            first: settings.clone(),
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

    /// Ends a tunnel: what is owed to the client is still sent.
    pub(crate) fn end_tunnel(&mut self) {
        if let State::Busy(turn) = &mut self.state {
            turn.close_frame(Reason::Leaving);
            turn.relay = None;
            turn.after = After::Linger;
        }
    }
}

impl Turn {
    /// The backend switches protocols: from now on both sides speak as they like.
    pub(in crate::http1) fn switch(
        &mut self,
        status: u16,
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> Next {
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
            date_line: bench.date.line(bench.now),
            tag: &relay.asked.settings.core.tag,
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
    pub(super) fn tunnel_ended(&mut self) -> Next {
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
