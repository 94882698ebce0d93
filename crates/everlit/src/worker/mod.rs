//! One worker thread: its loop, the only place in it that waits and that reads the clock.
//!
//! In: connections from listening sockets and from a predecessor, orders from the lead thread. Out: answers to clients;
//! frozen connections. Must hold: a connection never changes thread; nothing on the way of a request locks or blocks,
//! but for reading local files and writing logs.

pub mod bench;
pub mod chores;
pub mod conn;
pub mod endpoint;
pub mod inbox;
pub mod logs;
pub mod programs;
pub mod road;
pub mod table;
pub mod upstream;
pub mod warm;

mod accept;
mod asking;
mod leave;
#[cfg(test)]
mod moves;
mod orders;
mod relay;
mod serve;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::time::Timespec;

use self::bench::{Bench, Mode};
use self::conn::{Conn, Input, NextTurn, Stay, Transport, Who};
use self::endpoint::Endpoint;
use self::inbox::{Inbox, Outlet};
use self::leave::Stage;
pub use self::orders::{Order, Report};
use self::programs::Programs;
use self::serve::Fate;
use self::table::{Key, Table};
use self::upstream::{LinkId, Upstreams};
use self::warm::{Warm, Warmth};
use crate::clock::Now;
use crate::errorlog;
use crate::http1::relaying::Next;
use crate::http1::state::{Moment, Phase};
use crate::inquiry::{Pending, Reply};
use crate::net::Scheme;
use crate::route::Origin;
use crate::sys::wipe;
use crate::transport::pace;

/// Events fetched from the kernel at once.
const EVENTS: usize = 256;
/// Bytes read from a socket at once.
const READ_BYTES: usize = 16 * 1024;
/// In the kernel's event queue: the inbox. Listeners are their index, connections above 2^32.
const INBOX: u64 = u32::MAX as u64;
/// In the kernel's event queue: answers to questions.
const REPLIES: u64 = INBOX - 1;
/// Seconds without use after which a cached file is closed.
const FILE_IDLE: u64 = 10;

/// One worker thread's state.
#[derive(Debug)]
pub struct Worker {
    epoll: OwnedFd,
    table: Table,
    upstreams: Upstreams,
    programs: Programs,
    bench: Bench,
    endpoints: Vec<Arc<Endpoint>>,
    orders: Inbox<Order>,
    reports: Outlet<Report>,
    /// Connections whose requests are put off, by what they want to know.
    pending: Pending<Key>,
    /// Where answers come in; there is no such place before the first question.
    replies: Option<(Outlet<Reply>, Inbox<Reply>)>,
    buffer: Box<[u8]>,
    /// Connections that could go on at once.
    ready: Vec<Key>,
    /// Connections that may send more with the next tick.
    paced: Vec<Key>,
    /// TLS sessions with expanded keys.
    warm: Warm,
    /// Connections just accepted, to be looked at when all have been.
    fresh: Vec<Conn>,
    stage: Stage,
    /// Most connections this worker holds; beyond it, clients wait in the accept queue.
    max_connections: usize,
    accepting: Accepting,
    last_flush: u64,
    last_sweep: u64,
    /// When those who are paced may send more.
    next_tick: Duration,
}

/// Whether listening sockets are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accepting {
    /// Yes.
    Yes,
    /// Not now: there are too many connections, or too few descriptors.
    Full,
    /// No longer: somebody else does, or nobody.
    Off,
}

impl Worker {
    /// A worker for these endpoints.
    pub fn new(
        bench: Bench,
        endpoints: Vec<Arc<Endpoint>>,
        orders: Inbox<Order>,
        reports: Outlet<Report>,
        max_connections: usize,
    ) -> Result<Worker, Errno> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &orders, EventData::new_u64(INBOX), EventFlags::IN)?;
        Ok(Worker {
            epoll,
            table: Table::default(),
            upstreams: Upstreams::default(),
            programs: Programs::default(),
            bench,
            endpoints,
            orders,
            reports,
            pending: Pending::default(),
            replies: None,
            buffer: vec![0; READ_BYTES].into(),
            ready: Vec::new(),
            paced: Vec::new(),
            warm: Warm::default(),
            fresh: Vec::new(),
            stage: Stage::Serving,
            max_connections,
            accepting: Accepting::Off,
            last_flush: 0,
            last_sweep: 0,
            next_tick: Duration::ZERO,
        })
    }

    /// Serves until it is told to end and has nothing left.
    pub fn run(mut self) {
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }; EVENTS];
        while !self.is_over() {
            let timeout = self.timeout();
            let count = match epoll::wait(&self.epoll, &mut events[..], timeout.as_ref()) {
                Ok(count) => count,
                Err(Errno::INTR) => 0,
                // The descriptor is ours and valid, so the kernel has no other reason to refuse.
                Err(errno) => panic!("epoll_wait: {errno}"),
            };
            self.bench.now = Now::read();
            for event in &events[..count] {
                self.on_event(*event);
            }
            self.serve_paced();
            self.serve_ready();
            self.expire();
            self.leave_some();
            if self.stage.is_leaving() {
                // Of those that have left, no key stays behind.
                wipe::wipe_stack();
            }
            self.housekeeping();
        }
        // What is left is cut off, and the logs say so. It stays counted, for whoever wants to know how much that was.
        for key in self.table.keys() {
            if let Some(conn) = self.table.remove(key) {
                conn.http.abandon(&mut self.bench);
            }
        }
        self.bench.logs.flush();
    }

    /// Serves this connection, which came in at the first endpoint, and ends when it does. Nobody else is let in.
    pub fn serve_only(mut self, conn: Conn) {
        self.stop_accepting(Accepting::Off);
        self.stage = Stage::Emptying;
        self.welcome(conn);
        self.run();
    }

    fn on_event(&mut self, event: Event) {
        // Copied out of a packed struct.
        let (flags, data) = (event.flags, event.data);
        if let Some(id) = LinkId::from_bits(data.u64()) {
            return self.on_upstream(id, flags);
        }
        match Key::from_bits(data.u64()) {
            Some(key) => self.on_connection(key, flags),
            None if data.u64() == INBOX => self.take_orders(),
            None if data.u64() == REPLIES => self.take_replies(),
            None => self.accept(data.u64() as usize),
        }
    }

    fn on_connection(&mut self, key: Key, flags: EventFlags) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        if flags.contains(EventFlags::ERR) {
            self.close(key);
            return;
        }
        if flags.intersects(EventFlags::RDHUP | EventFlags::HUP) {
            conn.input = Input::Ended;
        } else if flags.contains(EventFlags::IN) && conn.input == Input::Drained {
            conn.input = Input::Pending;
        }
        let writable = flags.contains(EventFlags::OUT) && conn.owes();
        let readable = conn.input != Input::Drained;
        let before = conn.http.moment();
        let endpoint = &self.endpoints[usize::from(conn.endpoint)];
        let who = conn.who();
        let origin = origin(&who, endpoint);
        let fate = if writable {
            // It reads, too, when all is sent.
            serve::writable(conn, origin, &mut self.bench, &mut self.buffer)
        } else if readable {
            serve::readable(conn, origin, &mut self.bench, &mut self.buffer)
        } else {
            return self.relay(key);
        };
        self.settle(key, before, fate);
        self.relay(key);
    }

    /// Sends what a connection owes, as far as it goes.
    fn flush(&mut self, key: Key) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        let before = conn.http.moment();
        let endpoint = &self.endpoints[usize::from(conn.endpoint)];
        let who = conn.who();
        let origin = origin(&who, endpoint);
        let fate = serve::writable(conn, origin, &mut self.bench, &mut self.buffer);
        self.settle(key, before, fate);
    }

    /// After a connection was served: closes it, queues it, sets its deadline, sends it away.
    fn settle(&mut self, key: Key, before: Moment, fate: Fate) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        if conn.link.is_some() && !conn.http.is_relaying() {
            // What the client said has ended the exchange: its backend is not waited for.
            self.unlink(key, Next::Drop);
        }
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        match fate {
            Fate::Close => {
                self.bench.desk.knowledge.question = None;
                return self.close(key);
            }
            Fate::Yield if conn.turn == NextTurn::OnNews => {
                conn.turn = NextTurn::Queued;
                match conn.http.is_held_back() {
                    true => self.paced.push(key),
                    false => self.ready.push(key),
                }
            }
            Fate::Yield | Fate::Keep => {}
        }
        let after = conn.http.moment();
        if before.phase != after.phase && self.bench.desk.resolver.base().core.debug.state_handling
        {
            let (from, to) = (before.phase, after.phase);
            errorlog::say("debug", format_args!("{}: {from:?} -> {to:?}", conn.peer));
        }
        if conn.counted != Some(after.phase) {
            let phase = Some(after.phase);
            self.bench.counters.moved(conn.counted, phase);
            conn.counted = phase;
        }
        let ending = self.bench.mode == Mode::Quitting && matches!(self.stage, Stage::Emptying);
        if after.phase == Phase::Idle && ending {
            // Its last response had promised more before we knew.
            return self.close(key);
        }
        // The same head, or the same end, does not get more time because more of it has come.
        let lasts = matches!(after.phase, Phase::Head | Phase::Asking | Phase::Lingering)
            || conn.is_arriving();
        if after != before || !lasts {
            let patience = conn.http.patience(&self.bench);
            let deadline = self.second() + u32::from(patience) + 1;
            self.table.set_deadline(key, deadline);
        }
        self.keep_warm(key);
        self.inquire(key);
        self.leave_if_quiet(key);
    }

    /// A session that has used its keys keeps them expanded for a while, and another one gives them back.
    fn keep_warm(&mut self, key: Key) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        let is_busy = conn
            .channel
            .as_ref()
            .is_some_and(|channel| !channel.is_resting());
        if !is_busy || conn.warmth == Warmth::Warm {
            return;
        }
        conn.warmth = Warmth::Warm;
        if let Some(coldest) = self.warm.push(key)
            && let Some(conn) = self.table.get_mut(coldest)
        {
            conn.warmth = Warmth::Cold;
            if let Some(channel) = &mut conn.channel {
                channel.rest();
            }
        }
    }

    /// A new tick allows those to send more who may not send as fast as they can.
    fn serve_paced(&mut self) {
        if !self.paced.is_empty() && self.bench.now.monotonic >= self.next_tick {
            self.next_tick = pace::next_tick(self.bench.now.monotonic);
            self.ready.append(&mut self.paced);
        }
    }

    fn serve_ready(&mut self) {
        if self.ready.is_empty() {
            return;
        }
        for key in std::mem::take(&mut self.ready) {
            if let Some(conn) = self.table.get_mut(key) {
                conn.turn = NextTurn::OnNews;
                self.on_connection(key, EventFlags::OUT);
            }
        }
    }

    fn expire(&mut self) {
        let second = self.second();
        if self.table.next_look().is_none_or(|next| next > second) {
            return;
        }
        for key in self.table.due(second) {
            let Some(conn) = self.table.get_mut(key) else {
                continue;
            };
            let before = conn.http.moment();
            let endpoint = &self.endpoints[usize::from(conn.endpoint)];
            let who = conn.who();
            if conn.http.awaits_backend() {
                self.tire_of(key);
                continue;
            }
            if conn.http.asking().is_some() {
                self.give_up_asking(key);
                continue;
            }
            if self.bench.desk.resolver.base().core.debug.timeouts {
                let phase = before.phase;
                let text = format_args!("{}: {phase:?} for too long", conn.peer);
                errorlog::say("debug", text);
            }
            let fate = serve::timed_out(conn, origin(&who, endpoint), &mut self.bench);
            self.settle(key, before, fate);
        }
    }

    fn close(&mut self, key: Key) {
        self.forget_question(key);
        if let Some(mut conn) = self.table.remove(key) {
            serve::part(&mut conn);
            self.bench.counters.moved(conn.counted, None);
            if conn.stay == Stay::Refused {
                self.bench.counters.refused.fetch_sub(1, Ordering::Relaxed);
            }
            if let Some(id) = conn.link {
                self.drop_upstream(id);
            }
            conn.http.abandon(&mut self.bench);
            if self.stage.is_leaving() {
                let ended = &self.bench.counters.ended_while_leaving;
                ended.store(ended.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            }
            self.count();
            self.tell_if_empty();
            if self.accepting == Accepting::Full && self.table.len() < self.max_connections {
                self.resume_accepting();
            }
        }
    }

    fn count(&self) {
        self.bench
            .counters
            .connections
            // After this a connection that left is in the reports, for whoever reads that none is left.
            .store(self.table.len() as u64, Ordering::Release);
    }

    /// The present second of the monotonic clock.
    fn second(&self) -> u32 {
        self.bench.now.monotonic.as_secs() as u32
    }

    /// How long the kernel may let us sleep.
    fn timeout(&self) -> Option<Timespec> {
        if !self.ready.is_empty() || self.leaves_more() {
            return Some(Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            });
        }
        let mut until = self.table.next_look().map(u64::from);
        if self.bench.logs.is_pending()
            || self.programs.is_waiting()
            || self.accepting == Accepting::Full
        {
            let next = self.last_flush + 1;
            until = Some(until.map_or(next, |until| until.min(next)));
        }
        if self.bench.desk.files.is_holding()
            || self.upstreams.is_holding()
            || self.bench.desk.knowledge.is_holding()
        {
            let next = self.last_sweep + FILE_IDLE;
            until = Some(until.map_or(next, |until| until.min(next)));
        }
        if let Some(end) = self.stage_deadline() {
            until = Some(until.map_or(end, |until| until.min(end)));
        }
        let until = until.map(Duration::from_secs);
        let tick = (!self.paced.is_empty()).then_some(self.next_tick);
        let until = until.into_iter().chain(tick).min()?;
        let wait = until.saturating_sub(Now::read().monotonic);
        // Whole milliseconds, rounded up: the kernel's plain call takes no less.
        let millis = wait.as_millis() as i64 + 1;
        Some(Timespec {
            tv_sec: millis / 1000,
            tv_nsec: millis % 1000 * 1_000_000,
        })
    }

    fn housekeeping(&mut self) {
        let second = self.bench.now.monotonic.as_secs();
        if second > self.last_flush {
            self.last_flush = second;
            self.programs.reap();
            self.bench.logs.flush();
            if self.accepting == Accepting::Full && self.table.len() < self.max_connections {
                self.resume_accepting();
            }
        }
        if second >= self.last_sweep + FILE_IDLE {
            self.last_sweep = second;
            self.bench.desk.files.sweep(self.bench.now, FILE_IDLE);
            self.bench.desk.knowledge.sweep(self.bench.now);
            self.upstreams.sweep(second);
        }
    }
}

impl<'c> Origin<'c> {
    /// The same, with somebody else at the other end.
    fn of(self, who: &'c Who) -> Origin<'c> {
        Origin {
            peer: &who.peer,
            scheme: match (&who.tls, &who.transport) {
                (None, Transport::Plain) => Scheme::Http.as_str(),
                (Some(_), _) | (_, Transport::Tls(_)) => Scheme::Https.as_str(),
            },
            tls: who.tls.as_deref(),
            secured: match &who.transport {
                Transport::Tls(secured) => secured.as_deref(),
                Transport::Plain => None,
            },
            ..self
        }
    }
}

/// What a connection tells of itself.
fn origin<'c>(who: &'c Who, endpoint: &'c Endpoint) -> Origin<'c> {
    let origin = Origin {
        peer: &who.peer,
        listener: &endpoint.name,
        local_port: endpoint.port,
        scheme: Scheme::Http.as_str(),
        tls: None,
        secured: None,
    };
    origin.of(who)
}
