//! The one connection of `-1`: standard input.
//!
//! In: standard input, and standard output if they are pipes. Out: a [`Caller`], and from it a socket.
//! Must hold: what we have to say otherwise never reaches the client, although inetd makes it our standard error too.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::net::sockopt::{socket_acceptconn, socket_type};
use rustix::net::{SocketType, getpeername};

/// Bytes carried at once between a pipe and a socket.
const BUFFER_BYTES: usize = 64 * 1024;

/// A client at standard input.
#[derive(Debug)]
pub struct Caller(Way);

#[derive(Debug)]
enum Way {
    /// Its socket.
    Socket(OwnedFd),
    /// It writes to standard input and reads standard output.
    Pipes,
}

/// A client's socket.
#[derive(Debug)]
pub(super) struct Call {
    /// Nonblocking.
    pub(super) socket: OwnedFd,
    /// Carries what is said there to standard output, if the client is at pipes; ends after the socket.
    pub(super) carrier: Option<JoinHandle<()>>,
}

/// Why standard input is no client.
#[derive(Debug)]
pub enum StdinError {
    /// It is something else.
    NotConnected {
        /// What it is.
        what: &'static str,
    },
    /// The kernel refused.
    Kernel {
        /// What.
        doing: &'static str,
        /// What it says.
        cause: io::Error,
    },
}

impl fmt::Display for StdinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected { what } => write!(
                f,
                "-1 serves the client on standard input, which is {what}: expected is a connected stream socket (inetd \
                 with nowait; systemd with Accept=yes and StandardInput=socket) or a pipe, answered on standard output"
            ),
            Self::Kernel { doing, .. } => f.write_str(doing),
        }
    }
}

impl std::error::Error for StdinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotConnected { .. } => None,
            Self::Kernel { cause, .. } => Some(cause),
        }
    }
}

impl Caller {
    /// Takes standard input, if it is a client. If standard output and error are that client too, they go nowhere from
    /// now on.
    pub fn take() -> Result<Caller, StdinError> {
        let stdin = rustix::stdio::stdin();
        let status = rustix::fs::fstat(stdin).map_err(kernel("look at standard input"))?;
        let what = match FileType::from_raw_mode(status.st_mode) {
            FileType::Socket => match unfit(stdin) {
                None => {
                    let socket = rustix::io::fcntl_dupfd_cloexec(stdin, 3)
                        .map_err(kernel("copy standard input"))?;
                    hang_up().map_err(kernel("open /dev/null"))?;
                    // As at every connection; a Unix socket has no such thing.
                    let _ = rustix::net::sockopt::set_tcp_nodelay(&socket, true);
                    return Ok(Caller(Way::Socket(socket)));
                }
                Some(what) => what,
            },
            FileType::Fifo => return Ok(Caller(Way::Pipes)),
            FileType::CharacterDevice => "a terminal or another device",
            FileType::RegularFile => "a file",
            _ => "neither a socket nor a pipe",
        };
        Err(StdinError::NotConnected { what })
    }

    /// A socket in any case. For pipes this starts threads.
    pub(super) fn answer(self) -> Result<Call, StdinError> {
        let (socket, carrier) = match self.0 {
            Way::Socket(socket) => (socket, None),
            Way::Pipes => {
                let (socket, carrier) = connect_pipes().map_err(kernel("connect the pipes"))?;
                (socket, Some(carrier))
            }
        };
        rustix::io::ioctl_fionbio(&socket, true)
            .map_err(kernel("make standard input nonblocking"))?;
        Ok(Call { socket, carrier })
    }
}

/// A socket to the client at the pipes: two threads carry, because connections are sockets. The one that reads ends with
/// its pipe, or with the process.
fn connect_pipes() -> io::Result<(OwnedFd, JoinHandle<()>)> {
    let (near, far) = UnixStream::pair()?;
    let back = far.try_clone()?;
    let output = File::from(rustix::stdio::stdout().try_clone_to_owned()?);
    let thread = |name: &str| {
        std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(256 * 1024)
    };
    // Either side may go at any time; then the other one hears of it, and there is nobody else to tell.
    let _reader = thread("input").spawn(move || {
        let _ = carry(io::stdin().lock(), &far);
        let _ = far.shutdown(Shutdown::Write);
    })?;
    let carrier = thread("output").spawn(move || {
        let _ = carry(&back, output);
        let _ = back.shutdown(Shutdown::Both);
    })?;
    Ok((near.into(), carrier))
}

/// Carries bytes until one side ends. Not `io::copy`: its `splice` waits for the socket with the lock on the pipe, and so
/// keeps what is in the pipe already from whoever reads there.
fn carry(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => to.write_all(&buffer[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What a socket is that is no client.
fn unfit(socket: BorrowedFd<'_>) -> Option<&'static str> {
    if socket_type(socket) != Ok(SocketType::STREAM) {
        Some("a socket, but not a stream")
    } else if socket_acceptconn(socket) == Ok(true) {
        Some("a listening socket")
    } else {
        // A client that is gone already has no name either: it is served, and that shows.
        match getpeername(socket) {
            Err(Errno::NOTCONN) => Some("a socket that is not connected"),
            _ => None,
        }
    }
}

/// Lets go of the client's socket in the standard streams.
fn hang_up() -> Result<(), Errno> {
    let null = rustix::fs::open(
        "/dev/null",
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let client = identity(rustix::stdio::stdin());
    if identity(rustix::stdio::stdout()) == client {
        rustix::stdio::dup2_stdout(&null)?;
    }
    if identity(rustix::stdio::stderr()) == client {
        rustix::stdio::dup2_stderr(&null)?;
    }
    rustix::stdio::dup2_stdin(&null)
}

fn kernel<E: Into<io::Error>>(doing: &'static str) -> impl Fn(E) -> StdinError {
    move |cause| StdinError::Kernel {
        doing,
        cause: cause.into(),
    }
}

/// Which file a descriptor is.
fn identity(descriptor: BorrowedFd<'_>) -> Option<(u64, u64)> {
    let status = rustix::fs::fstat(descriptor).ok()?;
    Some((status.st_dev, status.st_ino))
}
