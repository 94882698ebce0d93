//! Messages to and from a worker thread, with a descriptor that wakes the receiver.
//!
//! In: values. Out: the same values in another thread. Must hold: after a send the receiver wakes up, however many
//! values it then finds.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc;

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

/// The sending end.
#[derive(Debug)]
pub struct Outlet<T> {
    sender: mpsc::Sender<T>,
    bell: Arc<OwnedFd>,
}

/// The receiving end.
#[derive(Debug)]
pub struct Inbox<T> {
    receiver: mpsc::Receiver<T>,
    bell: Arc<OwnedFd>,
}

/// Makes a pair of ends.
pub fn channel<T>() -> Result<(Outlet<T>, Inbox<T>), Errno> {
    let (sender, receiver) = mpsc::channel();
    let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    Ok((
        Outlet {
            sender,
            bell: bell.clone(),
        },
        Inbox { receiver, bell },
    ))
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        Outlet {
            sender: self.sender.clone(),
            bell: self.bell.clone(),
        }
    }
}

impl<T> Outlet<T> {
    /// Sends a value and wakes the receiver. Gives it back if there is no receiver any more.
    pub fn send(&self, value: T) -> Result<(), T> {
        self.queue(value)?;
        self.ring();
        Ok(())
    }

    /// Sends a value without waking the receiver; [`Outlet::ring`] does, once for many.
    pub fn queue(&self, value: T) -> Result<(), T> {
        self.sender.send(value).map_err(|error| error.0)
    }

    /// Wakes the receiver.
    pub fn ring(&self) {
        // It fails only if the counter is full, and then the receiver is awake anyway.
        let _ = rustix::io::write(&*self.bell, &1u64.to_ne_bytes());
    }
}

impl<T> Inbox<T> {
    /// The next value, if there is one.
    pub fn next(&self) -> Option<T> {
        self.receiver.try_recv().ok()
    }

    /// Silences the bell: to be called before the values are fetched.
    pub fn hush(&self) {
        let _ = rustix::io::read(&*self.bell, &mut [0u8; 8]);
    }
}

impl<T> AsFd for Inbox<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
