//! Connections with backends: those in use, and those that wait to be used again.
//!
//! In: hosts to be reached, exchanges that are over. Out: connections, by a [`LinkId`] that is never mistaken for
//! another's. Must hold: a connection belongs to one exchange or to none; one that waits is given up as soon as its
//! backend has anything to say.

use minicbor::{Decode, Encode};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType, connect,
    socket_with, sockopt,
};
use slab::Slab;

use super::conn::Input;
use super::table::Key;
use crate::gateway::balance::Busy;
use crate::gateway::host::{Address, Group, State};
use crate::gateway::relay::Used;
use crate::transport::outbox::Sink;

/// In an event's number: it is a connection with a backend.
const BACKEND: u64 = 1 << 31;

/// Connections that wait to be used again, for each host.
const WAITING_MAX: usize = 256;

/// Seconds that a connection waits to be used again.
const WAITING_SECONDS: u64 = 10;

/// Names a connection with a backend, also in the kernel's event queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkId(NonZeroU64);

/// A connection with a backend.
#[derive(Debug)]
pub struct Upstream {
    /// Its descriptors.
    pub link: Link,
    /// The client it is for; `None`: it waits to be used again.
    pub owner: Option<Key>,
    /// Which host it leads to; `None`: to a program, or to one that is configured no longer.
    pub host: Option<HostRef>,
    /// Counts as a request under way at that host.
    pub busy: Option<Busy>,
    /// Whether it is there yet.
    pub reach: Reach,
    /// Whether it was used for an exchange before.
    pub used: Used,
    /// What is known of input that we have not read.
    pub input: Input,
    /// Whether it takes more.
    pub output: Output,
    /// Since when it waits (monotonic, in seconds).
    waiting_since: u64,
}

/// A host of a group.
#[derive(Clone, Debug)]
pub struct HostRef {
    /// The group.
    pub group: Arc<Group>,
    /// Index into its hosts.
    pub host: usize,
}

impl HostRef {
    /// How it is doing.
    pub fn state(&self) -> &Arc<State> {
        &self.group.hosts[self.host].state
    }
}

impl PartialEq for HostRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.group, &other.group) && self.host == other.host
    }
}

/// Descriptors of a connection with a backend.
#[derive(Debug)]
pub enum Link {
    /// A stream socket.
    Socket(OwnedFd),
    /// A program of its own.
    Program {
        /// Its input; `None`: closed.
        stdin: Option<OwnedFd>,
        /// Its output.
        stdout: OwnedFd,
        /// The process, to end it when nobody waits for its answer any more.
        process: OwnedFd,
    },
}

/// Whether a connection is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Reach {
    /// The other end has not answered yet.
    #[n(0)]
    Connecting,
    /// Yes.
    #[n(1)]
    Up,
}

/// Whether a connection takes more of what is owed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Yes, as far as is known.
    Ready,
    /// No; the kernel will tell when it does.
    Blocked,
}

impl Link {
    /// Reads.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Link::Socket(socket) => {
                rustix::net::recv(socket, buffer, RecvFlags::empty()).map(|(n, _)| n)
            }
            Link::Program { stdout, .. } => rustix::io::read(stdout, buffer),
        }
    }

    /// Where it is written to; `None`: nowhere any more.
    pub fn sink(&self) -> Option<Sink<'_>> {
        match self {
            Link::Socket(socket) => Some(Sink::Socket(socket.as_fd())),
            Link::Program { stdin, .. } => stdin.as_ref().map(|pipe| Sink::Pipe(pipe.as_fd())),
        }
    }

    /// Says that nothing more will come from us.
    pub fn end(&mut self) {
        match self {
            // If it fails the connection is gone, and reading will tell.
            Link::Socket(socket) => drop(rustix::net::shutdown(socket, Shutdown::Write)),
            Link::Program { stdin, .. } => *stdin = None,
        }
    }

    /// All descriptors that the kernel is to tell of.
    fn watched(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let (one, other) = match self {
            Link::Socket(socket) => (socket.as_fd(), None),
            Link::Program { stdin, stdout, .. } => (stdout.as_fd(), stdin.as_ref()),
        };
        std::iter::once(one).chain(other.map(AsFd::as_fd))
    }
}

/// All connections with backends of one worker.
#[derive(Debug, Default)]
pub struct Upstreams {
    slots: Slab<(u32, Upstream)>,
    last_serial: u32,
    /// Those that wait to be used again.
    pools: Vec<(HostRef, Vec<LinkId>)>,
}

impl LinkId {
    /// The connection that an event is about, if it is one with a backend.
    pub fn from_bits(bits: u64) -> Option<LinkId> {
        let is_one = bits >> 32 != 0 && bits & BACKEND != 0;
        NonZeroU64::new(bits).filter(|_| is_one).map(LinkId)
    }

    fn index(self) -> usize {
        (self.0.get() & (BACKEND - 1)) as usize
    }

    fn serial(self) -> u32 {
        (self.0.get() >> 32) as u32
    }
}

impl Upstreams {
    /// The connection of this name, if it is still there.
    pub fn get_mut(&mut self, id: LinkId) -> Option<&mut Upstream> {
        match self.slots.get_mut(id.index()) {
            Some((serial, upstream)) if *serial == id.serial() => Some(upstream),
            _ => None,
        }
    }

    /// A connection that waits for this host, if there is one.
    pub fn reuse(&mut self, host: &HostRef, owner: Key) -> Option<LinkId> {
        let (_, waiting) = self.pools.iter_mut().find(|(of, _)| of == host)?;
        let id = waiting.pop()?;
        let upstream = self.get_mut(id)?;
        upstream.owner = Some(owner);
        upstream.used = Used::Before;
        upstream.busy = Some(host.state().begin());
        Some(id)
    }

    /// Takes a connection in, and has the kernel tell of its news.
    pub fn insert(&mut self, upstream: Upstream, epoll: &OwnedFd) -> Result<LinkId, Errno> {
        self.last_serial = self.last_serial.checked_add(1).unwrap_or(1);
        let entry = self.slots.vacant_entry();
        let bits = u64::from(self.last_serial) << 32 | BACKEND | entry.key() as u64;
        let id = LinkId(NonZeroU64::new(bits).expect("a serial is never zero"));
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        for descriptor in upstream.link.watched() {
            epoll::add(epoll, descriptor, EventData::new_u64(bits), flags)?;
        }
        entry.insert((self.last_serial, upstream));
        Ok(id)
    }

    /// Takes a connection out; the kernel tells of it no longer.
    pub fn take(&mut self, id: LinkId, epoll: &OwnedFd) -> Option<Upstream> {
        let upstream = self.remove(id)?;
        for descriptor in upstream.link.watched() {
            // A registration would outlive our descriptor if somebody else holds the same socket.
            let _ = epoll::delete(epoll, descriptor);
        }
        Some(upstream)
    }

    /// Ends a connection; what is returned may be dropped.
    pub fn remove(&mut self, id: LinkId) -> Option<Upstream> {
        match self.slots.get(id.index()) {
            Some((serial, _)) if *serial == id.serial() => {
                let (_, upstream) = self.slots.remove(id.index());
                if upstream.owner.is_none() {
                    for (_, waiting) in &mut self.pools {
                        waiting.retain(|waiting| *waiting != id);
                    }
                }
                Some(upstream)
            }
            _ => None,
        }
    }

    /// An exchange is over: its connection waits for the next one, if there is room and it is any good.
    pub fn release(&mut self, id: LinkId, second: u64) {
        let Some(upstream) = self.get_mut(id) else {
            return;
        };
        let host = upstream.host.clone();
        let is_good = upstream.input == Input::Drained && upstream.reach == Reach::Up;
        let (Some(host), true) = (host, is_good) else {
            self.remove(id);
            return;
        };
        upstream.owner = None;
        upstream.busy = None;
        upstream.waiting_since = second;
        let index = self.pools.iter().position(|(of, _)| *of == host);
        let index = index.unwrap_or_else(|| {
            self.pools.push((host, Vec::new()));
            self.pools.len() - 1
        });
        let waiting = &mut self.pools[index].1;
        if waiting.len() < WAITING_MAX {
            waiting.push(id);
        } else {
            self.remove(id);
        }
    }

    /// Gives up those that have waited too long. Nobody loses anything: no request is on its way.
    pub fn sweep(&mut self, second: u64) {
        for id in self.waiting(|since| since + WAITING_SECONDS <= second) {
            self.remove(id);
        }
    }

    /// Gives all up that wait: another process will make its own.
    pub fn give_up_waiting(&mut self) {
        for id in self.waiting(|_| true) {
            self.remove(id);
        }
    }

    /// Whether any waits.
    pub fn is_holding(&self) -> bool {
        self.pools.iter().any(|(_, waiting)| !waiting.is_empty())
    }

    fn waiting(&self, which: impl Fn(u64) -> bool) -> Vec<LinkId> {
        let all = self.pools.iter().flat_map(|(_, waiting)| waiting);
        all.filter(|id| {
            let slot = self.slots.get(id.index());
            slot.is_some_and(|(_, upstream)| which(upstream.waiting_since))
        })
        .copied()
        .collect()
    }
}

impl Upstream {
    /// A connection that is there, or on its way.
    pub fn new(link: Link, owner: Key, host: Option<HostRef>, reach: Reach) -> Upstream {
        Upstream {
            link,
            owner: Some(owner),
            busy: host.as_ref().map(|host| host.state().begin()),
            host,
            reach,
            used: Used::Never,
            input: Input::Drained,
            output: Output::Ready,
            waiting_since: 0,
        }
    }

    /// Begins to connect.
    pub fn connect(host: HostRef, owner: Key) -> Result<Upstream, Errno> {
        let address = &host.group.hosts[host.host].address;
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (socket, connected) = match address {
            Address::Tcp(address) => {
                let family = match address {
                    std::net::SocketAddr::V4(_) => AddressFamily::INET,
                    std::net::SocketAddr::V6(_) => AddressFamily::INET6,
                };
                let socket = socket_with(family, SocketType::STREAM, flags, None)?;
                // A request that takes two writes must not wait for an acknowledgement of the first.
                let _ = sockopt::set_tcp_nodelay(&socket, true);
                let connected = connect(&socket, address);
                (socket, connected)
            }
            Address::Unix(path) => {
                let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
                let connected = connect(&socket, &SocketAddrUnix::new(path)?);
                (socket, connected)
            }
        };
        let reach = match connected {
            Ok(()) => Reach::Up,
            Err(Errno::INPROGRESS) => Reach::Connecting,
            Err(errno) => return Err(errno),
        };
        Ok(Upstream::new(
            Link::Socket(socket),
            owner,
            Some(host),
            reach,
        ))
    }

    /// News of a connection that is on its way: it is there, or why not.
    pub fn arrive(&mut self) -> Result<(), Errno> {
        if let Link::Socket(socket) = &self.link {
            sockopt::socket_error(socket)??;
        }
        self.reach = Reach::Up;
        Ok(())
    }
}
