//! Whatever bytes and descriptors arrive: no panic, and every parcel still has its owner.

use std::os::fd::OwnedFd;

use handover::{
    Accepts, Arrived, Error, Giver, GiverEvent, Parcel, Taker, TakerEvent, Token, Verdict,
    Violation,
};
use proptest::prelude::*;

fn null() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

fn accepts() -> Vec<Accepts> {
    vec![Accepts {
        kind: 1,
        versions: 1..=1,
    }]
}

/// What a fuzz target does with its input: the taker's side.
fn feed_taker(stretches: &[(Vec<u8>, Option<usize>)]) -> (Taker, Option<Error>) {
    let mut broken = None;
    let mut taker = Taker::new("new", accepts(), 500).unwrap();
    for (bytes, fds) in stretches {
        let arrived = match fds {
            Some(count) => Arrived::Whole((0..*count).map(|_| null()).collect()),
            None => Arrived::Truncated,
        };
        taker.receive(bytes, arrived);
        while let Some(transmit) = taker.transmit() {
            let length = transmit.bytes.len();
            taker.transmitted(length);
        }
        while let Some(event) = taker.next_event() {
            match event {
                TakerEvent::Batch(batch) => {
                    let verdicts = vec![Verdict::Accept; batch.parcels().len()];
                    taker.answer(batch, verdicts);
                }
                TakerEvent::Broken(error) => broken = Some(error),
                _ => {}
            }
        }
    }
    (taker, broken)
}

/// The giver's side: none of its parcels may vanish without an `Accepted`.
fn feed_giver(stretches: &[Vec<u8>]) {
    const PARCELS: u64 = 300;
    let mut giver = Giver::new("old", Vec::new()).unwrap();
    for token in 0..PARCELS {
        giver.offer(
            Token(token),
            Parcel {
                kind: 1,
                version: 1,
                payload: vec![0; 9].into(),
                fds: if token % 100 == 0 {
                    vec![null()]
                } else {
                    vec![]
                },
            },
        );
    }
    for bytes in stretches {
        giver.receive(bytes, Arrived::Whole(Vec::new()));
        while let Some(transmit) = giver.transmit() {
            let length = transmit.bytes.len();
            giver.transmitted(length);
        }
    }
    giver.ended(Error::PeerGone);
    let mut seen = 0;
    while let Some(event) = giver.next_event() {
        seen += match event {
            GiverEvent::Accepted(_) | GiverEvent::Returned { .. } => 1,
            GiverEvent::Broken { returned, .. } => returned.len() as u64,
            _ => 0,
        };
    }
    assert_eq!(seen, PARCELS);
}

fn message(kind: u8, fds: u16, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0];
    message.extend_from_slice(&fds.to_le_bytes());
    message.extend_from_slice(&(body.len() as u32).to_le_bytes());
    message.extend_from_slice(body);
    message
}

fn hello(role: u8) -> Vec<u8> {
    let mut body = b"handover".to_vec();
    body.extend_from_slice(&[role, 1, 0, 1, 0, 1, b'x']);
    if role == 1 {
        body.extend_from_slice(&[200, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    }
    message(1, 0, &body)
}

fn batch(number: u32, fds: &[u8]) -> Vec<u8> {
    let mut body = number.to_le_bytes().to_vec();
    body.extend_from_slice(&(fds.len() as u16).to_le_bytes());
    for fds in fds {
        body.extend_from_slice(&[1, 0, 1, 0, *fds, 0, 0, 0, 0]);
    }
    let sum = fds.iter().map(|&fds| u16::from(fds)).sum();
    message(3, sum, &body)
}

/// Mostly well-formed messages with a few bytes changed: deeper than noise gets.
fn near_messages(role: u8) -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(prop_oneof![3 => 0u8..4, 1 => any::<u8>()], 0..40);
    let noise = (1u8..10, 0u16..3, body).prop_map(|(kind, fds, body)| message(kind, fds, &body));
    let answer = (0u32..3, 0u16..400, 0u8..8).prop_map(|(number, count, verdict)| {
        let mut body = number.to_le_bytes().to_vec();
        body.extend_from_slice(&count.to_le_bytes());
        body.resize(body.len() + usize::from(count), verdict);
        message(4, 0, &body)
    });
    let parcels = (0u32..3, prop::collection::vec(0u8..3, 0..4)).prop_map(|(n, f)| batch(n, &f));
    prop_oneof![
        3 => noise,
        1 => Just(hello(role)),
        1 => Just(message(2, 0, &[0, 0, 0])),
        3 => answer,
        3 => parcels,
    ]
}

proptest! {
    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
        let (head, tail) = bytes.split_at(cut.min(bytes.len()));
        feed_giver(&[head.to_vec(), tail.to_vec()]);
        feed_taker(&[(head.to_vec(), Some(1)), (tail.to_vec(), None)]);
    }

    #[test]
    fn the_giver_keeps_what_is_its_own(
        messages in prop::collection::vec(near_messages(1), 0..12),
    ) {
        let mut stretches = vec![hello(1)];
        stretches.extend(messages);
        feed_giver(&stretches);
    }

    #[test]
    fn the_taker_survives_any_giver(
        messages in prop::collection::vec(
            (near_messages(0), prop_oneof![4 => (0usize..4).prop_map(Some), 1 => Just(None)]),
            0..12,
        ),
    ) {
        let mut stretches = vec![(hello(0), Some(0)), (message(2, 0, &[0, 0, 0]), Some(0))];
        stretches.extend(messages);
        feed_taker(&stretches);
    }
}

#[track_caller]
fn violation(stretches: &[(Vec<u8>, usize)]) -> Violation {
    let mut all = vec![(hello(0), Some(0)), (message(2, 0, &[0, 0, 0]), Some(0))];
    all.extend(
        stretches
            .iter()
            .map(|(bytes, fds)| (bytes.clone(), Some(*fds))),
    );
    match feed_taker(&all).1 {
        Some(Error::PeerMisbehaved(violation)) => violation,
        other => panic!("not noticed: {other:?}"),
    }
}

#[test]
fn each_violation_is_named() {
    assert_eq!(
        violation(&[(vec![0x55; 8], 0)]),
        Violation::UnknownMessage(0x55)
    );
    assert_eq!(violation(&[(hello(0), 0)]), Violation::Unexpected("hello"));
    assert_eq!(
        violation(&[(batch(0, &[1, 1]), 1)]),
        Violation::MissingDescriptors
    );
    assert_eq!(
        violation(&[(batch(0, &[1, 1]), 0)]),
        Violation::MissingDescriptors
    );
    assert_eq!(
        violation(&[(batch(0, &[1]), 2)]),
        Violation::SurplusDescriptors
    );
    assert_eq!(
        violation(&[(batch(0, &[]), 0)]),
        Violation::Malformed("batch")
    );
    // Descriptors with a message that declares none, whole or not yet.
    assert_eq!(
        violation(&[(batch(0, &[0]), 1)]),
        Violation::SurplusDescriptors
    );
    assert_eq!(
        violation(&[(batch(0, &[0])[..9].to_vec(), 1)]),
        Violation::SurplusDescriptors
    );
    assert_eq!(
        violation(&[(vec![3], 1), (vec![0], 1)]),
        Violation::SurplusDescriptors
    );
    // More than the 500 that were granted, the first batches being answered.
    let full = || (batch(0, &[200]), 200);
    assert_eq!(
        violation(&[full(), full(), full()]),
        Violation::BeyondWindow
    );
    let mut strange = batch(0, &[0]);
    strange[14] = 77;
    assert_eq!(violation(&[(strange, 0)]), Violation::NotAnnounced);
    let huge = [3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff].to_vec();
    assert_eq!(violation(&[(huge, 0)]), Violation::TooLong("batch"));
}

/// A length is only believed when its bytes have come: the buffer follows the bytes, not the claim.
#[test]
fn a_claimed_length_allocates_nothing() {
    let claim = [3, 0, 0, 0, 0, 0, 0, 4].to_vec();
    let (taker, _) = feed_taker(&[
        (hello(0), Some(0)),
        (message(2, 0, &[0, 0, 0]), Some(0)),
        (claim, Some(0)),
    ]);
    assert!(!taker.is_over(), "64 MiB is within the bound");
    assert!(format!("{taker:?}").len() < 2000);
}
