//! Sessions against their own mirror image: what a client may send, and what it may not.

use rustls::AlertDescription;

use super::header::{CONTENT_MAX, HEADER_BYTES, TYPE_ALERT, TYPE_DATA, TYPE_HANDSHAKE};
use super::{ClientKey, Event, Session};
use crate::error::{Flood, SealError, SessionError, Violation};
use crate::secrets::Material;
use crate::suite::{Suite, Version};

const TLS13: Suite = Suite::Aes128GcmSha256;
const TLS12: Suite = Suite::EcdheRsaAes128Gcm;

/// A server's session, and that of its client: the same with the directions exchanged.
pub(crate) fn pair(suite: Suite) -> (Session, Session) {
    let material =
        |byte| Material::from_bytes(suite, &vec![byte; Material::length(suite)]).unwrap();
    let server = Session::new(suite, (material(1), 0), (material(2), 0));
    let client = Session::new(suite, (material(2), 0), (material(1), 0));
    (server, client)
}

/// Everything that a session says of some input: data, whether it ended, the error, the reply.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) data: Vec<u8>,
    pub(crate) closed: usize,
    pub(crate) error: Option<SessionError>,
    pub(crate) reply: Vec<u8>,
}

pub(crate) fn hear(session: &mut Session, wire: &[u8]) -> Heard {
    let mut heard = Heard::default();
    let mut input = wire.to_vec();
    let mut incoming = session.open(&mut input);
    loop {
        match incoming.next(&mut heard.reply) {
            Ok(Some(Event::Data(data))) => heard.data.extend_from_slice(data),
            Ok(Some(Event::Closed)) => heard.closed += 1,
            Ok(None) => return heard,
            Err(error) => {
                heard.error = Some(error);
                return heard;
            }
        }
    }
}

fn sealed(session: &mut Session, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    session.seal(&[plain], &mut out).unwrap();
    out
}

fn message(session: &mut Session, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    session.seal_message(kind, content, &mut out);
    out
}

/// The server fails because of this, and the client is told.
#[track_caller]
fn assert_fails(server: &mut Session, client: &mut Session, wire: &[u8], violation: Violation) {
    let heard = hear(server, wire);
    assert_eq!(heard.error, Some(SessionError::Client(violation)));
    assert_eq!(
        hear(client, &heard.reply).error,
        Some(SessionError::Alert(violation.alert()))
    );
    assert!(!server.can_receive() && !server.can_send());
    assert_eq!(
        server.seal(&[b"more"], &mut Vec::new()),
        Err(SealError::Closed)
    );
    let again = hear(server, wire);
    assert_eq!(
        (again.error, again.reply),
        (Some(SessionError::Over), Vec::new())
    );
}

#[test]
fn data_arrives_however_it_is_cut() {
    for suite in Suite::all() {
        let (mut server, mut client) = pair(suite);
        let plain: Vec<u8> = (0..40_000u32).map(|it| it as u8).collect();
        let wire = sealed(&mut client, &plain);
        for piece in [1, 4, 5, 6, 1000, 16_390, 70_000] {
            let (mut server, _) = pair(suite);
            let mut data = Vec::new();
            for piece in wire.chunks(piece) {
                let heard = hear(&mut server, piece);
                assert_eq!((heard.error, heard.reply.len()), (None, 0));
                data.extend(heard.data);
                assert!(server.held_bytes() < CONTENT_MAX + 2048);
            }
            assert!(data == plain, "{suite:?} in pieces of {piece}");
            assert_eq!((server.held_bytes(), server.held.bytes.capacity()), (0, 0));
        }
        let wire = sealed(&mut server, b"answer");
        assert_eq!(hear(&mut client, &wire).data, b"answer");
    }
}

#[test]
fn slices_become_full_records() {
    for suite in Suite::all() {
        let (mut server, mut client) = pair(suite);
        let mut out = Vec::with_capacity(100_000);
        let room = out.as_ptr();
        let body = vec![7; 2 * CONTENT_MAX];
        server
            .seal(&[b"head", b"", &body, b"tail"], &mut out)
            .unwrap();
        assert_eq!((out.as_ptr(), server.tx.sequence), (room, 3));
        assert_eq!(
            hear(&mut client, &out).data,
            [b"head", &body[..], b"tail"].concat()
        );
        out.clear();
        server.seal(&[b"head", &body[..1024]], &mut out).unwrap();
        assert_eq!(server.tx.sequence, 4);
        out.clear();
        server.seal(&[], &mut out).unwrap();
        server.seal(&[b"", b""], &mut out).unwrap();
        assert_eq!((out.len(), server.tx.sequence), (0, 4));
    }
}

#[test]
fn records_can_be_sealed_where_they_lie() {
    for suite in Suite::all() {
        let (mut server, mut client) = pair(suite);
        let frame = server.frame();
        let around = frame.head + frame.tail;
        for length in [1, 100, CONTENT_MAX] {
            let mut record = vec![9; around + length];
            server.seal_in_place(&mut record).unwrap();
            assert_eq!(hear(&mut client, &record).data, vec![9; length]);
        }
        for length in [0, 1, around, around + CONTENT_MAX + 1] {
            assert_eq!(
                server.seal_in_place(&mut vec![0; length]),
                Err(SealError::Length)
            );
        }
        assert_eq!(server.tx.sequence, 3);
    }
}

#[test]
fn what_is_not_asked_for_is_held() {
    let (mut server, mut client) = pair(TLS13);
    let mut wire = [b"one", b"two", b"six"]
        .map(|it| sealed(&mut client, it))
        .concat();
    let half = sealed(&mut client, b"half");
    wire.extend(&half[..9]);
    let mut reply = Vec::new();
    let first = server
        .open(&mut wire)
        .next(&mut reply)
        .unwrap()
        .map(|it| format!("{it:?}"));
    assert_eq!(
        first,
        Some(format!("{:?}", Event::Data(&mut b"one".to_owned())))
    );
    let second = server
        .open(&mut half[9..15].to_vec())
        .next(&mut reply)
        .unwrap()
        .is_some();
    assert!(second);
    assert_eq!(hear(&mut server, &half[15..]).data, b"sixhalf");
    assert_eq!(server.held_bytes(), 0);
}

#[test]
fn close_notify_closes_half() {
    for suite in [TLS12, TLS13] {
        let (mut server, mut client) = pair(suite);
        let mut wire = sealed(&mut client, b"request");
        client.close(&mut wire);
        client.close(&mut wire);
        wire.extend(b"whatever follows it");
        let heard = hear(&mut server, &wire);
        assert_eq!(
            (heard.data, heard.closed, heard.error),
            (b"request".to_vec(), 1, None)
        );
        assert!(heard.reply.is_empty() && !server.can_receive() && server.can_send());
        assert_eq!(hear(&mut server, b"and more"), Heard::default());
        let mut out = sealed(&mut server, b"answer");
        server.close(&mut out);
        assert_eq!(server.seal(&[b"late"], &mut out), Err(SealError::Closed));
        let heard = hear(&mut client, &out);
        assert_eq!((heard.data, heard.closed), (b"answer".to_vec(), 1));
    }
}

#[test]
fn what_was_changed_is_not_opened() {
    for suite in Suite::all() {
        let (_, mut client) = pair(suite);
        let wire = sealed(&mut client, b"data");
        for at in HEADER_BYTES..wire.len() {
            let (mut server, mut client) = pair(suite);
            let mut wire = wire.clone();
            wire[at] ^= 1;
            assert_fails(&mut server, &mut client, &wire, Violation::BadRecordMac);
        }
        let (mut server, mut client) = pair(suite);
        let short = [TYPE_DATA, 3, 3, 0, 3, 1, 2, 3];
        assert_fails(&mut server, &mut client, &short, Violation::BadRecordMac);
        // A record that comes twice has the wrong number.
        let (mut server, mut client) = pair(suite);
        assert_eq!(hear(&mut server, &wire).error, None);
        assert_fails(&mut server, &mut client, &wire, Violation::BadRecordMac);
    }
}

#[test]
fn sizes_are_bounded() {
    for (suite, body) in [(TLS13, 0x4101u16), (TLS12, 0x4801)] {
        let (mut server, mut client) = pair(suite);
        let [high, low] = body.to_be_bytes();
        let header = [TYPE_DATA, 3, 3, high, low];
        assert_fails(&mut server, &mut client, &header, Violation::RecordOverflow);
    }
    for suite in [TLS12, TLS13] {
        let (mut server, mut client) = pair(suite);
        let wire = message(&mut client, TYPE_DATA, &vec![1; CONTENT_MAX]);
        assert_eq!(hear(&mut server, &wire).data.len(), CONTENT_MAX);
        let wire = message(&mut client, TYPE_DATA, &vec![1; CONTENT_MAX + 1]);
        assert_fails(&mut server, &mut client, &wire, Violation::RecordOverflow);
    }
    // Padding counts too.
    let (mut server, mut client) = pair(TLS13);
    let wire = padded(&mut client, &[b'a', TYPE_DATA], CONTENT_MAX + 2);
    assert_fails(&mut server, &mut client, &wire, Violation::RecordOverflow);
}

/// A record of TLS 1.3 whose inner plaintext is `inner`, then zeros.
fn padded(client: &mut Session, inner: &[u8], length: usize) -> Vec<u8> {
    let mut plain = inner.to_vec();
    plain.resize(length, 0);
    let kind = plain.pop().unwrap();
    message(client, kind, &plain)
}

#[test]
fn padding_is_taken_off() {
    for length in [3, 4, 500, CONTENT_MAX + 1] {
        let (mut server, mut client) = pair(TLS13);
        let wire = padded(&mut client, &[b'a', 0, TYPE_DATA], length);
        assert_eq!(hear(&mut server, &wire).data, b"a\0");
        let wire = padded(&mut client, &[0], length);
        assert_fails(&mut server, &mut client, &wire, Violation::UnexpectedRecord);
    }
}

#[test]
fn records_of_other_types_are_refused() {
    for kind in [20, 21, 22] {
        let (mut server, mut client) = pair(TLS13);
        let plain = [kind, 3, 3, 0, 1, 1];
        assert_fails(
            &mut server,
            &mut client,
            &plain,
            Violation::UnexpectedRecord,
        );
    }
    for suite in [TLS12, TLS13] {
        for kind in [0, 20, 24, 255] {
            let (mut server, mut client) = pair(suite);
            let wire = message(&mut client, kind, &[1]);
            assert_fails(&mut server, &mut client, &wire, Violation::UnexpectedRecord);
        }
        for kind in [TYPE_ALERT, TYPE_HANDSHAKE] {
            let (mut server, mut client) = pair(suite);
            let wire = message(&mut client, kind, &[]);
            assert_fails(&mut server, &mut client, &wire, Violation::UnexpectedRecord);
        }
        let (mut server, mut client) = pair(suite);
        let version = [TYPE_DATA, 2, 3, 0, 30];
        assert_fails(&mut server, &mut client, &version, Violation::RecordVersion);
    }
}

#[test]
fn alerts_end_the_session_or_do_not() {
    let cases: [(Suite, [u8; 2], Option<SessionError>); 6] = [
        (
            TLS13,
            [2, 20],
            Some(SessionError::Alert(AlertDescription::BadRecordMac)),
        ),
        (
            TLS13,
            [1, 48],
            Some(SessionError::Alert(AlertDescription::UnknownCA)),
        ),
        (TLS13, [1, 90], None),
        (
            TLS12,
            [2, 40],
            Some(SessionError::Alert(AlertDescription::HandshakeFailure)),
        ),
        (TLS12, [1, 100], None),
        (
            TLS12,
            [2, 90],
            Some(SessionError::Alert(AlertDescription::UserCanceled)),
        ),
    ];
    for (suite, alert, error) in cases {
        let (mut server, mut client) = pair(suite);
        let wire = message(&mut client, TYPE_ALERT, &alert);
        let heard = hear(&mut server, &wire);
        assert_eq!(
            (heard.error, heard.reply.len()),
            (error, 0),
            "{suite:?} {alert:?}"
        );
        assert_eq!(server.can_send(), error.is_none());
    }
    for suite in [TLS12, TLS13] {
        let (mut server, mut client) = pair(suite);
        let wire = message(&mut client, TYPE_ALERT, &[1, 0, 0]);
        assert_fails(&mut server, &mut client, &wire, Violation::Malformed);
    }
}

#[test]
fn keys_are_updated_both_ways() {
    for suite in Suite::all().filter(|it| it.version() == Version::Tls13) {
        let (mut server, mut client) = pair(suite);
        for round in 0..100u32 {
            let ask = if round % 3 == 0 {
                ClientKey::Update
            } else {
                ClientKey::Keep
            };
            let mut wire = sealed(&mut client, b"old");
            client.update_key(ask, &mut wire).unwrap();
            wire.extend(sealed(&mut client, b"new"));
            let heard = hear(&mut server, &wire);
            assert_eq!((&heard.data[..], heard.error), (&b"oldnew"[..], None));
            assert_eq!(heard.reply.is_empty(), ask == ClientKey::Keep);
            // The answer to it goes out under the old key, what follows under the new one.
            let mut wire = heard.reply;
            wire.extend(sealed(&mut server, b"answer"));
            server.update_key(ask, &mut wire).unwrap();
            wire.extend(sealed(&mut server, b"more"));
            let heard = hear(&mut client, &wire);
            assert_eq!((&heard.data[..], heard.error), (&b"answermore"[..], None));
            assert_eq!(hear(&mut server, &heard.reply), Heard::default());
        }
        assert_eq!(
            client.rx.material.bytes(suite),
            server.tx.material.bytes(suite)
        );
    }
    let (mut server, _) = pair(TLS12);
    assert_eq!(
        server.update_key(ClientKey::Keep, &mut Vec::new()),
        Err(SealError::NoKeyUpdate)
    );
}

#[test]
fn a_closed_direction_does_not_answer_key_updates() {
    let (mut server, mut client) = pair(TLS13);
    server.close(&mut Vec::new());
    let mut wire = Vec::new();
    client.update_key(ClientKey::Update, &mut wire).unwrap();
    wire.extend(sealed(&mut client, b"still here"));
    let heard = hear(&mut server, &wire);
    assert_eq!(
        (&heard.data[..], heard.reply.len()),
        (&b"still here"[..], 0)
    );
    assert_eq!(
        server.update_key(ClientKey::Keep, &mut Vec::new()),
        Err(SealError::Closed)
    );
}

#[test]
fn other_handshake_messages_are_refused() {
    let cases: [(Suite, &[u8], Violation); 8] = [
        (TLS13, &[24, 0, 0, 1, 2], Violation::IllegalValue),
        (
            TLS13,
            &[24, 0, 0, 1, 0, 24, 0, 0, 1, 0],
            Violation::UnexpectedMessage,
        ),
        (TLS13, &[24, 0, 0], Violation::UnexpectedMessage),
        (TLS13, &[24, 0, 0, 2, 0, 0], Violation::UnexpectedMessage),
        (TLS13, &[1, 0, 0, 0], Violation::UnexpectedMessage),
        (TLS13, &[11, 0, 0, 0], Violation::UnexpectedMessage),
        (TLS12, &[20, 0, 0, 0], Violation::UnexpectedMessage),
        (TLS12, &[24, 0, 0, 1, 0], Violation::UnexpectedMessage),
    ];
    for (suite, content, violation) in cases {
        let (mut server, mut client) = pair(suite);
        let wire = message(&mut client, TYPE_HANDSHAKE, content);
        assert_fails(&mut server, &mut client, &wire, violation);
    }
}

#[test]
fn renegotiation_is_declined_once() {
    let (mut server, mut client) = pair(TLS12);
    let wire = message(&mut client, TYPE_HANDSHAKE, &[1, 0, 0, 0]);
    let heard = hear(&mut server, &wire);
    assert_eq!(heard.error, None);
    assert_eq!(hear(&mut client, &heard.reply), Heard::default());
    assert_eq!(client.patience.warnings, 3);
    let wire = sealed(&mut client, b"then without");
    assert_eq!(hear(&mut server, &wire).data, b"then without");
    let wire = message(&mut client, TYPE_HANDSHAKE, &[1, 0, 0, 0]);
    let flood = Violation::Flood(Flood::Renegotiation);
    assert_fails(&mut server, &mut client, &wire, flood);
}

/// So many in a row are borne, again after data if that restores patience; one more is not.
#[track_caller]
fn assert_flood(suite: Suite, borne: u8, flood: Flood, send: impl Fn(&mut Session) -> Vec<u8>) {
    let (mut server, mut client) = pair(suite);
    let rounds = if flood == Flood::Warnings { 1 } else { 3 };
    for _ in 0..rounds {
        let wire = sealed(&mut client, b"x");
        assert_eq!(hear(&mut server, &wire).data, b"x");
        for _ in 0..borne {
            let wire = send(&mut client);
            assert_eq!(hear(&mut server, &wire), Heard::default());
        }
    }
    let wire = send(&mut client);
    assert_fails(&mut server, &mut client, &wire, Violation::Flood(flood));
}

#[test]
fn floods_are_stopped() {
    assert_flood(TLS13, 32, Flood::KeyUpdates, |client| {
        let mut wire = Vec::new();
        client.update_key(ClientKey::Keep, &mut wire).unwrap();
        wire
    });
    for suite in [TLS12, TLS13] {
        assert_flood(suite, 32, Flood::EmptyRecords, |client| {
            message(client, TYPE_DATA, &[])
        });
        assert_flood(suite, 4, Flood::Warnings, |client| {
            message(client, TYPE_ALERT, &[1, 90])
        });
    }
}

#[test]
fn keys_wear_out() {
    let limit = TLS13.records_per_key();
    let (mut server, mut client) = pair(TLS13);
    (server.tx.sequence, client.rx.sequence) = (limit - 4, limit - 4);
    let wire = sealed(&mut server, &vec![5; 5 * CONTENT_MAX]);
    assert_eq!(hear(&mut client, &wire).data.len(), 5 * CONTENT_MAX);
    assert_eq!((server.tx.sequence, client.rx.sequence), (3, 3));
    server.tx.sequence = limit - 2;
    let mut record = vec![0; 100];
    assert_eq!(
        server.seal_in_place(&mut record),
        Err(SealError::KeyUpdateDue)
    );

    let (mut server, mut client) = pair(TLS12);
    (server.tx.sequence, client.rx.sequence) = (limit - 4, limit - 4);
    let mut wire = Vec::new();
    let sealed_bytes = 2 * CONTENT_MAX;
    let result = server.seal(&[&vec![5; 5 * CONTENT_MAX]], &mut wire);
    assert_eq!(result, Err(SealError::KeyWornOut { sealed_bytes }));
    let heard = hear(&mut client, &wire);
    assert_eq!((heard.data.len(), heard.closed), (sealed_bytes, 1));
    assert!(!server.can_send() && server.can_receive());

    let (mut server, _) = pair(Suite::ChaCha20Poly1305Sha256);
    server.tx.sequence = limit;
    assert_eq!(server.seal(&[b"on and on"], &mut Vec::new()), Ok(()));
}

#[test]
fn tls_1_2_makes_nonces_as_rustls_does() {
    let (mut server, _) = pair(TLS12);
    server.tx.sequence = 0x0102;
    let wire = sealed(&mut server, b"x");
    assert_eq!(wire[..5], [23, 3, 3, 0, 8 + 1 + 16]);
    assert_eq!(wire[5..13], [1, 1, 1, 1, 1, 1, 1 ^ 1, 1 ^ 2]);
    let (mut server, _) = pair(Suite::EcdheRsaChaCha20Poly1305);
    assert_eq!(sealed(&mut server, b"x").len(), 5 + 1 + 16);
    // Others count from where they like: what the record carries is what counts.
    let (mut server, mut client) = pair(TLS12);
    let other = [&[2; 16 + 4][..], b"anything"].concat();
    client.tx.material = Material::from_bytes(TLS12, &other).unwrap();
    let wire = sealed(&mut client, b"x");
    assert_eq!(
        (&wire[5..13], &hear(&mut server, &wire).data[..]),
        (&b"anything"[..], &b"x"[..])
    );
}

#[test]
fn an_idle_session_is_small() {
    fn goes_to_other_threads<T: Send>() {}
    goes_to_other_threads::<Session>();
    goes_to_other_threads::<crate::Handshake>();
    goes_to_other_threads::<crate::Arrived>();

    assert!(size_of::<Session>() <= 96, "{} bytes", size_of::<Session>());
    let (mut server, mut client) = pair(TLS13);
    let wire = sealed(&mut client, b"x");
    assert_eq!(hear(&mut server, &wire).data, b"x");
    assert!(!server.is_resting());
    server.rest();
    assert!(server.is_resting() && server.held.bytes.capacity() == 0);
    let wire = sealed(&mut client, b"y");
    assert_eq!(hear(&mut server, &wire).data, b"y");
}
