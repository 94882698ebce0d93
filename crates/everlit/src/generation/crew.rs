//! The worker threads, seen from the lead thread.
//!
//! In: orders. Out: reports and figures. Must hold: connections are spread evenly over the workers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use crate::board::Board;
use crate::freeze::Thawed;
use crate::worker::bench::Counters;
use crate::worker::chores::{Chores, Haste};
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
    chores: Chores,
    reports: Inbox<Report>,
    /// Reports fetched early, to be seen first.
    early: Vec<Report>,
    next: usize,
    /// Their figures, and those of their predecessors.
    pub(super) board: Arc<Board>,
}

impl Crew {
    pub(super) fn new(
        hands: Vec<Hand>,
        chores: Chores,
        reports: Inbox<Report>,
        board: Arc<Board>,
    ) -> Crew {
        Crew {
            hands,
            chores,
            reports,
            early: Vec::new(),
            next: 0,
            board,
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
            let hand = &self.hands[self.next];
            hand.counters
                .arriving
                .fetch_add(some.len() as u64, Ordering::Release);
            let _ = hand.orders.send(Order::Adopt(some, stay));
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

    /// Open connections, and those on their way to a worker.
    pub(super) fn connections(&self) -> u64 {
        self.sum(Counters::all_connections)
    }

    /// Requests answered.
    pub(super) fn requests(&self) -> u64 {
        self.sum(|counters| counters.requests.load(Ordering::Relaxed))
    }

    /// Open connections that the successor refused; they end here.
    pub(super) fn refused(&self) -> u64 {
        self.sum(|counters| counters.refused.load(Ordering::Relaxed))
    }

    /// Connections that ended by themselves while the process was leaving.
    pub(super) fn ended_while_leaving(&self) -> u64 {
        self.sum(|counters| counters.ended_while_leaving.load(Ordering::Relaxed))
    }

    /// Whether all threads have ended.
    pub(super) fn is_gone(&self) -> bool {
        self.hands.iter().all(|hand| hand.thread.is_finished())
    }

    /// Waits for all threads to end; the last lines of their logs are written then, and no file is left half changed.
    pub(super) fn join(self, haste: Haste) {
        for hand in self.hands {
            // A thread that panicked has ended the process already.
            let _ = hand.thread.join();
        }
        self.chores.finish(haste);
    }

    fn sum(&self, figure: impl Fn(&Counters) -> u64) -> u64 {
        self.hands.iter().map(|hand| figure(&hand.counters)).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::freeze::image::{Image, InputImage, StateImage};
    use crate::freeze::thaw;
    use crate::net::Peer;
    use crate::worker::inbox;

    #[test]
    fn a_connection_counts_before_its_worker_has_looked_at_it() {
        let (orders, inbox) = inbox::channel::<Order>().unwrap();
        let hand = Hand {
            orders,
            counters: Arc::new(Counters::default()),
            thread: std::thread::spawn(|| ()),
        };
        let counters = hand.counters.clone();
        let chores = Chores::default();
        let mut crew = Crew::new(
            vec![hand],
            chores,
            inbox::channel().unwrap().1,
            Arc::default(),
        );
        let image = Image {
            listener: String::new(),
            local_port: 0,
            peer: Peer::Unix,
            served: 0,
            keep_idle: 5,
            patience: 5,
            input: InputImage::Drained,
            state: StateImage::Idle,
            introduction: None,
            tls: None,
        };
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let thawed = thaw(image, vec![ours.into()]).unwrap();

        crew.adopt(vec![thawed], Stay::Movable);
        assert_eq!(crew.connections(), 1);
        assert!(matches!(inbox.next(), Some(Order::Adopt(all, _)) if all.len() == 1));
        assert_eq!(crew.connections(), 1);
        // As the worker does it: first it is its own, then it is on its way no longer.
        counters.connections.store(1, Ordering::Release);
        counters.arriving.fetch_sub(1, Ordering::Release);
        assert_eq!(crew.connections(), 1);
        counters.connections.store(0, Ordering::Release);
        assert_eq!(crew.connections(), 0);
    }
}
