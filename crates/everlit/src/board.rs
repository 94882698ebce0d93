//! What the server is doing, in figures: of all worker threads, and of the generations before this one.
//!
//! In: counters that each worker writes for itself; totals of the predecessor, when it is gone. Out: sums, for whoever asks
//! (mod_status). Must hold: nobody waits for anybody; requests and bytes are counted once, whatever process they were in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minicbor::{Decode, Encode};

use crate::clock::Now;
use crate::http1::state::Phase;
use crate::modules::rrdtool::traffic::{Account, Traffic, Unwritten};
use crate::worker::bench::Counters;

/// Seconds over which the present rate is averaged, as in lighttpd.
pub const RECENT: u64 = 5;

/// All figures.
#[derive(Debug, Default)]
pub struct Board {
    workers: Vec<Arc<Counters>>,
    /// Names of the modules, in order.
    pub modules: Vec<&'static str>,
    /// When the first generation started: seconds since 1970-01-01 UTC.
    started: AtomicU64,
    /// What its predecessors had answered and sent.
    earlier_requests: AtomicU64,
    earlier_bytes: AtomicU64,
    /// Databases of figures (mod_rrdtool).
    pub databases: Vec<Account>,
}

/// What goes on after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// When the first generation started: seconds since 1970-01-01 UTC.
    pub started: u64,
    /// Requests answered.
    pub requests: u64,
    /// Bytes sent to clients, heads and bodies.
    pub bytes: u64,
}

/// What a generation says when it is gone.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
struct Farewell {
    /// As [`Totals::started`].
    #[n(0)]
    started: u64,
    /// As [`Totals::requests`].
    #[n(1)]
    requests: u64,
    /// As [`Totals::bytes`].
    #[n(2)]
    bytes: u64,
    /// What is not in the databases yet.
    #[n(3)]
    unwritten: Option<Vec<Unwritten>>,
}

/// Most bytes of names in a [`Farewell`]: less than a last message may have, with room for figures.
const NAMES_MAX: usize = 24 * 1024;
/// Most databases in it.
const DATABASES_MAX: usize = 600;

/// Requests answered and bytes sent in a second, on average of the last few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests.
    pub requests: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Board {
    /// For these workers.
    pub fn new(
        workers: Vec<Arc<Counters>>,
        modules: Vec<&'static str>,
        databases: Vec<String>,
        now: Now,
    ) -> Board {
        let account = |name| Account {
            name,
            ..Account::default()
        };
        Board {
            databases: databases.into_iter().map(account).collect(),
            workers,
            modules,
            started: AtomicU64::new(now.unix.as_secs()),
            ..Board::default()
        }
    }

    /// Everything so far.
    pub fn totals(&self) -> Totals {
        let sum = |figure: fn(&Counters) -> &AtomicU64| -> u64 {
            let all = self.workers.iter();
            all.map(|worker| figure(worker).load(Ordering::Relaxed))
                .sum()
        };
        Totals {
            started: self.started.load(Ordering::Relaxed),
            requests: self.earlier_requests.load(Ordering::Relaxed) + sum(|own| &own.requests),
            bytes: self.earlier_bytes.load(Ordering::Relaxed) + sum(|own| &own.bytes),
        }
    }

    /// The predecessor is gone, and this is what it had done. Once.
    pub fn inherit(&self, bytes: &[u8]) {
        // One that tells nothing, or what nobody understands, leaves us where we are.
        let Ok(earlier) = minicbor::decode::<Farewell>(bytes) else {
            return;
        };
        self.started.fetch_min(earlier.started, Ordering::Relaxed);
        let add = |own: &AtomicU64, more: u64| {
            let sum = own.load(Ordering::Relaxed).saturating_add(more);
            own.store(sum, Ordering::Relaxed);
        };
        add(&self.earlier_requests, earlier.requests);
        add(&self.earlier_bytes, earlier.bytes);
        for Unwritten { name, traffic } in earlier.unwritten.into_iter().flatten() {
            // A database that is configured no longer is not written to.
            let mut accounts = self.databases.iter();
            if let Some(account) = accounts.find(|account| account.name == name) {
                account.inherited.add(traffic);
            }
        }
    }

    /// What the next generation is to know.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Totals {
            started,
            requests,
            bytes,
        } = self.totals();
        let farewell = Farewell {
            started,
            requests,
            bytes,
            unwritten: Some(self.all_unwritten()),
        };
        // Writing to memory cannot fail.
        minicbor::to_vec(farewell).unwrap_or_default()
    }

    /// What is not in the databases yet, as far as there is room to say so.
    fn all_unwritten(&self) -> Vec<Unwritten> {
        let mut room = NAMES_MAX;
        let unwritten = |(index, account): (usize, &Account)| Unwritten {
            name: account.name.clone(),
            traffic: self.unwritten(index),
        };
        let all = self.databases.iter().enumerate().map(unwritten);
        all.filter(|own| own.traffic != Traffic::default())
            .take_while(|own| {
                let fits = own.name.len() <= room;
                room = room.saturating_sub(own.name.len());
                fits
            })
            .take(DATABASES_MAX)
            .collect()
    }

    /// What was counted for a database, and is not in it yet.
    pub fn unwritten(&self, database: usize) -> Traffic {
        let Some(account) = self.databases.get(database) else {
            return Traffic::default();
        };
        let counters = self
            .workers
            .iter()
            .filter_map(|w| w.databases.get(database));
        let counted = counters.fold(account.inherited.load(), |sum, own| sum.plus(own.load()));
        counted.minus(account.written.load())
    }

    /// So much is in a database now. Only the lead thread says so.
    pub fn wrote(&self, database: usize, traffic: Traffic) {
        if let Some(account) = self.databases.get(database) {
            account.written.add(traffic);
        }
    }

    /// Open connections that are doing this.
    pub fn connections(&self, phase: Phase) -> u64 {
        let all = self.workers.iter();
        all.map(|worker| worker.phases[phase as usize].load(Ordering::Relaxed))
            .sum()
    }

    /// What is going on at present.
    pub fn rate(&self, now: Now) -> Rate {
        let second = now.monotonic.as_secs();
        let (mut requests, mut bytes) = (0, 0);
        for moment in self.workers.iter().flat_map(|worker| &worker.recent) {
            let age = second.wrapping_sub(moment.second.load(Ordering::Relaxed));
            // The present second is not over.
            if (1..=RECENT).contains(&age) {
                requests += moment.requests.load(Ordering::Relaxed);
                bytes += moment.bytes.load(Ordering::Relaxed);
            }
        }
        Rate {
            requests: requests / RECENT,
            bytes: bytes / RECENT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(second: u64) -> Now {
        Now {
            monotonic: Duration::from_secs(second),
            unix: Duration::from_secs(1_700_000_000 + second),
        }
    }

    #[test]
    fn totals_go_on_and_rates_begin_anew() {
        let counters = [Arc::new(Counters::default()), Arc::new(Counters::default())];
        let board = Board::new(counters.to_vec(), Vec::new(), Vec::new(), at(100));
        for second in [100, 101, 101, 109, 109] {
            counters[0].request(at(second));
            counters[1].sent(1000, at(second));
        }
        let totals = Totals {
            started: 1_700_000_100,
            requests: 5,
            bytes: 5000,
        };
        assert_eq!(board.totals(), totals);
        let rate = |second| board.rate(at(second));
        assert_eq!((rate(110).requests, rate(110).bytes), (0, 400));
        assert_eq!((rate(109).requests, rate(109).bytes), (0, 0));
        assert_eq!(rate(115).bytes, 0);

        let next = Arc::new(Counters::default());
        let successor = Board::new(vec![next.clone()], Vec::new(), Vec::new(), at(200));
        next.request(at(200));
        successor.inherit(&board.to_bytes());
        successor.inherit(b"nonsense");
        successor.inherit(b"");
        let totals = Totals {
            started: 1_700_000_100,
            requests: 6,
            bytes: 5000,
        };
        assert_eq!(successor.totals(), totals);
    }

    #[test]
    fn phases_are_counted_where_they_are() {
        let counters = Arc::new(Counters::default());
        let board = Board::new(vec![counters.clone()], Vec::new(), Vec::new(), at(1));
        counters.moved(None, Some(Phase::Idle));
        counters.moved(None, Some(Phase::Sending));
        counters.moved(Some(Phase::Sending), Some(Phase::Idle));
        counters.moved(Some(Phase::Idle), None);
        let all = Phase::ALL.map(|phase| board.connections(phase));
        assert_eq!(all.iter().sum::<u64>(), 1);
        assert_eq!(board.connections(Phase::Idle), 1);
    }
}
