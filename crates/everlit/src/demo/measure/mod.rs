//! What the clients see, as figures.
//!
//! In: each answer with the time it took, each wait, each loss. Out: totals, and a [`Window`] for each restart. Must hold:
//! what a client began is counted exactly once, as answered or as lost.

mod losses;
mod times;

use std::time::{Duration, Instant};

pub(super) use losses::{Loss, Losses};
pub(super) use times::Times;

use super::clients::Kind;

/// Most losses that are told one by one.
const SAMPLES: usize = 5;

/// Figures of all clients.
#[derive(Debug)]
pub(super) struct Figures {
    /// Whole, right answers.
    pub(super) answered: u64,
    /// How long they took, from the moment they were due; downloads apart.
    pub(super) times: Times,
    /// Whole, right answers to downloads, and their bytes.
    pub(super) downloads: u64,
    /// Bytes of downloads, compared one by one.
    pub(super) download_bytes: u64,
    /// What was lost.
    pub(super) losses: Losses,
    /// The first losses in words.
    pub(super) samples: Vec<String>,
    /// Since the last restart was asked for.
    pub(super) window: Window,
}

/// Figures of the time from one restart to the next.
#[derive(Clone, Debug)]
pub(super) struct Window {
    began: Instant,
    /// Number of the configuration that answers should come to be made under.
    awaited: Option<u32>,
    /// When the first such answer was there, since the window began.
    pub(super) first_new: Option<Duration>,
    /// Whole, right answers.
    pub(super) answered: u64,
    /// The longest time that a client waited for an answer, or for the next byte of a download.
    pub(super) longest: Duration,
    /// Who waited so long.
    pub(super) longest_kind: Option<Kind>,
    /// What was lost.
    pub(super) losses: Losses,
}

impl Figures {
    /// Nothing yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            answered: 0,
            times: Times::default(),
            downloads: 0,
            download_bytes: 0,
            losses: Losses::default(),
            samples: Vec::new(),
            window: Window::new(now, None),
        }
    }

    /// A whole answer arrived, made under the configuration of this number.
    pub(super) fn answered(&mut self, kind: Kind, now: Instant, revision: Option<u32>) {
        self.answered += 1;
        self.window.answered += 1;
        if kind == Kind::Download {
            self.downloads += 1;
        }
        // A download's head may be older than the restart.
        let new = kind != Kind::Download && revision.is_some() && revision == self.window.awaited;
        if new && self.window.first_new.is_none() {
            self.window.first_new = Some(now.saturating_duration_since(self.window.began));
        }
    }

    /// An answer took so long.
    pub(super) fn took(&mut self, kind: Kind, time: Duration) {
        self.times.record(time);
        self.window.waited(kind, time);
    }

    /// Something was lost.
    pub(super) fn lost(&mut self, kind: Kind, loss: Loss) {
        if self.samples.len() < SAMPLES {
            self.samples.push(format!("{kind}: {loss}"));
        }
        self.losses.count(loss);
        self.window.losses.count(loss);
    }

    /// Ends the window, and begins the next.
    pub(super) fn next_window(&mut self, now: Instant, awaited: Option<u32>) -> Window {
        std::mem::replace(&mut self.window, Window::new(now, awaited))
    }
}

impl Window {
    /// Nothing yet.
    fn new(began: Instant, awaited: Option<u32>) -> Self {
        Self {
            began,
            awaited,
            first_new: None,
            answered: 0,
            longest: Duration::ZERO,
            longest_kind: None,
            losses: Losses::default(),
        }
    }

    /// A client waited so long, or still waits.
    pub(super) fn waited(&mut self, kind: Kind, time: Duration) {
        if time > self.longest {
            self.longest = time;
            self.longest_kind = Some(kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_window_counts_only_its_own() {
        let now = Instant::now();
        let mut figures = Figures::new(now);
        figures.answered(Kind::Busy, now, Some(1));
        figures.took(Kind::Busy, 9 * MS);
        let first = figures.next_window(now, Some(2));
        figures.answered(Kind::Busy, now, Some(2));
        figures.took(Kind::Idle, 3 * MS);
        figures.lost(Kind::Fresh, Loss::Refused);
        assert_eq!((first.answered, first.longest), (1, 9 * MS));
        assert_eq!(figures.window.longest, 3 * MS);
        assert_eq!(figures.window.longest_kind, Some(Kind::Idle));
        assert_eq!(figures.answered, 2);
        assert_eq!(figures.losses.total(), 1);
        assert_eq!(first.losses.total(), 0);
    }

    #[test]
    fn the_first_new_answer_is_timed_from_the_trigger() {
        let now = Instant::now();
        let mut figures = Figures::new(now);
        figures.next_window(now, Some(2));
        figures.answered(Kind::Fresh, now + 5 * MS, Some(1));
        figures.answered(Kind::Download, now + 6 * MS, Some(2));
        figures.answered(Kind::Fresh, now + 7 * MS, None);
        assert_eq!(figures.window.first_new, None);
        figures.answered(Kind::Fresh, now + 20 * MS, Some(2));
        figures.answered(Kind::Fresh, now + 30 * MS, Some(2));
        assert_eq!(figures.window.first_new, Some(20 * MS));
    }

    #[test]
    fn only_the_first_losses_are_told_one_by_one() {
        let mut figures = Figures::new(Instant::now());
        for _ in 0..SAMPLES + 3 {
            figures.lost(Kind::Busy, Loss::Closed);
        }
        assert_eq!(figures.samples.len(), SAMPLES);
        assert_eq!(figures.losses.closed, SAMPLES as u64 + 3);
    }
}
