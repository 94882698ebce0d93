//! A generation whose supervisor is dead answers at the control socket itself.
//!
//! In: the listening control socket it inherited, readiness, `now`, and what it knows of itself. Out: [`Order`]s to carry
//! out. Must hold: answers status, stop and takeover; refuses what needs a supervisor; never blocks.
//!
//! How a generation uses it, once its link is closed and nothing was said before (and it is not leaving already):
//!
//! 1. `Orphan::new` with the descriptor named `everlit-control`.
//! 2. Wait until one of [`descriptors`](Orphan::descriptors) is ready, or for a second, then call
//!    [`step`](Orphan::step) until it returns `None`.
//! 3. Carry out each [`Order`] as if the supervisor had sent the message of the same name.
//! 4. Everything it would have sent to the supervisor goes to [`tell`](Orphan::tell).

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::message::{
    Activity, GenerationEntry, ListenerEntry, Progress, Refusal, RefusalKind, Reply, Request,
    Status, Stop, Takeover,
};
use super::server::{ClientId, Heard, Server};
use super::socket::ControlSocket;
use crate::link::{DESCRIPTORS_MAX, FromGeneration, GenerationStatus};

pub use super::server::Interest;

/// The control socket of a generation without a supervisor.
#[derive(Debug)]
pub struct Orphan {
    server: Server,
    about: About,
    /// Who took the listening sockets; nobody else gets them until it hangs up.
    taker: Option<Taker>,
    /// Who asked to stop: hears how it goes.
    stoppers: Vec<ClientId>,
    /// To stop as soon as that is possible.
    stop: bool,
}

/// Who takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taker {
    /// It has the listening sockets.
    Prepares(ClientId),
    /// It has asked for everything else.
    Takes(ClientId),
}

impl Taker {
    fn client(self) -> ClientId {
        match self {
            Self::Prepares(client) | Self::Takes(client) => client,
        }
    }
}

/// What the generation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Serving.
    Serving,
    /// Handing over.
    Leaving,
    /// Ending without a successor.
    Stopping,
}

/// What does not change about a generation.
#[derive(Clone, Debug)]
pub struct About {
    /// What configuration it runs: a path, or a name.
    pub configuration: String,
    /// Its number.
    pub number: u64,
    /// Version of its binary.
    pub version: String,
    /// When it was started.
    pub started: Instant,
}

/// What changes, as of now.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Listening sockets by name, as in the plan.
    pub listeners: Vec<(String, BorrowedFd<'a>)>,
    /// What it does.
    pub standing: Standing,
    /// Its figures.
    pub figures: GenerationStatus,
}

/// What the generation has to do.
#[derive(Debug)]
pub enum Order {
    /// As [`ToGeneration::Leave`](crate::link::ToGeneration::Leave).
    Leave {
        /// Connected to the successor.
        handover: OwnedFd,
        /// Ends the drain.
        drain_limit: Option<Duration>,
    },
    /// As [`ToGeneration::Quit`](crate::link::ToGeneration::Quit), closing the listeners.
    Quit,
    /// Exit at once.
    Terminate,
}

impl Orphan {
    /// Serves the inherited control socket.
    pub fn new(control: OwnedFd, about: About) -> Self {
        Self {
            server: Server::new(ControlSocket::inherited(control)),
            about,
            taker: None,
            stoppers: Vec::new(),
            stop: false,
        }
    }

    /// What to wait on.
    pub fn descriptors(&self) -> Vec<(BorrowedFd<'_>, Interest)> {
        let listening = Interest {
            read: true,
            write: false,
        };
        std::iter::once((self.server.listener(), listening))
            .chain(
                self.server
                    .interests()
                    .map(|(_, descriptor, interest)| (descriptor, interest)),
            )
            .collect()
    }

    /// Does what can be done now without waiting; the next order, if somebody gave one.
    pub fn step(&mut self, facts: &Facts<'_>, now: Instant) -> Option<Order> {
        if let Some(Taker::Prepares(client)) = self.taker {
            self.server.excuse_silence(client, now);
        }
        self.server.accept(now);
        self.server.expire(now);
        let clients: Vec<ClientId> = self.server.interests().map(|(id, _, _)| id).collect();
        for id in clients {
            self.server.flush(id);
            while let Some(heard) = self.server.read(id, now) {
                if let Some(order) = self.hear(heard, facts, now) {
                    return Some(order);
                }
            }
        }
        self.drop_deserters();
        // Asked for while it was leaving, and the successor has failed; or asked for just now.
        (self.stop && facts.standing == Standing::Serving).then_some(Order::Quit)
    }

    /// Clients that hang up while they are being answered; poll would tell of them for ever.
    fn drop_deserters(&mut self) {
        let gone: Vec<ClientId> = self
            .server
            .interests()
            .filter(|(_, descriptor, interest)| !interest.read && has_hung_up(*descriptor))
            .map(|(id, _, _)| id)
            .collect();
        for id in gone {
            self.server.drop_client(id);
        }
        let server = &self.server;
        self.stoppers.retain(|id| server.is_connected(*id));
        if let Some(Taker::Prepares(client)) = self.taker
            && !server.is_connected(client)
        {
            self.taker = None;
        }
    }

    /// Passes on what the generation has to say about leaving.
    pub fn tell(&mut self, said: &FromGeneration, now: Instant) {
        let reply = match said {
            FromGeneration::Progress {
                tally,
                waiting,
                draining,
            } => Reply::Progress(Progress::Moving {
                tally: *tally,
                waiting: *waiting,
                draining: *draining,
            }),
            FromGeneration::Left { tally } => {
                for client in self.stoppers.drain(..) {
                    let stopped = Reply::Stopped { tally: *tally };
                    self.server.reply(client, &stopped, now);
                }
                Reply::Left { tally: *tally }
            }
            FromGeneration::Refused { reason } => refuse(RefusalKind::Stopping, reason),
            FromGeneration::Resumed { tally, reason } => Reply::Resumed {
                tally: *tally,
                reason: reason.clone(),
            },
            FromGeneration::Status(_) => return,
        };
        if !reply.is_final() {
            for client in &self.stoppers {
                self.server.reply(*client, &reply, now);
            }
        }
        let Some(Taker::Takes(taker)) = self.taker else {
            return;
        };
        self.server.reply(taker, &reply, now);
        if reply.is_final() {
            self.taker = None;
        }
    }

    fn hear(&mut self, heard: Heard, facts: &Facts<'_>, now: Instant) -> Option<Order> {
        let Heard {
            client,
            request,
            descriptor,
        } = heard;
        match request {
            Request::Status => {
                let status = self.status(facts, now);
                self.server
                    .reply(client, &Reply::Status(Box::new(status)), now);
                None
            }
            Request::Stop { how } => {
                self.stoppers.push(client);
                self.stop = true;
                match how {
                    Stop::Graceful => None,
                    Stop::Now => Some(Order::Terminate),
                }
            }
            Request::Takeover => {
                self.offer(client, facts, now);
                None
            }
            Request::Leave { drain_limit_ms } => match descriptor {
                Some(handover)
                    if self.taker == Some(Taker::Prepares(client))
                        && facts.standing == Standing::Serving =>
                {
                    self.taker = Some(Taker::Takes(client));
                    Some(Order::Leave {
                        handover,
                        drain_limit: drain_limit_ms.map(Duration::from_millis),
                    })
                }
                _ => {
                    let refusal = refuse(
                        RefusalKind::BadRequest,
                        "leave: only after takeover, once, with one descriptor, and before a stop",
                    );
                    self.server.reply(client, &refusal, now);
                    None
                }
            },
            Request::Reload { .. } | Request::ReopenLogs => {
                let refusal = refuse(
                    RefusalKind::Orphaned,
                    "the supervisor of this instance died; start everlit again with the same configuration: \
                     it takes this one over",
                );
                self.server.reply(client, &refusal, now);
                None
            }
        }
    }

    /// A successor wants our listening sockets.
    fn offer(&mut self, client: ClientId, facts: &Facts<'_>, now: Instant) {
        let refusal = match (facts.standing, self.taker) {
            (Standing::Stopping, _) => Some(refuse(
                RefusalKind::Stopping,
                "the supervisor of this instance died, and its generation is stopping",
            )),
            _ if self.stop => Some(refuse(RefusalKind::Stopping, "the server is stopping")),
            (Standing::Serving, Some(taker)) if taker.client() != client => Some(taken()),
            (Standing::Leaving, _) => Some(taken()),
            (Standing::Serving, _) => None,
        };
        if let Some(refusal) = refusal {
            self.server.reply(client, &refusal, now);
            return;
        }
        self.taker = Some(Taker::Prepares(client));
        hand_out(
            &mut self.server,
            client,
            &facts.listeners,
            self.about.number,
            &self.about.version,
            now,
        );
    }

    fn status(&self, facts: &Facts<'_>, now: Instant) -> Status {
        let uptime_s = now.saturating_duration_since(self.about.started).as_secs();
        Status {
            configuration: self.about.configuration.clone(),
            version: self.about.version.clone(),
            supervisor_pid: None,
            uptime_s,
            activity: match facts.standing {
                Standing::Serving | Standing::Leaving => Activity::Orphaned,
                Standing::Stopping => Activity::Stopping,
            },
            generations: vec![GenerationEntry {
                number: self.about.number,
                pid: std::process::id(),
                version: self.about.version.clone(),
                state: match facts.standing {
                    Standing::Serving => "serving",
                    Standing::Leaving | Standing::Stopping => "leaving",
                }
                .to_owned(),
                uptime_s,
                figures: Some(facts.figures.clone()),
            }],
            listeners: facts
                .listeners
                .iter()
                .map(|(name, descriptor)| ListenerEntry {
                    name: name.clone(),
                    address: super::bound_address(*descriptor),
                })
                .collect(),
            programs: Vec::new(),
            last_restart: None,
            supervisor_rss_kib: None,
        }
    }
}

/// Gives listening sockets to a successor, in as many lines as it takes.
pub(crate) fn hand_out(
    server: &mut Server,
    client: ClientId,
    listeners: &[(String, BorrowedFd<'_>)],
    generation: u64,
    version: &str,
    now: Instant,
) {
    let mut parts = listeners.chunks(DESCRIPTORS_MAX).peekable();
    while let Some(part) = parts.next() {
        let (names, descriptors): (Vec<String>, Vec<BorrowedFd<'_>>) = part.iter().cloned().unzip();
        let reply = Reply::Takeover(Takeover {
            listeners: names,
            generation,
            version: version.to_owned(),
            pid: std::process::id(),
            last: parts.peek().is_none(),
        });
        server.reply_with(client, &reply, &descriptors, now);
    }
}

/// Without the process, for whoever is refused shows the sentence then.
fn taken() -> Reply {
    Reply::Error(Refusal {
        kind: RefusalKind::Serving,
        message: "another instance is taking over from this one; try again when that has failed"
            .to_owned(),
        pid: None,
    })
}

fn has_hung_up(socket: BorrowedFd<'_>) -> bool {
    let mut watched = [PollFd::from_borrowed_fd(socket, PollFlags::empty())];
    poll(&mut watched, Some(&Timespec::default())).is_ok()
        && watched[0]
            .revents()
            .intersects(PollFlags::HUP | PollFlags::ERR)
}

/// A refusal.
pub(crate) fn refuse(kind: RefusalKind, message: &str) -> Reply {
    Reply::Error(Refusal {
        kind,
        message: message.to_owned(),
        pid: Some(std::process::id()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::client::Connection;
    use super::*;
    use crate::tally::Tally;
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    struct Stage {
        directory: tempfile::TempDir,
        standing: Standing,
        orphan: Orphan,
        client: Connection,
        listener: TcpListener,
        now: Instant,
    }

    impl Stage {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("c.sock");
            let mut socket = ControlSocket::prepare(&path).unwrap();
            socket.publish().unwrap();
            let now = Instant::now();
            let orphan = Orphan::new(
                socket.as_fd().try_clone_to_owned().unwrap(),
                About {
                    configuration: "test".to_owned(),
                    number: 7,
                    version: "0.1".to_owned(),
                    started: now,
                },
            );
            Self {
                directory,
                standing: Standing::Serving,
                orphan,
                client: Connection::open(&path).unwrap().unwrap(),
                listener: TcpListener::bind("127.0.0.1:0").unwrap(),
                now,
            }
        }

        fn step(&mut self) -> Option<Order> {
            let facts = Facts {
                listeners: vec![("127.0.0.1:0".to_owned(), self.listener.as_fd())],
                standing: self.standing,
                figures: GenerationStatus::default(),
            };
            self.orphan.step(&facts, self.now)
        }
    }

    #[test]
    fn a_successor_gets_listeners_then_everything() {
        let mut stage = Stage::new();
        stage.client.ask(&Request::Takeover).unwrap();
        assert!(stage.step().is_none());
        let Reply::Takeover(takeover) = stage.client.next_reply().unwrap() else {
            panic!("takeover was asked");
        };
        assert_eq!(takeover.listeners, ["127.0.0.1:0"]);
        assert_eq!((takeover.generation, takeover.last), (7, true));
        assert_eq!(stage.client.take_descriptors().len(), 1);

        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        stage
            .client
            .ask_with(
                &Request::Leave {
                    drain_limit_ms: Some(5),
                },
                &[ours.as_fd()],
            )
            .unwrap();
        assert!(matches!(
            stage.step(),
            Some(Order::Leave { drain_limit: Some(limit), .. }) if limit.as_millis() == 5
        ));
        let tally = Tally::default();
        stage.orphan.tell(
            &FromGeneration::Progress {
                tally,
                waiting: 1,
                draining: 0,
            },
            stage.now,
        );
        stage
            .orphan
            .tell(&FromGeneration::Left { tally }, stage.now);
        assert!(!stage.client.next_reply().unwrap().is_final());
        assert_eq!(stage.client.next_reply().unwrap(), Reply::Left { tally });
    }

    #[test]
    fn what_needs_a_supervisor_is_refused_and_status_works() {
        let mut stage = Stage::new();
        stage.client.ask(&Request::ReopenLogs).unwrap();
        assert!(stage.step().is_none());
        assert!(matches!(
            stage.client.next_reply().unwrap(),
            Reply::Error(Refusal {
                kind: RefusalKind::Orphaned,
                ..
            })
        ));
        stage.client.ask(&Request::Status).unwrap();
        assert!(stage.step().is_none());
        let Reply::Status(status) = stage.client.next_reply().unwrap() else {
            panic!("status was asked");
        };
        assert_eq!(status.activity, Activity::Orphaned);
        assert_eq!(
            status.listeners[0].address,
            stage.listener.local_addr().unwrap().to_string()
        );
    }

    impl Stage {
        fn another_client(&self) -> Connection {
            let path = self.directory.path().join("c.sock");
            Connection::open(&path).unwrap().unwrap()
        }

        fn refused(client: &mut Connection) -> RefusalKind {
            match client.next_reply().unwrap() {
                Reply::Error(refusal) => refusal.kind,
                other => panic!("to be refused, not {other:?}"),
            }
        }
    }

    #[test]
    fn one_takes_over_at_a_time() {
        let mut stage = Stage::new();
        stage.client.ask(&Request::Takeover).unwrap();
        let mut second = stage.another_client();
        assert!(stage.step().is_none());
        second.ask(&Request::Takeover).unwrap();
        assert!(stage.step().is_none());
        assert_eq!(Stage::refused(&mut second), RefusalKind::Serving);
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let leave = Request::Leave {
            drain_limit_ms: None,
        };
        second.ask_with(&leave, &[ours.as_fd()]).unwrap();
        assert!(stage.step().is_none());
        assert_eq!(Stage::refused(&mut second), RefusalKind::BadRequest);

        stage.client = stage.another_client();
        assert!(stage.step().is_none());
        second.ask(&Request::Takeover).unwrap();
        assert!(stage.step().is_none());
        assert!(matches!(second.next_reply().unwrap(), Reply::Takeover(_)));
    }

    #[test]
    fn whoever_asks_it_to_stop_hears_that_it_has() {
        let mut stage = Stage::new();
        let stop = Request::Stop {
            how: Stop::Graceful,
        };
        let mut second = stage.another_client();
        stage.client.ask(&stop).unwrap();
        assert!(matches!(stage.step(), Some(Order::Quit)));
        stage.standing = Standing::Stopping;
        second.ask(&stop).unwrap();
        let mut late = stage.another_client();
        late.ask(&Request::Takeover).unwrap();
        assert!(stage.step().is_none());
        assert_eq!(Stage::refused(&mut late), RefusalKind::Stopping);
        let tally = Tally::default();
        let left = FromGeneration::Left { tally };
        stage.orphan.tell(&left, stage.now);
        for client in [&mut stage.client, &mut second] {
            assert_eq!(client.next_reply().unwrap(), Reply::Stopped { tally });
        }
    }

    #[test]
    fn a_stop_while_it_leaves_is_for_when_the_successor_fails() {
        let mut stage = Stage::new();
        stage.standing = Standing::Leaving;
        stage
            .client
            .ask(&Request::Stop {
                how: Stop::Graceful,
            })
            .unwrap();
        assert!(stage.step().is_none());
        stage.standing = Standing::Serving;
        assert!(matches!(stage.step(), Some(Order::Quit)));
    }

    #[test]
    fn who_hangs_up_while_being_answered_is_dropped() {
        let mut stage = Stage::new();
        let stop = Request::Stop {
            how: Stop::Graceful,
        };
        stage.client.ask(&stop).unwrap();
        stage.client = stage.another_client();
        assert!(matches!(stage.step(), Some(Order::Quit)));
        stage.standing = Standing::Stopping;
        assert!(stage.step().is_none());
        // The control socket, and the other client.
        assert_eq!(stage.orphan.descriptors().len(), 2);
    }

    #[test]
    fn leave_without_a_descriptor_is_refused() {
        let mut stage = Stage::new();
        stage
            .client
            .ask(&Request::Leave {
                drain_limit_ms: None,
            })
            .unwrap();
        assert!(stage.step().is_none());
        assert!(matches!(
            stage.client.next_reply().unwrap(),
            Reply::Error(_)
        ));
    }
}
