//! 10. A live connection becomes plain data, and the other way round.
//!
//! In: a connection by value. Out: [`Frozen`], which travels; from it [`Thawed`], and a connection again, here or in
//! another process. Must hold: every byte that was read and not used, and every byte that is owed, is in it; after
//! `freeze` nobody can touch the socket here.

pub mod image;
mod owed;
pub mod relay;
mod secret;

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use handover::{Parcel, Refusal};

use self::image::{
    AfterImage, BusyImage, Image, InputImage, IntroductionImage, LineImage, PaceImage, SharedImage,
    StateImage, TlsImage,
};
use self::relay::ThawedLink;
use crate::config::Site;
use crate::http1::encode::After;
use crate::http1::machine::Http1;
use crate::http1::state::{Future, Phase, State};
use crate::http1::turn::Turn;
use crate::logline::PendingLine;
use crate::route::Origin;
use crate::tally::Moved;
use crate::tls::Channel;
use crate::tls::channel;
use crate::tls::peer::Judgement;
use crate::transport::pace::{Limits, Pace, Shared};
use crate::transport::proxy_protocol::Awaited;
use crate::worker::bench::Bench;
use crate::worker::conn::{Conn, Input, Introduction, Transport, Who};
use crate::worker::endpoint::Endpoint;
use crate::worker::upstream::Upstream;

/// Kind of a parcel: a plain HTTP/1 connection.
pub const KIND_HTTP1: u16 = 1;
/// Newest version of its image.
pub const HTTP1_VERSION: u16 = 8;

/// Kind of a parcel: keys for session tickets ([`portable_tls::Tickets::export`]), without descriptors.
pub const KIND_TICKETS: u16 = 2;
/// Newest version of it.
pub const TICKETS_VERSION: u16 = 1;

/// Kind of a parcel: secrets for nonces ([`crate::modules::auth::nonce::Nonces::export`]), without descriptors.
pub const KIND_NONCES: u16 = 3;
/// Newest version of it.
pub const NONCES_VERSION: u16 = 1;

/// A frozen connection.
#[derive(Debug)]
pub struct Frozen {
    /// Image and descriptors: the socket, then the files in the order in which they are owed, then those of a relay.
    pub parcel: Parcel,
    /// What it was doing, for the report.
    pub phase: Phase,
}

/// A connection that was frozen, read and found good; the worker that gets it makes it live.
#[derive(Debug)]
pub struct Thawed {
    /// Name of the endpoint it came in at.
    pub listener: String,
    /// Port of that endpoint.
    pub local_port: u16,
    /// Seconds of patience left.
    pub patience: u32,
    socket: OwnedFd,
    files: Vec<OwnedFd>,
    channel: Option<Box<Channel>>,
    image: Image,
}

/// Freezes a connection, and the one with its backend. Gives them back, still live, if the process has no descriptors
/// left for the copies of its files, or no memory to bring a compressor to a halt.
pub fn freeze(
    mut conn: Conn,
    upstream: Option<Upstream>,
    endpoint: &Endpoint,
    bench: &Bench,
) -> Result<Frozen, Box<(Conn, Option<Upstream>)>> {
    if let State::Busy(turn) = &mut conn.http.state
        && turn.settle().is_err()
    {
        return Err(Box::new((conn, upstream)));
    }
    let files: Result<Vec<OwnedFd>, _> = match &conn.http.state {
        State::Busy(turn) => {
            let relayed = turn.relay.iter().flat_map(|relay| relay.files());
            let owed = turn.outbox.files().chain(relayed);
            owed.map(|range| range.file.as_fd().try_clone_to_owned())
                .collect()
        }
        _ => Ok(Vec::new()),
    };
    let Ok(mut files) = files else {
        return Err(Box::new((conn, upstream)));
    };
    let tls = match conn.channel.take().map(|channel| channel.freeze()) {
        None => None,
        Some(Ok(channel::Frozen::Hello(bytes))) => Some(TlsImage::Hello { bytes }),
        Some(Ok(channel::Frozen::Session { image, judgement })) => {
            let Judgement { flaw, asked } = judgement;
            let asked = (!asked.is_empty()).then_some(asked);
            Some(TlsImage::Session { image, flaw, asked })
        }
        Some(Err(channel)) => {
            conn.channel = Some(Box::new(channel));
            return Err(Box::new((conn, upstream)));
        }
    };
    let phase = conn.http.phase();
    let now = bench.now.monotonic;
    let state = match conn.http.state {
        State::Idle => StateImage::Idle,
        State::Head(bytes) => StateImage::Head { bytes: *bytes },
        // Unread, as far as the successor is concerned.
        State::Asking(mut asking) => StateImage::Head {
            bytes: std::mem::take(&mut asking.input),
        },
        State::Busy(turn) => StateImage::Busy(Box::new(busy_image(
            *turn, upstream, &mut files, now, bench,
        ))),
        State::Lingering => StateImage::Lingering,
    };
    let image = Image {
        listener: endpoint.name.clone(),
        local_port: endpoint.port,
        peer: conn.peer,
        served: conn.http.served,
        keep_idle: conn.http.keep_idle,
        patience: u64::from(conn.deadline).saturating_sub(now.as_secs()) as u32,
        input: match conn.input {
            Input::Drained => InputImage::Drained,
            Input::Pending => InputImage::Pending,
            Input::Ended => InputImage::Ended,
        },
        state,
        introduction: match conn.introduction {
            Introduction::None => None,
            Introduction::Awaited(awaited) => Some(IntroductionImage::Awaited {
                bytes: awaited.held().to_vec(),
            }),
            Introduction::Made(tls) => Some(IntroductionImage::Made((*tls).clone())),
        },
        tls,
    };
    let mut fds = vec![conn.socket];
    fds.extend(files);
    let parcel = Parcel {
        kind: KIND_HTTP1,
        version: image.version(),
        payload: image.to_bytes(),
        fds,
    };
    Ok(Frozen { parcel, phase })
}

/// `files`: copies of the descriptors of all files; those of the relay come last.
fn busy_image(
    turn: Turn,
    upstream: Option<Upstream>,
    files: &mut Vec<OwnedFd>,
    now: Duration,
    bench: &Bench,
) -> BusyImage {
    let relay = turn.relay.map(|relay| {
        let of_relay = files.split_off(turn.outbox.files().count());
        Box::new(relay::freeze(*relay, upstream, of_relay, files))
    });

    let line = (!turn.line.text.is_empty()).then(|| LineImage {
        log: bench.desk.site.access_log_name(turn.line.log),
        text: turn.line.text,
        holes: turn.line.holes,
    });
    let databases = &bench.desk.site.server.recording.databases;
    let database = (turn.line.database).and_then(|id| databases.get(usize::from(id.0)).cloned());
    BusyImage {
        database,
        body: turn.body,
        room: turn.room,
        owed: owed::images(turn.outbox),
        after: match turn.after {
            After::Keep => AfterImage::Keep,
            After::Close => AfterImage::Close,
            After::Linger => AfterImage::Linger,
        },
        unread: turn.unread,
        line,
        took_micros: now.saturating_sub(turn.started).as_micros() as u64,
        received: turn.received,
        sent: turn.sent,
        head_length: turn.head_length,
        body_length: turn.body_length,
        pace: turn.pace.as_deref().map(pace_image),
        write_idle: turn.write_idle,
        read_idle: turn.read_idle,
        relay,
    }
}

/// Reads the image in a parcel, which may contain anything and comes with so many descriptors.
pub fn examine(payload: &[u8], fds: usize) -> Result<Image, Refusal> {
    let image =
        Image::from_bytes(payload).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let files = match &image.state {
        StateImage::Busy(busy) => {
            let of_relay = busy.relay.as_ref().map_or(0, |relay| relay.descriptors());
            owed::files(&busy.owed) + of_relay
        }
        _ => 0,
    };
    image
        .check()
        .map_err(|field| Refusal::Malformed(format!("{field} is out of bounds")))?;
    if fds != files + 1 {
        return Err(Refusal::Malformed(format!(
            "{fds} descriptors instead of {}",
            files + 1
        )));
    }
    Ok(image)
}

/// A connection whose descriptors are not what its image says.
#[derive(Debug)]
pub enum Fault {
    /// There is no socket.
    NoSocket,
    /// The first descriptor is not a stream socket.
    NotASocket,
    /// A descriptor that should be a file is not a regular one.
    NotAFile,
    /// The socket cannot be used.
    Unusable(rustix::io::Errno),
    /// There is no such TLS session.
    NoSession,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NoSocket => f.write_str("it has no socket"),
            Fault::NotASocket => f.write_str("its first descriptor is not a stream socket"),
            Fault::NotAFile => f.write_str("a descriptor is not a regular file"),
            Fault::NoSession => f.write_str("its TLS session cannot be read"),
            Fault::Unusable(errno) => write!(f, "its socket cannot be used: {errno}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Joins an examined image and its descriptors.
pub fn thaw(mut image: Image, fds: Vec<OwnedFd>) -> Result<Thawed, Fault> {
    let mut fds = fds.into_iter();
    let socket = fds.next().ok_or(Fault::NoSocket)?;
    let files: Vec<OwnedFd> = fds.collect();
    if rustix::net::sockopt::socket_type(&socket) != Ok(rustix::net::SocketType::STREAM) {
        return Err(Fault::NotASocket);
    }
    let owed = match &image.state {
        StateImage::Busy(busy) => {
            files.len() - busy.relay.as_ref().map_or(0, |relay| relay.descriptors())
        }
        _ => files.len(),
    };
    for file in &files[..owed] {
        let stat = rustix::fs::fstat(file);
        if !stat.is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file()) {
            return Err(Fault::NotAFile);
        }
    }
    rustix::io::ioctl_fionbio(&socket, true).map_err(Fault::Unusable)?;
    let channel = match image.tls.take() {
        None => None,
        Some(tls) => Some(Box::new(channel(tls).ok_or(Fault::NoSession)?)),
    };
    Ok(Thawed {
        channel,
        listener: image.listener.clone(),
        local_port: image.local_port,
        patience: image.patience,
        socket,
        files,
        image,
    })
}

fn channel(image: TlsImage) -> Option<Channel> {
    Channel::thaw(match image {
        TlsImage::Hello { bytes } => channel::Frozen::Hello(bytes),
        TlsImage::Session { image, flaw, asked } => {
            let asked = asked.unwrap_or_default();
            let judgement = Judgement { flaw, asked };
            channel::Frozen::Session { image, judgement }
        }
    })
}

impl Thawed {
    /// Makes it live. The files become shared within the worker's thread here, and not before.
    pub fn into_parts(self, origin: Origin<'_>, bench: &mut Bench) -> Parts {
        let image = self.image;
        let input = match image.input {
            InputImage::Drained => Input::Drained,
            InputImage::Pending => Input::Pending,
            InputImage::Ended => Input::Ended,
        };
        let mut link = None;
        let state = match image.state {
            StateImage::Idle => State::Idle,
            StateImage::Head { bytes } => State::Head(Box::new(bytes)),
            StateImage::Busy(busy) => {
                let (turn, found) = turn(*busy, self.files, origin, bench);
                link = found;
                State::Busy(Box::new(turn))
            }
            StateImage::Lingering => State::Lingering,
        };
        let http = Http1 {
            state,
            served: image.served,
            keep_idle: image.keep_idle,
            future: Future::Open,
            pace: None,
        };
        let introduction = match image.introduction {
            None => Introduction::None,
            Some(IntroductionImage::Awaited { bytes }) => {
                Introduction::Awaited(Box::new(Awaited::resumed(bytes)))
            }
            Some(IntroductionImage::Made(tls)) => Introduction::Made(Rc::new(tls)),
        };
        Parts {
            socket: self.socket,
            channel: self.channel,
            http,
            introduction,
            input,
            link,
        }
    }

    /// Who is at the other end.
    pub fn who(&self) -> Who {
        Who {
            peer: self.image.peer,
            tls: match &self.image.introduction {
                Some(IntroductionImage::Made(tls)) => Some(Rc::new(tls.clone())),
                Some(IntroductionImage::Awaited { .. }) | None => None,
            },
            transport: Transport::of(self.channel.as_deref()),
        }
    }
}

/// What a live connection is made of.
#[derive(Debug)]
pub struct Parts {
    /// Its socket.
    pub socket: OwnedFd,
    /// TLS with the client.
    pub channel: Option<Box<Channel>>,
    /// Its protocol's state.
    pub http: Http1,
    /// What a proxy says of the client.
    pub introduction: Introduction,
    /// What is known of unread input.
    pub input: Input,
    /// The connection with the backend that is to answer.
    pub link: Option<ThawedLink>,
}

fn turn(
    busy: BusyImage,
    files: Vec<OwnedFd>,
    origin: Origin<'_>,
    bench: &mut Bench,
) -> (Turn, Option<ThawedLink>) {
    let mut files = files.into_iter();
    let outbox = owed::outbox(busy.owed, &mut files);
    let (relay, link) = match busy.relay {
        None => (None, None),
        Some(image) => {
            let (relay, link) = relay::thaw(*image, &mut files, &outbox, origin, bench);
            (Some(Box::new(relay)), link)
        }
    };
    let line = busy.line.and_then(|line| {
        let log = bench.desk.site.access_log_named(&line.log)?;
        Some(PendingLine {
            log,
            text: line.text,
            holes: line.holes,
            database: None,
        })
    });
    let database = (busy.database).and_then(|name| bench.desk.site.database_named(&name));
    let line = PendingLine {
        database,
        ..line.unwrap_or_default()
    };
    let turn = Turn {
        body: busy.body,
        room: busy.room,
        outbox,
        relay,
        after: match busy.after {
            AfterImage::Keep => After::Keep,
            AfterImage::Close => After::Close,
            AfterImage::Linger => After::Linger,
        },
        unread: busy.unread,
        line,
        started: bench
            .now
            .monotonic
            .saturating_sub(Duration::from_micros(busy.took_micros)),
        received: busy.received,
        sent: busy.sent,
        head_length: busy.head_length,
        body_length: busy.body_length,
        pace: busy
            .pace
            .and_then(|pace| limits(pace, &bench.desk.site).pace()),
        write_idle: busy.write_idle,
        read_idle: busy.read_idle,
    };
    (turn, link)
}

fn pace_image(pace: &Pace) -> PaceImage {
    let Limits { each, shared } = pace.limits();
    PaceImage {
        each: *each,
        shared: shared.as_ref().map(|shared| SharedImage {
            number: shared.number,
            rate: shared.rate,
        }),
    }
}

/// A limit that is configured no longer, or otherwise, does not hold for what is left of a response. One that is only
/// written in another place does: of several of its rate, that with its number goes first.
fn limits(image: PaceImage, site: &Site) -> Limits {
    let shared = image.shared.and_then(|wanted| {
        let all = &site.server.limits;
        let same = |shared: &&Arc<Shared>| shared.rate == wanted.rate;
        let there = all.get(usize::from(wanted.number)).filter(same);
        there.or_else(|| all.iter().find(same))
    });
    Limits {
        each: image.each,
        shared: shared.cloned(),
    }
}

impl Moved {
    /// Counts one connection.
    pub fn count(&mut self, phase: Phase) {
        match phase {
            Phase::Idle | Phase::Lingering => self.idle += 1,
            Phase::Head | Phase::Asking => self.head += 1,
            Phase::Body => self.body += 1,
            Phase::Waiting | Phase::Sending => self.response += 1,
            Phase::Tunnel => self.tunnel += 1,
        }
    }
}
