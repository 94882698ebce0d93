//! A TCP echo server that replaces itself by a fresh copy of its binary, and no client notices.
//!
//! ```text
//! $ cargo run -p handover --example echo -- 127.0.0.1:7000
//! generation 1, process 4711: listening on 127.0.0.1:7000
//! $ nc 127.0.0.1 7000        # in another terminal; stays connected all the time
//! $ kill -USR1 4711          # in a third
//! generation 2, process 4720: took 1 connections from echo 1
//! generation 1, process 4711: gave 1 connections away, leaving
//! ```
//!
//! SIGUSR2 starts a bad successor, which takes the connections and never answers. Kill it (the hard way), and the
//! predecessor serves on with all of them.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio, id};

use handover::{
    Accepts, GiverChannel, GiverEvent, Listener, Parcel, ParcelView, Refusal, TakerChannel,
    TakerEvent, Token, Verdict,
};
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGUSR1, SIGUSR2};
use signal_hook::low_level::pipe;

const CONNECTION: u16 = 1;
const MAX_PENDING: usize = 64 * 1024;

/// A client, and what we still owe it.
struct Conn {
    stream: TcpStream,
    echoed: u64,
    pending: Vec<u8>,
}

impl Conn {
    fn new(stream: TcpStream) -> io::Result<Conn> {
        stream.set_nonblocking(true)?;
        Ok(Conn {
            stream,
            echoed: 0,
            pending: Vec::new(),
        })
    }

    /// The whole connection as data and a descriptor. It takes `self`: nobody can use the socket here any more.
    fn freeze(self) -> Parcel {
        let mut payload = self.echoed.to_le_bytes().to_vec();
        payload.extend_from_slice(&self.pending);
        Parcel {
            kind: CONNECTION,
            version: 1,
            payload: payload.into(),
            fds: vec![self.stream.into()],
        }
    }

    fn check(view: ParcelView<'_>) -> Verdict {
        if view.payload.len() < 8 || view.fd_count != 1 {
            return Verdict::Refuse(Refusal::Malformed("no connection".to_owned()));
        }
        Verdict::Accept
    }

    /// `None` for what [`check`](Self::check) would refuse.
    fn thaw(mut parcel: Parcel) -> Option<Conn> {
        let (echoed, pending) = parcel.payload.split_first_chunk()?;
        Some(Conn {
            stream: parcel.fds.pop()?.into(),
            echoed: u64::from_le_bytes(*echoed),
            pending: pending.to_vec(),
        })
    }

    fn interest(&self) -> PollFlags {
        let mut interest = PollFlags::empty();
        interest.set(PollFlags::IN, self.pending.len() < MAX_PENDING);
        interest.set(PollFlags::OUT, !self.pending.is_empty());
        interest
    }

    /// One read and one write, as far as possible. An error is the end of the connection.
    fn work(&mut self) -> io::Result<()> {
        if self.pending.len() < MAX_PENDING {
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.pending.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        match self.stream.write(&self.pending) {
            Ok(sent) => {
                self.pending.drain(..sent);
                self.echoed += sent as u64;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}

struct Server {
    generation: u32,
    listener: TcpListener,
    conns: Vec<Conn>,
    upgrades: UnixStream,
    bad_upgrades: UnixStream,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["successor", generation] => take_over(generation.parse()?),
        ["bad-successor"] => hold(),
        [address] => begin(address),
        _ => Err("usage: echo ADDRESS".into()),
    }
}

fn begin(address: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::new(1, TcpListener::bind(address)?, Vec::new())?;
    let address = server.listener.local_addr()?;
    server.say(&format!("listening on {address}"));
    server.run()
}

/// A successor finds its end of the channel where others find their standard input.
fn channel() -> Result<TakerChannel, Box<dyn Error>> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let accepts = vec![Accepts {
        kind: CONNECTION,
        versions: 1..=1,
    }];
    // A server would leave itself some of what RLIMIT_NOFILE allows.
    Ok(TakerChannel::new(socket, "echo", accepts, 10_000)?)
}

fn take_over(generation: u32) -> Result<(), Box<dyn Error>> {
    let mut channel = channel()?;
    let mut listener = None;
    let mut conns = Vec::new();
    let mut predecessor = String::new();
    let outcome = loop {
        channel.wait(None)?;
        match channel.next_event() {
            Some(TakerEvent::Hello { software, .. }) => predecessor = software,
            Some(TakerEvent::Listeners(mut listeners)) => listener = listeners.pop(),
            Some(TakerEvent::Batch(batch)) => {
                let verdicts = batch.parcels().map(Conn::check).collect();
                channel.answer(batch, verdicts);
            }
            Some(TakerEvent::Accepted(parcels)) => {
                conns.extend(parcels.into_iter().filter_map(Conn::thaw));
            }
            Some(TakerEvent::Finished(_)) => break Ok(()),
            Some(TakerEvent::Broken(error)) => break Err(error),
            Some(_) | None => {}
        }
    };
    let listener = listener.ok_or("the predecessor gave no listener")?.fd;
    let server = Server::new(generation, listener.into(), conns)?;
    server.say(&format!(
        "took {} connections from {predecessor}",
        server.conns.len()
    ));
    if let Err(error) = outcome {
        // What we have accepted is ours, and only ours: serve it.
        server.say(&format!("the predecessor did not finish: {error}"));
    }
    server.run()
}

/// The bad successor: takes batches and never answers.
fn hold() -> Result<(), Box<dyn Error>> {
    let mut channel = channel()?;
    let mut held = Vec::new();
    loop {
        channel.wait(None)?;
        match channel.next_event() {
            Some(TakerEvent::Batch(batch)) => {
                println!("process {} holds {}", id(), batch.parcels().len());
                held.push(batch);
            }
            Some(TakerEvent::Broken(error)) => return Err(error.into()),
            _ => {}
        }
    }
}

impl Server {
    fn new(generation: u32, listener: TcpListener, conns: Vec<Conn>) -> io::Result<Server> {
        listener.set_nonblocking(true)?;
        let (upgrades, signal) = UnixStream::pair()?;
        pipe::register(SIGUSR1, signal)?;
        let (bad_upgrades, signal) = UnixStream::pair()?;
        pipe::register(SIGUSR2, signal)?;
        Ok(Server {
            generation,
            listener,
            conns,
            upgrades,
            bad_upgrades,
        })
    }

    fn say(&self, what: &str) {
        println!("generation {}, process {}: {what}", self.generation, id());
    }

    fn run(mut self) -> Result<(), Box<dyn Error>> {
        loop {
            let mut fds = vec![
                PollFd::new(&self.upgrades, PollFlags::IN),
                PollFd::new(&self.bad_upgrades, PollFlags::IN),
                PollFd::new(&self.listener, PollFlags::IN),
            ];
            fds.extend(
                self.conns
                    .iter()
                    .map(|c| PollFd::new(&c.stream, c.interest())),
            );
            match poll(&mut fds, None) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let ready: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            let mut ready_conns = ready[3..].iter();
            self.conns
                .retain_mut(|conn| ready_conns.next() != Some(&true) || conn.work().is_ok());
            if ready[2] {
                while let Ok((stream, _)) = self.listener.accept() {
                    self.conns.push(Conn::new(stream)?);
                }
            }
            if ready[0] {
                self.upgrades.read_exact(&mut [0])?;
                let generation = (self.generation + 1).to_string();
                self = match self.hand_over(&["successor", &generation])? {
                    Outcome::Gone => return Ok(()),
                    Outcome::ServeOn(server) => server,
                };
            }
            if ready[1] {
                self.bad_upgrades.read_exact(&mut [0])?;
                self = match self.hand_over(&["bad-successor"])? {
                    Outcome::Gone => return Ok(()),
                    Outcome::ServeOn(server) => server,
                };
            }
        }
    }

    /// Gives everything to a new process; waits for it, for the sake of brevity. A real server goes on serving what
    /// came back or could not be frozen yet, with the channel as one more descriptor in its loop.
    fn hand_over(mut self, args: &[&str]) -> Result<Outcome, Box<dyn Error>> {
        let (ours, theirs) = UnixStream::pair()?;
        let binary = std::env::args_os().next().ok_or("no path to the binary")?;
        let mut child = Command::new(binary)
            .args(args)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()?;
        let listener = Listener {
            name: "echo".to_owned(),
            fd: self.listener.try_clone()?.into(),
        };
        let software = format!("echo {}", self.generation);
        let mut channel = GiverChannel::new(ours.into(), &software, vec![listener])?;
        for (token, conn) in (0..).map(Token).zip(self.conns.drain(..)) {
            channel.offer(token, conn.freeze());
        }
        channel.finish(Vec::new())?;

        let mut given = 0;
        let mut kept = BTreeMap::new();
        let failure = loop {
            channel.wait(None)?;
            match channel.next_event() {
                Some(GiverEvent::Accepted(_)) => given += 1,
                Some(GiverEvent::Returned { token, parcel, .. }) => {
                    kept.insert(token, parcel);
                }
                Some(GiverEvent::Broken { error, returned }) => {
                    kept.extend(returned);
                    break Some(error);
                }
                Some(GiverEvent::Finished) => break None,
                Some(_) | None => {}
            }
        };
        self.conns = kept.into_values().filter_map(Conn::thaw).collect();
        if let Some(error) = failure {
            // It may be alive, and with the listener it would be a second server.
            if given == 0 {
                child.kill()?;
                child.wait()?;
            }
            self.say(&format!(
                "serving on with {} connections: {error}",
                self.conns.len()
            ));
            return Ok(Outcome::ServeOn(self));
        }
        if !self.conns.is_empty() {
            self.say("some connections came back, serving on");
            return Ok(Outcome::ServeOn(self));
        }
        self.say(&format!("gave {given} connections away, leaving"));
        Ok(Outcome::Gone)
    }
}

enum Outcome {
    Gone,
    ServeOn(Server),
}
