//! Answers that only say how a request goes on: an authorizer's yes, a program's redirect to ourselves.
//!
//! In: the head of such an answer. Out: the request has gone through the modules once more: it has an answer, or another
//! backend. Must hold: the client sees one answer, and its body is nobody's but the last one's.

use super::{Next, Summary, relay_of};
use crate::gateway::Protocol;
use crate::gateway::preface::Length;
use crate::gateway::relay::{Body, Relay, length_of};
use crate::gateway::reply;
use crate::http1::encode::After;
use crate::http1::turn::Turn;
use crate::response::Response;
use crate::route::{Origin, Second};
use crate::worker::bench::Bench;

impl Turn {
    /// The answer is not for the client: the request goes through the modules once more.
    pub(super) fn pass_again(
        &mut self,
        second: Second,
        origin: Origin<'_>,
        bench: &mut Bench,
    ) -> Next {
        let Some(relay) = self.relay.take() else {
            return Next::Drop;
        };
        self.line.clear();
        let mut asked = relay.asked;
        let permitted = match second {
            Second::Permitted(permitted) => Some(permitted),
            Second::Elsewhere(path) => {
                asked.source.send_to(path);
                None
            }
        };
        let Some(method) = (bench.desk).again(&asked.source, permitted, origin, bench.now) else {
            // It was read before, and now it is not a request any more: it cannot be.
            self.after = After::Close;
            return Next::Drop;
        };
        let length = match asked.source.detour {
            Some(_) => Length::Nothing,
            None => length_of(self.body),
        };
        let summary = Summary {
            method,
            version: asked.version,
            length,
        };
        match bench.desk.forwarded.take() {
            Some(forwarded) => {
                let goes_elsewhere = asked.source.detour.is_some();
                let mut relay = relay_of(*forwarded, summary, asked.source);
                if goes_elsewhere && relay.body == Body::Backend {
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
}

/// Whether an answer only says how the request goes on. `rest`: what was read after its head.
pub(super) fn second_pass(
    relay: &Relay,
    head: &reply::Head,
    rest: &[u8],
    response: &Response,
) -> Option<Second> {
    if relay.body == Body::Later {
        // An authorizer that says yes (FastCGI 1.0, section 6.3).
        return (head.status == 200).then(|| Second::permitted(&relay.target, &response.headers));
    }
    let may = relay.protocol == Protocol::Cgi && relay.asked.settings.cgi.local_redirect;
    let location = response.headers.get("Location")?;
    let is_local = location.starts_with(b"/") && !location.starts_with(b"//");
    // A program's redirect to ourselves: it says nothing but that (RFC 3875 section 6.2.2).
    let says_no_more = head.status == 302 && response.headers.iter().count() == 1;
    (may && is_local && says_no_more && rest.is_empty())
        .then(|| Second::Elsewhere(location.to_vec()))
}
