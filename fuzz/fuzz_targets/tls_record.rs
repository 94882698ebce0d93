//! Records of TLS: however the bytes are cut and wherever the session travels, the same data, replies and end.
//!
//! The first byte chooses the version, the second the size of the pieces. Then records: a type (0 is bytes as they are),
//! two bytes of length, content; they are sealed by a client that may say anything.
#![no_main]

use everlit_fuzz::tls::{Client, Version};
use libfuzzer_sys::fuzz_target;
use portable_tls::{Arrived, Event, Facts, Session, SessionError, Whole};

#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    data: Vec<u8>,
    closed: usize,
    error: Option<SessionError>,
    reply: Vec<u8>,
    answer: Vec<u8>,
}

fuzz_target!(|input: &[u8]| {
    let Some((&[version, size], mut script)) = input.split_first_chunk::<2>() else {
        return;
    };
    let version = if version & 1 == 0 {
        Version::Tls13
    } else {
        Version::Tls12
    };
    let (mut client, session) = Client::new(version);
    let mut wire = Vec::new();
    while let Some((&[kind, high, low], rest)) = script.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (content, rest) = rest.split_at(length);
        match kind {
            0 => wire.extend(content),
            kind => wire.extend(client.seal(kind, content)),
        }
        script = rest;
    }
    let (_, other) = Client::new(version);
    let whole = read(session, &wire, wire.len().max(1));
    assert!(whole.data.len() <= wire.len());
    assert_eq!(read(other, &wire, usize::from(size) + 1), whole);
});

fn read(mut session: Session, wire: &[u8], size: usize) -> Outcome {
    let mut outcome = Outcome::default();
    for piece in wire.chunks(size) {
        let mut piece = piece.to_vec();
        let mut incoming = session.open(&mut piece);
        loop {
            match incoming.next(&mut outcome.reply) {
                Ok(Some(Event::Data(data))) => {
                    assert!(!data.is_empty());
                    outcome.data.extend_from_slice(data);
                }
                Ok(Some(Event::Closed)) => outcome.closed += 1,
                Ok(None) => break,
                Err(error) => {
                    outcome.error = outcome.error.or(Some(error));
                    break;
                }
            }
        }
        drop(incoming);
        assert!(session.held_bytes() <= 5 + 16384 + 2048);
        let frozen = session.freeze(Vec::new(), Facts::default());
        let Whole { session: moved, .. } = Arrived::decode(&frozen.image())
            .expect("what was written is read")
            .begin();
        frozen.gone();
        session = moved;
    }
    assert_eq!(outcome.error.is_some(), !session.can_send());
    let _ = session.seal(&[b"answer"], &mut outcome.answer);
    session.close(&mut outcome.answer);
    outcome
}
