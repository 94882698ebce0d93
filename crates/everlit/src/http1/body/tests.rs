//! Bodies, whole and in pieces. Where a comment says "oracle", lighttpd 1.4.69 answers otherwise.

use proptest::prelude::*;

use super::*;

/// Decodes `input`, given in pieces: the data, and how many bytes the body had; `None` if it is not over.
fn decode(mut framing: Framing, pieces: &[&[u8]]) -> Result<(Vec<u8>, Option<usize>), BadBody> {
    let (mut data, mut length) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let step = framing.decode(rest)?;
            assert!(step.data <= step.consumed && step.consumed <= rest.len());
            data.extend(&rest[step.consumed - step.data..step.consumed]);
            length += step.consumed;
            rest = &rest[step.consumed..];
            if framing.is_over() {
                return Ok((data, Some(length)));
            }
            if step.consumed == 0 {
                assert!(
                    rest.is_empty(),
                    "stuck before {:?}",
                    rest.escape_ascii().to_string()
                );
                break;
            }
        }
    }
    Ok((data, None))
}

fn chunked(body: &str) -> Result<(Vec<u8>, Option<usize>), BadBody> {
    decode(Framing::chunked(), &[body.as_bytes()])
}

#[test]
fn a_length_is_counted() {
    let three = Framing::Length(3);
    assert_eq!(decode(three, &[b"ab"]), Ok((b"ab".to_vec(), None)));
    assert_eq!(decode(three, &[b"abcGET"]), Ok((b"abc".to_vec(), Some(3))));
    assert_eq!(decode(Framing::Empty, &[b"GET"]), Ok((vec![], Some(0))));
    assert_eq!(
        decode(Framing::Length(u64::MAX), &[b"ab"]),
        Ok((b"ab".to_vec(), None))
    );
}

#[test]
fn steps_say_where_the_data_are() {
    let mut framing = Framing::chunked();
    let input = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET";
    assert_eq!(
        framing.decode(input),
        Ok(Step {
            consumed: 6,
            data: 3
        })
    );
    assert_eq!(
        framing.decode(&input[6..]),
        Ok(Step {
            consumed: 7,
            data: 2
        })
    );
    assert_eq!(
        framing.decode(&input[13..]),
        Ok(Step {
            consumed: 7,
            data: 0
        })
    );
    assert_eq!(framing, Framing::Empty);
    assert_eq!(
        framing.decode(&input[20..]),
        Ok(Step {
            consumed: 0,
            data: 0
        })
    );
}

#[test]
fn good_chunks() {
    for (body, data) in [
        ("0\r\n\r\n", ""),
        ("1\r\nx\r\n0\r\n\r\n", "x"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("0000000000000001\r\nx\r\n0000\r\n\r\n", "x"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n", "x"),
        ("1; a\t\r\nx\r\n0\r\n\r\n", "x"),
        ("1\r\nx\r\n0\r\nX: y\r\nZ:\r\n\r\n", "x"),
        ("1\r\nx\r\n0\r\nContent-Length: 9\r\n\r\n", "x"),
    ] {
        assert_eq!(
            chunked(&format!("{body}GET")),
            Ok((data.into(), Some(body.len()))),
            "{body:?}"
        );
    }
}

/// Each of these is a way of making two servers disagree about where a body ends.
#[test]
fn bad_chunks() {
    for (name, body) in [
        ("no size", "\r\nx\r\n"),
        ("no size before extension", ";a\r\n"),
        ("prefix", "0x1\r\nx\r\n"),
        ("plus", "+1\r\nx\r\n"),
        ("minus", "-1\r\nx\r\n"),
        ("underscore", "1_0\r\n"),
        ("letter", "1g\r\n"),
        ("leading space", " 1\r\nx\r\n"),
        ("space after size", "1 \r\nx\r\n"), // oracle: accepted
        ("space before extension", "1 ;a\r\nx\r\n"), // oracle: accepted, and RFC 9112 7.1.1 tolerates it
        ("tab before extension", "1\t;a\r\nx\r\n"),  // oracle: accepted
        ("seventeen digits", "00000000000000001\r\n"), // oracle: accepted
        ("beyond 63 bits", "8000000000000000\r\n"),
        ("beyond 64 bits", "10000000000000000\r\n"),
        ("bare LF after size", "1\nx\r\n"),
        ("bare LF after last size", "0\n\r\n"),
        ("bare CR after size", "1\rx"),
        ("two CR after size", "1\r\r\nx\r\n"), // oracle: accepted (not since 1.4.80)
        ("LF in extension", "1;a\nx\r\n"),
        ("CR in extension", "1;a\rb\r\n"), // oracle: accepted
        ("NUL in extension", "1;a\0b\r\n"),
        ("bare LF after data", "1\r\nx\n0\r\n\r\n"),
        ("data longer than size", "1\r\nxx\r\n"),
        ("bare LF at the end", "0\r\n\n"), // oracle: waits
        ("bare CR at the end", "0\r\n\rG"),
        ("trailer without colon", "0\r\nX y\r\n\r\n"), // oracle: accepted
        ("trailer with space before colon", "0\r\nX : y\r\n\r\n"), // oracle: accepted
        ("trailer folded", "0\r\nX: y\r\n z\r\n\r\n"), // oracle: accepted
        ("trailer with bare LF", "0\r\nX: y\n\r\n"),   // oracle: waits
        ("trailer with control", "0\r\nX: \x01\r\n\r\n"), // oracle: accepted
        ("trailer without name", "0\r\n: y\r\n\r\n"),
    ] {
        assert!(chunked(body).is_err(), "{name}");
    }
}

#[test]
fn everything_is_bounded() {
    let extension = |length: usize| format!("1;{}\r\nx\r\n", "a".repeat(length - 1));
    assert!(chunked(&extension(1024)).is_ok());
    assert!(chunked(&extension(1025)).is_err());
    assert!(chunked(&extension(1024).repeat(16)).is_ok());
    assert!(chunked(&(extension(1024).repeat(16) + "1;")).is_err());
    assert!(chunked(&"1;\r\nx\r\n".repeat(16385)).is_err());

    let trailers = |length: usize| format!("0\r\nX:{}\r\n", "y".repeat(length - 4));
    assert!(chunked(&(trailers(8192) + "\r\n")).is_ok());
    assert!(chunked(&trailers(8193)).is_err()); // oracle: accepted
    assert!(chunked(&format!("0\r\n{}", "X:\r\n".repeat(2049))).is_err());
}

/// Every state, and the bytes in which it goes to another process, which may be of another version.
#[test]
fn states_travel() {
    let body = b"1;a\r\nx\r\n0\r\nX:y\r\n\r\n";
    let golden = [
        "8202818382008200000000",
        "8202818382008201010000",
        "8202818382018201010100",
        "8202818382018201020200",
        "82028183820281010200",
        "82028183820381010200",
        "820281838204800200",
        "820281838205800200",
        "8202818382008200000200",
        "8202818382008200010200",
        "82028183820281000200",
        "820281838206800200",
        "820281838207800201",
        "820281838208800202",
        "820281838208800203",
        "820281838209800204",
        "820281838206800205",
        "82028183820a800205",
    ];
    assert_eq!(body.len(), golden.len());
    let mut framing = Framing::chunked();
    for (byte, golden) in body.iter().zip(golden) {
        let image = minicbor::to_vec(framing).unwrap();
        assert_eq!(
            image
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
            golden
        );
        assert_eq!(minicbor::decode::<Framing>(&image).unwrap(), framing);
        framing.decode(&[*byte]).unwrap();
    }
    assert!(framing.is_over());
    assert_eq!(minicbor::to_vec(Framing::Empty).unwrap(), b"\x82\x00\x80");
    assert_eq!(
        minicbor::to_vec(Framing::Length(7)).unwrap(),
        b"\x82\x01\x81\x07"
    );
}

/// Bytes that are often nearly a chunked body.
fn nearly_chunked() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec!["1\r\nx\r\n", "3\r\nabc\r\n", "0\r\n", "\r\n", "X: y\r\n", "5;a=b\r\n", "hello\r\n", "A", "\n"])
            .prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn splits_do_not_matter(body in nearly_chunked(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5)) {
        let whole = decode(Framing::chunked(), &[&body]);
        let bytes: Vec<_> = body.chunks(1).collect();
        prop_assert_eq!(&decode(Framing::chunked(), &bytes), &whole);

        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort();
        let pieces: Vec<_> = cuts.windows(2).map(|cut| &body[cut[0]..cut[1]]).collect();
        prop_assert_eq!(&decode(Framing::chunked(), &pieces), &whole);
    }

    #[test]
    fn what_was_encoded_is_decoded(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..10)) {
        let mut body = Vec::new();
        for chunk in &chunks {
            body.extend(format!("{:x}\r\n", chunk.len()).bytes());
            body.extend(chunk);
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        let length = body.len();
        body.extend(b"GET / HTTP/1.1\r\n");
        prop_assert_eq!(decode(Framing::chunked(), &[&body]), Ok((chunks.concat(), Some(length))));
    }
}
