//! Records, whole and in pieces.

use proptest::prelude::*;

use super::*;

/// What a stream said: output, complaints, and the program's status if it ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    output: Vec<u8>,
    complaints: Vec<u8>,
    end: Option<u32>,
}

/// Decodes records that come in pieces, each state sent through an image.
fn decode(pieces: &[&[u8]]) -> Result<Said, &'static str> {
    let (mut records, mut said) = (Records::default(), Said::default());
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            records = minicbor::decode(&minicbor::to_vec(records).unwrap()).unwrap();
            let step = records.decode(rest)?;
            let (done, more) = rest.split_at(step.consumed);
            match step.what {
                What::Nothing => assert!(more.is_empty(), "stuck"),
                What::Output(run) => said.output.extend(&done[done.len() - run..]),
                What::Complaint(run) => said.complaints.extend(&done[done.len() - run..]),
                What::End(status) => assert_eq!(said.end.replace(status), None),
            }
            rest = more;
        }
    }
    Ok(said)
}

fn record(kind: u8, number: u16, content: &[u8], padding: u8) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    let number = number.to_be_bytes();
    let head = [
        1, kind, number[0], number[1], length[0], length[1], padding, 7,
    ];
    [&head, content, &vec![b'p'; usize::from(padding)]].concat()
}

#[test]
fn output_complaints_and_the_end_are_told_apart() {
    let stream = [
        record(STDOUT, 1, b"Status: 200\r\n", 3),
        record(STDERR, 1, b"oh", 6),
        record(STDOUT, 1, b"\r\nhello", 0),
        record(STDERR, 1, b"", 0),
        record(STDOUT, 1, b"", 8),
        record(END_REQUEST, 1, &[1, 2, 3, 4, 0, 0, 0, 0], 0),
        b"whatever".to_vec(),
    ]
    .concat();
    let said = decode(&[&stream]).unwrap();
    assert_eq!(said.output, b"Status: 200\r\n\r\nhello");
    assert_eq!(said.complaints, b"oh");
    assert_eq!(said.end, Some(0x01020304));
}

#[test]
fn a_step_ends_with_a_run_of_data() {
    let mut records = Records::default();
    let stream = [record(STDOUT, 1, b"abc", 2), record(STDERR, 1, b"d", 0)].concat();
    let step = |consumed, what| Ok(Step { consumed, what });
    assert_eq!(records.decode(&stream[..10]), step(10, What::Output(2)));
    assert_eq!(records.decode(&stream[10..]), step(1, What::Output(1)));
    assert_eq!(records.decode(&stream[11..]), step(11, What::Complaint(1)));
    assert_eq!(records.decode(b""), step(0, What::Nothing));
}

/// lighttpd lets these pass as well.
#[test]
fn what_says_nothing_is_skipped() {
    let end = record(END_REQUEST, 1, &[0; 8], 0);
    for (name, before) in [
        ("another number", record(STDOUT, 7, b"x", 0)),
        ("GET_VALUES_RESULT", record(10, 0, b"MPXS_CONNS", 1)),
        ("UNKNOWN_TYPE", record(11, 0, &[0; 8], 0)),
        ("a kind of a later version", record(200, 1, b"abc", 255)),
        ("an empty one", record(2, 1, b"", 0)),
    ] {
        let said = decode(&[&before, &end]).unwrap();
        assert_eq!(said.end, Some(0), "{name}");
        assert_eq!(said.output.len(), usize::from(before[1] == STDOUT));
    }
    // A longer END_REQUEST ends when it has said everything.
    assert_eq!(
        decode(&[&record(END_REQUEST, 1, &[0; 20], 9)]).unwrap().end,
        Some(0)
    );
}

#[test]
fn what_is_not_fastcgi_is_refused() {
    assert!(decode(&[b"HTTP/1.1 200 OK\r\n"]).is_err());
    assert!(decode(&[&[2, 6]]).is_err());
    assert!(decode(&[&record(END_REQUEST, 1, &[0; 7], 1)]).is_err());
    for status in 1..=4 {
        let end = record(END_REQUEST, 1, &[0, 0, 0, 0, status, 0, 0, 0], 0);
        assert!(decode(&[&end]).is_err(), "{status}");
    }
}

#[test]
fn what_is_written_is_read() {
    let data = vec![b'x'; 70_000];
    let mut out = Vec::new();
    write(STDOUT, b"", &mut out);
    assert!(out.is_empty());
    write(STDOUT, &data, &mut out);
    write_end(STDOUT, &mut out);
    let said = decode(&[&out]).unwrap();
    assert!(said.output == data && said.end.is_none());
}

/// Every state, and the bytes in which it goes to another process, which may be of another version.
#[test]
fn states_travel() {
    let stream = [
        record(STDOUT, 1, b"ab", 2),
        record(STDERR, 1, b"cd", 0),
        record(9, 1, b"ef", 0),
        record(END_REQUEST, 1, &[0, 0, 0, 7, 0, 0, 0, 0], 0),
    ]
    .concat();
    let golden = [
        "81820080",
        "81820180",
        "818202820600",
        "818202820601",
        "8182038106",
        "818204820600",
        "818205820602",
        "81820683060202",
        "818207820202",
        "818207820102",
        "81820a8102",
        "81820a8101",
        "81820080",
        "81820180",
        "818202820700",
        "818202820701",
        "8182038107",
        "818204820700",
        "818205820702",
        "81820683070200",
        "818208820200",
        "818208820100",
        "81820080",
        "81820180",
        "818202820900",
        "818202820901",
        "8182038109",
        "818204820900",
        "818205820902",
        "81820683090200",
        "818209820200",
        "818209820100",
        "81820080",
        "81820180",
        "818202820300",
        "818202820301",
        "8182038103",
        "818204820300",
        "818205820308",
        "81820683030800",
        "81820b820000",
        "81820b820100",
        "81820b820200",
        "81820b820300",
        "81820b820407",
        "81820c80",
        "81820c80",
        "81820c80",
    ];
    let mut records = Records::default();
    assert_eq!(stream.len(), golden.len());
    for (byte, golden) in stream.iter().zip(golden) {
        let image = minicbor::to_vec(records).unwrap();
        let text: String = image.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, golden);
        assert_eq!(minicbor::decode::<Records>(&image).unwrap(), records);
        records.decode(&[*byte]).unwrap();
    }
}

/// Bytes that are often records.
fn nearly_records() -> impl Strategy<Value = Vec<u8>> {
    let content = prop::collection::vec(any::<u8>(), 0..20);
    let piece = prop_oneof![
        9 => (prop::sample::select(vec![STDOUT, STDOUT, STDERR, 9]), any::<u16>(), content, 0..20u8)
            .prop_map(|(kind, number, content, padding)| record(kind, number, &content, padding)),
        1 => prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(|content| record(END_REQUEST, 1, &content, 0)),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn splits_do_not_matter(stream in nearly_records()) {
        let whole = decode(&[&stream]);
        let bytes: Vec<_> = stream.chunks(1).collect();
        prop_assert_eq!(&decode(&bytes), &whole);
        for cut in 0..stream.len() {
            prop_assert_eq!(&decode(&[&stream[..cut], &stream[cut..]]), &whole);
        }
    }
}
