//! What all clients share: the kernel's event queue, the time, the part of the measurement, and the list of failures.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::time::Timespec;

use crate::exchange::Failure;
use crate::gauge::Part;
use crate::sockets::Sources;

/// Events fetched at once.
const EVENTS: usize = 512;

/// Kinds of clients, and others whom the kernel has news of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Idler,
    HalfHead,
    Download,
    Probe,
    Newcomer,
    Tunnel,
    /// One request to PHP.
    Visit,
    /// The conversation with the supervisor.
    Call,
    /// The old generation's process.
    OldProcess,
}

const EVERYBODY: [Who; 9] = [
    Who::Idler,
    Who::HalfHead,
    Who::Download,
    Who::Probe,
    Who::Newcomer,
    Who::Tunnel,
    Who::Visit,
    Who::Call,
    Who::OldProcess,
];

/// What to be told of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Only the end.
    Nothing,
    Readable,
    Writable,
}

pub(crate) struct Scene {
    epoll: OwnedFd,
    /// The server.
    pub(crate) address: SocketAddrV4,
    pub(crate) sources: Sources,
    /// Read after each wait.
    pub(crate) now: Instant,
    pub(crate) part: Part,
    /// Each kind of failure, and how often.
    pub(crate) failures: BTreeMap<(Who, Failure), u64>,
}

impl Scene {
    pub(crate) fn new(address: SocketAddrV4) -> std::io::Result<Scene> {
        Ok(Scene {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            address,
            sources: Sources::new(),
            now: Instant::now(),
            part: Part::Opening,
            failures: BTreeMap::new(),
        })
    }

    pub(crate) fn failed(&mut self, who: Who, failure: Failure) {
        *self.failures.entry((who, failure)).or_default() += 1;
    }

    /// Begins to watch.
    pub(crate) fn watch(
        &self,
        fd: impl AsFd,
        who: Who,
        index: usize,
        interest: Interest,
    ) -> Result<(), Failure> {
        epoll::add(&self.epoll, fd, token(who, index), flags(interest))
            .map_err(|errno| Failure::kernel("watch", errno))
    }

    /// Watches for something else.
    pub(crate) fn expect(
        &self,
        fd: impl AsFd,
        who: Who,
        index: usize,
        interest: Interest,
    ) -> Result<(), Failure> {
        epoll::modify(&self.epoll, fd, token(who, index), flags(interest))
            .map_err(|errno| Failure::kernel("watch", errno))
    }

    /// Watches no longer: what has ended would have news for ever.
    pub(crate) fn forget(&self, fd: impl AsFd) -> Result<(), Failure> {
        epoll::delete(&self.epoll, fd).map_err(|errno| Failure::kernel("forget", errno))
    }

    /// Waits for news, until `due` at the latest.
    pub(crate) fn wait(&mut self, due: Option<Instant>) -> std::io::Result<Vec<(Who, usize)>> {
        let timeout = due.map(|due| {
            let wait = due.saturating_duration_since(Instant::now());
            // The kernel counts in milliseconds here; rounded up, so as not to spin.
            let millis = wait.as_nanos().div_ceil(1_000_000) as i64;
            Timespec {
                tv_sec: millis / 1000,
                tv_nsec: millis % 1000 * 1_000_000,
            }
        });
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }; EVENTS];
        let count = match epoll::wait(&self.epoll, &mut events[..], timeout.as_ref()) {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(errno) => return Err(errno.into()),
        };
        self.now = Instant::now();
        let news = events[..count].iter().map(|event| {
            let data = event.data.u64();
            (EVERYBODY[(data >> 32) as usize], data as u32 as usize)
        });
        Ok(news.collect())
    }

    /// How long ago that was.
    pub(crate) fn since(&self, moment: Instant) -> Duration {
        self.now.saturating_duration_since(moment)
    }
}

fn token(who: Who, index: usize) -> EventData {
    EventData::new_u64((who as u64) << 32 | index as u64)
}

fn flags(interest: Interest) -> EventFlags {
    match interest {
        Interest::Nothing => EventFlags::empty(),
        Interest::Readable => EventFlags::IN,
        Interest::Writable => EventFlags::OUT,
    }
}
