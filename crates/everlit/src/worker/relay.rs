//! Moves bytes between a connection with a backend and the exchange that it is for.
//!
//! In: news from the kernel about either side. Out: progress on both. Must hold: never blocks; what one side is too slow
//! for is not read from the other, or waits in a file.

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;

use super::conn::{Conn, Input};
use super::serve::{self, Fate};
use super::table::Key;
use super::upstream::{HostRef, LinkId, Reach, Upstream};
use super::{Worker, origin};
use crate::gateway::Target;
use crate::gateway::balance;
use crate::gateway::relay::{Direction, Stage, Trouble, Used};
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
                self.lost(key, Trouble::Unreachable(errno));
            }
        }
        self.relay(key);
    }

    /// Has an exchange with a backend go on, as far as it goes.
    pub(super) fn relay(&mut self, key: Key) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        if !conn.http.is_relaying() {
            return;
        }
        let before = conn.http.moment();
        let more = loop {
            if !self.link(key) {
                break Fate::Keep;
            }
            match self.pass(key) {
                (Next::On, fate) => break fate,
                (Next::Retry, _) => self.unlink(key, Next::Retry),
                (next, _) => {
                    self.unlink(key, next);
                    break Fate::Keep;
                }
            }
        };
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        let endpoint = &self.endpoints[usize::from(conn.endpoint)];
        let peer = conn.peer;
        let origin = origin(&peer, endpoint);
        let owed = owed(conn);
        let fate = if conn.http.owes() || !conn.http.is_relaying() || conn.http.has_news() {
            serve::writable(conn, origin, &mut self.bench, &mut self.buffer)
        } else if conn.http.wants_input() && conn.input != Input::Drained {
            serve::readable(conn, origin, &mut self.bench, &mut self.buffer)
        } else {
            Fate::Keep
        };
        let fate = match fate {
            // What could not be read because there was no room may be read now.
            Fate::Keep if conn.http.is_relaying() => {
                if conn.link.is_none() && conn.http.needs_link()
                    // It was read after the backend had its turn, and no news will come of it.
                    || owed != self::owed(conn)
                    || more == Fate::Yield && conn.http.wants_answer()
                {
                    Fate::Yield
                } else {
                    Fate::Keep
                }
            }
            fate => fate,
        };
        self.settle(key, before, fate);
    }

    /// The patience with a backend is over, or it is lost.
    pub(super) fn lost(&mut self, key: Key, trouble: Trouble) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        let Some(relay) = conn.http.relay() else {
            return;
        };
        if let (Trouble::Unreachable(_), Target::Host { group, host, .. }) =
            (trouble, &relay.target)
        {
            let host = &group.hosts[*host];
            host.state
                .failed(self.bench.now.monotonic.as_secs(), host.disable_time);
        }
        let used = conn
            .link
            .and_then(|id| self.upstreams.get_mut(id))
            .map_or(Used::Never, |upstream| upstream.used);
        let endpoint = &self.endpoints[usize::from(conn.endpoint)];
        let peer = conn.peer;
        let next =
            conn.http
                .backend_failed(trouble, used, origin(&peer, endpoint), &mut self.bench);
        self.unlink(key, next);
    }

    /// What becomes of a connection after its exchange is over, or wants another one.
    fn unlink(&mut self, key: Key, next: Next) {
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
            self.programs.dismiss(upstream.link);
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
                Target::Program(program) => self
                    .programs
                    .start(program, &relay.upload.head)
                    .map(|link| Upstream::new(link, key, None, Reach::Up))
                    .and_then(|upstream| self.upstreams.insert(upstream, &self.epoll)),
            };
            relay.tries = relay.tries.saturating_add(1);
            match found {
                Ok(id) => {
                    conn.link = Some(id);
                    return true;
                }
                Err(errno) => self.lost(key, Trouble::Unreachable(errno)),
            }
        }
    }

    /// Writes what the backend is owed, and reads what it says.
    fn pass(&mut self, key: Key) -> (Next, Fate) {
        let Some(conn) = self.table.get_mut(key) else {
            return (Next::On, Fate::Keep);
        };
        let Some(upstream) = conn.link.and_then(|id| self.upstreams.get_mut(id)) else {
            return (Next::On, Fate::Keep);
        };
        if upstream.reach == Reach::Connecting {
            return (Next::On, Fate::Keep);
        }
        let endpoint = &self.endpoints[usize::from(conn.endpoint)];
        let peer = conn.peer;
        let origin = origin(&peer, endpoint);
        conn.http.backend_reached(origin, &mut self.bench);
        let was_tunnel = is_tunnel(conn);
        let mut written = write(conn, upstream);
        let (next, read) = read(conn, upstream, origin, &mut self.bench, &mut self.buffer);
        if next == Next::On && !was_tunnel && is_tunnel(conn) {
            // What the client has said too early: no news will come of it.
            written = write(conn, upstream);
        }
        match (written, read) {
            (Fate::Yield, _) | (_, Fate::Yield) => (next, Fate::Yield),
            _ => (next, Fate::Keep),
        }
    }
}

/// Whether the backend is owed anything: bytes, the end of a tunnel's direction, the end of a body.
fn owed(conn: &mut Conn) -> Option<[bool; 3]> {
    conn.http.relay().map(|relay| {
        let ends =
            matches!(&relay.stage, Stage::Tunnel { client, .. } if *client == Direction::Ending);
        [!relay.upload.is_empty(), ends, !relay.wants_end()]
    })
}

fn is_tunnel(conn: &mut Conn) -> bool {
    conn.http.relay().is_some_and(|relay| relay.is_tunnel())
}

/// Sends what the backend is owed.
fn write(conn: &mut Conn, upstream: &mut Upstream) -> Fate {
    let Some(relay) = conn.http.relay() else {
        return Fate::Keep;
    };
    let is_program = matches!(relay.target, Target::Program(_));
    if is_program {
        // Its head is its environment, which it has.
        relay.upload.sent = relay.upload.head.len();
    }
    let mut fate = Fate::Keep;
    if !relay.upload.is_empty()
        && let Some(sink) = upstream.link.sink()
    {
        match relay.upload.flush(sink) {
            Ok(Flushed::Yielded) => fate = Fate::Yield,
            Ok(Flushed::All | Flushed::Blocked) => {}
            Err(Broken::Socket(_)) => {
                // It may have answered before it closed: reading will tell.
                relay.upload.give_up();
                upstream.input = Input::Ended;
            }
            Err(Broken::File(_)) => {
                relay.upload.give_up();
                upstream.link.end();
            }
        }
    }
    let has_ended = !relay.wants_end();
    if relay.upload.is_empty() {
        if relay.is_tunnel() {
            relay.upload.rest.release();
        }
        match &mut relay.stage {
            Stage::Tunnel { client, .. } if *client == Direction::Ending => {
                *client = Direction::Closed;
                upstream.link.end();
            }
            Stage::Asking { .. } | Stage::Answering { .. } if is_program && has_ended => {
                upstream.link.end();
            }
            _ => {}
        }
    }
    fate
}

/// Reads what the backend says, as long as there is room for it.
fn read(
    conn: &mut Conn,
    upstream: &mut Upstream,
    origin: Origin<'_>,
    bench: &mut Bench,
    buffer: &mut [u8],
) -> (Next, Fate) {
    for _ in 0..READ_TURN {
        if upstream.input == Input::Drained || !conn.http.wants_answer() {
            return (Next::On, Fate::Keep);
        }
        let next = match upstream.link.receive(buffer) {
            Ok(0) => conn
                .http
                .backend_failed(Trouble::Ended, upstream.used, origin, bench),
            Ok(n) => {
                if upstream.input == Input::Pending && n < buffer.len() {
                    upstream.input = Input::Drained;
                }
                conn.http.backend_said(&buffer[..n], origin, bench)
            }
            Err(Errno::AGAIN) => {
                upstream.input = Input::Drained;
                return (Next::On, Fate::Keep);
            }
            Err(Errno::INTR) => Next::On,
            Err(errno) => {
                conn.http
                    .backend_failed(Trouble::Broke(errno), upstream.used, origin, bench)
            }
        };
        if next != Next::On {
            return (next, Fate::Keep);
        }
        if conn.http.has_news() {
            // A tunnel's end: nothing more will come.
            return (Next::On, Fate::Keep);
        }
    }
    (Next::On, Fate::Yield)
}
