//! Sessions resumed with tickets of another process.

use std::sync::Arc;
use std::time::Duration;

use portable_tls::rustls::ClientConfig;
use portable_tls::rustls::version::{TLS12, TLS13};
use portable_tls::{Config, Established, ImageError, Kind, Tickets};

use crate::support::pki::{ClientAuth, KeyKind, client_config, server_config};
use crate::support::{hear, new_client, shake_hands};

const HOUR: u64 = 3600;
const NOW: u64 = 1_800_000_000;

fn tickets() -> Tickets {
    Tickets::generate(Duration::from_secs(8 * HOUR), NOW).unwrap()
}

/// A process of its own, with these keys.
fn process(tickets: &Arc<Tickets>, scope: &[u8]) -> Config {
    let mut config = server_config(KeyKind::Ecdsa, ClientAuth::None);
    config.ticketer = tickets.ticketer(scope);
    Config::new(config).unwrap()
}

/// One connection; the client keeps what tickets it gets.
fn connect(client: &Arc<ClientConfig>, config: &Config) -> Kind {
    let mut client = new_client((**client).clone());
    let Established {
        mut session, facts, ..
    } = shake_hands(&mut client, config, 500).unwrap();
    let mut out = Vec::new();
    session.seal(&[b"hello"], &mut out).unwrap();
    assert_eq!(hear(&mut client, &out), b"hello");
    facts.kind
}

#[test]
fn another_process_resumes_with_the_same_keys() {
    for version in [&TLS12, &TLS13] {
        let first = Arc::new(tickets());
        let client = Arc::new(client_config(version, ClientAuth::None));
        assert_eq!(connect(&client, &process(&first, b"")), Kind::Full);
        assert_eq!(connect(&client, &process(&first, b"")), Kind::Resumed);
        let second = Arc::new(Tickets::import(&first.export()).unwrap());
        assert_eq!(connect(&client, &process(&second, b"")), Kind::Resumed);
        // It has other keys, or another scope.
        assert_eq!(
            connect(&client, &process(&Arc::new(tickets()), b"")),
            Kind::Full
        );
        let client = Arc::new(client_config(version, ClientAuth::None));
        assert_eq!(connect(&client, &process(&second, b"a")), Kind::Full);
        assert_eq!(connect(&client, &process(&second, b"b")), Kind::Full);
        assert_eq!(connect(&client, &process(&second, b"b")), Kind::Resumed);
    }
}

#[test]
fn keys_rotate_and_expire_by_the_time_that_is_told() {
    let tickets = Arc::new(tickets());
    let ticketer = tickets.ticketer(b"");
    let first = ticketer.encrypt(b"state").unwrap();
    assert!(!tickets.rotate(NOW + 8 * HOUR - 1).unwrap());
    assert!(tickets.rotate(NOW + 8 * HOUR).unwrap());
    let second = ticketer.encrypt(b"state").unwrap();
    assert_ne!(first[..16], second[..16]);
    assert!(!tickets.rotate(NOW + 16 * HOUR - 1).unwrap());
    assert_eq!(ticketer.decrypt(&first).as_deref(), Some(&b"state"[..]));
    assert!(tickets.rotate(NOW + 24 * HOUR).unwrap());
    assert_eq!(ticketer.decrypt(&first), None);
    assert_eq!(ticketer.decrypt(&second).as_deref(), Some(&b"state"[..]));
    assert_eq!(ticketer.lifetime(), 16 * HOUR as u32);
}

#[test]
fn others_adopt_new_keys_and_keep_the_old() {
    let first = Arc::new(tickets());
    let second = Arc::new(Tickets::import(&first.export()).unwrap());
    let old = second.ticketer(b"").encrypt(b"old").unwrap();
    assert!(first.rotate(NOW + 9 * HOUR).unwrap());
    second.adopt(Tickets::import(&first.export()).unwrap());
    let new = second.ticketer(b"").encrypt(b"new").unwrap();
    assert_ne!(old[..16], new[..16]);
    for ticketer in [first.ticketer(b""), second.ticketer(b"")] {
        assert_eq!(ticketer.decrypt(&old).as_deref(), Some(&b"old"[..]));
        assert_eq!(ticketer.decrypt(&new).as_deref(), Some(&b"new"[..]));
    }
}

#[test]
fn a_successor_has_the_keys_of_its_predecessor_and_no_others() {
    let first = Arc::new(tickets());
    let old = first.ticketer(b"").encrypt(b"old").unwrap();
    let mut last = first.clone();
    for _ in 0..100 {
        let next = Arc::new(tickets());
        let ticketer = next.ticketer(b"");
        next.succeed(Tickets::import(&last.export()).unwrap());
        assert_eq!(ticketer.decrypt(&old).as_deref(), Some(&b"old"[..]));
        assert_eq!(ticketer.encrypt(b"new").unwrap()[..16], old[..16]);
        last = next;
    }
    assert_eq!(last.export(), first.export());
}

#[test]
fn what_was_changed_is_no_ticket() {
    let tickets = Arc::new(tickets());
    let ticketer = tickets.ticketer(b"");
    let ticket = ticketer.encrypt(b"state").unwrap();
    for at in 0..ticket.len() {
        let mut changed = ticket.clone();
        changed[at] ^= 1;
        assert_eq!(ticketer.decrypt(&changed), None);
        assert_eq!(ticketer.decrypt(&ticket[..at]), None);
    }
    assert_ne!(
        ticketer.encrypt(b"state").unwrap()[16..28],
        ticket[16..28],
        "another nonce"
    );
}

fn stek(version: u32, active_from: u32, expires: u32, name: u8) -> Vec<u8> {
    let mut file: Vec<u8> = [version, active_from, expires]
        .into_iter()
        .flat_map(u32::to_ne_bytes)
        .collect();
    file.extend([name; 16]);
    file.extend([7; 64]);
    file
}

#[test]
fn keys_come_from_a_file_of_lighttpd() {
    let now = NOW as u32;
    let file = stek(0, now, now + 86_400, 1);
    let tickets = Arc::new(Tickets::from_stek(&file, NOW).unwrap());
    let other = Arc::new(Tickets::from_stek(&file, NOW).unwrap());
    let ticket = tickets.ticketer(b"").encrypt(b"state").unwrap();
    assert_eq!(
        other.ticketer(b"").decrypt(&ticket).as_deref(),
        Some(&b"state"[..])
    );

    // The next one is there before its time, and takes over when that has come.
    tickets
        .add_stek(&stek(0, now + 300, now + 86_400, 2), NOW)
        .unwrap();
    assert_eq!(
        tickets.ticketer(b"").encrypt(b"state").unwrap()[..16],
        [1; 16]
    );
    tickets.tell(NOW + 300);
    assert_eq!(
        tickets.ticketer(b"").encrypt(b"state").unwrap()[..16],
        [2; 16]
    );
    assert!(tickets.ticketer(b"").decrypt(&ticket).is_some());
    tickets.tell(NOW + 86_400);
    assert_eq!(tickets.ticketer(b"").encrypt(b"state"), None);

    for wrong in [
        stek(1, now, now + 9, 1),
        stek(0, now, now, 1),
        vec![0; 91],
        vec![0; 93],
    ] {
        assert!(matches!(
            Tickets::from_stek(&wrong, NOW),
            Err(ImageError::Impossible(_))
        ));
    }
}

#[test]
fn an_image_of_keys_is_as_it_ever_was() {
    let golden = include_bytes!("golden/tickets-v1.cbor");
    let tickets = Tickets::from_stek(&stek(0, NOW as u32, NOW as u32 + 86_400, 1), NOW).unwrap();
    let hex: String = tickets
        .export()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(tickets.export()[..], golden[..], "{hex}");
    assert_eq!(Tickets::import(golden).unwrap().export()[..], golden[..]);
    for end in 0..golden.len() {
        assert!(Tickets::import(&golden[..end]).is_err());
    }
    let mut newer = golden.to_vec();
    assert_eq!(newer[1..3], [0, 1]);
    newer[2] = 7;
    assert!(matches!(
        Tickets::import(&newer),
        Err(ImageError::Version(7))
    ));
}
