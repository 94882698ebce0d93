//! One conversation in wire version 1, as bytes. Both sides must go on writing these bytes, and reading them: the peer
//! is always another build of this crate, usually an older one.

use std::os::fd::OwnedFd;

use handover::{
    Accepts, Arrived, Giver, GiverEvent, Listener, Parcel, Refusal, Taker, TakerEvent, Token,
    Transmit, Verdict,
};

/// In the order in which they are written. A line is one `sendmsg`: descriptors, a colon, the bytes in hexadecimal.
const GIVER: &str = include_str!("golden/v1/giver.txt");
const TAKER: &str = include_str!("golden/v1/taker.txt");

fn null() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

fn transcript(text: &str) -> Vec<(usize, Vec<u8>)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (fds, hex) = line.split_once(": ").unwrap();
            let digits: Vec<_> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
            let bytes = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8);
            (fds.parse().unwrap(), bytes.collect())
        })
        .collect()
}

fn line(transmit: &Transmit<'_>) -> (usize, Vec<u8>) {
    (transmit.fds.len(), transmit.bytes.to_vec())
}

fn parcel(kind: u16, version: u16, payload: &[u8], fds: usize) -> Parcel {
    Parcel {
        kind,
        version,
        payload: payload.to_vec().into(),
        fds: (0..fds).map(|_| null()).collect(),
    }
}

#[test]
fn the_giver_writes_and_reads_version_1() {
    let listeners = ["http", "https"].map(|name| Listener {
        name: name.to_owned(),
        fd: null(),
    });
    let mut giver = Giver::new("old/1.0", listeners.into()).unwrap();
    giver.offer(Token(10), parcel(1, 2, b"first", 1));
    giver.offer(Token(11), parcel(1, 3, b"second", 2));
    giver.offer(Token(12), parcel(0x0102, 7, b"", 0));
    giver.offer(Token(13), parcel(1, 2, b"fourth", 0));
    giver.offer(Token(14), parcel(1, 2, b"fifth", 0));
    giver.offer(Token(15), parcel(1, 2, b"sixth", 0));
    giver.offer(Token(16), parcel(1, 2, b"seventh", 0));
    giver.finish(b"\x01\x02\x03".to_vec()).unwrap();

    let mut written = Vec::new();
    for (fds, bytes) in transcript(TAKER) {
        assert_eq!(fds, 0);
        write_giver(&mut giver, &mut written);
        giver.receive(&bytes, Arrived::Whole(Vec::new()));
    }
    assert_eq!(written, transcript(GIVER), "{}", show(&written));

    let mut outcome = Vec::new();
    while let Some(event) = giver.next_event() {
        match event {
            GiverEvent::Hello { software, version } => {
                outcome.push(format!("{software} {version}"))
            }
            GiverEvent::Accepted(Token(id)) => outcome.push(format!("{id} accepted")),
            GiverEvent::Returned { token, reason, .. } => {
                outcome.push(format!("{} {reason:?}", token.0));
            }
            GiverEvent::Finished => outcome.push("finished".to_owned()),
            other => panic!("{other:?}"),
        }
    }
    let expected = [
        "new/2.0 1",
        "10 accepted",
        "11 UnknownKind",
        "12 UnsupportedVersion",
        "13 Malformed(\"at byte 3\")",
        "14 NoDescriptors",
        "15 Declined(\"no, thänks\")",
        "16 Stopped",
        "finished",
    ];
    assert_eq!(outcome, expected);
}

#[test]
fn the_taker_writes_and_reads_version_1() {
    let accepts = vec![
        Accepts {
            kind: 1,
            versions: 2..=3,
        },
        Accepts {
            kind: 0x0102,
            versions: 7..=7,
        },
    ];
    let mut taker = Taker::new("new/2.0", accepts, 1000).unwrap();
    let mut written = Vec::new();
    let mut outcome = Vec::new();
    let mut owned = Vec::new();
    write_taker(&mut taker, &mut written);
    for (fds, bytes) in transcript(GIVER) {
        let fds = (0..fds).map(|_| null()).collect();
        taker.receive(&bytes, Arrived::Whole(fds));
        while let Some(event) = taker.next_event() {
            match event {
                TakerEvent::Hello { software, version } => {
                    outcome.push(format!("{software} {version}"));
                }
                TakerEvent::Listeners(listeners) => {
                    outcome.extend(listeners.into_iter().map(|listener| listener.name));
                }
                TakerEvent::Batch(batch) => {
                    outcome.extend(batch.parcels().map(|view| {
                        let text = String::from_utf8_lossy(view.payload);
                        format!("{} {} {text} {}", view.kind, view.version, view.fd_count)
                    }));
                    taker.answer(batch, verdicts());
                    taker.add_room(5);
                    taker.stop();
                }
                TakerEvent::Accepted(parcels) => owned.extend(parcels),
                other => panic!("{other:?}"),
            }
        }
        write_taker(&mut taker, &mut written);
    }
    assert_eq!(written, transcript(TAKER), "{}", show(&written));
    assert_eq!(owned.len(), 1);
    assert_eq!(owned[0].payload[..], b"first"[..]);
    let Some(TakerEvent::Finished(counters)) = taker.next_event() else {
        panic!("expected the end");
    };
    assert_eq!(counters, [1, 2, 3]);
    let expected = [
        "old/1.0 1",
        "http",
        "https",
        "1 2 first 1",
        "1 3 second 2",
        "258 7  0",
        "1 2 fourth 0",
        "1 2 fifth 0",
        "1 2 sixth 0",
        "1 2 seventh 0",
    ];
    assert_eq!(outcome, expected);
}

fn verdicts() -> Vec<Verdict> {
    vec![
        Verdict::Accept,
        Verdict::Refuse(Refusal::UnknownKind),
        Verdict::Refuse(Refusal::UnsupportedVersion),
        Verdict::Refuse(Refusal::Malformed("at byte 3".to_owned())),
        Verdict::Refuse(Refusal::NoDescriptors),
        Verdict::Refuse(Refusal::Declined("no, thänks".to_owned())),
        Verdict::Refuse(Refusal::Stopped),
    ]
}

fn write_giver(giver: &mut Giver, written: &mut Vec<(usize, Vec<u8>)>) {
    while let Some(transmit) = giver.transmit() {
        written.push(line(&transmit));
        let length = transmit.bytes.len();
        giver.transmitted(length);
    }
}

fn write_taker(taker: &mut Taker, written: &mut Vec<(usize, Vec<u8>)>) {
    while let Some(transmit) = taker.transmit() {
        written.push(line(&transmit));
        let length = transmit.bytes.len();
        taker.transmitted(length);
    }
}

/// As the golden files have it, to be put there when a new version is made.
fn show(written: &[(usize, Vec<u8>)]) -> String {
    let line = |(fds, bytes): &(usize, Vec<u8>)| {
        let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{fds}: {}\n", hex.join(" "))
    };
    written.iter().map(line).collect()
}

/// A peer from the future that still speaks version 1, and one that no longer does.
#[test]
fn versions_are_negotiated() {
    let mut hello = transcript(TAKER).remove(0).1;
    let last_version = 8 + 8 + 1 + 2;
    hello[last_version] = 9;
    // What a later version adds to its greeting is passed over.
    hello.extend_from_slice(b"more");
    hello[4] += 4;
    let mut giver = Giver::new("old", Vec::new()).unwrap();
    giver.receive(&hello, Arrived::Whole(Vec::new()));
    let event = giver.next_event();
    assert!(
        matches!(event, Some(GiverEvent::Hello { version: 1, .. })),
        "{event:?}"
    );

    hello[last_version - 2] = 2;
    let mut giver = Giver::new("old", Vec::new()).unwrap();
    giver.offer(Token(1), parcel(1, 2, b"", 0));
    giver.receive(&hello, Arrived::Whole(Vec::new()));
    let Some(GiverEvent::Broken { error, returned }) = giver.next_event() else {
        panic!("expected the end");
    };
    assert_eq!(
        error.to_string(),
        "no common handover protocol: we speak versions 1 to 1, \"new/2.0\" speaks 2 to 9"
    );
    assert_eq!(returned.len(), 1);
    assert!(giver.transmit().is_none(), "nothing is moved");
}
