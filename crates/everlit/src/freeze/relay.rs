//! 11b. An exchange with a backend as plain data, and the other way round.
//!
//! In: a relay and its connection. Out: an image and descriptors; from them a relay again. Must hold: as for connections;
//! what was begun under one configuration ends without asking the next one where its backend is.
//!
//! Descriptors, in this order: those of the connection with the backend (a socket; or a program's output, its process,
//! and its input if that is open), then the files of the upload, then the files of an answer that is collected.

mod image;

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use super::owed;
use crate::gateway::balance::Preference;
use crate::gateway::host::{Address, Balance, CheckLocal, Group, Host, Program, Role, Script};
use crate::gateway::preface::Preface;
use crate::gateway::relay::{Asked, Body, Download, Held, Relay, Source, Stage, Upload, Used};
use crate::gateway::{Protocol, Target};
use crate::pack::Stream as Packing;
use crate::response::Headers;
use crate::route::{Before, Origin};
use crate::transport::outbox::Outbox;
use crate::transport::spool::Spool;
use crate::worker::bench::Bench;
use crate::worker::conn::Input;
use crate::worker::upstream::{Link, Reach, Upstream};
pub use image::{
    DownloadImage, HeldImage, LinkImage, Pair, RelayImage, StageImage, TargetImage, UploadImage,
};

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
