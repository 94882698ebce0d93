//! 1. A socket arrives.
//!
//! In: a listening socket with somebody waiting. Out: connections in the table, or answered and closed at once. Must
//! hold: with too many connections, or too few descriptors, clients wait in the kernel's queue instead of being cut.

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketFlags, acceptfrom_with};

use super::conn::{Conn, Introduction, NextTurn};
use super::serve::{self, Fate};
use super::table::Key;
use super::{Accepting, Worker, origin};
use crate::gateway::Target;
use crate::gateway::balance::{self, Preference};
use crate::net::Peer;
use crate::route::arrival::{Introduced, Secrecy};

/// Connections accepted before others have their turn.
const ACCEPT_TURN: usize = 64;

impl Worker {
    /// Watches all listening sockets. One waiting client wakes one worker.
    pub(super) fn start_accepting(&mut self) -> Result<(), Errno> {
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            if let Some(socket) = &endpoint.socket {
                let flags = EventFlags::IN | EventFlags::EXCLUSIVE;
                match epoll::add(&self.epoll, socket, EventData::new_u64(index as u64), flags) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
        self.accepting = Accepting::Yes;
        Ok(())
    }

    /// As [`Worker::start_accepting`], later: if the kernel refuses now, it is tried again in a second.
    pub(super) fn resume_accepting(&mut self) {
        if self.start_accepting().is_err() {
            self.stop_accepting(Accepting::Full);
        }
    }

    /// Watches none of them.
    pub(super) fn stop_accepting(&mut self, accepting: Accepting) {
        for endpoint in &self.endpoints {
            if let Some(socket) = &endpoint.socket {
                // It may not be watched: all the same.
                let _ = epoll::delete(&self.epoll, socket);
            }
        }
        self.accepting = accepting;
    }

    /// A listening socket has somebody waiting.
    pub(super) fn accept(&mut self, index: usize) {
        if self.accepting == Accepting::Yes {
            self.take_clients(index);
        }
    }

    /// Takes clients from the queue of a listening socket, as many as have their turn now; returns how many.
    pub(super) fn take_clients(&mut self, index: usize) -> usize {
        let Some(endpoint) = self.endpoints.get(index).cloned() else {
            return 0;
        };
        let Some(listener) = &endpoint.socket else {
            return 0;
        };
        let mut fresh = std::mem::take(&mut self.fresh);
        while fresh.len() < ACCEPT_TURN {
            if self.table.len() + fresh.len() >= self.max_connections {
                self.pause_accepting();
                break;
            }
            match acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok((socket, address)) => fresh.push(Conn::new(socket, peer(address), index as u16)),
                Err(Errno::AGAIN) => break,
                // The client gave up while it waited.
                Err(Errno::INTR | Errno::CONNABORTED | Errno::PROTO | Errno::PERM) => {}
                Err(_) => {
                    self.pause_accepting();
                    break;
                }
            }
        }
        let count = fresh.len();
        for conn in fresh.drain(..) {
            self.welcome(conn);
        }
        self.fresh = fresh;
        count
    }

    /// There is no room; it is tried again when there is, or in a second.
    fn pause_accepting(&mut self) {
        if self.accepting == Accepting::Yes {
            self.stop_accepting(Accepting::Full);
        }
    }

    /// A new connection. Often its request is here already, and often the only one: then it is answered and closed
    /// without ever having been in the table.
    pub(super) fn welcome(&mut self, mut conn: Conn) {
        let endpoint = &self.endpoints[usize::from(conn.endpoint)];
        let who = conn.who();
        let origin = origin(&who, endpoint);
        let arrived = self.bench.desk.arrival(origin);
        if arrived.secured == Secrecy::Tls {
            conn.channel = Some(Box::default());
        }
        if arrived.introduction == Introduced::First {
            conn.introduction = Introduction::Awaited(Box::default());
        }
        if let Some((group, balance, settings)) = arrived.tunnel {
            let preference = Preference::new(balance, b"/", b"", who.peer.ip());
            let now = self.bench.now.monotonic.as_secs();
            // All hosts are left alone: nothing can be said to the client but that.
            let Some(host) = balance::choose(&group, preference, now, &[]) else {
                return;
            };
            let target = Target::Host {
                group,
                host,
                preference,
            };
            conn.http.begin_tunnel(target, settings, &mut self.bench);
        }
        let fate = serve::readable(&mut conn, origin, &mut self.bench, &mut self.buffer);
        if fate == Fate::Close {
            serve::part(&mut conn);
            self.bench.desk.knowledge.question = None;
            conn.http.abandon(&mut self.bench);
            return;
        }
        let deadline = self.second() + u32::from(conn.http.patience(&self.bench)) + 1;
        let key = self.admit(conn, fate, deadline);
        self.keep_warm(key);
        self.inquire(key);
        self.relay(key);
    }

    /// Puts a connection into the table and has the kernel tell of its news. If the kernel refuses that, the connection
    /// ends and the key leads nowhere.
    pub(super) fn admit(&mut self, mut conn: Conn, fate: Fate, deadline: u32) -> Key {
        // If it stood in the queue, it was by another key.
        conn.turn = NextTurn::OnNews;
        let phase = Some(conn.http.phase());
        self.bench.counters.moved(conn.counted, phase);
        conn.counted = phase;
        let key = self.table.insert(conn);
        self.count();
        self.table.set_deadline(key, deadline);
        let Some(conn) = self.table.get_mut(key) else {
            return key;
        };
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        if epoll::add(
            &self.epoll,
            &conn.socket,
            EventData::new_u64(key.to_bits()),
            flags,
        )
        .is_err()
        {
            self.close(key);
        } else if fate == Fate::Yield {
            conn.turn = NextTurn::Queued;
            self.ready.push(key);
        }
        key
    }
}

fn peer(address: Option<SocketAddrAny>) -> Peer {
    let address = address.and_then(|address| std::net::SocketAddr::try_from(address).ok());
    address.map_or(Peer::Unix, Peer::from)
}
