//! What a worker thread needs to answer requests, whatever the connection.
//!
//! In: the site. Out: a place to work at, lent to one connection at a time. Must hold: nothing here belongs to a
//! connection; everything is used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portable_tls::{ACME_TLS_1, Offer};

use super::chores::Chores;
use super::logs::Logs;
use crate::board::RECENT;
use crate::clock::Now;
use crate::config::Site;
use crate::http1::head::{GetBody, Limits};
use crate::http1::state::Phase;
use crate::http1::turn::Turn;
use crate::inquiry::Pool;
use crate::modules::rrdtool::traffic::{Counter, Traffic};
use crate::route::uri::ParseOption;
use crate::route::{Desk, Origin};
use crate::tls::channel::Scratch;
use crate::tls::context::{Context, Contexts, Materials};

/// Most finished turns whose memory is kept for the next ones.
const SPARE_TURNS: usize = 64;

/// The work place.
#[derive(Debug)]
pub struct Bench {
    /// Answers requests.
    pub desk: Desk,
    /// How strictly heads are read.
    pub limits: Limits,
    /// Access logs.
    pub logs: Logs,
    /// Memory for requests under way.
    pub spare: Spare,
    /// The time, read once for each turn of the loop.
    pub now: Now,
    /// The `Date` field.
    pub date: DateLine,
    /// Whether connections may be kept.
    pub mode: Mode,
    /// Figures for others to read.
    pub counters: Arc<Counters>,
    /// For connections over TLS.
    pub tls: TlsBench,
    /// Threads for questions that take time.
    pub pool: Pool,
    /// When the head of the request was complete that is read now for another time (monotonic).
    pub begun: Option<Duration>,
    /// Threads for work that takes time.
    pub chores: Chores,
}

/// What a worker thread needs for TLS.
#[derive(Debug)]
pub struct TlsBench {
    /// What handshakes work with.
    pub contexts: Contexts,
    /// Where records are made.
    pub scratch: Scratch,
    /// Where plaintext is while it is dealt with.
    pub plain: Vec<u8>,
}

impl Bench {
    /// A work place for this site.
    pub fn new(site: Arc<Site>, logs: Logs, counters: Arc<Counters>) -> Bench {
        let get_body = if site.server.parse.has(ParseOption::MethodGetBody) {
            GetBody::Accept
        } else {
            GetBody::Reject
        };
        Bench {
            limits: Limits {
                head_bytes: site.server.max_head_bytes,
                get_body,
            },
            desk: Desk::new(site),
            logs,
            spare: Spare::default(),
            now: Now::read(),
            date: DateLine::default(),
            mode: Mode::Serving,
            counters,
            tls: TlsBench {
                contexts: Contexts::new(Materials::default()),
                scratch: Scratch::default(),
                plain: Vec::new(),
            },
            pool: Pool::default(),
            begun: None,
            chores: Chores::default(),
        }
    }
}

impl Bench {
    /// The context for a client that begins to speak TLS; nothing if there is no certificate for it.
    pub fn choose(&mut self, offer: &Offer, origin: Origin<'_>) -> Option<Context> {
        let Desk { resolver, site, .. } = &mut self.desk;
        let name = offer.server_name();
        let settings = resolver.resolve_hello(site, origin.listener, origin.peer, name);
        if offer.offers(ACME_TLS_1)
            && let (Some(directory), Some(name)) = (&settings.openssl.acme, name)
        {
            return Materials::challenge(directory, name).ok();
        }
        self.tls.contexts.of(&settings.openssl).cloned()
    }
}

/// What the generation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It serves, or hands over: connections live on.
    Serving,
    /// It ends without a successor: each connection ends with its present request.
    Quitting,
}

/// Figures of one worker thread. Only that thread writes them, but for `arriving`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Open connections.
    pub connections: AtomicU64,
    /// Connections given to this thread that it has not counted as its own yet. Whoever gives them adds them.
    pub arriving: AtomicU64,
    /// Requests answered.
    pub requests: AtomicU64,
    /// Bytes sent to clients in exchanges that are over.
    pub bytes: AtomicU64,
    /// Open connections by what they do.
    pub phases: [AtomicU64; Phase::ALL.len()],
    /// The last seconds, each at its number modulo how many there are.
    pub recent: [Moment; RECENT as usize + 1],
    /// Open connections that a successor refused.
    pub refused: AtomicU64,
    /// Connections that ended by themselves while this generation was leaving.
    pub ended_while_leaving: AtomicU64,
    /// Requests that are over, by the database that they count for (mod_rrdtool).
    pub databases: Vec<Counter>,
}

impl Counters {
    /// With so many databases to count for.
    pub fn for_databases(databases: usize) -> Counters {
        Counters {
            databases: (0..databases).map(|_| Counter::default()).collect(),
            ..Counters::default()
        }
    }

    /// More for one of them.
    pub fn count(&self, database: usize, traffic: Traffic) {
        if let Some(counter) = self.databases.get(database) {
            counter.add(traffic);
        }
    }

    /// Open connections, and those about to be: none is missed on its way into the thread.
    pub fn all_connections(&self) -> u64 {
        // In this order, because it is in the other one that the thread counts them.
        let arriving = self.arriving.load(Ordering::Acquire);
        arriving + self.connections.load(Ordering::Acquire)
    }

    /// One more request.
    pub fn request(&self, now: Now) {
        add(&self.requests, 1);
        add(&self.moment(now).requests, 1);
    }

    /// So many more bytes.
    pub fn sent(&self, bytes: u64, now: Now) {
        add(&self.bytes, bytes);
        add(&self.moment(now).bytes, bytes);
    }

    /// A connection does something else now, has come, or is gone.
    pub fn moved(&self, from: Option<Phase>, to: Option<Phase>) {
        if let Some(from) = from {
            let count = &self.phases[from as usize];
            let less = count.load(Ordering::Relaxed).saturating_sub(1);
            count.store(less, Ordering::Relaxed);
        }
        if let Some(to) = to {
            add(&self.phases[to as usize], 1);
        }
    }

    /// The figures of this second.
    fn moment(&self, now: Now) -> &Moment {
        let second = now.monotonic.as_secs();
        let moment = &self.recent[(second % self.recent.len() as u64) as usize];
        if moment.second.load(Ordering::Relaxed) != second {
            moment.requests.store(0, Ordering::Relaxed);
            moment.bytes.store(0, Ordering::Relaxed);
            moment.second.store(second, Ordering::Relaxed);
        }
        moment
    }
}

/// What was done in one second.
#[derive(Debug, Default)]
pub struct Moment {
    /// Which one (monotonic).
    pub second: AtomicU64,
    /// Requests answered.
    pub requests: AtomicU64,
    /// Bytes sent to clients.
    pub bytes: AtomicU64,
}

/// A load and a store suffice, because nobody else writes.
fn add(figure: &AtomicU64, more: u64) {
    figure.store(figure.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

/// Finished turns, kept for their memory. Boxed as connections hold them, so that lending one moves a pointer.
#[allow(clippy::vec_box)]
#[derive(Debug, Default)]
pub struct Spare(Vec<Box<Turn>>);

impl Spare {
    /// An empty turn.
    pub fn take(&mut self) -> Box<Turn> {
        self.0.pop().unwrap_or_default()
    }

    /// Takes a finished turn back.
    pub fn put(&mut self, mut turn: Box<Turn>) {
        if self.0.len() < SPARE_TURNS {
            turn.clear();
            self.0.push(turn);
        }
    }
}

/// The `Date` field (RFC 9110 section 6.6.1), made once a second.
#[derive(Debug, Default)]
pub struct DateLine {
    second: u64,
    line: Vec<u8>,
}

impl DateLine {
    /// The field with its line end.
    pub fn line(&mut self, now: Now) -> &[u8] {
        let second = now.unix.as_secs();
        if second != self.second || self.line.is_empty() {
            self.second = second;
            let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + now.unix);
            self.line.clear();
            self.line.extend_from_slice(b"Date: ");
            self.line.extend_from_slice(date.as_bytes());
            self.line.extend_from_slice(b"\r\n");
        }
        &self.line
    }
}
