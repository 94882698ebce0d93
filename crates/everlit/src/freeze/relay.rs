//! 11b. An exchange with a backend as plain data, and the other way round.
//!
//! In: a relay and its connection. Out: an image and descriptors; from them a relay again. Must hold: as for connections;
//! what was begun under one configuration ends without asking the next one where its backend is.
//!
//! Descriptors, in this order: those of the connection with the backend (a socket; or a program's output, its process,
//! and its input if that is open), then the files of the upload, then the files of an answer that is collected.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::image::SegmentImage;
use super::owed;
use crate::gateway::balance::Preference;
use crate::gateway::host::{Address, Balance, CheckLocal, Group, Host, Program, Role, Script};
use crate::gateway::packets::{Packets, Wanted};
use crate::gateway::preface::Preface;
use crate::gateway::records::Records;
use crate::gateway::relay::{
    Asked, Body, Detour, Direction, Download, End, Held, Relay, Renamed, Rest, Source, Stage, To,
    Upload, Used,
};
use crate::gateway::reply::{Delimited, Persistence};
use crate::gateway::websocket::session::Session;
use crate::gateway::{Protocol, Target, Upgrade, upload};
use crate::pack::{Paused, Plan, Stream as Packing};
use crate::request::Told;
use crate::response::Headers;
use crate::route::{Before, Origin};
use crate::settings::Stream;
use crate::transport::outbox::Outbox;
use crate::transport::spool::Spool;
use crate::worker::bench::Bench;
use crate::worker::conn::Input;
use crate::worker::upstream::{Link, Reach, Upstream};

/// Most bytes of anything that a relay holds in memory: a head, or what waits for one side, and one more read.
const HELD_MAX: usize = 1 << 20;

/// Name and value of a header field or variable.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Pair(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub Vec<u8>,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub Vec<u8>,
);

/// An exchange with a backend.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RelayImage {
    /// The request's head, as the client sent it.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub head: Vec<u8>,
    /// Header fields that modules changed.
    #[n(1)]
    pub overrides: Vec<Pair>,
    /// Variables that modules set.
    #[n(2)]
    pub environment: Vec<Pair>,
    /// Whether it may become a tunnel.
    #[n(3)]
    pub upgrade: Upgrade,
    /// A status that is kept.
    #[n(4)]
    pub status: Option<u16>,
    /// How the backend is spoken to.
    #[n(5)]
    pub protocol: Protocol,
    /// Where it is.
    #[n(6)]
    pub target: TargetImage,
    /// How far it is.
    #[n(7)]
    pub stage: StageImage,
    /// FastCGI's framing.
    #[n(8)]
    pub records: Records,
    /// What the backend is owed.
    #[n(9)]
    pub upload: UploadImage,
    /// How the answer travels.
    #[n(10)]
    pub download: DownloadImage,
    /// How often it was tried.
    #[n(11)]
    pub tries: u8,
    /// The connection.
    #[n(12)]
    pub link: LinkImage,
    /// What a proxy in front of us has told of the client; since version 3.
    #[n(13)]
    pub told: Option<Told>,
    /// Whom the request's body is for, if it is not the backend; since version 3.
    #[n(15)]
    pub body: Option<Body>,
    /// The client's WebSocket; since version 4.
    #[n(14)]
    pub websocket: Option<Session>,
    /// Where a program has sent the request; since version 4.
    #[n(16)]
    pub detour: Option<Detour>,
    /// Its target, if that is another one than was asked for; since version 6.
    #[n(17)]
    pub rewritten: Option<Renamed>,
    /// AJP's framing; since version 7.
    #[n(18)]
    pub packets: Option<Packets>,
    /// Header fields that scripts gave its answer; since version 8.
    #[n(19)]
    pub fields: Option<Vec<Pair>>,
}

/// Where a backend is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum TargetImage {
    /// At an address.
    #[n(0)]
    Host {
        /// `127.0.0.1:8000`, or the path of a Unix socket.
        #[n(0)]
        address: String,
        /// Seconds.
        #[n(1)]
        connect_timeout: u32,
        /// Seconds.
        #[n(2)]
        write_timeout: u32,
        /// Seconds.
        #[n(3)]
        read_timeout: u32,
        /// Files that its answers may name.
        #[n(4)]
        x_sendfile: Option<Vec<String>>,
        /// `docroot`: where an authorizer has what it permits answered from; since version 5.
        #[n(5)]
        docroot: Option<String>,
    },
    /// A program of its own.
    #[n(1)]
    Program {
        /// What runs it.
        #[n(0)]
        interpreter: Option<String>,
        /// The file.
        #[n(1)]
        script: String,
    },
    /// A thread of ours; since version 7.
    #[n(2)]
    Chore,
}

/// How far an exchange is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum StageImage {
    /// The request's body is collected; what is written of its head.
    #[n(0)]
    Collecting(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// The request is sent; so much of the answer's head has come.
    #[n(1)]
    Asking(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// The answer's body is coming.
    #[n(2)]
    Answering {
        /// How it is delimited.
        #[n(0)]
        body: Delimited,
        /// What becomes of the connection.
        #[n(1)]
        persistence: Persistence,
    },
    /// Both sides speak as they like.
    #[n(3)]
    Tunnel {
        /// The client's direction.
        #[n(0)]
        client: Direction,
        /// The backend's.
        #[n(1)]
        backend: Direction,
    },
}

/// What a backend is owed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UploadImage {
    /// The head, and a short body.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub head: Vec<u8>,
    /// How much of it is sent.
    #[n(1)]
    pub sent: u32,
    /// What follows.
    #[n(2)]
    pub rest: Vec<SegmentImage>,
    /// How the body is framed.
    #[n(3)]
    pub framing: upload::Framing,
    /// Bytes of the body so far.
    #[n(4)]
    pub length: u64,
    /// Whether it can be sent from its beginning.
    #[n(5)]
    pub rest_is: Rest,
    /// How it is passed on.
    #[n(6)]
    pub stream: Stream,
    /// Whether its end is noted.
    #[n(7)]
    pub end: End,
    /// AJP: what of it is wanted; since version 7.
    #[n(8)]
    pub wanted: Option<Wanted>,
}

/// How an answer travels.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DownloadImage {
    /// When it begins to.
    #[n(0)]
    pub stream: Stream,
    /// How its end is told.
    #[n(1)]
    pub framing: Option<To>,
    /// While it is collected.
    #[n(2)]
    pub held: Option<HeldImage>,
    /// What compresses it as it comes; since version 6.
    #[n(3)]
    pub packing: Option<Paused>,
}

/// An answer that is collected.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct HeldImage {
    /// Status.
    #[n(0)]
    pub status: u16,
    /// Header fields.
    #[n(1)]
    pub headers: Vec<Pair>,
    /// The body so far.
    #[n(2)]
    pub body: Vec<SegmentImage>,
    /// What is to become of it when it is complete; since version 6.
    #[n(3)]
    pub plan: Option<Plan>,
}

/// A connection with a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum LinkImage {
    /// There is none.
    #[n(0)]
    None,
    /// A socket.
    #[n(1)]
    Socket {
        /// Whether it is there yet.
        #[n(0)]
        reach: Reach,
        /// Whether it was used before.
        #[n(1)]
        used: Used,
    },
    /// A program.
    #[n(2)]
    Program {
        /// Whether its input is open.
        #[n(0)]
        stdin: bool,
    },
}

impl LinkImage {
    fn descriptors(self) -> usize {
        match self {
            LinkImage::None => 0,
            LinkImage::Socket { .. } => 1,
            LinkImage::Program { stdin } => 2 + usize::from(stdin),
        }
    }
}

impl RelayImage {
    /// How many descriptors belong to it.
    pub fn descriptors(&self) -> usize {
        let held = self.download.held.as_ref();
        self.link.descriptors()
            + owed::files(&self.upload.rest)
            + held.map_or(0, |held| owed::files(&held.body))
    }

    /// The first version of images that has everything that is in it.
    pub fn version(&self) -> u16 {
        let is_below = matches!(
            self.target,
            TargetImage::Host {
                docroot: Some(_),
                ..
            }
        );
        let is_planned = self.download.held.iter().any(|held| held.plan.is_some());
        match (&self.told, self.protocol) {
            (_, Protocol::Chore | Protocol::Ajp) => 7,
            _ if self.rewritten.is_some() || is_planned || self.download.packing.is_some() => 6,
            _ if is_below => 5,
            _ if self.detour.is_some() => 4,
            (_, Protocol::WebSocket) => 4,
            (Some(_), _) | (_, Protocol::Raw) => 3,
            _ if self.body.is_some() => 3,
            _ => 2,
        }
    }

    /// Whether everything in it is within bounds.
    pub fn is_sane(&self) -> bool {
        let small = |bytes: &[u8]| bytes.len() <= HELD_MAX;
        let held = self.download.held.as_ref();
        let stage = match &self.stage {
            StageImage::Collecting(bytes) | StageImage::Asking(bytes) => small(bytes),
            StageImage::Answering { .. } | StageImage::Tunnel { .. } => true,
        };
        let all = |segments: &[SegmentImage]| segments.iter().all(SegmentImage::is_sane);
        let websocket = match &self.websocket {
            Some(session) => self.protocol == Protocol::WebSocket && session.is_sane(),
            None => self.protocol != Protocol::WebSocket,
        };
        let is_chore = matches!(self.target, TargetImage::Chore);
        let packets = match self.protocol {
            Protocol::Ajp => self.upload.framing == upload::Framing::Packets,
            _ => self.upload.framing != upload::Framing::Packets,
        };
        stage
            && packets
            && websocket
            && is_chore == (self.protocol == Protocol::Chore)
            && small(&self.head)
            && self
                .detour
                .as_ref()
                .is_none_or(|detour| small(&detour.path))
            && self
                .rewritten
                .as_ref()
                .is_none_or(|renamed| small(&renamed.target) && small(&renamed.first))
            && small(&self.upload.head)
            && self.upload.sent as usize <= self.upload.head.len()
            && i64::try_from(self.upload.length).is_ok()
            && all(&self.upload.rest)
            && self.download.packing.iter().all(Paused::is_sane)
            && held
                .and_then(|held| held.plan.as_ref())
                .is_none_or(|plan| plan.recipe.is_sane())
            && held.is_none_or(|held| all(&held.body) && (200..=999).contains(&held.status))
            && self
                .status
                .is_none_or(|status| (200..=999).contains(&status))
    }
}

/// Everything of a relay. `files`: copies of the descriptors of its files; they and those of its connection are added to
/// `fds`.
pub(super) fn freeze(
    relay: Relay,
    upstream: Option<Upstream>,
    files: Vec<OwnedFd>,
    fds: &mut Vec<OwnedFd>,
) -> RelayImage {
    let link = match upstream.map(|upstream| (upstream.link, upstream.reach, upstream.used)) {
        None => LinkImage::None,
        Some((Link::Socket(socket), reach, used)) => {
            fds.push(socket);
            LinkImage::Socket { reach, used }
        }
        Some((
            Link::Program {
                stdin,
                stdout,
                process,
            },
            ..,
        )) => {
            let is_open = stdin.is_some();
            fds.push(stdout);
            fds.push(process);
            fds.extend(stdin);
            LinkImage::Program { stdin: is_open }
        }
    };
    fds.extend(files);
    let rest = owed::images(relay.upload.rest);
    let held = match relay.download.held {
        None => None,
        Some(held) => Some(HeldImage {
            status: held.status,
            headers: held
                .headers
                .iter()
                .flat_map(Headers::iter)
                .map(|(name, value)| Pair(name.to_vec(), value.to_vec()))
                .collect(),
            body: owed::images(held.body),
            plan: held.plan.map(|plan| *plan),
        }),
    };
    let pairs = |all: Vec<(Vec<u8>, Vec<u8>)>| {
        all.into_iter()
            .map(|(name, value)| Pair(name, value))
            .collect()
    };
    let is_ajp = relay.protocol == Protocol::Ajp;
    RelayImage {
        head: relay.asked.source.head,
        overrides: pairs(relay.asked.overrides),
        environment: pairs(relay.asked.environment),
        fields: Some(relay.asked.fields)
            .filter(|fields| !fields.is_empty())
            .map(pairs),
        upgrade: relay.asked.upgrade,
        status: relay.asked.status,
        protocol: relay.protocol,
        target: target_image(&relay.target),
        stage: match relay.stage {
            Stage::Collecting(preface) => StageImage::Collecting(preface.bytes),
            Stage::Asking { head } => StageImage::Asking(head),
            Stage::Answering { body, persistence } => StageImage::Answering { body, persistence },
            Stage::Tunnel { client, backend } => StageImage::Tunnel { client, backend },
        },
        records: relay.records,
        upload: UploadImage {
            sent: relay.upload.sent as u32,
            head: relay.upload.head,
            rest,
            framing: relay.upload.framing,
            length: relay.upload.length,
            rest_is: relay.upload.rest_is,
            stream: relay.upload.stream,
            end: relay.upload.end,
            wanted: is_ajp.then_some(relay.upload.wanted),
        },
        download: DownloadImage {
            stream: relay.download.stream,
            framing: relay.download.framing,
            held,
            packing: relay
                .download
                .packing
                .map(|packing| packing.into_paused().expect("it was settled")),
        },
        tries: relay.tries,
        link,
        told: relay.asked.source.told.map(|told| *told),
        detour: relay.asked.source.detour,
        rewritten: relay.asked.rewritten,
        body: (relay.body != Body::Backend).then_some(relay.body),
        websocket: relay.websocket.map(|session| *session),
        packets: is_ajp.then_some(relay.packets),
    }
}

fn target_image(target: &Target) -> TargetImage {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    match target {
        Target::Host { group, host, .. } => {
            let host = &group.hosts[*host];
            TargetImage::Host {
                address: host.address.to_string(),
                connect_timeout: host.connect_timeout,
                write_timeout: host.write_timeout,
                read_timeout: host.read_timeout,
                x_sendfile: host
                    .x_sendfile
                    .as_ref()
                    .map(|all| all.iter().map(text).collect()),
                docroot: match host.script.docroot.as_str() {
                    "" => None,
                    docroot => Some(docroot.to_owned()),
                },
            }
        }
        Target::Program(program) => TargetImage::Program {
            interpreter: program.interpreter.as_ref().map(text),
            script: text(&program.script),
        },
        Target::Chore => TargetImage::Chore,
    }
}

/// A relay again, and its connection; that has no owner yet. `owed`: what the client is owed already.
pub(super) fn thaw(
    image: RelayImage,
    fds: &mut dyn Iterator<Item = OwnedFd>,
    owed: &Outbox,
    origin: Origin<'_>,
    bench: &mut Bench,
) -> (Relay, Option<ThawedLink>) {
    let link = match image.link {
        LinkImage::None => None,
        LinkImage::Socket { reach, used } => fds.next().map(|socket| ThawedLink {
            link: Link::Socket(socket),
            reach,
            used,
        }),
        LinkImage::Program { stdin } => match (fds.next(), fds.next()) {
            (Some(stdout), Some(process)) => Some(ThawedLink {
                link: Link::Program {
                    stdin: if stdin { fds.next() } else { None },
                    stdout,
                    process,
                },
                reach: Reach::Up,
                used: Used::Never,
            }),
            _ => None,
        },
    };
    let rest = owed::outbox(image.upload.rest, fds);
    let held = image.download.held.map(|held| {
        let mut headers = Headers::default();
        for Pair(name, value) in &held.headers {
            headers.add(&String::from_utf8_lossy(name), value);
        }
        Held {
            status: held.status,
            headers: Some(headers),
            body: owed::outbox(held.body, fds),
            plan: held.plan.map(Box::new),
        }
    });
    let pairs = |all: Vec<Pair>| {
        all.into_iter()
            .map(|Pair(name, value)| (name, value))
            .collect()
    };
    let source = Source {
        head: image.head,
        told: image.told.map(Box::new),
        detour: image.detour,
    };
    let Before {
        method,
        version,
        settings,
        first,
    } = bench
        .desk
        .asked_before(&source, image.rewritten.as_ref(), origin);
    let relay = Relay {
        asked: Asked {
            source,
            rewritten: image.rewritten,
            overrides: pairs(image.overrides),
            environment: pairs(image.environment),
            fields: image.fields.map(pairs).unwrap_or_default(),
            method,
            version,
            upgrade: image.upgrade,
            status: image.status,
            settings,
            first,
        },
        target: target(image.target),
        protocol: image.protocol,
        stage: match image.stage {
            StageImage::Collecting(bytes) => Stage::Collecting(Preface {
                protocol: image.protocol,
                bytes,
            }),
            StageImage::Asking(head) => Stage::Asking { head },
            StageImage::Answering { body, persistence } => Stage::Answering { body, persistence },
            StageImage::Tunnel { client, backend } => Stage::Tunnel { client, backend },
        },
        records: image.records,
        packets: image.packets.unwrap_or_default(),
        body: image.body.unwrap_or(Body::Backend),
        websocket: image.websocket.map(Box::new),
        upload: Upload {
            sent: image.upload.sent as usize,
            head: image.upload.head,
            spool: Spool::behind(&rest),
            rest,
            framing: image.upload.framing,
            length: image.upload.length,
            rest_is: image.upload.rest_is,
            stream: image.upload.stream,
            end: image.upload.end,
            wanted: image.upload.wanted.unwrap_or_default(),
        },
        download: Download {
            stream: image.download.stream,
            spool: Spool::behind(held.as_ref().map_or(owed, |held| &held.body)),
            framing: image.download.framing,
            held,
            packing: image
                .download
                .packing
                .map(|paused| Box::new(Packing::Still(paused))),
        },
        tries: image.tries,
        tried: Vec::new(),
    };
    (relay, link)
}

/// A connection with a backend whose exchange has moved.
#[derive(Debug)]
pub struct ThawedLink {
    /// Its descriptors.
    pub link: Link,
    /// Whether it is there yet.
    pub reach: Reach,
    /// Whether it was used before.
    pub used: Used,
}

impl ThawedLink {
    /// For this client. It is ended after its exchange: what host it is of the present configuration, nobody knows.
    pub fn owned_by(self, owner: crate::worker::table::Key) -> Upstream {
        let mut upstream = Upstream::new(self.link, owner, None, self.reach);
        upstream.used = self.used;
        // Something may have come meanwhile.
        upstream.input = Input::Pending;
        upstream
    }
}

fn target(image: TargetImage) -> Target {
    match image {
        TargetImage::Host {
            address,
            connect_timeout,
            write_timeout,
            read_timeout,
            x_sendfile,
            docroot,
        } => {
            let host = Host {
                name: address.clone(),
                label: String::new(),
                address: match address.parse() {
                    Ok(address) => Address::Tcp(address),
                    Err(_) => Address::Unix(address.into()),
                },
                script: Script {
                    docroot: docroot.unwrap_or_default(),
                    ..Script::default()
                },
                x_sendfile: x_sendfile.map(|all| all.into_iter().map(PathBuf::from).collect()),
                upgrade: false,
                connect_timeout,
                write_timeout,
                read_timeout,
                disable_time: 0,
                state: Arc::default(),
            };
            Target::Host {
                group: Arc::new(Group {
                    key: String::new(),
                    role: Role::Responder,
                    check_local: CheckLocal::Unchecked,
                    hosts: vec![host],
                    turn: Default::default(),
                }),
                host: 0,
                preference: Preference {
                    balance: Balance::Fair,
                    hash: 0,
                },
            }
        }
        TargetImage::Program {
            interpreter,
            script,
        } => Target::Program(Program {
            interpreter: interpreter.map(PathBuf::from),
            script: script.into(),
        }),
        TargetImage::Chore => Target::Chore,
    }
}
