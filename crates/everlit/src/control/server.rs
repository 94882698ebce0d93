//! The serving side: clients of the control socket.
//!
//! In: a listening socket, readiness, and `now`. Out: requests, with the descriptors that came with them; replies leave
//! as fast as the client reads. Must hold: nothing here blocks; whoever sends too much, reads too little or says nothing
//! is dropped; a line that is no request is answered and changes nothing.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, accept_with, recvmsg, send, sendmsg,
    sockopt::socket_peercred,
};

use super::line::LineBuffer;
use super::message::{Refusal, RefusalKind, Reply, Request, decode, encode};
use super::socket::{ControlSocket, SocketFile};
use crate::link::DESCRIPTORS_MAX;

/// Longest request, in bytes.
const REQUEST_MAX: usize = 4096;
/// Most unread reply of one client, in bytes.
const BACKLOG_MAX: usize = 1024 * 1024;
/// Most clients at a time.
const CLIENTS_MAX: usize = 32;
/// How long a client may stay without asking anything.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Most descriptors a client may have sent without the request that they belong to.
const LOOSE_MAX: usize = 4;

/// Names a client for as long as it is connected; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

/// The control socket with everybody who talks to it.
#[derive(Debug)]
pub(crate) struct Server {
    socket: ControlSocket,
    clients: Vec<Client>,
    next: u64,
}

/// One client.
#[derive(Debug)]
struct Client {
    id: ClientId,
    socket: OwnedFd,
    input: LineBuffer,
    loose: VecDeque<OwnedFd>,
    output: VecDeque<u8>,
    phase: Phase,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The client's, since then.
    Listening(Instant),
    /// The client's, which has our listening sockets and may take its time to start.
    Holding,
    /// Ours: a request is not finally answered.
    Answering,
    /// The client asks nothing more; it goes when it has read everything.
    Closing,
}

/// What a client wants.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Who.
    pub(crate) client: ClientId,
    /// What.
    pub(crate) request: Request,
    /// The first descriptor that came with it.
    pub(crate) descriptor: Option<OwnedFd>,
}

/// A client that outlives an exec.
#[derive(Debug)]
pub(crate) struct Kept<S> {
    /// Its name, which others remember.
    pub(crate) id: ClientId,
    /// Its socket.
    pub(crate) socket: S,
    /// Received, but no whole request yet.
    pub(crate) input: Vec<u8>,
    /// Not yet sent.
    pub(crate) output: Vec<u8>,
    /// Who is to speak.
    pub(crate) turn: Turn,
}

/// Who is to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The client.
    Theirs,
    /// We: a request is not finally answered.
    Ours,
}

impl Server {
    /// Serves this socket.
    pub(crate) fn new(socket: ControlSocket) -> Self {
        Self {
            socket,
            clients: Vec::new(),
            next: 0,
        }
    }

    /// The socket itself.
    pub(crate) fn socket(&mut self) -> &mut ControlSocket {
        &mut self.socket
    }

    /// Which file is ours.
    pub(crate) fn file(&self) -> Option<&SocketFile> {
        self.socket.file()
    }

    /// The socket to accept from.
    pub(crate) fn listener(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Each client's socket, and whether it waits to be written to; a client that waits for us is watched only for
    /// hanging up.
    pub(crate) fn interests(&self) -> impl Iterator<Item = (ClientId, BorrowedFd<'_>, Interest)> {
        self.clients.iter().map(|client| {
            let interest = Interest {
                read: matches!(client.phase, Phase::Listening(_) | Phase::Holding),
                write: !client.output.is_empty(),
            };
            (client.id, client.socket.as_fd(), interest)
        })
    }

    /// When [`expire`](Self::expire) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.clients
            .iter()
            .filter_map(|client| match client.phase {
                Phase::Listening(since) => Some(since + SILENCE_MAX),
                Phase::Holding | Phase::Answering | Phase::Closing => None,
            })
            .min()
    }

    /// Drops clients that have been silent for too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.clients.retain(|client| match client.phase {
            Phase::Listening(since) => now < since + SILENCE_MAX,
            Phase::Holding | Phase::Answering | Phase::Closing => true,
        });
    }

    /// Accepts whoever waits and may talk to us.
    pub(crate) fn accept(&mut self, now: Instant) {
        while let Ok(socket) =
            accept_with(&self.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
        {
            if self.clients.len() >= CLIENTS_MAX || !may_talk(socket.as_fd()) {
                continue;
            }
            let id = ClientId(self.next);
            self.next += 1;
            self.clients.push(Client {
                id,
                socket,
                input: LineBuffer::new(REQUEST_MAX),
                loose: VecDeque::new(),
                output: VecDeque::new(),
                phase: Phase::Listening(now),
            });
        }
    }

    /// Reads what a client has sent; its next request, if that is whole.
    pub(crate) fn read(&mut self, id: ClientId, now: Instant) -> Option<Heard> {
        let client = self.clients.iter_mut().find(|client| client.id == id)?;
        match client.receive() {
            Ok(()) => self.next_request(id, now),
            Err(_gone) => {
                self.drop_client(id);
                None
            }
        }
    }

    /// The next whole request of a client whose turn it is, from what was read before.
    pub(crate) fn next_request(&mut self, id: ClientId, now: Instant) -> Option<Heard> {
        loop {
            let client = self.clients.iter_mut().find(|client| client.id == id)?;
            if client.phase == Phase::Answering {
                return None;
            }
            let refusal = match client.input.next_line() {
                Ok(None) if client.phase == Phase::Closing && client.output.is_empty() => {
                    self.drop_client(id);
                    return None;
                }
                Ok(None) => return None,
                Ok(Some(line)) => match decode::<Request>(&line) {
                    Ok(request) => {
                        client.phase = Phase::Answering;
                        return Some(Heard {
                            client: id,
                            request,
                            descriptor: client.loose.pop_front(),
                        });
                    }
                    Err(error) => error.to_string(),
                },
                Err(_too_long) => {
                    self.drop_client(id);
                    return None;
                }
            };
            let refusal = Reply::Error(Refusal {
                kind: RefusalKind::BadRequest,
                message: refusal,
                pid: None,
            });
            self.reply(id, &refusal, now);
        }
    }

    /// Answers; to nobody, if the client is gone.
    pub(crate) fn reply(&mut self, id: ClientId, reply: &Reply, now: Instant) {
        self.reply_with(id, reply, &[], now);
    }

    /// Answers with descriptors, at most [`DESCRIPTORS_MAX`].
    pub(crate) fn reply_with(
        &mut self,
        id: ClientId,
        reply: &Reply,
        descriptors: &[BorrowedFd<'_>],
        now: Instant,
    ) {
        let Some(client) = self.clients.iter_mut().find(|client| client.id == id) else {
            return;
        };
        let line = encode(reply);
        let sent = client.send(&line, descriptors);
        if reply.is_final() && client.phase == Phase::Answering {
            client.phase = match reply {
                Reply::Takeover(_) => Phase::Holding,
                _ => Phase::Listening(now),
            };
        }
        if sent.is_err() {
            self.drop_client(id);
        }
    }

    /// Sends what a client could not take before.
    pub(crate) fn flush(&mut self, id: ClientId) {
        let Some(client) = self.clients.iter_mut().find(|client| client.id == id) else {
            return;
        };
        let sent = client.flush();
        let done = client.phase == Phase::Closing && client.output.is_empty();
        if sent.is_err() || done {
            self.drop_client(id);
        }
    }

    /// Forgets a client and closes its socket.
    pub(crate) fn drop_client(&mut self, id: ClientId) {
        self.clients.retain(|client| client.id != id);
    }

    /// Whoever prepares what it was given something for may take its time.
    pub(crate) fn excuse_silence(&mut self, id: ClientId, now: Instant) {
        if let Some(client) = self.clients.iter_mut().find(|client| client.id == id)
            && let Phase::Listening(since) = &mut client.phase
        {
            *since = now;
        }
    }

    /// Whether it is still connected.
    pub(crate) fn is_connected(&self, id: ClientId) -> bool {
        self.clients.iter().any(|client| client.id == id)
    }

    /// Everything to remember of the clients.
    pub(crate) fn kept(&self) -> impl Iterator<Item = Kept<BorrowedFd<'_>>> {
        self.clients.iter().map(|client| Kept {
            id: client.id,
            socket: client.socket.as_fd(),
            input: client.input.rest().to_owned(),
            output: client.output.iter().copied().collect(),
            turn: match client.phase {
                Phase::Answering => Turn::Ours,
                Phase::Listening(_) | Phase::Holding | Phase::Closing => Turn::Theirs,
            },
        })
    }

    /// What the next client will be named.
    pub(crate) fn next_client(&self) -> ClientId {
        ClientId(self.next)
    }

    /// Puts it together again after an exec.
    pub(crate) fn resume(
        socket: ControlSocket,
        clients: Vec<Kept<OwnedFd>>,
        next: ClientId,
        now: Instant,
    ) -> Self {
        // A state of an older program does not say what comes next.
        let next = clients
            .iter()
            .map(|kept| kept.id.0 + 1)
            .fold(next.0, u64::max);
        let clients = clients
            .into_iter()
            .map(|kept| Client {
                id: kept.id,
                socket: kept.socket,
                input: LineBuffer::resume(kept.input, REQUEST_MAX),
                loose: VecDeque::new(),
                output: kept.output.into(),
                phase: match kept.turn {
                    Turn::Ours => Phase::Answering,
                    Turn::Theirs => Phase::Listening(now),
                },
            })
            .collect();
        Self {
            socket,
            clients,
            next,
        }
    }
}

/// What to wait for on a client's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Until it says something.
    pub read: bool,
    /// Until it takes something.
    pub write: bool,
}

/// The client is gone, or has to go.
struct Gone;

impl Client {
    fn receive(&mut self) -> Result<(), Gone> {
        let mut bytes = [0; REQUEST_MAX];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = match recvmsg(
            &self.socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
        ) {
            Ok(received) => received.bytes,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(_) => return Err(Gone),
        };
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                self.loose.extend(rights);
            }
        }
        if self.loose.len() > LOOSE_MAX {
            return Err(Gone);
        }
        if received == 0 {
            if matches!(self.phase, Phase::Listening(_) | Phase::Holding) {
                self.phase = Phase::Closing;
            }
            return Ok(());
        }
        self.input.push(&bytes[..received]);
        Ok(())
    }

    fn send(&mut self, line: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Gone> {
        if descriptors.is_empty() {
            self.output.extend(line);
            return self.flush();
        }
        // Descriptors go with the first byte of their line, so everything before must have left. The only client that
        // gets descriptors has asked one thing and heard nothing yet: a full buffer there is a client that misbehaves.
        if !self.output.is_empty() {
            return Err(Gone);
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(Gone);
        }
        let sent = sendmsg(
            &self.socket,
            &[IoSlice::new(line)],
            &mut ancillary,
            SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
        )
        .map_err(|_| Gone)?;
        self.output.extend(&line[sent..]);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Gone> {
        while !self.output.is_empty() {
            let (bytes, _) = self.output.as_slices();
            match send(
                &self.socket,
                bytes,
                SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
            ) {
                Ok(sent) => drop(self.output.drain(..sent)),
                Err(Errno::AGAIN | Errno::INTR) if self.output.len() <= BACKLOG_MAX => break,
                Err(_) => return Err(Gone),
            }
        }
        Ok(())
    }
}

/// Root and our own user may talk to us.
fn may_talk(socket: BorrowedFd<'_>) -> bool {
    socket_peercred(socket)
        .is_ok_and(|peer| peer.uid.is_root() || peer.uid == rustix::process::geteuid())
}

#[cfg(test)]
mod tests {
    use super::super::message::{Activity, Status, Takeover, Until};
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::os::unix::net::UnixStream;

    struct Stage {
        _directory: tempfile::TempDir,
        server: Server,
        client: UnixStream,
        id: ClientId,
        now: Instant,
    }

    fn stage() -> Stage {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.sock");
        let mut socket = ControlSocket::prepare(&path).unwrap();
        socket.publish().unwrap();
        let mut server = Server::new(socket);
        let client = UnixStream::connect(&path).unwrap();
        let now = Instant::now();
        server.accept(now);
        let id = server.interests().next().unwrap().0;
        Stage {
            _directory: directory,
            server,
            client,
            id,
            now,
        }
    }

    fn status() -> Reply {
        Reply::Status(Box::new(Status {
            configuration: "x".into(),
            version: "0".into(),
            supervisor_pid: None,
            uptime_s: 0,
            activity: Activity::Serving,
            generations: Vec::new(),
            listeners: Vec::new(),
            programs: Vec::new(),
            last_restart: None,
            supervisor_rss_kib: None,
        }))
    }

    fn line(client: &UnixStream) -> String {
        let mut text = String::new();
        BufReader::new(client).read_line(&mut text).unwrap();
        text
    }

    #[test]
    fn a_request_is_heard_once_and_answered() {
        let mut stage = stage();
        stage
            .client
            .write_all(b"{\"v\":1,\"op\":\"reload\"}\n{\"v\":1,\"op\":\"status\"}\n")
            .unwrap();
        let heard = stage.server.read(stage.id, stage.now).unwrap();
        assert_eq!(heard.request, Request::Reload { until: Until::Gone });
        // The second waits until the first is answered.
        assert!(stage.server.next_request(stage.id, stage.now).is_none());
        stage.server.reply(stage.id, &status(), stage.now);
        assert!(line(&stage.client).contains("\"reply\":\"status\""));
        let heard = stage.server.next_request(stage.id, stage.now).unwrap();
        assert_eq!(heard.request, Request::Status);
    }

    #[test]
    fn nonsense_is_answered_and_nothing_is_lost() {
        let mut stage = stage();
        stage
            .client
            .write_all(b"GET / HTTP/1.1\n{\"v\":1,\"op\":\"status\"}\n")
            .unwrap();
        let heard = stage.server.read(stage.id, stage.now).unwrap();
        assert_eq!(heard.request, Request::Status);
        assert!(line(&stage.client).contains("bad-request"));
    }

    #[test]
    fn too_much_and_too_little_end_the_conversation() {
        let mut stage = stage();
        stage
            .client
            .write_all(&vec![b'x'; 2 * REQUEST_MAX])
            .unwrap();
        assert!(stage.server.read(stage.id, stage.now).is_none());
        assert!(stage.server.read(stage.id, stage.now).is_none());
        assert!(!stage.server.is_connected(stage.id));

        let mut stage = self::stage();
        assert_eq!(stage.server.deadline(), Some(stage.now + SILENCE_MAX));
        stage.server.expire(stage.now + SILENCE_MAX);
        assert!(!stage.server.is_connected(stage.id));
    }

    #[test]
    fn a_successor_may_take_its_time_to_start() {
        let mut stage = stage();
        let request = b"{\"v\":1,\"op\":\"takeover\"}\n";
        stage.client.write_all(request).unwrap();
        stage.server.read(stage.id, stage.now).unwrap();
        let takeover = Reply::Takeover(Takeover {
            listeners: Vec::new(),
            generation: 1,
            version: "0".to_owned(),
            pid: 1,
            last: true,
        });
        stage.server.reply(stage.id, &takeover, stage.now);
        stage.server.expire(stage.now + 100 * SILENCE_MAX);
        assert_eq!(stage.server.deadline(), None);
        // And it is still heard.
        let request = b"{\"v\":1,\"op\":\"leave\"}\n";
        stage.client.write_all(request).unwrap();
        assert!(stage.server.read(stage.id, stage.now).is_some());
    }

    #[test]
    fn a_client_that_only_shut_down_its_side_gets_its_answer() {
        let mut stage = stage();
        stage
            .client
            .write_all(b"{\"v\":1,\"op\":\"status\"}\n")
            .unwrap();
        stage.client.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(stage.server.read(stage.id, stage.now).is_some());
        stage.server.reply(stage.id, &status(), stage.now);
        assert!(stage.server.read(stage.id, stage.now).is_none());
        assert!(!stage.server.is_connected(stage.id));
        let mut text = String::new();
        stage.client.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn a_client_that_does_not_read_never_blocks_us() {
        let mut stage = stage();
        stage
            .client
            .write_all(b"{\"v\":1,\"op\":\"reload\"}\n")
            .unwrap();
        stage.server.read(stage.id, stage.now).unwrap();
        for _ in 0..100_000 {
            stage.server.reply(stage.id, &status(), stage.now);
            if !stage.server.is_connected(stage.id) {
                return;
            }
        }
        panic!("a client that reads nothing was kept for ever");
    }
}
