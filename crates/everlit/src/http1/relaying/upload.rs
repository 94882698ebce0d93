//! The request's body, on its way to the backend.
//!
//! In: input as it was read. Out: data for the backend, or a refusal. Must hold: what is beyond a limit, or is no body,
//! ends the exchange: no other request may be read behind it.

use crate::gateway::relay::{Body, Trouble, Used};
use crate::http1::body::Framing;
use crate::http1::encode::After;
use crate::http1::machine::DISCARD_MAX;
use crate::http1::turn::Turn;
use crate::route::Origin;
use crate::worker::bench::Bench;

impl Turn {
    /// More of the request's body, or of what a tunnel's client says. Returns how much of it was taken.
    pub(in crate::http1) fn upload(
        &mut self,
        input: &[u8],
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> usize {
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

    /// What is left of the request's body is nobody's business any more: it is read and thrown away, or the connection
    /// is given up.
    pub(super) fn leave_body(&mut self) {
        self.room = DISCARD_MAX;
        if matches!(self.body, Framing::Length(left) if left > DISCARD_MAX)
            && self.after == After::Keep
        {
            self.after = After::Linger;
        }
    }
}
