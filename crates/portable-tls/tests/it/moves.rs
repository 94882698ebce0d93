//! Sessions with a real client, moved at every moment.

use std::io::Write;

use portable_tls::rustls::AlertDescription;
use portable_tls::{ClientKey, SessionError, Suite, Version, Violation};

use crate::support::{Link, flush, hear};

#[test]
fn every_suite_talks_before_and_after_a_move() {
    for suite in Suite::all() {
        let mut link = Link::new(suite);
        for round in 0..4 {
            link.up(format!("request {round}").as_bytes());
            link.down(format!("answer {round}").as_bytes());
            if round != 2 {
                link = link.hop();
            }
        }
        link.down(&vec![7; 100_000]);
        link.session.close(&mut link.unsent);
        let mut link = link.hop();
        let wire = std::mem::take(&mut link.unsent);
        link.client.read_tls(&mut &wire[..]).unwrap();
        assert!(link.client.process_new_packets().unwrap().peer_has_closed());
        // It still may say something, and then it closes too.
        link.up(b"last words");
        link.client.send_close_notify();
        let wire = flush(&mut link.client);
        assert_eq!(link.server_hears(&wire).unwrap(), b"");
        assert!(!link.session.can_receive());
    }
}

#[test]
fn keys_are_updated_by_both_before_and_after_a_move() {
    for suite in Suite::all().filter(|it| it.version() == Version::Tls13) {
        let mut link = Link::new(suite);
        for _ in 0..8 {
            link.client.refresh_traffic_keys().unwrap();
            link.up(b"under a new key");
            // The answer to it waits in `unsent`, and travels.
            assert!(!link.unsent.is_empty());
            link = link.hop();
            link.down(b"after the answer");
            link.session
                .update_key(ClientKey::Update, &mut link.unsent)
                .unwrap();
            link = link.hop();
            link.down(b"under a new key");
            let wire = flush(&mut link.client);
            assert_eq!(link.server_hears(&wire).unwrap(), b"");
            link.up(b"under a newer one");
        }
    }
}

#[test]
fn a_client_that_changes_bytes_is_told() {
    for suite in Suite::all() {
        let mut link = Link::new(suite).hop();
        link.client.writer().write_all(b"data").unwrap();
        let mut wire = flush(&mut link.client);
        *wire.last_mut().unwrap() ^= 1;
        let error = link.server_hears(&wire).unwrap_err();
        assert_eq!(error, SessionError::Client(Violation::BadRecordMac));
        let alert = std::mem::take(&mut link.unsent);
        link.client.read_tls(&mut &alert[..]).unwrap();
        let error = link.client.process_new_packets().unwrap_err();
        assert!(error.to_string().contains("BadRecordMac"), "{error}");
        assert_eq!(
            Violation::BadRecordMac.alert(),
            AlertDescription::BadRecordMac
        );
    }
}

/// Sizes of pieces: all kinds, the same in every run.
fn pieces(seed: u32) -> impl Iterator<Item = usize> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match state >> 30 {
            0 => 1 + (state >> 8) as usize % 7,
            1 => 1 + (state >> 8) as usize % 1500,
            _ => 1 + (state >> 8) as usize % 40_000,
        }
    })
}

const BIG: usize = 3 << 20;

fn payload() -> Vec<u8> {
    (0..BIG as u32)
        .map(|it| (it.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

#[test]
fn an_upload_survives_a_move_after_every_read() {
    let payload = payload();
    for suite in [Suite::Aes128GcmSha256, Suite::EcdheEcdsaAes256Gcm] {
        let mut link = Link::new(suite);
        let (mut received, mut wire, mut hops) = (Vec::new(), Vec::new(), 0);
        let mut said = payload.chunks(50_000);
        let mut pieces = pieces(1);
        loop {
            if wire.len() < 50_000
                && let Some(more) = said.next()
            {
                link.client.writer().write_all(more).unwrap();
                wire.extend(flush(&mut link.client));
            }
            if wire.is_empty() {
                break;
            }
            let piece = pieces.next().unwrap().min(wire.len());
            let read: Vec<u8> = wire.drain(..piece).collect();
            received.extend(link.server_hears(&read).unwrap());
            link = link.hop();
            hops += 1;
        }
        assert!(hops > 200, "{hops}");
        assert!(received == payload, "{suite:?}: {} bytes", received.len());
        link.down(b"thank you");
    }
}

#[test]
fn a_download_survives_a_move_after_every_write() {
    let payload = payload();
    for suite in [Suite::Aes256GcmSha384, Suite::EcdheRsaChaCha20Poly1305] {
        let mut link = Link::new(suite);
        let (mut received, mut hops) = (Vec::new(), 0);
        let mut said = payload.chunks(30_000);
        let mut pieces = pieces(2);
        loop {
            if link.unsent.len() < 50_000
                && let Some(more) = said.next()
            {
                link.session.seal(&[more], &mut link.unsent).unwrap();
                if suite.version() == Version::Tls13 && hops % 5 == 0 {
                    link.session
                        .update_key(ClientKey::Keep, &mut link.unsent)
                        .unwrap();
                }
            }
            if link.unsent.is_empty() {
                break;
            }
            let piece = pieces.next().unwrap().min(link.unsent.len());
            let sent: Vec<u8> = link.unsent.drain(..piece).collect();
            received.extend(hear(&mut link.client, &sent));
            link = link.hop();
            hops += 1;
        }
        assert!(hops > 200, "{hops}");
        assert!(received == payload, "{suite:?}: {} bytes", received.len());
        link.up(b"thank you");
    }
}

#[test]
fn facts_travel() {
    let link = Link::new(Suite::Aes128GcmSha256);
    let before = link.facts.clone();
    assert_eq!(before.server_name.as_deref(), Some("server.test"));
    assert_eq!(link.hop().facts, before);
}
