//! What sessions cost, on this machine: `cargo run --release -p portable-tls --example speed`.
//!
//! One thread; of handshakes only the server's part is counted.

#[path = "../tests/it/support/pki.rs"]
#[allow(dead_code, reason = "it is for the tests")]
mod pki;

use std::hint::black_box;
use std::io::{IoSlice, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portable_tls::rustls::client::{ClientConnection, Resumption};
use portable_tls::rustls::crypto::aws_lc_rs::kx_group;
use portable_tls::rustls::version::{TLS12, TLS13};
use portable_tls::{
    Arrived, CONTENT_MAX, Collected, Config, Event, Facts, Hello, Progress, Session, Suite,
    Tickets, Version, Whole,
};

use self::pki::{
    ClientAuth, KeyKind, NAME, client_config, provider_with, server_config, server_config_with,
};

fn main() {
    handshakes();
    for suite in [
        Suite::Aes128GcmSha256,
        Suite::Aes256GcmSha384,
        Suite::ChaCha20Poly1305Sha256,
    ] {
        records(suite);
    }
    for suite in [
        Suite::Aes128GcmSha256,
        Suite::ChaCha20Poly1305Sha256,
        Suite::EcdheEcdsaAes128Gcm,
    ] {
        small(suite);
    }
    moves();
    memory();
}

/// Makes a connection; returns the session, its client, and the time that the server took.
fn connect(
    client: &Arc<portable_tls::rustls::ClientConfig>,
    config: &Config,
) -> (Session, ClientConnection, Duration) {
    let name = NAME.try_into().expect("a name");
    let mut client = ClientConnection::new(client.clone(), name).expect("a client");
    let mut took = Duration::ZERO;
    let mut out = Vec::new();
    let wire = flush(&mut client);
    let start = Instant::now();
    let Ok(Collected::Complete(offer)) = Hello::new().read(&wire, &mut out) else {
        panic!("a whole hello");
    };
    let mut progress = offer.accept(config, &mut out).expect("a handshake");
    took += start.elapsed();
    loop {
        hear(&mut client, &out);
        out.clear();
        match progress {
            Progress::Done(done) => return (done.session, client, took),
            Progress::More(handshake) => {
                let wire = flush(&mut client);
                let start = Instant::now();
                progress = handshake.read(&wire, &mut out).expect("a handshake");
                took += start.elapsed();
            }
        }
    }
}

fn flush(client: &mut ClientConnection) -> Vec<u8> {
    let mut wire = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut wire).expect("a vector");
    }
    wire
}

fn hear(client: &mut ClientConnection, mut wire: &[u8]) {
    while !wire.is_empty() {
        client.read_tls(&mut wire).expect("a slice");
        client.process_new_packets().expect("it is understood");
    }
}

fn handshakes() {
    const ROUNDS: u32 = 300;
    let all = [(KeyKind::Ecdsa, "ECDSA P-256"), (KeyKind::Rsa, "RSA 2048")];
    for (version, group) in [
        (&TLS13, Some("X25519MLKEM768")),
        (&TLS13, None),
        (&TLS12, None),
    ] {
        for (kind, key) in all {
            let config =
                Config::new(server_config(kind, ClientAuth::None)).expect("a configuration");
            let mut client = client_config(version, ClientAuth::None);
            client.resumption = Resumption::disabled();
            if group.is_none() {
                let mut provider = (**client.crypto_provider()).clone();
                provider.kx_groups = vec![kx_group::X25519];
                let builder =
                    portable_tls::rustls::ClientConfig::builder_with_provider(provider.into());
                client = builder
                    .with_protocol_versions(&[version])
                    .expect("a version")
                    .with_root_certificates(pki::PKI.roots())
                    .with_no_client_auth();
                client.resumption = Resumption::disabled();
            }
            let client = Arc::new(client);
            let took: Duration = (0..ROUNDS).map(|_| connect(&client, &config).2).sum();
            let rate = f64::from(ROUNDS) / took.as_secs_f64();
            let group = group.unwrap_or("X25519");
            println!("full handshakes, {version:?}, {group}, {key}: {rate:.0}/s");
        }
    }
    let tickets = Arc::new(Tickets::generate(Duration::from_secs(3600), 0).expect("randomness"));
    let mut config = server_config(KeyKind::Ecdsa, ClientAuth::None);
    config.ticketer = tickets.ticketer(b"");
    let config = Config::new(config).expect("a configuration");
    let client = Arc::new(client_config(&TLS13, ClientAuth::None));
    connect(&client, &config);
    let took: Duration = (0..ROUNDS).map(|_| connect(&client, &config).2).sum();
    println!(
        "resumed handshakes, TLSv1_3, X25519MLKEM768: {:.0}/s",
        f64::from(ROUNDS) / took.as_secs_f64()
    );
}

/// A session and its client, both on our record layer: the client is the same image with the directions exchanged.
fn session(suite: Suite) -> (Session, ClientConnection) {
    let config = Config::new(server_config_with(suite)).expect("a configuration");
    let version = match suite.version() {
        Version::Tls12 => &TLS12,
        Version::Tls13 => &TLS13,
    };
    let builder =
        portable_tls::rustls::ClientConfig::builder_with_provider(provider_with(suite).into());
    let client = builder
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(pki::PKI.roots())
        .with_no_client_auth();
    let (session, client, _) = connect(&Arc::new(client), &config);
    (session, client)
}

/// Seals and opens full records.
fn records(suite: Suite) {
    const RECORDS: usize = 4 * 1024;
    let (mut session, mut client) = session(suite);
    let plain = vec![7; 4 * CONTENT_MAX];
    let mut out = Vec::with_capacity(2 * plain.len());
    let seal = time(RECORDS / 4, || {
        out.clear();
        session.seal(&[&plain], &mut out).expect("a record");
        black_box(&out);
    });
    let frame = session.frame();
    let mut record = vec![7; frame.head + CONTENT_MAX + frame.tail];
    let in_place = time(RECORDS, || {
        session.seal_in_place(&mut record).expect("a record");
        black_box(&record);
    });
    // What a client of rustls sends: 64 KiB at a time, cut where a socket would cut it.
    let mut wire = Vec::new();
    for _ in 0..RECORDS / 4 {
        client.writer().write_all(&plain).expect("a vector");
        wire.extend(flush(&mut client));
    }
    let bytes = RECORDS * CONTENT_MAX;
    let start = Instant::now();
    let mut opened = 0;
    for piece in wire.chunks_mut(64 * 1024) {
        let mut incoming = session.open(piece);
        while let Some(Event::Data(data)) = incoming.next(&mut out).expect("a record") {
            opened += data.len();
        }
    }
    let open = start.elapsed();
    assert_eq!(opened, bytes);
    let rate = |took: Duration| bytes as f64 / took.as_secs_f64() / 1e9;
    let (seal, in_place, open) = (rate(seal), rate(in_place), rate(open));
    println!("{suite:?}: seal {seal:.2} GB/s, in place {in_place:.2} GB/s, open {open:.2} GB/s");
}

/// Records of 1 KiB, with keys kept and with keys built for each.
fn small(suite: Suite) {
    const ROUNDS: usize = 100_000;
    let (mut session, mut client) = session(suite);
    let (head, body) = ([7; 200], [7; 1024]);
    let mut out = Vec::with_capacity(4096);
    let mut seal = |session: &mut Session| {
        out.clear();
        session.seal(&[&head, &body], &mut out).expect("a record");
        black_box(&out);
    };
    let kept = time(ROUNDS, || seal(&mut session));
    let built = time(ROUNDS, || {
        session.rest();
        seal(&mut session);
    });
    // The same by rustls: a client seals as a server does.
    let mut wire = Vec::with_capacity(4096);
    let rustls = time(ROUNDS, || {
        wire.clear();
        let _ = client
            .writer()
            .write_vectored(&[IoSlice::new(&head), IoSlice::new(&body)])
            .expect("room");
        client.write_tls(&mut wire).expect("a vector");
        black_box(&wire);
    });
    let nanos = |took: Duration| took.as_nanos() / ROUNDS as u128;
    let (kept, built, rustls) = (nanos(kept), nanos(built), nanos(rustls));
    println!(
        "{suite:?}: a record of 1.2 KB: key kept {kept} ns, key built {built} ns; rustls {rustls} ns"
    );
}

fn moves() {
    const ROUNDS: usize = 100_000;
    let (session, _) = session(Suite::Aes128GcmSha256);
    let facts = Facts {
        server_name: Some(NAME.into()),
        ..Facts::default()
    };
    let mut whole = Some(Whole {
        session,
        unsent: Vec::new(),
        facts,
    });
    let mut bytes = 0;
    let took = time(ROUNDS, || {
        let Whole {
            session,
            unsent,
            facts,
        } = whole.take().expect("a session");
        let frozen = session.freeze(unsent, facts);
        let image = frozen.image();
        bytes = image.len();
        let arrived = Arrived::decode(&image).expect("an image");
        frozen.gone();
        whole = Some(arrived.begin());
    });
    println!(
        "freeze, write, read, begin: {} ns; the image has {bytes} bytes",
        took.as_nanos() / ROUNDS as u128
    );
}

fn memory() {
    const SESSIONS: usize = 20_000;
    let (session, _) = session(Suite::Aes128GcmSha256);
    let frozen = session.freeze(Vec::new(), Facts::default());
    let image = frozen.image();
    let before = resident();
    let mut sessions: Vec<Session> = (0..SESSIONS)
        // Replays of one image, which nobody sends: for the size only.
        .map(|_| Arrived::decode(&image).expect("an image").begin().session)
        .collect();
    let resting = resident() - before;
    let mut out = Vec::with_capacity(4096);
    for session in &mut sessions {
        out.clear();
        session.seal(&[b"x"], &mut out).expect("a record");
    }
    let sealing = resident() - before;
    println!(
        "size_of::<Session>() = {}; resident bytes for each of {SESSIONS}: resting {}, one key expanded {}",
        size_of::<Session>(),
        resting / SESSIONS,
        sealing / SESSIONS
    );
}

/// Resident bytes of this process.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("procfs");
    let pages: usize = statm
        .split(' ')
        .nth(1)
        .and_then(|it| it.parse().ok())
        .expect("a number");
    pages * 4096
}

fn time(rounds: usize, mut step: impl FnMut()) -> Duration {
    for _ in 0..rounds / 10 {
        step();
    }
    let start = Instant::now();
    for _ in 0..rounds {
        step();
    }
    start.elapsed()
}
