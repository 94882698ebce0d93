//! The beginning of a connection: the same offer or refusal however it is cut and wherever it travels; then no panic.
//!
//! The first byte is the size of the pieces, then what a client sends.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use portable_tls::rustls::ServerConfig;
use portable_tls::rustls::server::ResolvesServerCertUsingSni;
use portable_tls::{Collected, Config, Fault, HELLO_MAX, Hello, Progress};

/// Without certificates: every hello that is understood is refused afterwards.
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let resolver = Arc::new(ResolvesServerCertUsingSni::new());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    Config::new(config).expect("suites that are known")
});

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    More,
    Offer(Option<String>, bool),
    Refused(Option<Fault>, Vec<u8>),
}

fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else {
        return;
    };
    let whole = read(bytes, bytes.len().max(1));
    if bytes.len() > HELLO_MAX {
        assert_ne!(whole, Outcome::More);
    }
    let cut = read(bytes, usize::from(*size) + 1);
    // Which flaw is found first may depend on how much is there; whether there is one does not.
    match (&whole, &cut) {
        (Outcome::Refused(..), Outcome::Refused(..)) => {}
        _ => assert_eq!(whole, cut),
    }
});

fn read(bytes: &[u8], size: usize) -> Outcome {
    let mut hello = Hello::new();
    for piece in bytes.chunks(size) {
        let mut out = Vec::new();
        let offer = match hello.read(piece, &mut out) {
            Ok(Collected::More(more)) => {
                assert!(out.is_empty());
                // Another process goes on with the bytes.
                let bytes = more.into_bytes();
                hello = match Hello::new().read(&bytes, &mut out) {
                    Ok(Collected::More(more)) => more,
                    other => panic!("it was not complete before: {other:?}"),
                };
                continue;
            }
            Ok(Collected::Complete(offer)) => offer,
            Err(error) => return Outcome::Refused(Some(error.fault()), out),
        };
        assert!(out.is_empty());
        let name = offer.server_name().map(str::to_owned);
        let outcome = Outcome::Offer(name, offer.offers(b"h2"));
        match offer.accept(&CONFIG, &mut out) {
            Ok(Progress::Done(_)) => panic!("nobody has finished"),
            Ok(Progress::More(_)) | Err(_) => return outcome,
        }
    }
    Outcome::More
}
