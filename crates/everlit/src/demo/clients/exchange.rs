//! A request that was sent, and its answer.
//!
//! In: when it was due, bytes of the answer. Out: figures, once. Must hold: time runs from when the request was due, not
//! from when we came to send it.

use std::time::Instant;

use super::Kind;
use super::answer::{Answer, Connection, Progress};
use crate::demo::measure::{Figures, Loss};
use crate::demo::pages::Page;

/// A request under way.
#[derive(Debug)]
pub(super) struct Exchange {
    kind: Kind,
    due: Instant,
    answer: Answer,
}

/// The bytes of a request.
pub(super) fn request(page: &Page) -> Vec<u8> {
    format!("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", page.path).into_bytes()
}

impl Exchange {
    /// A request for this page, by a client of this kind.
    pub(super) fn new(kind: Kind, page: Page, due: Instant) -> Self {
        Self {
            kind,
            due,
            answer: Answer::to(page),
        }
    }

    /// When it was due.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Takes bytes of the answer; what becomes of the connection, once it is whole.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        now: Instant,
        figures: &mut Figures,
    ) -> Result<Option<Connection>, Loss> {
        match self.answer.read(bytes).map_err(Loss::Wrong)? {
            Progress::More => Ok(None),
            Progress::Whole(whole) => {
                figures.answered(self.kind, now, whole.revision);
                // A download takes as long as its client wants; it measures its waits itself.
                if self.kind != Kind::Download {
                    figures.took(self.kind, now.saturating_duration_since(self.due));
                }
                Ok(Some(whole.connection))
            }
        }
    }
}
