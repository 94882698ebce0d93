//! Moves bytes between a connection with a backend and the exchange that it is for.
//!
//! In: news from the kernel about either side. Out: progress on both. Must hold: never blocks; what one side is too slow
//! for is not read from the other, or waits in a file.

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;

use super::conn::{Conn, Input};
use super::serve::{self, Fate};
use super::table::Key;
use super::upstream::{HostRef, Link, LinkId, Output, Reach, Upstream};
use super::{Worker, origin};
use crate::gateway::balance;
use crate::gateway::relay::{Direction, Relay, Stage, Trouble, Used};
use crate::gateway::{Target, Upgrade};
use crate::http1::relaying::Next;
use crate::route::Origin;
use crate::transport::outbox::{Broken, Flushed};
use crate::worker::bench::Bench;

/// Reads of one backend before others have their turn.
const READ_TURN: usize = 8;

impl Worker {
    /// The kernel has news of a connection with a backend.
    pub(super) fn on_upstream(&mut self, id: LinkId, flags: EventFlags) {
        let Some(upstream) = self.upstreams.get_mut(id) else {
            return;
        };
        let gone = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        if flags.intersects(gone) {
            upstream.input = Input::Ended;
        } else if flags.contains(EventFlags::IN) && upstream.input == Input::Drained {
            upstream.input = Input::Pending;
        }
        if flags.intersects(gone | EventFlags::OUT) {
            upstream.output = Output::Ready;
        }
        let Some(key) = upstream.owner else {
            // Nobody has asked it anything: whatever it says, it is of no use any more.
            if upstream.input != Input::Drained {
                self.upstreams.remove(id);
            }
            return;
        };
        if upstream.reach == Reach::Connecting {
            if !flags.intersects(gone | EventFlags::OUT) {
                return;
            }
            if let Err(errno) = upstream.arrive() {
                return self.lost(key, Trouble::Unreachable(errno));
            }
        }
        self.relay(key);
    }

    /// The patience with a backend is over.
    pub(super) fn tire_of(&mut self, key: Key) {
        let link = self.table.get_mut(key).and_then(|conn| conn.link);
        let reach = link
            .and_then(|id| self.upstreams.get_mut(id))
            .map(|upstream| upstream.reach);
        let trouble = match reach {
            Some(Reach::Connecting) => Trouble::Unreachable(Errno::TIMEDOUT),
            Some(Reach::Up) | None => Trouble::Silent,
        };
        self.lost(key, trouble);
    }

    /// A backend is lost: another one is asked, or the client is told.
    pub(super) fn lost(&mut self, key: Key, trouble: Trouble) {
        self.give_up(key, trouble);
        self.go_on(key);
    }

    /// Has an exchange with a backend go on, as far as it goes.
    pub(super) fn relay(&mut self, key: Key) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        if conn.http.is_relaying() {
            self.go_on(key);
        }
    }

    /// The same, also if the exchange is over and the client was not told yet.
    fn go_on(&mut self, key: Key) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        let before = conn.http.moment();
        while self.link(key) {
            match self.pass(key) {
                Next::On => break,
                Next::Retry => self.unlink(key, Next::Retry),
                next => {
                    self.unlink(key, next);
                    break;
                }
            }
        }
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        let endpoint = &self.endpoints[usize::from(conn.endpoint)];
        let who = conn.who();
        let origin = origin(&who, endpoint);
        let fate = if conn.owes() || !conn.http.is_relaying() || conn.http.has_news() {
            serve::writable(conn, origin, &mut self.bench, &mut self.buffer)
        } else if conn.http.wants_input() && conn.input != Input::Drained {
            serve::readable(conn, origin, &mut self.bench, &mut self.buffer)
        } else {
            Fate::Keep
        };
        let fate = match fate {
            // What there was no room for may move now, and nobody else will tell.
            Fate::Keep if conn.http.is_relaying() && self.may_move(key) => Fate::Yield,
            fate => fate,
        };
        self.settle(key, before, fate);
    }

    /// Whether an exchange could go on at once.
    fn may_move(&mut self, key: Key) -> bool {
        let Some(conn) = self.table.get_mut(key) else {
            return false;
        };
        let Some(upstream) = conn.link.and_then(|id| self.upstreams.get_mut(id)) else {
            return conn.http.needs_link();
        };
        if upstream.reach == Reach::Connecting {
            return false;
        }
        let can_write = upstream.output == Output::Ready
            && conn.http.relay().is_some_and(|relay| relay.has_to_say());
        let can_read = upstream.input != Input::Drained && conn.http.wants_answer();
        let can_end = conn
            .http
            .relay()
            .is_some_and(|relay| is_to_be_ended(relay, &upstream.link));
        can_write || can_read || can_end
    }

    /// Notes that a backend could not be reached, or is lost.
    fn give_up(&mut self, key: Key, trouble: Trouble) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        let Some(relay) = conn.http.relay() else {
            return;
        };
        if let (Trouble::Unreachable(_), Target::Host { group, host, .. }) =
            (trouble, &relay.target)
        {
            let second = self.bench.now.monotonic.as_secs();
            let host = &group.hosts[*host];
            host.state.failed(second, host.disable_time);
            let mut others = group.hosts.iter().enumerate();
            if others
                .all(|(index, host)| relay.tried.contains(&index) || host.state.is_down(second))
            {
                // Nobody is left to be asked.
                relay.tries = u8::MAX;
            }
        }
        let used = conn
            .link
            .and_then(|id| self.upstreams.get_mut(id))
            .map_or(Used::Never, |upstream| upstream.used);
        let endpoint = &self.endpoints[usize::from(conn.endpoint)];
        let who = conn.who();
        let next = conn
            .http
            .backend_failed(trouble, used, origin(&who, endpoint), &mut self.bench);
        self.unlink(key, next);
    }

    /// What becomes of a connection after its exchange is over, or wants another one.
    pub(super) fn unlink(&mut self, key: Key, next: Next) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        let Some(id) = conn.link.take() else {
            return;
        };
        match next {
            Next::On => conn.link = Some(id),
            Next::Release => {
                self.upstreams
                    .release(id, self.bench.now.monotonic.as_secs());
            }
            Next::Drop | Next::Retry => self.drop_upstream(id),
        }
    }

    /// Ends a connection with a backend, and the program behind it if nobody else uses it.
    pub(super) fn drop_upstream(&mut self, id: LinkId) {
        if let Some(upstream) = self.upstreams.remove(id) {
            // One that has said everything may still have something to do.
            if upstream.input != Input::Ended {
                self.programs.dismiss(upstream.link);
            }
        }
    }

    /// Gives an exchange a connection if it wants one. Returns whether it has one.
    fn link(&mut self, key: Key) -> bool {
        loop {
            let Some(conn) = self.table.get_mut(key) else {
                return false;
            };
            if conn.link.is_some() {
                return true;
            }
            let Some(relay) = conn.http.relay().filter(|relay| relay.needs_link()) else {
                return false;
            };
            let second = self.bench.now.monotonic.as_secs();
            let found = match &mut relay.target {
                Target::Host {
                    group,
                    host,
                    preference,
                } => {
                    if relay.tries > 0 && group.hosts[*host].state.is_down(second) {
                        match balance::choose(group, *preference, second, &relay.tried) {
                            Some(other) => *host = other,
                            // Nobody is left.
                            None => relay.tries = u8::MAX - 1,
                        }
                    }
                    let place = HostRef {
                        group: group.clone(),
                        host: *host,
                    };
                    if !relay.tried.contains(host) {
                        relay.tried.push(*host);
                    }
                    let reused = relay
                        .may_reuse()
                        .then(|| self.upstreams.reuse(&place, key))
                        .flatten();
                    match reused {
                        Some(id) => Ok(id),
                        None => Upstream::connect(place, key)
                            .and_then(|upstream| self.upstreams.insert(upstream, &self.epoll)),
                    }
                }
                Target::Program(program) => {
                    let log = relay.asked.settings.core.breakage_log;
                    let errors = log.and_then(|log| self.bench.logs.descriptor(log));
                    self.programs
                        .start(program, &relay.upload.head, errors)
                        .map(|link| Upstream::new(link, key, None, Reach::Up))
                        .and_then(|upstream| self.upstreams.insert(upstream, &self.epoll))
                }
                Target::Chore => {
                    let body = std::mem::take(&mut relay.upload.rest);
                    let order = &relay.upload.head;
                    let begun = self.bench.chores.begin(order, body, &relay.asked.settings);
                    relay.upload.give_up();
                    begun
                        .map(|socket| Upstream::new(Link::Socket(socket), key, None, Reach::Up))
                        .and_then(|upstream| self.upstreams.insert(upstream, &self.epoll))
                }
            };
            relay.tries = relay.tries.saturating_add(1);
            match found {
                Ok(id) => {
                    conn.link = Some(id);
                    return true;
                }
                Err(errno) => self.give_up(key, Trouble::Unreachable(errno)),
            }
        }
    }

    /// Writes what the backend is owed, and reads what it says.
    fn pass(&mut self, key: Key) -> Next {
        let Some(conn) = self.table.get_mut(key) else {
            return Next::On;
        };
        let Some(upstream) = conn.link.and_then(|id| self.upstreams.get_mut(id)) else {
            return Next::On;
        };
        if upstream.reach == Reach::Connecting {
            return Next::On;
        }
        let endpoint = &self.endpoints[usize::from(conn.endpoint)];
        let who = conn.who();
        let origin = origin(&who, endpoint);
        conn.http.backend_reached(origin, &mut self.bench);
        if let Next::Retry = write(conn, upstream) {
            return Next::Retry;
        }
        if conn.http.ends_tunnel() {
            return Next::Drop;
        }
        read(conn, upstream, origin, &mut self.bench, &mut self.buffer)
    }
}

/// Sends what the backend is owed.
fn write(conn: &mut Conn, upstream: &mut Upstream) -> Next {
    let Some(relay) = conn.http.relay() else {
        return Next::On;
    };
    let is_program = matches!(relay.target, Target::Program(_));
    if is_program {
        // Its head is its environment, which it has.
        relay.upload.sent = relay.upload.head.len();
    }
    if !relay.upload.is_empty() {
        let flushed = match upstream.link.sink() {
            Some(sink) => relay.upload.flush(sink),
            // Its input is closed already: nobody will ever take this.
            None => {
                relay.upload.give_up();
                Ok(Flushed::All)
            }
        };
        match flushed {
            Ok(Flushed::Blocked) => upstream.output = Output::Blocked,
            Ok(Flushed::All | Flushed::Yielded) => {}
            Err(Broken::Socket(errno))
                if relay.may_ask_again(Trouble::Broke(errno), upstream.used) =>
            {
                relay.ask_again();
                return Next::Retry;
            }
            Err(Broken::Socket(_)) => {
                // It may have answered before it closed: reading will tell.
                relay.upload.give_up();
                upstream.input = Input::Ended;
                if let Stage::Tunnel { client, .. } = &mut relay.stage {
                    *client = Direction::Closed;
                }
            }
            Err(Broken::File(_)) => {
                relay.upload.give_up();
                upstream.link.end();
            }
        }
    }
    if relay.upload.is_empty() && relay.is_tunnel() {
        relay.upload.rest.release();
    }
    if is_to_be_ended(relay, &upstream.link) {
        upstream.link.end();
        if let Stage::Tunnel { client, .. } = &mut relay.stage {
            *client = Direction::Closed;
        }
    }
    Next::On
}

/// Whether the backend has been sent everything, and is to be told that nothing more will come.
fn is_to_be_ended(relay: &Relay, link: &Link) -> bool {
    let hears = matches!(link, Link::Program { stdin: Some(_), .. });
    let has_ended = match &relay.stage {
        Stage::Collecting(_) => false,
        // A program that may switch protocols may want to hear more after its answer's head.
        Stage::Asking { .. } => hears && !relay.wants_end() && relay.asked.upgrade == Upgrade::No,
        Stage::Answering { .. } => hears && !relay.wants_end(),
        Stage::Tunnel { client, .. } => *client == Direction::Ending,
    };
    has_ended && relay.upload.is_empty()
}

/// Reads what the backend says, as long as there is room for it.
fn read(
    conn: &mut Conn,
    upstream: &mut Upstream,
    origin: Origin<'_>,
    bench: &mut Bench,
    buffer: &mut [u8],
) -> Next {
    for _ in 0..READ_TURN {
        if upstream.input == Input::Drained || !conn.http.wants_answer() {
            return Next::On;
        }
        let next = match upstream.link.receive(buffer) {
            Ok(0) => {
                upstream.input = Input::Ended;
                conn.http
                    .backend_failed(Trouble::Ended, upstream.used, origin, bench)
            }
            Ok(n) => {
                if upstream.input == Input::Pending && n < buffer.len() {
                    upstream.input = Input::Drained;
                }
                conn.http.backend_said(&buffer[..n], origin, bench)
            }
            Err(Errno::AGAIN) => {
                upstream.input = Input::Drained;
                return Next::On;
            }
            Err(Errno::INTR) => Next::On,
            Err(errno) => {
                conn.http
                    .backend_failed(Trouble::Broke(errno), upstream.used, origin, bench)
            }
        };
        if next != Next::On {
            return next;
        }
        if conn.http.has_news() {
            // A tunnel's end: nothing more will come.
            return Next::On;
        }
    }
    Next::On
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::rc::Rc;
    use std::sync::Arc;

    use super::*;
    use crate::gateway::Protocol;
    use crate::gateway::balance::Preference;
    use crate::gateway::host::{Balance, tests::group};
    use crate::gateway::preface::{Length, Preface};
    use crate::gateway::relay::{Asked, Body, Source};
    use crate::http1::head::{Method, Version};
    use crate::http1::state::State;
    use crate::http1::turn::Turn;
    use crate::net::Peer;
    use crate::worker::table::Table;

    fn exchange(method: Method) -> Conn {
        let asked = Asked {
            source: Source::default(),
            rewritten: None,
            overrides: Vec::new(),
            environment: Vec::new(),
            fields: Vec::new(),
            method,
            version: Version::Http11,
            upgrade: Upgrade::No,
            status: None,
            settings: Rc::default(),
            first: Rc::default(),
        };
        let target = Target::Host {
            group: Arc::new(group("", 1)),
            host: 0,
            preference: Preference {
                balance: Balance::Fair,
                hash: 0,
            },
        };
        let preface = Preface {
            protocol: Protocol::Http,
            bytes: b"GET / HTTP/1.1\r\n".to_vec(),
        };
        let mut relay = Relay::new(asked, target, preface, Body::Backend, Length::Nothing);
        relay.tries = 1;
        let (socket, _) = UnixStream::pair().unwrap();
        let mut conn = Conn::new(socket.into(), Peer::Unix, 0);
        conn.http.state = State::Busy(Box::new(Turn {
            relay: Some(Box::new(relay)),
            ..Turn::default()
        }));
        conn
    }

    #[test]
    fn a_connection_that_was_closed_while_it_waited_is_replaced() {
        for (method, used, expected) in [
            (Method::Get, Used::Before, Next::Retry),
            (Method::Get, Used::Never, Next::On),
            (Method::Post, Used::Before, Next::On),
        ] {
            let mut conn = exchange(method);
            let key = Table::default().insert(exchange(method));
            let (socket, other) = UnixStream::pair().unwrap();
            drop(other);
            let link = Link::Socket(OwnedFd::from(socket));
            let mut upstream = Upstream::new(link, key, None, Reach::Up);
            upstream.used = used;
            assert_eq!(write(&mut conn, &mut upstream), expected, "{method:?}");
            let relay = conn.http.relay().unwrap();
            // To be sent once more, or given up.
            assert_eq!(relay.upload.is_empty(), expected == Next::On, "{method:?}");
        }
    }
}
