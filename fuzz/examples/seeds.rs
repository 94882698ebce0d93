//! Writes the seeds that are not text: `cargo run --example seeds` in `fuzz/`.

use std::fs;
use std::path::Path;

use everlit::freeze::image::{
    AfterImage, BusyImage, Image, InputImage, LineImage, SegmentImage, StateImage,
};
use everlit::http1::body::Framing;
use everlit::logline::{Hole, Missing};
use everlit::net::Peer;

fn main() -> std::io::Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, fds, image) in images() {
        let bytes = [&[fds], &image.to_bytes()[..]].concat();
        fs::write(seeds.join("image").join(name), bytes)?;
    }
    for (name, script) in scripts() {
        fs::write(seeds.join("handover").join(name), script)?;
    }
    for (name, session) in sessions() {
        fs::write(seeds.join("session").join(name), session)?;
    }
    Ok(())
}

fn images() -> Vec<(&'static str, u8, Image)> {
    let image = |state| Image {
        listener: "0.0.0.0:80".to_owned(),
        local_port: 80,
        peer: Peer::V4 {
            ip: [192, 0, 2, 1],
            port: 4711,
        },
        served: 3,
        keep_idle: 5,
        patience: 4,
        input: InputImage::Drained,
        state,
        introduction: None,
        tls: None,
    };
    let busy = BusyImage {
        body: Framing::Length(7),
        room: 1 << 20,
        owed: vec![
            SegmentImage::Bytes(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
            SegmentImage::File {
                offset: 10,
                length: 100,
            },
        ],
        after: AfterImage::Keep,
        unread: b"GET / HTTP/1.1\r\n".to_vec(),
        line: Some(LineImage {
            log: "/dev/null".to_owned(),
            text: b"192.0.2.1 - - \"GET / HTTP/1.1\" 200 \n".to_vec(),
            holes: vec![Hole {
                at: 35,
                what: Missing::Body,
            }],
        }),
        took_micros: 1500,
        received: 60,
        sent: 20,
        body_length: 110,
        head_length: 19,
        write_idle: 360,
        read_idle: 60,
        relay: None,
        pace: None,
        database: None,
    };
    let mut chunked = Framing::chunked();
    chunked
        .decode(b"5;a=b\r\nhel")
        .expect("the beginning of a body");
    vec![
        ("idle", 1, image(StateImage::Idle)),
        (
            "head",
            1,
            Image {
                peer: Peer::Unix,
                ..image(StateImage::Head {
                    bytes: b"GET / HTTP/1.1\r\nHo".to_vec(),
                })
            },
        ),
        ("lingering", 1, image(StateImage::Lingering)),
        ("sending", 2, image(StateImage::Busy(Box::new(busy.clone())))),
        (
            "body",
            1,
            Image {
                input: InputImage::Ended,
                ..image(StateImage::Busy(Box::new(BusyImage {
                    body: chunked,
                    owed: Vec::new(),
                    after: AfterImage::Linger,
                    unread: Vec::new(),
                    ..busy
                })))
            },
        ),
    ]
}

/// Scripts for the target `handover`: who, then stretches.
fn scripts() -> Vec<(&'static str, Vec<u8>)> {
    let message = |kind: u8, fds: u16, body: &[u8]| {
        let length = (body.len() as u32).to_le_bytes();
        [&[kind, 0], &fds.to_le_bytes()[..], &length[..], body].concat()
    };
    let stretch = |fds: u8, bytes: &[u8]| [&[fds, bytes.len() as u8], bytes].concat();
    let batch = |fds: &[u8]| {
        let mut body = 0u32.to_le_bytes().to_vec();
        body.extend_from_slice(&(fds.len() as u16).to_le_bytes());
        for fds in fds {
            body.extend_from_slice(&[1, 0, 1, 0, *fds, 0, 0, 0, 0]);
        }
        let sum = fds.iter().map(|fds| u16::from(*fds)).sum();
        stretch(sum as u8, &message(3, sum, &body))
    };
    let answer = |count: u16, verdict: u8| {
        let mut body = 0u32.to_le_bytes().to_vec();
        body.extend_from_slice(&count.to_le_bytes());
        body.resize(body.len() + usize::from(count), verdict);
        stretch(0, &message(4, 0, &body))
    };
    vec![
        ("taker-noise", [&[0][..], &stretch(1, b"handover")].concat()),
        ("taker-batch", [&[1][..], &batch(&[1, 0, 2])].concat()),
        (
            "taker-truncated",
            [&[1][..], &stretch(255, &[3, 0, 2, 0])].concat(),
        ),
        ("giver-answer", [&[3][..], &answer(200, 0)].concat()),
        ("giver-refusal", [&[3][..], &answer(200, 1)].concat()),
        (
            "giver-stop",
            [&[3][..], &stretch(0, &message(6, 0, &[]))].concat(),
        ),
    ]
}

/// Scripts for the target `session`: flags, length of pieces, then steps.
fn sessions() -> Vec<(&'static str, Vec<u8>)> {
    let step = |what: u8, bytes: &[u8]| [&[what, bytes.len() as u8], bytes].concat();
    let client = |bytes: &[u8]| step(0, bytes);
    let backend = |bytes: &[u8]| step(3, bytes);
    let silence = step(6, b"");
    let (hello, ping) = (b"\x81\x85\0\0\0\0hello", b"\x89\x82\0\0\0\0hi");
    let close = b"\x88\x82\0\0\0\0\x03\xe8";
    // An emoji in two parts, with a ping in between.
    let (half, other) = (b"a\xf0\x9f".as_slice(), b"\xa6\x80b".as_slice());
    vec![
        (
            "text",
            [
                &[0, 2][..],
                &client(hello),
                &backend(half),
                &client(ping),
                &backend(other),
                &client(close),
            ]
            .concat(),
        ),
        (
            "binary",
            [
                &[1, 0][..],
                &backend(&[0xff; 200]),
                &client(&[hello, &ping[..]].concat()),
                &step(7, b""),
            ]
            .concat(),
        ),
        (
            "pings",
            [
                &[40, 9][..],
                &silence,
                &backend(b"x"),
                &silence,
                &silence,
                &silence,
            ]
            .concat(),
        ),
        (
            "broken",
            [
                &[0, 3][..],
                &backend(half),
                &client(b"\x81\x01a"),
                &backend(other),
            ]
            .concat(),
        ),
        (
            "lost",
            [
                &[0, 0][..],
                &client(&hello[..8]),
                &backend(half),
                &step(7, b"abc"),
                &client(&hello[8..]),
            ]
            .concat(),
        ),
    ]
}
