//! Any history of a connection and its moves: no byte is lost or doubled, no key and number are used twice.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{Arrived, Frozen, Whole};
use crate::error::ImageError;
use crate::facts::{Facts, Kind};
use crate::record::tests::{hear, pair};
use crate::record::{ClientKey, Event, Session};
use crate::suite::{Suite, Version};

/// How a move ends.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// The taker accepts, and the giver knows.
    Accepted,
    /// The taker accepts, and the giver dies before it knows.
    GiverDies,
    /// The taker refuses what it has read.
    Refused,
    /// The taker dies before it has accepted.
    TakerDies,
    /// One taker dies, the next accepts: the same image is read twice and begun once.
    SecondTaker,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    ClientSays(u16),
    /// So many bytes of the client's reach the server.
    Arrive(u16),
    /// So many bytes reach it, and it asks for one event only.
    ArriveUnheard(u16),
    ServerSays(u16),
    /// So many bytes of the server's are taken by the socket.
    Depart(u16),
    ClientUpdates(bool),
    ServerUpdates(bool),
    Rest,
    Move(Outcome),
}

fn act() -> impl Strategy<Value = Act> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Accepted),
        1 => Just(Outcome::GiverDies),
        1 => Just(Outcome::Refused),
        1 => Just(Outcome::TakerDies),
        1 => Just(Outcome::SecondTaker),
    ];
    prop_oneof![
        3 => (1..40_000u16).prop_map(Act::ClientSays),
        4 => (1..20_000u16).prop_map(Act::Arrive),
        2 => (0..40_000u16).prop_map(Act::ArriveUnheard),
        3 => (1..40_000u16).prop_map(Act::ServerSays),
        4 => (1..20_000u16).prop_map(Act::Depart),
        1 => any::<bool>().prop_map(Act::ClientUpdates),
        1 => any::<bool>().prop_map(Act::ServerUpdates),
        1 => Just(Act::Rest),
        5 => outcome.prop_map(Act::Move),
    ]
}

struct World {
    server: Whole,
    client: Session,
    /// Said by the client; the part that has not reached the server; heard by the server.
    upward: (Vec<u8>, Vec<u8>, Vec<u8>),
    /// Said by the server, heard by the client.
    downward: (Vec<u8>, Vec<u8>),
    seen: HashSet<(Vec<u8>, u64)>,
}

impl World {
    fn new(suite: Suite) -> World {
        let (session, client) = pair(suite);
        World {
            server: Whole {
                session,
                unsent: Vec::new(),
                facts: Facts::default(),
            },
            client,
            upward: Default::default(),
            downward: Default::default(),
            seen: HashSet::new(),
        }
    }

    fn act(mut self, act: Act) -> World {
        let ask = |yes| {
            if yes {
                ClientKey::Update
            } else {
                ClientKey::Keep
            }
        };
        match act {
            Act::ClientSays(length) => {
                let plain = pattern(self.upward.0.len(), length.into());
                self.client.seal(&[&plain], &mut self.upward.1).unwrap();
                self.upward.0.extend(plain);
            }
            Act::Arrive(length) => {
                let length = self.upward.1.len().min(length.into());
                let arrived: Vec<u8> = self.upward.1.drain(..length).collect();
                let heard = hear(&mut self.server.session, &arrived);
                assert_eq!(heard.error, None);
                self.upward.2.extend(heard.data);
                self.server.unsent.extend(heard.reply);
            }
            Act::ArriveUnheard(length) => {
                let length = self.upward.1.len().min(length.into());
                let mut arrived: Vec<u8> = self.upward.1.drain(..length).collect();
                let Whole {
                    session, unsent, ..
                } = &mut self.server;
                if let Some(Event::Data(data)) = session.open(&mut arrived).next(unsent).unwrap() {
                    self.upward.2.extend_from_slice(data);
                }
            }
            Act::ServerSays(length) => {
                let plain = pattern(self.downward.0.len(), length.into());
                self.server
                    .session
                    .seal(&[&plain], &mut self.server.unsent)
                    .unwrap();
                self.downward.0.extend(plain);
            }
            Act::Depart(length) => {
                let length = self.server.unsent.len().min(length.into());
                let departed: Vec<u8> = self.server.unsent.drain(..length).collect();
                self.client_hears(&departed);
            }
            Act::ClientUpdates(yes) => {
                let _ = self.client.update_key(ask(yes), &mut self.upward.1);
            }
            Act::ServerUpdates(yes) => {
                let unsent = &mut self.server.unsent;
                let _ = self.server.session.update_key(ask(yes), unsent);
            }
            Act::Rest => self.server.session.rest(),
            Act::Move(outcome) => self.server = travel(self.server, outcome),
        }
        self
    }

    /// The client opens record by record and notes the key and number of each.
    fn client_hears(&mut self, wire: &[u8]) {
        for byte in wire.chunks(1) {
            let suite = self.client.suite;
            let before = (
                self.client.rx.material.bytes(suite).to_vec(),
                self.client.rx.sequence,
            );
            let heard = hear(&mut self.client, byte);
            // Another one could not be opened: this is what proves that none was used twice.
            assert_eq!(heard.error, None);
            let after = (
                self.client.rx.material.bytes(suite).to_vec(),
                self.client.rx.sequence,
            );
            if before != after {
                assert!(
                    self.seen.insert(before),
                    "a key and a number were used twice"
                );
            }
            self.downward.1.extend(heard.data);
            self.upward.1.extend(heard.reply);
        }
    }

    /// Everything that is under way arrives.
    fn settle(mut self) {
        self = self.act(Act::Arrive(0));
        while !(self.upward.1.is_empty() && self.server.unsent.is_empty()) {
            self = self.act(Act::Arrive(u16::MAX)).act(Act::Depart(u16::MAX));
        }
        assert!(
            self.upward.0 == self.upward.2,
            "what the client said is what the server heard"
        );
        assert!(
            self.downward.0 == self.downward.1,
            "what the server said is what the client heard"
        );
        assert_eq!(self.server.session.held_bytes(), 0);
    }
}

fn travel(whole: Whole, outcome: Outcome) -> Whole {
    let Whole {
        session,
        unsent,
        facts,
    } = whole;
    let frozen = session.freeze(unsent, facts);
    let image = frozen.image();
    let arrived = Arrived::decode(&image).unwrap();
    match outcome {
        Outcome::Accepted => {
            frozen.gone();
            arrived.begin()
        }
        Outcome::GiverDies => {
            // Nothing of it runs any more, not even `drop`.
            std::mem::forget(frozen);
            arrived.begin()
        }
        Outcome::Refused => {
            drop(arrived);
            frozen.thaw()
        }
        Outcome::TakerDies => {
            std::mem::forget(arrived);
            frozen.thaw()
        }
        Outcome::SecondTaker => {
            std::mem::forget(arrived);
            let arrived = Arrived::decode(&frozen.image()).unwrap();
            frozen.gone();
            arrived.begin()
        }
    }
}

/// Bytes that tell where they are.
fn pattern(from: usize, length: usize) -> Vec<u8> {
    (from..from + length)
        .map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_is_lost_doubled_or_reused(
        suite in prop::sample::select(Suite::all().collect::<Vec<_>>()),
        acts in prop::collection::vec(act(), 1..60),
    ) {
        // No more in a row than is borne: the history has at most 60 acts, half of it may be updates.
        let mut updates = 0;
        let mut world = World::new(suite);
        for act in acts {
            updates += u32::from(matches!(act, Act::ClientUpdates(_) | Act::ServerUpdates(_)));
            if updates <= 30 || !matches!(act, Act::ClientUpdates(_) | Act::ServerUpdates(_)) {
                world = world.act(act);
            }
        }
        world.settle();
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Arrived::decode(&bytes);
    }

    #[test]
    fn a_changed_image_is_read_or_refused(at in 0..200usize, byte: u8) {
        let mut image = sample().image().to_vec();
        let at = at % image.len();
        image[at] = byte;
        if let Ok(arrived) = Arrived::decode(&image) {
            let Whole { mut session, .. } = arrived.begin();
            let mut out = Vec::new();
            let _ = session.seal(&[b"x"], &mut out);
            let _ = hear(&mut session, b"\x17\x03\x03\x00\x20");
        }
    }
}

/// A session with something in every field.
fn sample() -> Frozen {
    let (mut server, mut client) = pair(Suite::Aes128GcmSha256);
    let mut wire = Vec::new();
    client.update_key(ClientKey::Keep, &mut wire).unwrap();
    client.close(&mut wire);
    wire.truncate(wire.len() - 1);
    assert_eq!(hear(&mut server, &wire).error, None);
    let mut unsent = Vec::new();
    server.seal(&[b"answer"], &mut unsent).unwrap();
    server.close(&mut unsent);
    let facts = Facts {
        server_name: Some("example.org".into()),
        protocol: Some(b"http/1.1"[..].into()),
        kind: Kind::Resumed,
        client_certificates: vec![b"DER"[..].into()],
    };
    server.freeze(unsent, facts)
}

fn tls12_sample() -> Frozen {
    let (mut server, mut client) = pair(Suite::EcdheRsaChaCha20Poly1305);
    let mut wire = Vec::new();
    client.close(&mut wire);
    assert_eq!(hear(&mut server, &wire).closed, 1);
    server.freeze(Vec::new(), Facts::default())
}

#[test]
fn images_of_version_1_are_as_they_ever_were() {
    for (name, golden, frozen) in [
        (
            "tls13",
            &include_bytes!("golden/v1-tls13.cbor")[..],
            sample(),
        ),
        (
            "tls12",
            &include_bytes!("golden/v1-tls12.cbor")[..],
            tls12_sample(),
        ),
    ] {
        assert_eq!(
            frozen.image()[..],
            *golden,
            "{name}: {}",
            hex(&frozen.image())
        );
        let Whole {
            session,
            unsent,
            facts,
        } = Arrived::decode(golden).unwrap().begin();
        assert_eq!(session.freeze(unsent, facts).image()[..], *golden, "{name}");
        for end in 0..golden.len() {
            assert!(Arrived::decode(&golden[..end]).is_err(), "{name} {end}");
        }
        let longer = [golden, b"\0"].concat();
        assert!(matches!(
            Arrived::decode(&longer),
            Err(ImageError::Impossible("length"))
        ));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn another_version_is_named() {
    let mut image = sample().image().to_vec();
    // A map; its field 0.
    assert_eq!(image[1..3], [0, 1]);
    image[2] = 9;
    assert!(matches!(
        Arrived::decode(&image),
        Err(ImageError::Version(9))
    ));
}

#[test]
fn a_thawed_session_goes_on_and_both_directions_survive() {
    let Whole {
        session,
        unsent,
        facts,
    } = sample().thaw();
    assert!(!session.can_send() && session.can_receive() && session.held_bytes() > 0);
    assert!(!unsent.is_empty() && facts.server_name.as_deref() == Some("example.org"));
    let Whole { session, .. } = tls12_sample().thaw();
    assert!(session.can_send() && !session.can_receive());
    assert_eq!(session.version(), Version::Tls12);
}

#[test]
fn an_idle_session_has_a_small_image() {
    for suite in Suite::all() {
        let image = pair(suite).0.freeze(Vec::new(), Facts::default()).image();
        assert!(image.len() < 200, "{suite:?}: {} bytes", image.len());
    }
}
