//! A TLS echo server that replaces itself while clients are connected.
//!
//! ```text
//! cargo run -p portable-tls --example tls_echo -- 127.0.0.1:4433
//! openssl s_client -connect 127.0.0.1:4433 -nocommands
//! ```
//!
//! Type something and it comes back; type `upgrade`, and the server starts its successor, sends it the listening socket, the
//! ticket keys and every session, and exits. Go on typing: another process answers, and nobody has noticed. Leave out
//! `-nocommands` and a line `K` updates the keys of both sides, before or after the upgrade.
//!
//! Each process makes its own certificates; the name `rsa.test` gets one with an RSA key.

#[path = "../tests/it/support/pki.rs"]
#[allow(dead_code, reason = "it is for the tests")]
mod pki;

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use portable_tls::{
    Arrived, Collected, Config, Event, Facts, Frozen, Handshake, Hello, Progress, Session, Tickets,
    Whole,
};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use zeroize::Zeroize;

use self::pki::{ClientAuth, KeyKind, server_config};

/// What a message between the processes is.
const LISTENER: u8 = b'L';
const TICKETS: u8 = b'T';
const SESSION: u8 = b'S';
const ACCEPTED: u8 = b'A';
/// Longest of them.
const MESSAGE_MAX: usize = 128 * 1024;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("--successor") => take_over(),
        Some(address) => start(address),
        None => Err(io::Error::other("usage: echo ADDRESS:PORT")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One client.
struct Client {
    socket: TcpStream,
    state: State,
    /// Sealed and not sent.
    unsent: Vec<u8>,
}

enum State {
    Hello(Hello),
    Handshake(Handshake),
    Live(Session, Facts),
    /// What is unsent is sent, then it is closed.
    Over,
}

struct Server {
    /// `None` after the successor has got it.
    listener: Option<TcpListener>,
    tickets: Arc<Tickets>,
    ecdsa: Config,
    rsa: Config,
    clients: Vec<Client>,
    /// A client has asked for it.
    upgrade: bool,
}

fn start(address: &str) -> io::Result<()> {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(io::Error::other)?;
    let tickets = Tickets::generate(Duration::from_secs(8 * 3600), now.as_secs());
    let tickets = Arc::new(tickets.map_err(io::Error::other)?);
    let server = Server::new(TcpListener::bind(address)?, tickets, Vec::new())?;
    let address = server
        .listener
        .as_ref()
        .map(TcpListener::local_addr)
        .transpose()?;
    say(format_args!(
        "listens on {}",
        address.map(|it| it.to_string()).unwrap_or_default()
    ));
    server.run()
}

/// The successor: its end of the channel is its standard input.
fn take_over() -> io::Result<()> {
    let channel = io::stdin().as_fd().try_clone_to_owned()?;
    let (mut listener, mut tickets, mut clients) = (None, None, Vec::new());
    while let Some((mut message, fd)) = receive(channel.as_fd())? {
        match (message[0], fd) {
            (LISTENER, Some(fd)) => listener = Some(TcpListener::from(fd)),
            (TICKETS, _) => {
                tickets = Some(Tickets::import(&message[1..]).map_err(io::Error::other)?);
            }
            (SESSION, Some(fd)) => {
                // Read it, say so, and only then begin. Not saying so is a refusal.
                let arrived = Arrived::decode(&message[1..]).map_err(io::Error::other)?;
                send(channel.as_fd(), ACCEPTED, &[], None)?;
                let Whole {
                    session,
                    unsent,
                    facts,
                } = arrived.begin();
                let state = State::Live(session, facts);
                clients.push(Client {
                    socket: TcpStream::from(fd),
                    state,
                    unsent,
                });
            }
            _ => return Err(io::Error::other("a message that nobody sends")),
        }
        message.zeroize();
    }
    let (Some(listener), Some(tickets)) = (listener, tickets) else {
        return Err(io::Error::other(
            "the predecessor has left without its sockets",
        ));
    };
    say(format_args!("took over {} sessions", clients.len()));
    Server::new(listener, Arc::new(tickets), clients)?.run()
}

impl Server {
    fn new(
        listener: TcpListener,
        tickets: Arc<Tickets>,
        clients: Vec<Client>,
    ) -> io::Result<Server> {
        listener.set_nonblocking(true)?;
        let config = |kind| {
            let mut config = server_config(kind, ClientAuth::None);
            config.ticketer = tickets.ticketer(b"nobody is asked for a certificate");
            Config::new(config).map_err(io::Error::other)
        };
        let (ecdsa, rsa) = (config(KeyKind::Ecdsa)?, config(KeyKind::Rsa)?);
        Ok(Server {
            listener: Some(listener),
            tickets,
            ecdsa,
            rsa,
            clients,
            upgrade: false,
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        while self.listener.is_some() || !self.clients.is_empty() {
            let mut fds: Vec<PollFd<'_>> = self.clients.iter().map(Client::interest).collect();
            fds.extend(
                self.listener
                    .as_ref()
                    .map(|it| PollFd::new(it, PollFlags::IN)),
            );
            poll(&mut fds, None)?;
            let ready: Vec<bool> = fds.iter().map(|it| !it.revents().is_empty()).collect();
            let mut clients = Vec::new();
            for (client, ready) in std::mem::take(&mut self.clients).into_iter().zip(&ready) {
                clients.extend(if *ready {
                    self.serve(client, &mut buffer)
                } else {
                    Some(client)
                });
            }
            self.clients = clients;
            if let Some(Ok((socket, _))) = self.listener.as_ref().map(TcpListener::accept) {
                socket.set_nonblocking(true)?;
                let state = State::Hello(Hello::new());
                self.clients.push(Client {
                    socket,
                    state,
                    unsent: Vec::new(),
                });
            }
            if self.upgrade {
                self.upgrade = false;
                self.hand_over()?;
            }
        }
        Ok(())
    }

    /// Reads, answers, writes. `None` if it is over.
    fn serve(&mut self, mut client: Client, buffer: &mut [u8]) -> Option<Client> {
        if client.unsent.is_empty() && !matches!(client.state, State::Over) {
            match client.socket.read(buffer) {
                Ok(0) => return None,
                Ok(length) => {
                    let input = &mut buffer[..length];
                    client.state = self.advance(client.state, input, &mut client.unsent);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
        match client.socket.write(&client.unsent) {
            Ok(length) => drop(client.unsent.drain(..length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
        let is_over = matches!(client.state, State::Over) && client.unsent.is_empty();
        (!is_over).then_some(client)
    }

    fn advance(&mut self, state: State, input: &mut [u8], out: &mut Vec<u8>) -> State {
        let progress = match state {
            State::Over => return State::Over,
            State::Live(session, facts) => return self.echo(session, facts, input, out),
            State::Handshake(handshake) => handshake.read(input, out),
            State::Hello(hello) => match hello.read(input, out) {
                Ok(Collected::More(hello)) => return State::Hello(hello),
                Ok(Collected::Complete(offer)) => {
                    let is_rsa = offer.server_name() == Some("rsa.test");
                    offer.accept(if is_rsa { &self.rsa } else { &self.ecdsa }, out)
                }
                Err(error) => Err(error),
            },
        };
        match progress {
            Ok(Progress::More(handshake)) => State::Handshake(handshake),
            Ok(Progress::Done(mut done)) => {
                self.echo(done.session, done.facts, &mut done.unread, out)
            }
            Err(error) => {
                eprintln!("echo: {error}, fault: {:?}", error.fault());
                State::Over
            }
        }
    }

    fn echo(
        &mut self,
        mut session: Session,
        facts: Facts,
        input: &mut [u8],
        out: &mut Vec<u8>,
    ) -> State {
        let mut answer = Vec::new();
        let mut incoming = session.open(input);
        loop {
            match incoming.next(out) {
                Ok(Some(Event::Data(data))) => answer.extend_from_slice(data),
                Ok(Some(Event::Closed) | None) => break,
                Err(error) => {
                    eprintln!("echo: {error}");
                    return State::Over;
                }
            }
        }
        drop(incoming);
        self.upgrade |= answer == b"upgrade\n";
        let sealed = session.seal(&[&answer], out);
        if sealed.is_err() || !session.can_receive() {
            session.close(out);
            return State::Over;
        }
        State::Live(session, facts)
    }

    /// Starts the successor and sends it everything. Sessions that it does not accept stay here; so does a handshake, until
    /// its client is gone.
    fn hand_over(&mut self) -> io::Result<()> {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        Command::new(std::env::current_exe()?)
            .arg("--successor")
            .stdin(Stdio::from(theirs))
            .spawn()?;
        if let Some(listener) = self.listener.take() {
            send(ours.as_fd(), LISTENER, &[], Some(listener.as_fd()))?;
        }
        send(ours.as_fd(), TICKETS, &self.tickets.export(), None)?;
        let mut moved = 0;
        for client in std::mem::take(&mut self.clients) {
            let Client {
                socket,
                state,
                unsent,
            } = client;
            let State::Live(session, facts) = state else {
                self.clients.push(Client {
                    socket,
                    state,
                    unsent,
                });
                continue;
            };
            let frozen = session.freeze(unsent, facts);
            match offer(&ours, &frozen, &socket) {
                Ok(()) => {
                    frozen.gone();
                    moved += 1;
                }
                Err(error) => {
                    eprintln!("echo: a session stays here: {error}");
                    let Whole {
                        session,
                        unsent,
                        facts,
                    } = frozen.thaw();
                    let state = State::Live(session, facts);
                    self.clients.push(Client {
                        socket,
                        state,
                        unsent,
                    });
                }
            }
        }
        say(format_args!("handed over {moved} sessions"));
        Ok(())
    }
}

impl Client {
    fn interest(&self) -> PollFd<'_> {
        let flags = if self.unsent.is_empty() {
            PollFlags::IN
        } else {
            PollFlags::OUT
        };
        PollFd::new(&self.socket, flags)
    }
}

/// Offers a session; it is accepted if there is no error.
fn offer(channel: &OwnedFd, frozen: &Frozen, socket: &TcpStream) -> io::Result<()> {
    send(
        channel.as_fd(),
        SESSION,
        &frozen.image(),
        Some(socket.as_fd()),
    )?;
    match receive(channel.as_fd())? {
        Some((message, _)) if message == [ACCEPTED] => Ok(()),
        _ => Err(io::Error::other("the successor does not take it")),
    }
}

fn send(
    channel: BorrowedFd<'_>,
    kind: u8,
    body: &[u8],
    fd: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&fds));
    }
    let parts = [
        IoSlice::new(std::slice::from_ref(&kind)),
        IoSlice::new(body),
    ];
    sendmsg(channel, &parts, &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The next message and its descriptor; `None` if the other side has left.
fn receive(channel: BorrowedFd<'_>) -> io::Result<Option<(Vec<u8>, Option<OwnedFd>)>> {
    let mut bytes = vec![0; MESSAGE_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let length = recvmsg(channel, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?.bytes;
    bytes.truncate(length);
    let fd = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    Ok((length > 0).then_some((bytes, fd)))
}

fn say(what: std::fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    // Nobody need be listening.
    let _ = writeln!(out, "process {} {what}", std::process::id());
    let _ = out.flush();
}
