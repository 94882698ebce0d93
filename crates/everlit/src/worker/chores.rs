//! Work that takes time: threads that do it, so that nobody else waits.
//!
//! In: an order and what a client has sent with it, whole. Out: a socket on which the answer comes, as a program's does
//! (CGI). Must hold: a chore that was begun is done, whatever becomes of whoever wants its answer: the process does not
//! end before, unless it is a command and the server is stopped at once; it never waits for a client.
//!
//! For the exchange it is a backend like any other, so it can move to another process at any moment:
//!
//! ```text
//!   Collecting ------------> Asking --------------> Answering
//!   the request's body       a thread works         its answer goes to the client
//!   moves as data            its socket moves       as for any backend
//! ```
//!
//! A thread cannot move: it works on in the process where it began, and answers whoever has the socket by then. That is why the
//! body is collected first, and the answer never held back by a slow client: a process that is to end waits for a disk at most.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use minicbor::data::Type;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, socketpair};

use crate::modules::{ssi, webdav};
use crate::settings::Settings;
use crate::transport::outbox::{Outbox, Segment};

/// Most threads that work themselves. They wait for disks and for each other's locks.
const HANDS: usize = 4;
/// Most threads that wait for commands.
const WATCHERS: usize = 16;
/// A thread without work ends after this time.
const REST: Duration = Duration::from_secs(10);

/// The threads of one generation. Copies are the same threads.
#[derive(Clone, Debug)]
pub struct Chores {
    /// Work on files, which nobody else can do.
    hands: Arc<Shared>,
    /// Commands of documents: others do the work, and may take their time. No hand waits for them.
    watchers: Arc<Shared>,
}

/// Whether the process may take its time to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// All that was begun is done.
    None,
    /// Nobody waits for commands.
    Great,
}

#[derive(Debug)]
struct Shared {
    most: usize,
    state: Mutex<State>,
    /// There is work, or less of it.
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Chore>,
    threads: usize,
    resting: usize,
    working: usize,
}

/// A piece of what a client has sent.
#[derive(Debug)]
pub enum Piece {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Part of a file.
    File {
        /// The file; nobody writes to it any more.
        file: OwnedFd,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
}

/// What is to be done: takes time, and gives an answer as a CGI program does.
pub type Work = Box<dyn FnOnce() -> Vec<u8> + Send>;

struct Chore {
    work: Work,
    socket: OwnedFd,
}

impl Chores {
    /// Has an order carried out; the answer comes on the socket.
    pub fn begin(&self, order: &[u8], body: Outbox, settings: &Settings) -> Result<OwnedFd, Errno> {
        // One of WebDAV is a map.
        match minicbor::Decoder::new(order).datatype() {
            Ok(Type::Array) => self.watchers.submit(ssi::work(order, settings)?),
            _ => {
                let body = pieces(body)?;
                self.hands.submit(webdav::work(order, body, settings)?)
            }
        }
    }

    /// Waits until all is done that was begun.
    pub fn finish(&self, haste: Haste) {
        self.hands.finish();
        if haste == Haste::None {
            self.watchers.finish();
        }
    }
}

impl Default for Chores {
    fn default() -> Self {
        Chores {
            hands: Shared::new(HANDS),
            watchers: Shared::new(WATCHERS),
        }
    }
}

impl Shared {
    fn new(most: usize) -> Arc<Shared> {
        Arc::new(Shared {
            most,
            state: Mutex::default(),
            news: Condvar::default(),
        })
    }

    fn submit(self: &Arc<Self>, work: Work) -> Result<OwnedFd, Errno> {
        let (ours, socket) = socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let mut state = self.lock();
        if state.resting <= state.queue.len() && state.threads < self.most {
            let shared = self.clone();
            let thread = std::thread::Builder::new()
                .name("chores".to_owned())
                .spawn(move || shared.work());
            match thread {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => return Err(Errno::AGAIN),
                // The others will do it.
                Err(_) => {}
            }
        }
        state.queue.push_back(Chore { work, socket });
        drop(state);
        self.news.notify_all();
        Ok(ours)
    }

    fn finish(&self) {
        let mut state = self.lock();
        while !state.queue.is_empty() || state.working > 0 {
            state = self
                .news
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panics ends the process; and what is behind the lock is good at any moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does as long as there is something to do.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(chore) = state.queue.pop_front() {
                state.working += 1;
                drop(state);
                answer(&chore.socket, &(chore.work)());
                state = self.lock();
                state.working -= 1;
                self.news.notify_all();
                continue;
            }
            state.resting += 1;
            let waited = self.news.wait_timeout(state, REST);
            let (woken, time) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.resting -= 1;
            if state.queue.is_empty() && time.timed_out() {
                state.threads -= 1;
                return;
            }
        }
    }
}

/// Whoever wanted to know may be gone: all the same.
fn answer(socket: &OwnedFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::net::send(socket, bytes, SendFlags::NOSIGNAL) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn pieces(body: Outbox) -> Result<Vec<Piece>, Errno> {
    let piece = |segment| match segment {
        Segment::Bytes(bytes) => Ok(Piece::Bytes(bytes)),
        Segment::File(range) => Ok(Piece::File {
            file: rustix::io::fcntl_dupfd_cloexec(&*range.file, 0)?,
            offset: range.offset,
            length: range.length,
        }),
        // What clients send is never compressed here.
        Segment::Packed(_) => Err(Errno::INVAL),
    };
    body.into_segments().into_iter().map(piece).collect()
}

impl std::fmt::Debug for Chore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chore")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn read(socket: &OwnedFd) -> Vec<u8> {
        rustix::io::ioctl_fionbio(socket, false).unwrap();
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match rustix::io::read(socket, &mut buffer).unwrap() {
                0 => return all,
                n => all.extend_from_slice(&buffer[..n]),
            }
        }
    }

    #[test]
    fn what_was_begun_is_done_before_the_end() {
        let chores = Shared::new(HANDS);
        let (go, wait) = mpsc::channel::<()>();
        let socket = chores
            .submit(Box::new(move || {
                wait.recv().unwrap();
                vec![b'x'; 1 << 20]
            }))
            .unwrap();
        // More than there are threads; nobody wants to know what came of them.
        for _ in 0..3 * HANDS {
            drop(chores.submit(Box::new(|| b"answer".to_vec())).unwrap());
        }
        let reader = std::thread::spawn(move || read(&socket));
        go.send(()).unwrap();
        chores.finish();
        assert_eq!(reader.join().unwrap().len(), 1 << 20);
        let state = chores.lock();
        assert_eq!((state.working, state.queue.len()), (0, 0));
        assert!(state.threads <= HANDS);
    }
}
