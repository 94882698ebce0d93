//! The listening socket of a program.
//!
//! In: where it is to be. Out: a blocking socket that listens, for descriptor 0 of a program, and its way to the public
//! address. Must hold: whoever is at the address meanwhile stays there until the new one takes over; a file that is not
//! ours is never removed.
//!
//! A Unix socket is bound under a name of its own and renamed to its path, which replaces what was there at one stroke:
//! connections to the old socket stay with the old program. The name is kept in the kernel, where it tells connections to
//! this socket from others ([`peers`](super::peers)). A TCP socket shares its port with the one that it replaces (as
//! `bind.rs` does for the server's own), and does not listen before it takes over; then the old one is hidden.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_reuseaddr, set_socket_reuseport, socket_peercred};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, listen, socket_with};
use serde::{Deserialize, Serialize};

use super::peers;
use crate::plan::{ListenAddress, ProgramSpec};
use crate::supervisor::bind::is_stale;
use crate::supervisor::listeners::{FileIdentity, file_identity};
use crate::sys;
use crate::sys::privilege::Identity;

/// Names of our own that are tried before it is an error.
const NAMES: u32 = 1000;

/// A listening socket.
#[derive(Debug)]
pub(super) struct Socket {
    listener: OwnedFd,
    place: Place,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    Tcp(SocketAddr),
    Unix {
        /// The name that it was bound with.
        name: PathBuf,
        /// Where it is to be found.
        path: PathBuf,
        file: Option<FileIdentity>,
        /// A second name of the file that it replaced, until that is for good.
        spare: Option<PathBuf>,
    },
}

/// Whom a new socket finds at its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occupant {
    /// Nobody of ours.
    Stranger,
    /// A program of ours that it replaces; its socket [shares](Socket::share).
    Ours,
    /// A program of an instance that is leaving, whose socket shares as well.
    Leaving,
}

/// What a new socket is.
#[derive(Debug)]
pub(super) enum Bound {
    /// It is at its address.
    There(Socket),
    /// It is not, because its predecessor is: [`Socket::take_over`].
    Behind(Socket),
    /// A stranger listens there.
    Taken,
}

impl Socket {
    /// Binds.
    pub(super) fn bind(
        spec: &ProgramSpec,
        identity: &Identity,
        occupant: Occupant,
    ) -> io::Result<Bound> {
        match &spec.address {
            ListenAddress::Tcp(address) => bind_tcp(spec, *address, occupant),
            ListenAddress::Unix(path) => {
                bind_unix(spec, &identity.outside(path), identity, occupant)
            }
        }
    }

    /// Put together again after an exec.
    pub(super) fn resume(listener: OwnedFd, place: Place) -> Self {
        Self { listener, place }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether it may be given to a program, which accepts from it at once.
    pub(super) fn listens(&self) -> bool {
        rustix::net::sockopt::socket_acceptconn(&self.listener).unwrap_or(false)
    }

    /// Takes its address over from whoever is there.
    pub(super) fn take_over(&mut self, spec: &ProgramSpec) -> io::Result<()> {
        match &mut self.place {
            Place::Tcp(_) => listen(&self.listener, backlog(spec))?,
            Place::Unix {
                name, path, spare, ..
            } => {
                let mut second = name.clone().into_os_string();
                second.push("~");
                let second = PathBuf::from(second);
                if fs::hard_link(&*path, &second).is_ok() {
                    *spare = Some(second);
                }
                fs::rename(name, path)?;
            }
        }
        Ok(())
    }

    /// It stays.
    pub(super) fn settle(&mut self) {
        match &mut self.place {
            // It cannot fail for a socket of this kind.
            Place::Tcp(_) => drop(set_socket_reuseport(&self.listener, false)),
            // Gone already is as good.
            Place::Unix { spare, .. } => drop(spare.take().map(fs::remove_file)),
        }
    }

    /// Lets another one of ours, or of an instance that takes over from us, be at the same address.
    pub(super) fn share(&self) {
        if let Place::Tcp(_) = self.place {
            // It cannot fail for a socket of this kind.
            let _ = set_socket_reuseport(&self.listener, true);
        }
    }

    /// New connections are somebody else's. One that had replaced another gives the address back.
    pub(super) fn step_aside(&mut self) {
        match &mut self.place {
            Place::Tcp(_) => {
                // A socket that cannot be hidden goes on sharing the port.
                let _ = sys::socket::hide_listener(self.listener.as_fd());
            }
            Place::Unix {
                name,
                path,
                file,
                spare,
            } => {
                if let Some(spare) = spare.take()
                    && file_identity(path) == *file
                {
                    // Should it fail, ours stays, and is as good.
                    let _ = fs::rename(spare, &*path);
                }
                let _ = fs::remove_file(name);
            }
        }
    }

    /// Removes its file, if that is still this socket's.
    pub(super) fn remove_file(&self) {
        let Place::Unix {
            name, path, file, ..
        } = &self.place
        else {
            return;
        };
        for path in [name, path] {
            if file.is_some() && file_identity(path) == *file {
                // Gone already is as good.
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Whether somebody is connected, or waits to be; for TCP, to a process of this group.
    pub(super) fn has_peers(&self, group: i32) -> bool {
        match &self.place {
            Place::Unix { name, .. } => peers::of_unix(name),
            Place::Tcp(address) => match rustix::fs::fstat(&self.listener) {
                Ok(stat) => peers::of_tcp(stat.st_ino, address.port(), group),
                Err(_) => true,
            },
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// A socket as plain data.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SocketState {
    pub(super) listener: RawFd,
    pub(super) place: Place,
}

fn bind_tcp(spec: &ProgramSpec, address: SocketAddr, occupant: Occupant) -> io::Result<Bound> {
    let socket = Socket {
        listener: stream_socket(match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        })?,
        place: Place::Tcp(address),
    };
    set_socket_reuseaddr(&socket.listener, true)?;
    if occupant != Occupant::Stranger {
        socket.share();
    }
    let bound = rustix::net::bind(&socket.listener, &address);
    match (bound, occupant) {
        (Err(Errno::ADDRINUSE), _) => Ok(Bound::Taken),
        (Err(errno), _) => Err(errno.into()),
        (Ok(()), Occupant::Ours | Occupant::Leaving) => Ok(Bound::Behind(socket)),
        (Ok(()), Occupant::Stranger) => match listen(&socket.listener, backlog(spec)) {
            Ok(()) => Ok(Bound::There(socket)),
            // Two sockets may be bound where one may listen.
            Err(Errno::ADDRINUSE) => Ok(Bound::Taken),
            Err(errno) => Err(errno.into()),
        },
    }
}

fn bind_unix(
    spec: &ProgramSpec,
    path: &Path,
    identity: &Identity,
    occupant: Occupant,
) -> io::Result<Bound> {
    let there = match fs::symlink_metadata(path) {
        Err(_) => None,
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the file exists and is not a socket",
            ));
        }
        Ok(_) if occupant == Occupant::Ours => Some(occupant),
        Ok(_) if is_stale(path) => None,
        Ok(_) => Some(occupant),
    };
    if let Some(Occupant::Stranger) = there {
        return Ok(Bound::Taken);
    }
    // Who made it may have died, and left the program behind: then nobody will end that, and it is used on.
    if let Some(Occupant::Leaving) = there
        && !maker_lives(path)
    {
        return Ok(Bound::Taken);
    }
    let listener = stream_socket(AddressFamily::UNIX)?;
    let name = bind_to_own_name(&listener, path)?;
    let mut socket = Socket {
        place: Place::Unix {
            file: file_identity(&name),
            name: name.clone(),
            path: path.to_owned(),
            spare: None,
        },
        listener,
    };
    let prepared = own(&name, identity)
        .and_then(|()| Ok(listen(&socket.listener, backlog(spec))?))
        .and_then(|()| match there {
            None => fs::rename(&name, path),
            Some(_) => Ok(()),
        });
    if let Err(error) = prepared {
        socket.step_aside();
        return Err(error);
    }
    Ok(match there {
        None => Bound::There(socket),
        Some(_) => Bound::Behind(socket),
    })
}

/// Binds beside `path`, under a short name that no living process uses.
fn bind_to_own_name(socket: &OwnedFd, path: &Path) -> io::Result<PathBuf> {
    let process = std::process::id();
    for number in 0..NAMES {
        let name = path.with_file_name(format!(".{process:x}.{number:x}"));
        // Not one whose socket listens elsewhere by now, either: connections are known by it.
        if peers::is_named(&name) {
            continue;
        }
        match rustix::net::bind(socket, &SocketAddrUnix::new(&name)?) {
            Err(Errno::ADDRINUSE) => {}
            Err(errno) => return Err(errno.into()),
            Ok(()) => return Ok(name),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// The server's processes connect as its user, and a Unix socket wants to be written to for that.
fn own(path: &Path, identity: &Identity) -> io::Result<()> {
    match identity.owner() {
        (None, None) => Ok(()),
        (uid, gid) => std::os::unix::fs::lchown(path, uid, gid),
    }
}

/// Whether the process that made the socket at this path still runs.
fn maker_lives(path: &Path) -> bool {
    let connected = || -> io::Result<OwnedFd> {
        let socket = stream_socket(AddressFamily::UNIX)?;
        // Its queue may be full, and we wait for nobody.
        rustix::io::ioctl_fionbio(&socket, true)?;
        rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(socket)
    };
    let maker = connected().and_then(|socket| Ok(socket_peercred(&socket)?.pid));
    maker.is_ok_and(|pid| Path::new(&format!("/proc/{}", pid.as_raw_nonzero())).exists())
}

fn stream_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    Ok(socket_with(
        family,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

fn backlog(spec: &ProgramSpec) -> i32 {
    i32::try_from(spec.backlog).unwrap_or(i32::MAX)
}
