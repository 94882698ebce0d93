//! The handover's two machines: whatever arrives, no panic, and every parcel keeps its owner.
//!
//! Input is a script. Its first byte says who is asked, taker or giver, and whether the greeting has been said already.
//! Then come stretches: a byte for the number of descriptors that come along (255: some were lost), a byte for the
//! length, and so many bytes.
#![no_main]

use std::os::fd::OwnedFd;

use handover::{
    Accepts, Arrived, Error, Giver, GiverEvent, Parcel, Taker, TakerEvent, Token, Verdict,
};
use libfuzzer_sys::fuzz_target;

const PARCELS: u64 = 300;

fuzz_target!(|script: &[u8]| {
    let Some((who, script)) = script.split_first() else {
        return;
    };
    let stretches = stretches(script);
    match who % 4 {
        0 => taker(&stretches),
        1 => taker(
            &[
                greeting(0),
                vec![(message(2, &[0, 0, 0]), Some(0))],
                stretches,
            ]
            .concat(),
        ),
        2 => giver(&stretches),
        _ => giver(&[greeting(1), stretches].concat()),
    }
});

type Stretch = (Vec<u8>, Option<usize>);

fn stretches(mut script: &[u8]) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    while let [fds, length, rest @ ..] = script {
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        // Few at a time: more are more of the same, and slow.
        let fds = (*fds != 255).then_some(usize::from(fds % 8));
        stretches.push((bytes.to_vec(), fds));
        script = rest;
    }
    stretches
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_le_bytes();
    [&[kind, 0, 0, 0], &length[..], body].concat()
}

/// The first message of either side, as version 1 writes it.
fn greeting(role: u8) -> Vec<Stretch> {
    let mut body = b"handover".to_vec();
    body.extend_from_slice(&[role, 1, 0, 1, 0, 1, b'x']);
    if role == 1 {
        body.extend_from_slice(&[200, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    }
    vec![(message(1, &body), Some(0))]
}

fn null() -> OwnedFd {
    std::fs::File::open("/dev/null")
        .expect("there is always a null device")
        .into()
}

fn taker(stretches: &[Stretch]) {
    let accepts = vec![Accepts {
        kind: 1,
        versions: 1..=1,
    }];
    let mut taker = Taker::new("new", accepts, 500).expect("a valid greeting");
    let mut given = 0;
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
                    let count = batch.parcels().len();
                    given += count;
                    taker.answer(batch, vec![Verdict::Accept; count]);
                }
                TakerEvent::Accepted(parcels) => {
                    assert!(parcels.len() <= given);
                    given -= parcels.len();
                }
                _ => {}
            }
        }
    }
}

fn giver(stretches: &[Stretch]) {
    let mut giver = Giver::new("old", Vec::new()).expect("a valid greeting");
    for token in 0..PARCELS {
        let parcel = Parcel {
            kind: 1,
            version: 1,
            payload: vec![0; 9].into(),
            fds: if token % 100 == 0 {
                vec![null()]
            } else {
                Vec::new()
            },
        };
        giver.offer(Token(token), parcel);
    }
    for (bytes, fds) in stretches {
        let arrived = match fds {
            Some(count) => Arrived::Whole((0..*count).map(|_| null()).collect()),
            None => Arrived::Truncated,
        };
        giver.receive(bytes, arrived);
        while let Some(transmit) = giver.transmit() {
            let length = transmit.bytes.len();
            giver.transmitted(length);
        }
    }
    giver.ended(Error::PeerGone);
    let mut owners = 0;
    while let Some(event) = giver.next_event() {
        owners += match event {
            GiverEvent::Accepted(_) | GiverEvent::Returned { .. } => 1,
            GiverEvent::Broken { returned, .. } => returned.len() as u64,
            _ => 0,
        };
    }
    assert_eq!(owners, PARCELS, "a parcel without an owner, or with two");
}
