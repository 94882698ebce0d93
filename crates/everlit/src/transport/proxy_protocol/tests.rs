use proptest::prelude::*;

use super::*;

/// `-` for the connection's own, else address and port, and what is said of TLS.
fn read(bytes: &[u8]) -> String {
    match parse(bytes) {
        Parsed::Partial => "partial".to_owned(),
        Parsed::Broken(_) => "broken".to_owned(),
        Parsed::Header { length, announced } => {
            assert_eq!(length, bytes.len());
            let tls = match &announced.tls {
                None => String::new(),
                Some(tls) => format!(" {:?}", tls.certificate),
            };
            match announced.peer {
                None => format!("-{tls}"),
                Some(peer) => format!("{peer} {}{tls}", peer.port()),
            }
        }
    }
}

#[test]
fn lines_are_read() {
    for (text, expected) in [
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1111 80\r\n", "1.2.3.4 1111"),
        ("PROXY TCP6 2001:db8::5 ::1 1 65535\r\n", "2001:db8::5 1"),
        ("PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n", "1.2.3.4 1"),
        ("PROXY UNKNOWN\r\n", "-"),
        ("PROXY UNKNOWN a b c d\r\n", "-"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 0 80\r\n", "1.2.3.4 0"),
        ("PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n", "broken"),
        ("PROXY TCP4 2001:db8::5 ::1 1 2\r\n", "broken"),
        ("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n", "broken"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", "broken"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", "broken"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", "broken"),
        ("PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", "broken"),
        ("PROXY TCP4 1.2.3.4 zz 1 2\r\n", "broken"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", "broken"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", "broken"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", "broken"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r", "partial"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", "partial"),
        ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX", "broken"),
        ("PROXY UNKNOWN a\rb\r\n", "broken"),
        ("PROXY UNKNOWN\r\r\n", "broken"),
        ("PROXY\r\n", "broken"),
        ("proxy UNKNOWN\r\n", "broken"),
        ("GET / HTTP/1.1\r\n\r\n", "broken"),
        ("\r\n\r\nG", "broken"),
        ("", "partial"),
    ] {
        assert_eq!(read(text.as_bytes()), expected, "{text:?}");
    }
    let long = |length: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(length - 16));
    assert_eq!(read(long(LINE_MAX).as_bytes()), "-");
    assert_eq!(read(long(LINE_MAX + 1).as_bytes()), "broken");
    assert_eq!(
        read(&[b"PROXY UNKNOWN ", &[b'x'; 200][..]].concat()),
        "broken"
    );
}

fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, body].concat()
}

fn value(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind], &length[..], value].concat()
}

const FOUR: &[u8] = b"\x01\x02\x03\x04\x05\x06\x07\x08\x04\x57\x00\x50";

#[test]
fn binary_headers_are_read() {
    let six = [
        &[0x20, 1, 0xd, 0xb8][..],
        &[0; 11],
        &[5],
        &[0; 16],
        &[0, 7, 0, 80],
    ]
    .concat();
    let with = |more: &[u8]| header(0x21, 0x11, &[FOUR, more].concat());
    let tls = |flags: u8, result: u8, more: &[u8]| {
        value(0x20, &[&[flags, 0, 0, 0, result][..], more].concat())
    };
    for (bytes, expected) in [
        (header(0x21, 0x11, FOUR), "1.2.3.4 1111"),
        (header(0x21, 0x21, &six), "2001:db8::5 7"),
        (header(0x21, 0x31, &[b'a'; 216]), "unix 0"),
        (header(0x20, 0x11, FOUR), "-"),
        (header(0x20, 0x00, b"anything"), "-"),
        (header(0x21, 0x00, b""), "-"),
        (header(0x21, 0x12, FOUR), "-"),
        (header(0x21, 0x41, b"x"), "-"),
        (header(0x22, 0x11, FOUR), "broken"),
        (header(0x11, 0x11, FOUR), "broken"),
        (header(0x21, 0x11, &FOUR[..11]), "broken"),
        (header(0x21, 0x21, FOUR), "broken"),
        (with(&value(4, &[0; 1000])), "1.2.3.4 1111"),
        (
            with(&[&value(1, b"h2")[..], &tls(1, 1, b"")].concat()),
            "1.2.3.4 1111 None",
        ),
        (
            with(&tls(7, 0, &value(0x22, b"joe"))),
            "1.2.3.4 1111 Verified",
        ),
        (with(&tls(3, 0, b"")), "1.2.3.4 1111 Verified"),
        (with(&tls(5, 0, b"")), "1.2.3.4 1111 Verified"),
        (with(&tls(7, 1, b"")), "1.2.3.4 1111 None"),
        (with(&tls(1, 0, b"")), "1.2.3.4 1111 None"),
        (with(&tls(0, 1, b"")), "1.2.3.4 1111"),
        (with(b"\x20\x00\x50abc"), "broken"),
        (with(b"\x01\x00"), "broken"),
        (with(&value(0x20, b"abcd")), "broken"),
        (with(&tls(1, 0, b"\x22\x00\x09joe")), "broken"),
        (
            with(&value(4, &[0; LENGTH_MAX - 16 - 12 - 3])),
            "1.2.3.4 1111",
        ),
        (with(&value(4, &[0; LENGTH_MAX - 16 - 12 - 2])), "broken"),
    ] {
        assert_eq!(read(&bytes), expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn all_of_tls_is_told() {
    let more = [
        value(0x21, b"TLSv1.3"),
        value(0x22, b"joe"),
        value(0x23, b"AES"),
        value(0x24, b"SHA256"),
        value(0x25, b"RSA2048"),
    ];
    let tls = [&b"\x07\0\0\0\0"[..], &more.concat()].concat();
    let bytes = header(0x21, 0x11, &[FOUR, &value(0x20, &tls)].concat());
    let Parsed::Header { announced, .. } = parse(&bytes) else {
        panic!("a good header");
    };
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let expected = Tls {
        certificate: Certificate::Verified,
        version: text("TLSv1.3"),
        common_name: text("joe"),
        cipher: text("AES"),
        signature: text("SHA256"),
        key: text("RSA2048"),
    };
    assert_eq!(announced.tls.as_ref(), Some(&expected));
    let travelled = minicbor::to_vec(&expected).unwrap();
    assert_eq!(minicbor::decode::<Tls>(&travelled).unwrap(), expected);
}

/// Gives the bytes in pieces of this size; what was announced, and what is left.
fn in_pieces(bytes: &[u8], size: usize) -> Option<(Announced, Vec<u8>)> {
    let mut awaited = Awaited::default();
    let mut at = 0;
    for piece in bytes.chunks(size) {
        // It could be frozen anywhere.
        awaited = match Awaited::resumed(awaited.held().to_vec()).receive(piece) {
            Progress::More(awaited) => awaited,
            Progress::Complete(used, announced) => {
                return Some((announced, bytes[at + used..].to_vec()));
            }
            Progress::Broken(_) => return None,
        };
        at += piece.len();
    }
    panic!("neither complete nor broken");
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
        let _ = parse(&[SIGNATURE, &bytes[..]].concat());
        let _ = parse(&[&SIGNATURE[..], b"\x21\x11", &bytes].concat());
        let _ = parse(&[WORD, &bytes].concat());
    }

    #[test]
    fn pieces_make_no_difference(
        source: std::net::SocketAddr,
        destination: [u8; 2],
        size in 1_usize..60,
        rest in prop::collection::vec(any::<u8>(), 1..60),
        more in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let [a, b] = destination;
        let (line, family, body) = match source {
            SocketAddr::V4(source) => (
                format!("PROXY TCP4 {} 10.0.{a}.{b} {} 80\r\n", source.ip(), source.port()),
                0x11,
                [&source.ip().octets()[..], &[10, 0, a, b], &source.port().to_be_bytes(), &[0, 80]].concat(),
            ),
            SocketAddr::V6(source) => (
                format!("PROXY TCP6 {} ::{a:x} {} 80\r\n", source.ip(), source.port()),
                0x21,
                [&source.ip().octets()[..], &[b; 16], &source.port().to_be_bytes(), &[0, 80]].concat(),
            ),
        };
        let binary = header(0x21, family, &[body, value(4, &more)].concat());
        let plain = |source: SocketAddr| match source {
            SocketAddr::V6(source) => Peer::from(SocketAddr::from((*source.ip(), source.port()))),
            source => Peer::from(source),
        };
        let expected = Announced { peer: Some(plain(source)), tls: None };
        for bytes in [line.into_bytes(), binary] {
            let stream = [&bytes[..], &rest].concat();
            prop_assert_eq!(in_pieces(&stream, size), Some((expected.clone(), rest.clone())));
            for end in 0..bytes.len() {
                prop_assert_eq!(parse(&bytes[..end]), Parsed::Partial);
            }
        }
    }
}
