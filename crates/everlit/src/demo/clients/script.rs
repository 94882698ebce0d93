//! Playing a client's part of a conversation, for tests: a clock that we turn, and answers as the server sends them.

use std::time::{Duration, Instant};

use super::{Client, Cue, Event, Next};
use crate::demo::measure::{Figures, Loss};
use crate::demo::pages::Page;
use crate::demo::site::REVISION_HEADER;

pub(super) const MS: Duration = Duration::from_millis(1);

/// A client, its clock and its figures.
pub(super) struct Script<C> {
    pub(super) client: C,
    pub(super) now: Instant,
    pub(super) figures: Figures,
}

impl<C: Client> Script<C> {
    pub(super) fn new(client: impl FnOnce(Instant) -> C) -> Self {
        let now = Instant::now();
        Self {
            client: client(now),
            now,
            figures: Figures::new(now),
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    pub(super) fn connected(&mut self) -> Result<Next, Loss> {
        self.on(Event::Connected)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<Next, Loss> {
        self.on(Event::Bytes(bytes))
    }

    pub(super) fn cue(&mut self, cue: Cue) -> Result<Next, Loss> {
        self.on(Event::Cue(cue))
    }

    /// Turns the clock to when the client wants to hear of it.
    pub(super) fn alarm(&mut self) -> Result<Next, Loss> {
        self.now = self.client.wake_at().expect("it has asked for a time");
        self.on(Event::Time)
    }

    fn on(&mut self, event: Event<'_>) -> Result<Next, Loss> {
        self.client.on(event, self.now, &mut self.figures)
    }
}

/// The right answer to a request for this page.
pub(super) fn answer(page: &Page, revision: u32) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\n{REVISION_HEADER}: {revision}\r\nContent-Length: {}\r\n\r\n",
        page.length()
    )
    .into_bytes();
    page.write(&mut bytes)
        .expect("writing to memory never fails");
    bytes
}
