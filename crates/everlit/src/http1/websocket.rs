//! 3c. A tunnel whose client speaks WebSocket: frames on one side, bytes on the other (mod_wstunnel).
//!
//! In: the same as of any other tunnel. Out: the same, framed. Must hold: a client is told why its tunnel ends, after
//! everything that it is owed.

use super::turn::Turn;
use crate::gateway::relay::{Direction, Relay, Stage, WAITING_MAX};
use crate::gateway::websocket::session::{Reason, Said, Session};
use crate::route::Origin;
use crate::worker::bench::Bench;

/// Bytes that may wait for a client before nothing more is read from it: more than a backend alone can cause, so that
/// only those are held up who ask for answers and do not take them.
const OWED_MAX: usize = 4 * WAITING_MAX;

impl Relay {
    fn session(&mut self) -> Option<&mut Session> {
        self.websocket.as_deref_mut()
    }
}

impl Turn {
    /// Whether more frames of the client can be taken, where there are such.
    pub(super) fn wants_frames(&self) -> bool {
        let is_framed = (self.relay.as_ref()).is_some_and(|relay| relay.websocket.is_some());
        !is_framed || self.outbox.memory() < OWED_MAX
    }

    /// The backend is there: the handshake is answered.
    pub(super) fn greet(&mut self, origin: Origin<'_>, bench: &mut Bench) {
        let session = self.relay.as_deref_mut().and_then(Relay::session);
        let Some(greeting) = session.and_then(Session::greeting) else {
            return;
        };
        bench.desk.response.clear();
        greeting.tell(&mut bench.desk.response.headers);
        self.switch(101, origin, bench);
    }

    /// What the client of a tunnel has sent.
    pub(super) fn client_said(&mut self, input: &[u8]) {
        let Some(relay) = self.relay.as_deref_mut() else {
            return;
        };
        let Some(session) = relay.websocket.as_deref_mut() else {
            return relay.upload.rest.append(input);
        };
        let (mut data, mut answer) = (Vec::new(), Vec::new());
        let said = session.read(input, &mut data, &mut answer);
        relay.upload.rest.append(&data);
        self.outbox.append(&answer);
        if said == Said::Over
            && let Stage::Tunnel { client, backend } = &mut relay.stage
        {
            // Both at once: after a close frame there is nothing to say (RFC 6455 section 5.5.1).
            for direction in [client, backend] {
                if *direction == Direction::Open {
                    *direction = Direction::Ending;
                }
            }
        }
    }

    /// Nothing was said for a while. Says whether the tunnel goes on, because the client is asked whether it is there.
    pub(super) fn ping(&mut self) -> Said {
        let Some(relay) = self.relay.as_deref_mut() else {
            return Said::Over;
        };
        if !self.outbox.is_empty() || !relay.is_open() {
            return Said::Over;
        }
        let silence = relay.silence();
        let Some(session) = relay.session() else {
            return Said::Over;
        };
        let mut ping = Vec::new();
        let said = session.ping(silence, &mut ping);
        self.outbox.append(&ping);
        said
    }

    /// The tunnel is about to end: its client is told why.
    pub(super) fn close_frame(&mut self, reason: Reason) {
        if let Some(relay) = self.relay.as_deref_mut()
            && relay.is_tunnel()
            && let Some(session) = relay.session()
        {
            let mut frame = Vec::new();
            session.close(reason, &mut frame);
            self.outbox.append(&frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::gateway::host::Program;
    use crate::gateway::preface::{Length, Preface};
    use crate::gateway::relay::{Asked, Body, Source};
    use crate::gateway::websocket::Kind;
    use crate::gateway::websocket::handshake::Greeting;
    use crate::gateway::{Protocol, Target, Upgrade};
    use crate::http1::head::{Method, Version};
    use crate::http1::machine::Http1;
    use crate::http1::state::State;

    fn tunnel() -> Turn {
        let asked = Asked {
            source: Source::default(),
            rewritten: None,
            overrides: Vec::new(),
            environment: Vec::new(),
            fields: Vec::new(),
            method: Method::Get,
            version: Version::Http11,
            upgrade: Upgrade::Asked,
            status: None,
            settings: Rc::default(),
            first: Rc::default(),
        };
        let target = Target::Program(Program {
            interpreter: None,
            script: "/".into(),
        });
        let preface = Preface {
            protocol: Protocol::WebSocket,
            bytes: Vec::new(),
        };
        let mut relay = Relay::new(asked, target, preface, Body::Nobody, Length::Nothing);
        let session = Session::new(Greeting::sample(), Kind::Text, 0);
        relay.websocket = Some(Box::new(session));
        relay.join();
        Turn {
            relay: Some(Box::new(relay)),
            ..Turn::default()
        }
    }

    #[test]
    fn who_takes_no_pongs_is_not_read_from_any_more() {
        let pings = b"\x89\x84\0\0\0\0ping".repeat(1000);
        let mut http = Http1 {
            state: State::Busy(Box::new(tunnel())),
            ..Http1::default()
        };
        let mut said = 0;
        while http.wants_input() && said < 2 * OWED_MAX {
            let State::Busy(turn) = &mut http.state else {
                panic!("a tunnel");
            };
            turn.client_said(&pings);
            said += pings.len();
        }
        assert!(!http.wants_input());
        let (outbox, _) = http.outbox().unwrap();
        assert!((OWED_MAX..OWED_MAX + pings.len()).contains(&outbox.memory()));
        outbox.clear();
        assert!(http.wants_input());
    }
}
