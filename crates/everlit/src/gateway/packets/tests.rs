//! Packets, whole and in pieces.

use proptest::prelude::*;

use super::*;

/// What a stream said: the heads, as they are spelled; the body; what was wanted; the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    heads: String,
    body: Vec<u8>,
    wanted: Vec<u16>,
    over: Option<Reuse>,
}

/// Decodes packets that come in pieces, each state sent through an image.
fn decode(pieces: &[&[u8]]) -> Result<Said, &'static str> {
    let (mut packets, mut said) = (Packets::default(), Said::default());
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() && said.over.is_none() {
            packets = minicbor::decode(&minicbor::to_vec(packets).unwrap()).unwrap();
            let step = packets.decode(rest)?;
            let (done, more) = rest.split_at(step.consumed);
            match step.what {
                What::Nothing => assert!(more.is_empty(), "stuck"),
                What::Status(status) => said.heads.push_str(&status.to_string()),
                What::Field => said.heads.push('|'),
                What::Name(name) => said.heads.push_str(&format!("|{name}=")),
                What::Value => said.heads.push('='),
                What::Text(run) => {
                    let text = &done[done.len() - run..];
                    said.heads.extend(text.iter().copied().map(char::from));
                }
                What::HeadOver => said.heads.push('.'),
                What::Body(run) => said.body.extend(&done[done.len() - run..]),
                What::Wanted(size) => said.wanted.push(size),
                What::Over(reuse) => said.over = Some(reuse),
            }
            rest = more;
        }
    }
    Ok(said)
}

fn packet(content: &[u8]) -> Vec<u8> {
    [&b"AB"[..], &(content.len() as u16).to_be_bytes(), content].concat()
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes(), b"\0"].concat()
}

/// A head; a name is a text or, after `#`, a code.
fn answer(status: u16, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut content = vec![SEND_HEADERS];
    content.extend(status.to_be_bytes());
    content.extend(string("Reason"));
    content.extend((fields.len() as u16).to_be_bytes());
    for (name, value) in fields {
        match name.strip_prefix('#') {
            Some(code) => content.extend([0xa0, code.parse().unwrap()]),
            None => content.extend(string(name)),
        }
        content.extend(string(value));
    }
    packet(&content)
}

fn chunk(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16).to_be_bytes();
    // Tomcat puts a NUL behind it.
    packet(&[&[SEND_BODY_CHUNK], &length[..], data, b"\0"].concat())
}

#[test]
fn an_exchange_is_taken_apart() {
    let stream = [
        packet(&[GET_BODY_CHUNK, 0x1f, 0xfa]),
        answer(103, &[]),
        packet(&[9]),
        answer(404, &[("#1", "text/plain"), ("X-A", "b"), ("#11", "")]),
        chunk(b"hel"),
        chunk(b""),
        packet(&[200, 1, 2, 3]),
        chunk(b"lo"),
        packet(&[END_RESPONSE, 1]),
        b"whatever".to_vec(),
    ]
    .concat();
    let said = decode(&[&stream]).unwrap();
    let heads = "103.404|Content-Type=text/plain|X-A=b|WWW-Authenticate=.";
    assert_eq!(said.heads, heads);
    assert_eq!(said.body, b"hello");
    assert_eq!(said.wanted, [8186]);
    assert_eq!(said.over, Some(Reuse::Possible));
}

#[test]
fn strings_that_are_none_are_empty() {
    let mut content = vec![SEND_HEADERS, 0, 200, 0xff, 0xff, 0, 2];
    content.extend([0xa0, 1, 0xff, 0xff, 0, 1, b'A', 0, 0xff, 0xff]);
    let said = decode(&[&packet(&content)]).unwrap();
    assert_eq!(said.heads, "200|Content-Type=|A=.");
}

#[test]
fn a_connection_is_reused_only_if_its_end_is_clear() {
    for (content, expected) in [
        (&[END_RESPONSE, 0][..], Reuse::Impossible),
        (&[END_RESPONSE, 1], Reuse::Possible),
        (&[END_RESPONSE, 1, 0], Reuse::Impossible),
    ] {
        assert_eq!(decode(&[&packet(content)]).unwrap().over, Some(expected));
    }
}

#[test]
fn what_is_not_ajp_is_refused() {
    let field = |name: &str, value: &str| answer(200, &[(name, value)]);
    let cut = |whole: Vec<u8>, by: usize| packet(&whole[4..whole.len() - by]);
    for (name, bytes, why) in [
        ("HTTP", b"HTTP/1.1 200 OK\r\n".to_vec(), "not an AJP packet"),
        ("ours", vec![0x12, 0x34, 0, 0], "not an AJP packet"),
        ("half", b"AC".to_vec(), "not an AJP packet"),
        (
            "empty",
            [packet(b""), packet(b"")].concat(),
            "AJP packet is too short",
        ),
        (
            "no status",
            [packet(&[4]), packet(b"")].concat(),
            "AJP packet is too short",
        ),
        ("a status of 0", answer(0, &[]), "invalid status"),
        ("a status of 1000", answer(1000, &[]), "invalid status"),
        (
            "a field less than announced",
            [cut(field("A", "b"), 8), packet(b"x")].concat(),
            "AJP packet is too short",
        ),
        (
            "half a value",
            [cut(field("A", "bcd"), 3), packet(b"x")].concat(),
            "AJP packet is too short",
        ),
        (
            "an unknown code",
            field("#12", "x"),
            "unknown AJP header field",
        ),
        (
            "a code that is none",
            field("#0", "x"),
            "unknown AJP header field",
        ),
        (
            "a line",
            field("A", "b\nC: d"),
            "control character in AJP header field",
        ),
        (
            "a name with a line",
            field("A\r", "b"),
            "control character in AJP header field",
        ),
        (
            "a name with a value",
            field("A: b", "c"),
            "control character in AJP header field",
        ),
        (
            "NUL",
            field("A", "b\0c"),
            "control character in AJP header field",
        ),
        (
            "more body than the packet has",
            [packet(&[3, 0, 9, 1, 2]), packet(b"x")].concat(),
            "AJP packet is too short",
        ),
        (
            "a string without NUL",
            packet(&[4, 0, 200, 0, 1, b'a', b'b', 0, 0]),
            "AJP string without its end",
        ),
        (
            "a field without name",
            packet(&[4, 0, 200, 0xff, 0xff, 0, 1, 0xff, 0xff, 0, 0]),
            "AJP header field without name",
        ),
    ] {
        assert_eq!(decode(&[&bytes]), Err(why), "{name}");
    }
}

#[test]
fn what_we_write_is_as_the_reference_says() {
    let mut out = Vec::new();
    write_data(b"abc", &mut out);
    assert_eq!(out, b"\x12\x34\0\x05\0\x03abc");
    out.clear();
    write_data(b"", &mut out);
    assert_eq!(out, b"\x12\x34\0\0");
    let mut longest = Vec::new();
    write_data(&[7; DATA_MAX as usize], &mut longest);
    assert_eq!(longest.len(), PACKET_MAX);
}

#[test]
fn what_is_wanted_is_bounded() {
    let mut wanted = Wanted::default();
    assert!(!wanted.is_any());
    for (size, expected) in [(0, 1), (100, 100), (u16::MAX, 8186)] {
        wanted.add(size);
        assert_eq!(wanted.size(), expected);
    }
    for _ in 0..3 {
        assert!(wanted.is_any());
        wanted.served();
    }
    assert!(!wanted.is_any());
}

/// Every state, and the bytes in which it goes to another process, which may be of another version.
#[test]
fn states_travel() {
    let stream = [
        packet(&[
            SEND_HEADERS,
            0,
            200,
            0,
            1,
            b'R',
            0,
            0,
            1,
            0,
            1,
            b'A',
            0,
            0,
            1,
            b'b',
            0,
        ]),
        packet(&[SEND_BODY_CHUNK, 0, 2, 1, 2, 0]),
        packet(&[GET_BODY_CHUNK, 0, 9]),
        packet(&[END_RESPONSE, 1]),
    ]
    .concat();
    let mut packets = Packets::default();
    let mut golden = String::new();
    for byte in stream {
        let image = minicbor::to_vec(packets).unwrap();
        golden.extend(image.iter().map(|byte| format!("{byte:02x}")));
        golden.push('\n');
        assert_eq!(minicbor::decode::<Packets>(&image).unwrap(), packets);
        packets.decode(&[byte]).unwrap();
    }
    let image = minicbor::to_vec(packets).unwrap();
    golden.extend(image.iter().map(|byte| format!("{byte:02x}")));
    assert_eq!(golden, include_str!("golden.txt").trim_end());
}

/// Bytes that are often packets.
fn nearly_packets() -> impl Strategy<Value = Vec<u8>> {
    let texts = || prop::sample::select(vec!["", "a", "X-Long-Name", "value", "#1", "#11"]);
    let fields = prop::collection::vec((texts(), texts()), 0..4);
    let bytes = |max| prop::collection::vec(any::<u8>(), 0..max);
    let piece = prop_oneof![
        5 => (100..1000u16, fields).prop_map(|(status, fields)| answer(status, &fields)),
        5 => bytes(20).prop_map(|data| chunk(&data)),
        3 => any::<u16>().prop_map(|size| {
            let [high, low] = size.to_be_bytes();
            packet(&[GET_BODY_CHUNK, high, low])
        }),
        1 => bytes(3).prop_map(|more| packet(&[&[END_RESPONSE][..], &more].concat())),
        2 => bytes(12).prop_map(|content| packet(&content)),
        1 => bytes(4),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn splits_do_not_matter(stream in nearly_packets()) {
        let whole = decode(&[&stream]);
        let bytes: Vec<_> = stream.chunks(1).collect();
        prop_assert_eq!(&decode(&bytes), &whole);
        for cut in 0..stream.len() {
            prop_assert_eq!(&decode(&[&stream[..cut], &stream[cut..]]), &whole);
        }
    }
}
