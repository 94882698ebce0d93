//! The two machines, each on a real socket: the only place that reads, writes and waits.
//! Nonblocking (`AsFd`, `wants_write`, `pump`) for an event loop, or blocking with a descriptor that wakes (`wait`).
//! An error is never lost and never loses a descriptor: it comes as an event that says who owns what.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Shutdown, SocketType};
use zeroize::Zeroize;

use crate::error::Error;
use crate::giver::{Giver, GiverEvent};
use crate::parcel::{Accepts, Listener, Parcel, Token, Verdict};
use crate::sys::scm_rights::{self, Loss};
use crate::taker::{Batch, Taker, TakerEvent};
use crate::wire::{Arrived, Transmit};

/// Why `wait` returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// There is at least one event to be fetched with `next_event`.
    Event,
    /// The caller's own descriptor is readable (or at its end).
    Caller,
    /// Nothing will ever happen again: the last event has been fetched and the channel has ended.
    Over,
}

/// The predecessor's end of a handover.
#[derive(Debug)]
pub struct GiverChannel {
    link: Link,
    giver: Giver,
}

impl GiverChannel {
    /// Begins a handover over one end of a connected Unix stream socket. Does not wait, and does not change the
    /// socket's mode. `software` is told to the taker, and appears in its error when the protocols do not fit.
    ///
    /// # Errors
    /// [`Error::NotUnixStream`]; [`Error::Limit`] for names over 255 bytes or more than 4096 listeners.
    pub fn new(socket: OwnedFd, software: &str, listeners: Vec<Listener>) -> Result<Self, Error> {
        Ok(GiverChannel {
            link: Link::new(socket)?,
            giver: Giver::new(software, listeners)?,
        })
    }

    /// Queues a parcel. Exactly one of [`Accepted`](GiverEvent::Accepted), [`Returned`](GiverEvent::Returned) and
    /// [`Broken`](GiverEvent::Broken) will tell what became of it. Sent by the next [`pump`](Self::pump) or `wait`.
    pub fn offer(&mut self, token: Token, parcel: Parcel) {
        self.giver.offer(token, parcel);
    }

    /// Ends the handover once everything offered so far is answered; `counters` are opaque. Later offers come back.
    /// A second call changes nothing.
    ///
    /// # Errors
    /// [`Error::Limit`] for counters over 64 KiB; nothing has changed then.
    pub fn finish(&mut self, counters: Vec<u8>) -> Result<(), Error> {
        self.giver.finish(counters)
    }

    /// Gives up now, for example at a deadline: whatever the taker has answered by this moment counts, everything else
    /// comes back in [`GiverEvent::Broken`]. The taker can make no further answer.
    pub fn abandon(&mut self) {
        self.link.sever(&mut self.giver, Error::Abandoned);
    }

    /// Reads and writes until the kernel would make us wait, in both directions. Never waits itself.
    pub fn pump(&mut self) {
        self.link.pump(&mut self.giver);
    }

    /// What happened, in order; fetch until `None` after each [`pump`](Self::pump).
    pub fn next_event(&mut self) -> Option<GiverEvent> {
        self.giver.next_event()
    }

    /// Whether the caller's loop should watch for writability too. Readability is always to be watched.
    pub fn wants_write(&self) -> bool {
        self.giver.wants_write()
    }

    /// Works until there is an event, or `wake` is readable. Without `wake` it may wait for ever: a timer (timerfd)
    /// makes a deadline.
    ///
    /// # Errors
    /// [`Error::Kernel`] if `poll(2)` fails. The handover itself is unharmed by that.
    pub fn wait(&mut self, wake: Option<BorrowedFd<'_>>) -> Result<Woken, Error> {
        self.link.wait(&mut self.giver, wake)
    }
}

/// The successor's end of a handover.
#[derive(Debug)]
pub struct TakerChannel {
    link: Link,
    taker: Taker,
}

impl TakerChannel {
    /// Begins a handover over one end of a connected Unix stream socket. Does not wait, and does not change the
    /// socket's mode. `room` is how many descriptors (of parcels; listeners do not count) this process can hold.
    ///
    /// # Errors
    /// [`Error::NotUnixStream`]; [`Error::Limit`] for a name over 255 bytes or more than 1024 kinds;
    /// [`Error::EmptyVersions`].
    pub fn new(
        socket: OwnedFd,
        software: &str,
        accepts: Vec<Accepts>,
        room: u32,
    ) -> Result<Self, Error> {
        Ok(TakerChannel {
            link: Link::new(socket)?,
            taker: Taker::new(software, accepts, room)?,
        })
    }

    /// Answers a batch with one verdict per parcel, in the batch's order. The accepted parcels come out in
    /// [`TakerEvent::Accepted`] as soon as the answer is written, by the next [`pump`](Self::pump) or `wait`; those
    /// refused are closed. A missing verdict refuses, a surplus one is ignored.
    pub fn answer(&mut self, batch: Batch, verdicts: Vec<Verdict>) {
        self.taker.answer(batch, verdicts);
    }

    /// Grants room for more descriptors, for example after some were closed.
    pub fn add_room(&mut self, descriptors: u32) {
        self.taker.add_room(descriptors);
    }

    /// Takes no more parcels. Batches that are already here are still to be answered; those on their way are refused.
    /// The handover goes on until the giver finishes.
    pub fn stop(&mut self) {
        self.taker.stop();
    }

    /// Reads and writes until the kernel would make us wait, in both directions. Never waits itself.
    pub fn pump(&mut self) {
        self.link.pump(&mut self.taker);
    }

    /// What happened, in order; fetch until `None` after each [`pump`](Self::pump).
    pub fn next_event(&mut self) -> Option<TakerEvent> {
        self.taker.next_event()
    }

    /// Whether the caller's loop should watch for writability too. Readability is always to be watched.
    pub fn wants_write(&self) -> bool {
        self.taker.wants_write()
    }

    /// Works until there is an event, or `wake` is readable. Without `wake` it may wait for ever: a timer (timerfd)
    /// makes a deadline.
    ///
    /// # Errors
    /// [`Error::Kernel`] if `poll(2)` fails. The handover itself is unharmed by that.
    pub fn wait(&mut self, wake: Option<BorrowedFd<'_>>) -> Result<Woken, Error> {
        self.link.wait(&mut self.taker, wake)
    }
}

impl AsFd for GiverChannel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.socket.as_fd()
    }
}

impl AsRawFd for GiverChannel {
    fn as_raw_fd(&self) -> RawFd {
        self.link.socket.as_raw_fd()
    }
}

impl AsFd for TakerChannel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.socket.as_fd()
    }
}

impl AsRawFd for TakerChannel {
    fn as_raw_fd(&self) -> RawFd {
        self.link.socket.as_raw_fd()
    }
}

/// What the link needs of either machine.
trait Machine {
    fn receive(&mut self, bytes: &[u8], arrived: Arrived);
    fn transmit(&mut self) -> Option<Transmit<'_>>;
    fn transmitted(&mut self, bytes: usize);
    fn congested(&mut self, cause: io::Error);
    fn ended(&mut self, error: Error);
    fn wants_write(&self) -> bool;
    fn has_event(&self) -> bool;
    fn is_over(&self) -> bool;
}

macro_rules! machine {
    ($side:ty) => {
        impl Machine for $side {
            fn receive(&mut self, bytes: &[u8], arrived: Arrived) {
                self.receive(bytes, arrived);
            }
            fn transmit(&mut self) -> Option<Transmit<'_>> {
                self.transmit()
            }
            fn transmitted(&mut self, bytes: usize) {
                self.transmitted(bytes);
            }
            fn congested(&mut self, cause: io::Error) {
                self.congested(cause);
            }
            fn ended(&mut self, error: Error) {
                self.ended(error);
            }
            fn wants_write(&self) -> bool {
                self.wants_write()
            }
            fn has_event(&self) -> bool {
                self.has_event()
            }
            fn is_over(&self) -> bool {
                self.is_over()
            }
        }
    };
}

machine!(Giver);
machine!(Taker);

const READ_BYTES: usize = 64 * 1024;

/// One socket, and the buffer it is read through.
#[derive(Debug)]
struct Link {
    socket: OwnedFd,
    buffer: Box<[u8]>,
}

/// How far reading got.
enum Reading {
    /// Nothing there now.
    Blocked,
    /// Something was read, and now there is nothing more.
    Progressed,
    /// The machine is over; nothing is of interest any more.
    Over,
}

impl Link {
    fn new(socket: OwnedFd) -> Result<Self, Error> {
        let domain = rustix::net::sockopt::socket_domain(&socket);
        let kind = rustix::net::sockopt::socket_type(&socket);
        match (domain, kind) {
            (Ok(AddressFamily::UNIX), Ok(SocketType::STREAM)) => Ok(Link {
                socket,
                buffer: vec![0; READ_BYTES].into_boxed_slice(),
            }),
            _ => Err(Error::NotUnixStream),
        }
    }

    fn pump(&mut self, machine: &mut impl Machine) {
        loop {
            if let Err(errno) = self.flush(machine) {
                // The peer's last words may still be in our buffer, and they decide who owns what.
                let error = match errno {
                    Errno::PIPE | Errno::CONNRESET => Error::PeerGone,
                    _ => kernel("send on the handover socket", errno),
                };
                self.sever(machine, error);
                return;
            }
            match self.drain(machine) {
                // What was read may have unlocked more to write.
                Reading::Progressed if machine.wants_write() => {}
                Reading::Progressed | Reading::Blocked => return,
                Reading::Over => {
                    // Tells the peer, whatever copies of the socket other processes may have inherited. An error
                    // means that it is closed already.
                    let _ = rustix::net::shutdown(&self.socket, Shutdown::Both);
                    return;
                }
            }
        }
    }

    /// Closes both directions for everybody, so that the peer can say nothing more, then hears what it has said.
    fn sever(&mut self, machine: &mut impl Machine, error: Error) {
        // Fails only if the socket is no longer connected, which is what we want.
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Both);
        self.drain_as(machine, error);
    }

    fn flush(&mut self, machine: &mut impl Machine) -> Result<(), Errno> {
        while let Some(transmit) = machine.transmit() {
            match scm_rights::try_send(self.socket.as_fd(), transmit.bytes, &transmit.fds) {
                Ok(sent) => machine.transmitted(sent),
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno @ (Errno::TOOMANYREFS | Errno::NOBUFS | Errno::NOMEM)) => {
                    machine.congested(errno.into());
                }
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn drain(&mut self, machine: &mut impl Machine) -> Reading {
        self.drain_as(machine, Error::PeerGone)
    }

    /// Reads all there is; `at_end` is what the end of the stream means.
    fn drain_as(&mut self, machine: &mut impl Machine, at_end: Error) -> Reading {
        let mut reading = Reading::Blocked;
        while !machine.is_over() {
            match scm_rights::try_recv(self.socket.as_fd(), &mut self.buffer) {
                Ok(received) if received.bytes == 0 => {
                    machine.ended(at_end);
                    return Reading::Over;
                }
                Ok(received) => {
                    let arrived = match received.loss {
                        Loss::None => Arrived::Whole(received.fds),
                        Loss::Some => Arrived::Truncated,
                    };
                    machine.receive(&self.buffer[..received.bytes], arrived);
                    self.buffer[..received.bytes].zeroize();
                    reading = Reading::Progressed;
                }
                Err(Errno::AGAIN) => return reading,
                // A peer that died with unread bytes; the kernel says so after the last byte of its own.
                Err(Errno::CONNRESET) => {
                    machine.ended(at_end);
                    return Reading::Over;
                }
                Err(errno) => {
                    machine.ended(kernel("receive on the handover socket", errno));
                    return Reading::Over;
                }
            }
        }
        Reading::Over
    }

    fn wait(
        &mut self,
        machine: &mut impl Machine,
        wake: Option<BorrowedFd<'_>>,
    ) -> Result<Woken, Error> {
        loop {
            if !machine.is_over() {
                self.pump(machine);
            }
            if machine.has_event() {
                return Ok(Woken::Event);
            }
            if machine.is_over() {
                return Ok(Woken::Over);
            }
            let mut interest = PollFlags::IN;
            if machine.wants_write() {
                interest |= PollFlags::OUT;
            }
            let socket = PollFd::from_borrowed_fd(self.socket.as_fd(), interest);
            let woken = match wake {
                None => poll(&mut [socket])?,
                Some(wake) => {
                    let mut fds = [PollFd::from_borrowed_fd(wake, PollFlags::IN), socket];
                    poll(&mut fds)?;
                    fds[0].revents()
                }
            };
            if wake.is_some() && !woken.is_empty() {
                return Ok(Woken::Caller);
            }
        }
    }
}

/// Waits without limit; the answer is what the first descriptor has to say.
fn poll(fds: &mut [PollFd<'_>]) -> Result<PollFlags, Error> {
    rustix::io::retry_on_intr(|| rustix::event::poll(fds, None))
        .map_err(|errno| kernel("wait for the handover socket", errno))?;
    Ok(fds[0].revents())
}

fn kernel(operation: &'static str, errno: Errno) -> Error {
    Error::Kernel {
        operation,
        source: errno.into(),
    }
}
