//! Images of each released version, as that version wrote them. They are never changed: a predecessor still sends them.

use super::*;
use crate::http1::body::Framing;
use crate::logline::{Hole, Missing};

/// One image of each kind, with every field at something else than its default.
fn samples() -> [(&'static str, &'static [u8], Image); 4] {
    let image = |peer, input, state| Image {
        listener: "0.0.0.0:80".to_owned(),
        local_port: 80,
        peer,
        served: 7,
        keep_idle: 5,
        patience: 42,
        input,
        state,
        introduction: None,
        tls: None,
    };
    let v4 = Peer::V4 {
        ip: [192, 0, 2, 1],
        port: 50000,
    };
    let v6 = Peer::V6 {
        ip: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        port: 50001,
    };
    let head = StateImage::Head {
        bytes: b"GET / HT".to_vec(),
    };
    let busy = StateImage::Busy(Box::new(BusyImage {
        body: Framing::Length(1000),
        room: 1 << 20,
        owed: vec![
            SegmentImage::Bytes(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
            SegmentImage::File {
                offset: 1 << 33,
                length: 4096,
            },
        ],
        after: AfterImage::Linger,
        unread: b"GET".to_vec(),
        line: Some(LineImage {
            log: "/var/log/access.log".to_owned(),
            text: b"192.0.2.1 \n".to_vec(),
            holes: vec![Hole {
                at: 10,
                what: Missing::Body,
            }],
        }),
        took_micros: 1_500_000,
        received: 120,
        sent: 1 << 34,
        body_length: 1 << 35,
        head_length: 300,
        pace: None,
        database: None,
        write_idle: 360,
        read_idle: 60,
        relay: None,
    }));
    [
        (
            "idle",
            include_bytes!("../golden/v1/idle.cbor"),
            image(v4, InputImage::Drained, StateImage::Idle),
        ),
        (
            "head",
            include_bytes!("../golden/v1/head.cbor"),
            image(v6, InputImage::Pending, head),
        ),
        (
            "busy",
            include_bytes!("../golden/v1/busy.cbor"),
            image(v4, InputImage::Ended, busy),
        ),
        (
            "lingering",
            include_bytes!("../golden/v1/lingering.cbor"),
            image(Peer::Unix, InputImage::Drained, StateImage::Lingering),
        ),
    ]
}

#[test]
fn version_1_is_written_and_read_as_ever() {
    for (name, golden, image) in samples() {
        assert_eq!(image.to_bytes()[..], *golden, "{name}");
        assert_eq!(Image::from_bytes(golden).unwrap(), image, "{name}");
    }
}

/// An exchange with a backend, with every field at something else than its default.
fn relay() -> RelayImage {
    use crate::freeze::relay::{
        DownloadImage, HeldImage, LinkImage, Pair, StageImage, TargetImage, UploadImage,
    };
    use crate::gateway::relay::{End, Rest, To, Used};
    use crate::gateway::reply::{Delimited, Persistence};
    use crate::gateway::{Protocol, Upgrade, records::Records, upload};
    use crate::settings::Stream;
    use crate::worker::upstream::Reach;
    let pair = |name: &str, value: &str| Pair(name.into(), value.into());
    RelayImage {
        head: b"POST /app HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        overrides: vec![pair("X-A", "b")],
        environment: vec![pair("C", "d")],
        upgrade: Upgrade::Asked,
        status: Some(404),
        told: None,
        body: None,
        websocket: None,
        detour: None,
        rewritten: None,
        packets: None,
        fields: None,
        protocol: Protocol::FastCgi,
        target: TargetImage::Host {
            address: "/run/php.sock".to_owned(),
            connect_timeout: 8,
            write_timeout: 9,
            read_timeout: 10,
            x_sendfile: Some(vec!["/srv".to_owned()]),
            docroot: None,
        },
        stage: StageImage::Answering {
            body: Delimited::By(Framing::Length(7)),
            persistence: Persistence::Close,
        },
        records: Records::default(),
        upload: UploadImage {
            head: b"head".to_vec(),
            sent: 3,
            rest: vec![SegmentImage::File {
                offset: 1,
                length: 2,
            }],
            framing: upload::Framing::Records,
            length: 5,
            rest_is: Rest::Begun,
            stream: Stream::Bounded,
            end: End::Noted,
            wanted: None,
        },
        download: DownloadImage {
            stream: Stream::Eager,
            framing: Some(To::Chunks),
            held: Some(HeldImage {
                status: 200,
                headers: vec![pair("E", "f")],
                body: vec![SegmentImage::Bytes(b"body".to_vec())],
                plan: None,
            }),
            packing: None,
        },
        tries: 2,
        link: LinkImage::Socket {
            reach: Reach::Connecting,
            used: Used::Before,
        },
    }
}

/// Images that only version 2 knows.
fn samples_of_version_2() -> [(&'static str, &'static [u8], Image); 2] {
    use crate::freeze::relay::{LinkImage, StageImage, TargetImage};
    use crate::gateway::relay::Direction;
    let [.., (_, _, busy), _] = samples();
    let with = |relay| {
        let mut image = busy.clone();
        let StateImage::Busy(busy) = &mut image.state else {
            panic!("a busy one");
        };
        busy.relay = Some(Box::new(relay));
        image
    };
    let tunnel = RelayImage {
        target: TargetImage::Program {
            interpreter: Some("/bin/sh".to_owned()),
            script: "/srv/a.cgi".to_owned(),
        },
        stage: StageImage::Tunnel {
            client: Direction::Ending,
            backend: Direction::Open,
        },
        link: LinkImage::Program { stdin: true },
        ..relay()
    };
    [
        (
            "relay",
            include_bytes!("../golden/v2/relay.cbor"),
            with(relay()),
        ),
        (
            "tunnel",
            include_bytes!("../golden/v2/tunnel.cbor"),
            with(tunnel),
        ),
    ]
}

#[test]
fn version_2_is_written_and_read_as_ever() {
    for (name, golden, image) in samples_of_version_2() {
        assert_eq!(image.to_bytes()[..], *golden, "{name}");
        assert_eq!(Image::from_bytes(golden).unwrap(), image, "{name}");
        assert_eq!(image.check(), Ok(()), "{name}");
        for end in 0..golden.len() {
            assert!(Image::from_bytes(&golden[..end]).is_err(), "{name} {end}");
        }
    }
}

#[test]
fn websockets_travel_since_version_4() {
    use crate::freeze::relay::StageImage;
    use crate::gateway::Protocol;
    use crate::gateway::relay::Direction;
    use crate::gateway::websocket::handshake::Greeting;
    use crate::gateway::websocket::{Kind, session::Session};
    let mut session = Session::new(Greeting::sample(), Kind::Text, 20);
    // Half a frame one way, half a character the other.
    session.read(b"\x01\x85mask1", &mut Vec::new(), &mut Vec::new());
    session.write(b"a\xc3", &mut Vec::new());
    let [_, _, (_, _, mut image), _] = samples();
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    busy.relay = Some(Box::new(RelayImage {
        protocol: Protocol::WebSocket,
        stage: StageImage::Tunnel {
            client: Direction::Open,
            backend: Direction::Open,
        },
        websocket: Some(session),
        ..relay()
    }));
    let golden = include_bytes!("../golden/v4/websocket.cbor");
    assert_eq!(image.to_bytes()[..], *golden);
    assert_eq!(Image::from_bytes(golden).unwrap(), image);
    assert_eq!((image.version(), image.check()), (4, Ok(())));
    image.introduction = Some(IntroductionImage::Made(Tls::default()));
    assert_eq!(image.version(), 4);
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    let relay = busy.relay.as_mut().unwrap();
    relay.websocket = None;
    assert_eq!(image.check(), Err("relay"));
}

#[test]
fn compressed_bodies_travel_since_version_6() {
    use crate::pack::{Coding, Outcome, Plan, Recipe};
    let recipe = Recipe {
        memory: 9,
        strategy: 1,
        ..Recipe::of(Coding::Deflate)
    };
    let mut encoder = Paused::ahead(recipe).resume().unwrap();
    encoder.write(b"data", &mut Vec::new()).unwrap();
    let paused = encoder.pause(&mut Vec::new()).unwrap();
    let [_, _, (_, _, mut image), _] = samples();
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    busy.owed.push(SegmentImage::Packed {
        paused: paused.clone(),
        source: vec![
            PieceImage::Bytes(b"body".to_vec()),
            PieceImage::File {
                offset: 1,
                length: 2,
            },
        ],
    });
    assert_eq!(image.version(), 6);
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    let mut of_backend = relay();
    of_backend.download.packing = Some(paused);
    of_backend.download.held.as_mut().unwrap().plan = Some(Plan {
        recipe,
        above: 256,
        up_to: 1 << 27,
        outcome: Outcome::Unchanged,
    });
    assert_eq!(of_backend.version(), 6);
    busy.relay = Some(Box::new(of_backend));
    let golden = include_bytes!("../golden/v6/packed.cbor");
    assert_eq!(image.to_bytes()[..], *golden);
    assert_eq!(Image::from_bytes(golden).unwrap(), image);
    assert_eq!((image.version(), image.check()), (6, Ok(())));
    for end in 0..golden.len() {
        assert!(Image::from_bytes(&golden[..end]).is_err(), "{end}");
    }
    // What nobody can do is refused.
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    let Some(SegmentImage::Packed { paused, .. }) = busy.owed.last_mut() else {
        panic!("a compressed one");
    };
    *paused = Paused::ahead(Recipe {
        window: 40,
        ..recipe
    });
    assert_eq!(image.check(), Err("owed"));
}

#[test]
fn detours_travel_since_version_4() {
    use crate::gateway::relay::Detour;
    let [_, _, (_, _, mut image), _] = samples();
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    busy.relay = Some(Box::new(RelayImage {
        detour: Some(Detour {
            path: b"/elsewhere?q".to_vec(),
            times: 2,
        }),
        ..relay()
    }));
    let golden = include_bytes!("../golden/v4/detour.cbor");
    assert_eq!(image.to_bytes()[..], *golden);
    assert_eq!(Image::from_bytes(golden).unwrap(), image);
    assert_eq!((image.version(), image.check()), (4, Ok(())));
}

#[test]
fn work_of_our_own_travels_since_version_7() {
    use crate::freeze::relay::{LinkImage, StageImage, TargetImage};
    use crate::gateway::Protocol;
    let [_, _, (_, _, mut image), _] = samples();
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    busy.relay = Some(Box::new(RelayImage {
        protocol: Protocol::Chore,
        target: TargetImage::Chore,
        stage: StageImage::Collecting(b"order".to_vec()),
        link: LinkImage::None,
        ..relay()
    }));
    let golden = include_bytes!("../golden/v7/chore.cbor");
    assert_eq!(image.to_bytes()[..], *golden);
    assert_eq!(Image::from_bytes(golden).unwrap(), image);
    assert_eq!((image.version(), image.check()), (7, Ok(())));
    // An order is for nobody else.
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    let relay = busy.relay.as_mut().unwrap();
    relay.protocol = Protocol::Http;
    assert_eq!(image.check(), Err("relay"));
}

#[test]
fn rewritten_targets_travel_since_version_6() {
    let [_, _, (_, _, mut image), _] = samples();
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    busy.relay = Some(Box::new(RelayImage {
        rewritten: Some(crate::gateway::relay::Renamed {
            target: b"/index.php?q=/app".to_vec(),
            first: b"/app".to_vec(),
        }),
        ..relay()
    }));
    let golden = include_bytes!("../golden/v6/rewritten.cbor");
    assert_eq!(image.to_bytes()[..], *golden);
    assert_eq!(Image::from_bytes(golden).unwrap(), image);
    assert_eq!((image.version(), image.check()), (6, Ok(())));
}

#[test]
fn fields_of_scripts_travel_since_version_8() {
    use crate::freeze::relay::Pair;
    let [_, _, (_, _, mut image), _] = samples();
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    busy.relay = Some(Box::new(RelayImage {
        fields: Some(vec![Pair(b"X-Frame-Options".into(), b"DENY".into())]),
        ..relay()
    }));
    let golden = include_bytes!("../golden/v8/fields.cbor");
    assert_eq!(image.to_bytes()[..], *golden);
    assert_eq!(Image::from_bytes(golden).unwrap(), image);
    assert_eq!((image.version(), image.check()), (8, Ok(())));
}

#[test]
fn ajp_travels_since_version_7() {
    use crate::gateway::packets::{Packets, Wanted};
    use crate::gateway::{Protocol, upload};
    let [_, _, (_, _, mut image), _] = samples();
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    let mut packets = Packets::default();
    packets.decode(b"AB\0\x09\x03\0\x05ab").unwrap();
    let mut relay = RelayImage {
        protocol: Protocol::Ajp,
        packets: Some(packets),
        ..relay()
    };
    relay.upload.framing = upload::Framing::Packets;
    relay.upload.wanted = Some(Wanted::FIRST);
    busy.relay = Some(Box::new(relay.clone()));
    let golden = include_bytes!("../golden/v7/ajp.cbor");
    assert_eq!(image.to_bytes()[..], *golden);
    assert_eq!(Image::from_bytes(golden).unwrap(), image);
    assert_eq!((image.version(), image.check()), (7, Ok(())));
    relay.upload.framing = upload::Framing::Records;
    assert!(!relay.is_sane());
}

#[test]
fn tls_travels_since_version_5() {
    let session = include_bytes!("../../../../portable-tls/src/frozen/golden/v1-tls13.cbor");
    let samples = [
        (
            &include_bytes!("../golden/v5/hello.cbor")[..],
            TlsImage::Hello {
                bytes: b"\x16\x03\x01".to_vec(),
            },
        ),
        (
            &include_bytes!("../golden/v5/session.cbor")[..],
            TlsImage::Session {
                image: session.to_vec().into(),
                flaw: Some("expired".to_owned()),
                asked: None,
            },
        ),
    ];
    for (golden, tls) in samples {
        let (_, _, mut image) = self::samples()[0].clone();
        image.tls = Some(tls);
        assert_eq!(image.to_bytes()[..], *golden);
        assert_eq!(Image::from_bytes(golden).unwrap(), image);
        assert_eq!((image.version(), image.check()), (5, Ok(())));
    }
    let (_, _, mut image) = self::samples()[0].clone();
    image.tls = Some(TlsImage::Session {
        image: session[1..].to_vec().into(),
        flaw: None,
        asked: None,
    });
    assert_eq!(image.check(), Err("tls"));
}

#[test]
fn introductions_travel_since_version_3() {
    let (_, _, mut image) = samples()[0].clone();
    assert_eq!(image.version(), 1);
    let tls = Tls {
        version: Some(b"TLSv1.3".to_vec()),
        ..Tls::default()
    };
    for (introduction, is_sane) in [
        (IntroductionImage::Made(tls), true),
        (
            IntroductionImage::Awaited {
                bytes: b"PROXY T".to_vec(),
            },
            true,
        ),
        (
            IntroductionImage::Awaited {
                bytes: vec![0; LENGTH_MAX + 1],
            },
            false,
        ),
    ] {
        image.introduction = Some(introduction);
        assert_eq!(image.version(), 3);
        assert_eq!(Image::from_bytes(&image.to_bytes()).unwrap(), image);
        assert_eq!(image.check().is_ok(), is_sane);
    }
}

#[test]
fn bodies_that_are_not_for_the_backend_travel_since_version_3() {
    use crate::gateway::relay::Body;
    for (body, version) in [(None, 2), (Some(Body::Nobody), 3), (Some(Body::Later), 3)] {
        assert_eq!(RelayImage { body, ..relay() }.version(), version);
    }
}

#[test]
fn half_an_image_is_an_error() {
    for (name, golden, _) in samples() {
        for end in 0..golden.len() {
            assert!(Image::from_bytes(&golden[..end]).is_err(), "{name} {end}");
        }
    }
}

#[test]
fn what_no_connection_can_have_is_named() {
    for (name, _, image) in samples() {
        assert_eq!(image.check(), Ok(()), "{name}");
    }
    let (_, _, mut image) = samples()[2].clone();
    image.patience = u32::MAX;
    assert_eq!(image.check(), Err("patience"));
    let StateImage::Busy(busy) = &mut image.state else {
        panic!("a busy one");
    };
    busy.owed = vec![SegmentImage::File {
        offset: u64::MAX,
        length: 1,
    }];
    assert_eq!(image.check(), Err("owed"));
}

#[test]
fn an_idle_connection_is_small() {
    let (_, golden, _) = &samples()[0];
    assert!(golden.len() < 64, "{} bytes", golden.len());
}
