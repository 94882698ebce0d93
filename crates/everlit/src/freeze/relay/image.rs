//! 11b. An exchange with a backend as plain data.
//!
//! In: nothing. Out: what is written into an image, with bounds for whatever is read from one. Must hold: as for the image of
//! a connection, whose part this is.

use minicbor::{Decode, Encode};

use crate::freeze::image::SegmentImage;
use crate::freeze::owed;
use crate::gateway::packets::{Packets, Wanted};
use crate::gateway::records::Records;
use crate::gateway::relay::{Body, Detour, Direction, End, Renamed, Rest, To, Used};
use crate::gateway::reply::{Delimited, Persistence};
use crate::gateway::websocket::session::Session;
use crate::gateway::{Protocol, Upgrade, upload};
use crate::pack::{Paused, Plan};
use crate::request::Told;
use crate::settings::Stream;
use crate::worker::upstream::Reach;

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
            _ if self.fields.is_some() => 8,
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
