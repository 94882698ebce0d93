//! What a client can lose, and how often it happened.
//!
//! In: losses, one by one. Out: counts by kind, and their words. Must hold: each loss is of exactly one kind.

use std::fmt;

use serde::Serialize;

use crate::demo::clients::Flaw;

/// How a client came to harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demo) enum Loss {
    /// Nobody listened.
    Refused,
    /// The connection was reset while a request was under way.
    Reset,
    /// The connection was closed in the middle of an answer, or before it.
    Cut,
    /// A connection that the client wanted to keep was closed between two requests, or announced to be.
    Closed,
    /// The answer was not the right one.
    Wrong(Flaw),
    /// No answer, or no further byte of it, for so long that the client gave up.
    Unanswered,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("the connection was refused"),
            Self::Reset => f.write_str("the connection was reset"),
            Self::Cut => f.write_str("the connection was closed before the answer was whole"),
            Self::Closed => f.write_str("a connection to be kept was closed"),
            Self::Wrong(flaw) => write!(f, "wrong answer: {flaw}"),
            Self::Unanswered => f.write_str("no answer in time"),
        }
    }
}

/// How often each happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::demo) struct Losses {
    /// [`Loss::Refused`]
    pub(in crate::demo) refused: u64,
    /// [`Loss::Reset`]
    pub(in crate::demo) reset: u64,
    /// [`Loss::Cut`]
    pub(in crate::demo) cut: u64,
    /// [`Loss::Closed`]
    #[serde(rename = "kept_connections_closed")]
    pub(in crate::demo) closed: u64,
    /// [`Loss::Wrong`]
    #[serde(rename = "wrong_answers")]
    pub(in crate::demo) wrong: u64,
    /// [`Loss::Unanswered`]
    pub(in crate::demo) unanswered: u64,
}

impl Losses {
    /// Counts one.
    pub(in crate::demo) fn count(&mut self, loss: Loss) {
        let count = match loss {
            Loss::Refused => &mut self.refused,
            Loss::Reset => &mut self.reset,
            Loss::Cut => &mut self.cut,
            Loss::Closed => &mut self.closed,
            Loss::Wrong(_) => &mut self.wrong,
            Loss::Unanswered => &mut self.unanswered,
        };
        *count += 1;
    }

    /// All of them.
    pub(in crate::demo) fn total(&self) -> u64 {
        self.rows().iter().map(|(count, _)| count).sum()
    }

    /// Each count with its words, in the order of a table.
    pub(in crate::demo) fn rows(&self) -> [(u64, &'static str); 6] {
        [
            (self.refused, "connections refused"),
            (self.reset, "connections reset"),
            (self.cut, "answers cut short"),
            (self.closed, "kept connections closed"),
            (self.wrong, "wrong answers or bytes"),
            (self.unanswered, "requests without an answer"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loss_is_counted_once_and_in_its_row() {
        let all = [
            Loss::Refused,
            Loss::Reset,
            Loss::Cut,
            Loss::Closed,
            Loss::Wrong(Flaw::Surplus),
            Loss::Unanswered,
        ];
        for (row, loss) in all.into_iter().enumerate() {
            let mut losses = Losses::default();
            losses.count(loss);
            assert_eq!(losses.total(), 1, "{loss}");
            assert_eq!(losses.rows()[row].0, 1, "{loss}");
        }
    }
}
