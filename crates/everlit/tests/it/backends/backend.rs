//! The other end of the connections that a server makes, and configurations that have it make them.
//!
//! In: what a test wants a backend to say. Out: what the server said to it. Must hold: everything that is waited for is
//! waited for at most [`PATIENCE`].

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use crate::support::http::{Asked, Client, Response, show};
use crate::support::{Built, PATIENCE, Server, Setup};

/// Somebody who listens.
pub(crate) struct Backend {
    listener: TcpListener,
}

/// A connection that the server has made.
pub(crate) struct Peer {
    stream: TcpStream,
    /// Received, and not part of what was returned.
    rest: Vec<u8>,
}

impl Backend {
    pub(crate) fn new() -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Backend { listener }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The next connection.
    pub(crate) fn accept(&self) -> Peer {
        assert!(
            becomes_ready(&self.listener, PollFlags::IN),
            "nobody connects"
        );
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Peer {
            stream,
            rest: Vec::new(),
        }
    }

    /// Whether somebody has connected and was not accepted yet.
    pub(crate) fn is_wanted(&self) -> bool {
        let mut one = [PollFd::new(&self.listener, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut one, Some(&now)).unwrap() > 0
    }
}

impl Peer {
    /// A request's head.
    pub(crate) fn head(&mut self) -> String {
        let end = loop {
            if let Some(at) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert_ne!(self.receive(), 0, "closed in a head: {}", show(&self.rest));
        };
        String::from_utf8(self.rest.drain(..end).collect()).unwrap()
    }

    /// So many bytes.
    pub(crate) fn body(&mut self, length: usize) -> Vec<u8> {
        while self.rest.len() < length {
            assert_ne!(self.receive(), 0, "closed in a body: {}", show(&self.rest));
        }
        self.rest.drain(..length).collect()
    }

    /// A request and its body of this length, however that is framed.
    pub(crate) fn request(&mut self, length: usize) -> Vec<u8> {
        let head = self.head();
        if head.contains(&format!("Content-Length: {length}\r\n")) {
            return self.body(length);
        }
        assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8(self.until(b"\r\n")).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            body.extend(self.body(size));
            assert_eq!(self.body(2), b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    /// All until this, with it.
    pub(crate) fn until(&mut self, end: &[u8]) -> Vec<u8> {
        let length = loop {
            let found = self
                .rest
                .windows(end.len())
                .position(|window| window == end);
            if let Some(at) = found {
                break at + end.len();
            }
            assert_ne!(self.receive(), 0, "closed before: {}", show(&self.rest));
        };
        self.rest.drain(..length).collect()
    }

    /// All until the server closes its direction, or the connection.
    pub(crate) fn until_closed(mut self) -> Vec<u8> {
        self.ended()
    }

    /// The same, when more is to be said.
    pub(crate) fn ended(&mut self) -> Vec<u8> {
        while self.receive() > 0 {}
        std::mem::take(&mut self.rest)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("the server reads");
    }

    /// Sends as far as the server wants it.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// An answer whose length is told.
    pub(crate) fn answer(&mut self, body: &str) {
        self.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
    }

    /// Another hand on the same connection, to send with.
    pub(crate) fn clone_sender(&self) -> Peer {
        Peer {
            stream: self.stream.try_clone().unwrap(),
            rest: Vec::new(),
        }
    }

    /// Says that nothing more will come.
    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    fn receive(&mut self) -> usize {
        let mut buffer = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(length) => {
                    self.rest.extend_from_slice(&buffer[..length]);
                    return length;
                }
                // Another test tries out signals.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return 0,
                Err(error) => panic!("neither bytes nor an end: {error}"),
            }
        }
    }
}

/// An address where nobody listens, and nobody else can.
pub(super) struct Refusing {
    socket: std::os::fd::OwnedFd,
}

impl Refusing {
    pub(crate) fn new() -> Refusing {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Refusing { socket }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        rustix::net::getsockname(&self.socket)
            .unwrap()
            .try_into()
            .unwrap()
    }

    /// Somebody listens after all.
    pub(crate) fn listen(self, backlog: i32) -> Backend {
        rustix::net::listen(&self.socket, backlog).unwrap();
        Backend {
            listener: self.socket.into(),
        }
    }
}

/// A configuration whose `/b` is answered by these. `options`: of each host, as in lighttpd.conf.
pub(crate) fn setup(module: &str, hosts: &[SocketAddr], options: &str) -> Setup {
    prepared(Setup::new(Built::Everlit), module, hosts, options)
}

/// The same for another program.
pub(crate) fn prepared(setup: Setup, module: &str, hosts: &[SocketAddr], options: &str) -> Setup {
    let mut blocks = String::new();
    for address in hosts {
        let (host, port) = (address.ip(), address.port());
        let _ = write!(
            blocks,
            "( \"host\" => \"{host}\", \"port\" => {port}, {options} ), "
        );
    }
    let check = match module {
        "proxy" => "",
        _ => "\"check-local\" => \"disable\", ",
    };
    let blocks = blocks.replace("\"host\"", &format!("{check}\"host\""));
    std::fs::create_dir(setup.path("spool")).unwrap();
    let (log, spool) = (setup.path("access.log"), setup.path("spool"));
    setup
        .setting(&format!(
            "server.modules += ( \"mod_{module}\", \"mod_accesslog\" )\n\
             {module}.server = ( \"/b\" => ( {blocks} ) )\n\
             server.max-worker = 1\n"
        ))
        .setting(&format!(
            "accesslog.filename = \"{}\"\naccesslog.format = \"%r %s %X\"\nserver.upload-dirs = ( \"{}\" )",
            log.display(),
            spool.display()
        ))
}

/// A server with one backend, that it speaks HTTP with.
pub(crate) fn proxy(backend: &Backend, options: &str) -> Server {
    Server::start(setup("proxy", &[backend.address()], options))
}

/// The same, with a line more in its configuration.
pub(crate) fn proxy_with(backend: &Backend, setting: &str) -> Server {
    Server::start(setup("proxy", &[backend.address()], "").setting(setting))
}

/// The next response.
pub(crate) fn response(client: &mut Client) -> Response {
    client.response(Asked::ForAnything).expect("a response")
}

/// Asks for `/b`, without waiting.
pub(crate) fn get(client: &mut Client) {
    client.send(b"GET /b HTTP/1.1\r\nHost: test\r\n\r\n");
}

/// The connection is still good for another request.
pub(crate) fn goes_on(client: &mut Client) {
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    let response = response(client);
    assert_eq!((response.status, &response.body[..]), (200, &b"first"[..]));
}

/// Ends the server, and returns what stands in its access log.
pub(crate) fn access_log(mut server: Server) -> Vec<String> {
    server.signal(Signal::TERM);
    server.wait();
    let text = std::fs::read_to_string(server.setup.path("access.log")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A program in the document root.
pub(crate) fn program(setup: &Setup, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    setup.file(name, text);
    let path = setup.path("www").join(name);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// A configuration whose `*.cgi` are programs for the shell.
pub(crate) fn with_programs() -> Setup {
    let setup = Setup::new(Built::Everlit);
    std::fs::create_dir(setup.path("spool")).unwrap();
    let (log, spool) = (setup.path("access.log"), setup.path("spool"));
    setup.setting(&format!(
        "server.modules += ( \"mod_cgi\", \"mod_accesslog\" )\n\
         cgi.assign = ( \".cgi\" => \"/bin/sh\" )\nstatic-file.exclude-extensions = ( \".cgi\" )\nserver.max-worker = 1\n\
         accesslog.filename = \"{}\"\naccesslog.format = \"%r %s %X\"\nserver.upload-dirs = ( \"{}\" )",
        log.display(),
        spool.display()
    ))
}

/// Waits for the end of a process that is not our child.
pub(crate) fn wait_for_end(pid: i32) {
    let pid = Pid::from_raw(pid).unwrap();
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => assert!(becomes_ready(&process, PollFlags::IN), "{pid:?} lives on"),
        Err(rustix::io::Errno::SRCH) => {}
        Err(errno) => panic!("pidfd_open: {errno}"),
    }
}

/// Bytes of which none is where another could be mistaken for it.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let mut number: u32 = 1;
    (0..length)
        .map(|_| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 24) as u8
        })
        .collect()
}

/// Memory of a process, in KiB.
pub(crate) fn resident(pid: u32) -> u64 {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(Path::new(&path)).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap()
}

fn becomes_ready(descriptor: &impl AsFd, flags: PollFlags) -> bool {
    let mut one = [PollFd::new(descriptor, flags)];
    let patience = Timespec {
        tv_sec: PATIENCE.as_secs().cast_signed(),
        tv_nsec: 0,
    };
    loop {
        match poll(&mut one, Some(&patience)) {
            Ok(ready) => return ready > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => panic!("poll: {errno}"),
        }
    }
}
