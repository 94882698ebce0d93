//! The worker threads, seen from the lead thread.
//!
//! In: orders. Out: reports and figures. Must hold: connections are spread evenly over the workers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use crate::freeze::Thawed;
use crate::worker::bench::Counters;
use crate::worker::conn::Stay;
use crate::worker::inbox::{Inbox, Outlet};
use crate::worker::{Order, Report};

/// One worker thread.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) orders: Outlet<Order>,
    pub(super) counters: Arc<Counters>,
    pub(super) thread: JoinHandle<()>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Crew {
    hands: Vec<Hand>,
    reports: Inbox<Report>,
    /// Reports fetched early, to be seen first.
    early: Vec<Report>,
    next: usize,
}

impl Crew {
    pub(super) fn new(hands: Vec<Hand>, reports: Inbox<Report>) -> Crew {
        Crew {
            hands,
            reports,
            early: Vec::new(),
            next: 0,
        }
    }

    /// Number of workers.
    pub(super) fn len(&self) -> usize {
        self.hands.len()
    }

    /// Gives each worker an order.
    pub(super) fn order_all(&self, mut order: impl FnMut() -> Order) {
        for hand in &self.hands {
            // A worker that is gone has nothing left to be ordered about.
            let _ = hand.orders.send(order());
        }
    }

    /// Gives connections to the workers, in turn.
    pub(super) fn adopt(&mut self, thawed: Vec<Thawed>, stay: Stay) {
        if thawed.is_empty() {
            return;
        }
        let share = thawed.len().div_ceil(self.hands.len());
        let mut thawed = thawed.into_iter();
        loop {
            let some: Vec<Thawed> = thawed.by_ref().take(share).collect();
            if some.is_empty() {
                return;
            }
            self.next = (self.next + 1) % self.hands.len();
            let _ = self.hands[self.next].orders.send(Order::Adopt(some, stay));
        }
    }

    /// What to wait on for reports.
    pub(super) fn reports(&self) -> &Inbox<Report> {
        &self.reports
    }

    /// The next report.
    pub(super) fn next_report(&mut self) -> Option<Report> {
        if self.early.is_empty() {
            self.reports.next()
        } else {
            Some(self.early.remove(0))
        }
    }

    /// Whether there are reports that nobody has seen.
    pub(super) fn has_reports(&mut self) -> bool {
        if let Some(report) = self.reports.next() {
            self.early.push(report);
        }
        !self.early.is_empty()
    }

    /// Open connections.
    pub(super) fn connections(&self) -> u64 {
        self.sum(|counters| counters.connections.load(Ordering::Acquire))
    }

    /// Requests answered.
    pub(super) fn requests(&self) -> u64 {
        self.sum(|counters| counters.requests.load(Ordering::Relaxed))
    }

    /// Connections that ended by themselves while the process was leaving.
    pub(super) fn ended_while_leaving(&self) -> u64 {
        self.sum(|counters| counters.ended_while_leaving.load(Ordering::Relaxed))
    }

    /// Whether all threads have ended.
    pub(super) fn is_gone(&self) -> bool {
        self.hands.iter().all(|hand| hand.thread.is_finished())
    }

    /// Waits for all threads to end; the last lines of their logs are written then.
    pub(super) fn join(self) {
        for hand in self.hands {
            // A thread that panicked has ended the process already.
            let _ = hand.thread.join();
        }
    }

    fn sum(&self, figure: impl Fn(&Counters) -> u64) -> u64 {
        self.hands.iter().map(|hand| figure(&hand.counters)).sum()
    }
}
