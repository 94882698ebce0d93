//! Handshakes with a real client: what is agreed on, what is refused, and that no byte is lost at the border.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portable_tls::rustls::version::{TLS12, TLS13};
use portable_tls::rustls::{self, KeyLog};
use portable_tls::{
    ACME_TLS_1, Collected, Config, Established, Event, Fault, HANDSHAKE_MAX, HELLO_MAX,
    HandshakeError, Hello, Kind, Progress, Version,
};

use crate::support::pki::{ClientAuth, KeyKind, NAME, PKI, client_config, server_config};
use crate::support::{flush, hear, new_client, shake_hands};

fn config(kind: KeyKind, auth: ClientAuth) -> Config {
    Config::new(server_config(kind, auth)).unwrap()
}

#[test]
fn any_pieces_lead_to_the_same() {
    for (version, ours) in [(&TLS12, Version::Tls12), (&TLS13, Version::Tls13)] {
        for piece in [1, 3, 100, usize::MAX] {
            for kind in [KeyKind::Ecdsa, KeyKind::Rsa] {
                let config = config(kind, ClientAuth::None);
                let mut offers = client_config(version, ClientAuth::None);
                offers.alpn_protocols = vec![b"http/1.1".to_vec()];
                let mut client = new_client(offers);
                let Established {
                    mut session,
                    facts,
                    unread,
                } = shake_hands(&mut client, &config, piece).unwrap();
                assert_eq!((session.version(), unread.len()), (ours, 0));
                assert_eq!(facts.server_name.as_deref(), Some(NAME));
                assert_eq!(facts.protocol.as_deref(), Some(&b"http/1.1"[..]));
                assert_eq!(
                    (facts.kind, facts.client_certificates.len()),
                    (Kind::Full, 0)
                );
                let mut out = Vec::new();
                session.seal(&[b"welcome"], &mut out).unwrap();
                assert_eq!(hear(&mut client, &out), b"welcome");
            }
        }
    }
}

#[test]
fn data_that_comes_with_the_finished_is_not_lost() {
    for version in [&TLS12, &TLS13] {
        let config = config(KeyKind::Ecdsa, ClientAuth::None);
        let mut client = new_client(client_config(version, ClientAuth::None));
        client.writer().write_all(b"early bird").unwrap();
        let Established {
            mut session,
            mut unread,
            ..
        } = shake_hands(&mut client, &config, usize::MAX).unwrap();
        // In TLS 1.2 the client's Finished is not the last word of the handshake.
        unread.extend(flush(&mut client));
        let mut reply = Vec::new();
        let mut incoming = session.open(&mut unread);
        let event = incoming.next(&mut reply).unwrap();
        assert_eq!(event, Some(Event::Data(&mut b"early bird".to_owned())));
        assert_eq!(incoming.next(&mut reply).unwrap(), None);
    }
}

#[test]
fn client_certificates_are_reported_as_they_were_verified() {
    for version in [&TLS12, &TLS13] {
        let config = config(KeyKind::Ecdsa, ClientAuth::Required);
        let mut client = new_client(client_config(version, ClientAuth::Required));
        let established = shake_hands(&mut client, &config, 1000).unwrap();
        let certificates = established.facts.client_certificates;
        assert_eq!(certificates.len(), 1);
        assert_eq!(certificates[0][..], *PKI.client.certificate);

        let mut client = new_client(client_config(version, ClientAuth::None));
        let error = shake_hands(&mut client, &config, 1000).unwrap_err();
        assert_eq!(error.fault(), Fault::Trust, "{error:?}");
    }
}

#[test]
fn a_configuration_is_chosen_by_name_and_protocol() {
    let mut offers = client_config(&TLS13, ClientAuth::None);
    offers.alpn_protocols = vec![ACME_TLS_1.to_vec()];
    let mut client = new_client(offers);
    let wire = flush(&mut client);
    let mut out = Vec::new();
    let Collected::Complete(offer) = Hello::new().read(&wire, &mut out).unwrap() else {
        panic!("all of it was there");
    };
    assert_eq!(offer.server_name(), Some(NAME));
    assert!(offer.offers(ACME_TLS_1) && !offer.offers(b"h2"));
    assert!(out.is_empty() && offer.client_hello().cipher_suites().len() > 1);
    let mut acme = server_config(KeyKind::Ecdsa, ClientAuth::None);
    acme.alpn_protocols = vec![ACME_TLS_1.to_vec()];
    let progress = offer.accept(&Config::new(acme).unwrap(), &mut out).unwrap();
    let Progress::More(handshake) = progress else {
        panic!("the client has to finish");
    };
    hear(&mut client, &out);
    let wire = flush(&mut client);
    let Progress::Done(established) = handshake.read(&wire, &mut out).unwrap() else {
        panic!("the client has finished");
    };
    assert_eq!(established.facts.protocol.as_deref(), Some(ACME_TLS_1));
}

#[test]
fn a_hello_moves_while_it_is_collected() {
    let mut client = new_client(client_config(&TLS13, ClientAuth::None));
    let wire = flush(&mut client);
    let mut out = Vec::new();
    let mut bytes = Vec::new();
    for piece in wire.chunks(100) {
        // Another process, each time.
        let mut hello = Hello::new();
        if !bytes.is_empty() {
            let Collected::More(more) = hello.read(&bytes, &mut out).unwrap() else {
                panic!("it was not complete before");
            };
            hello = more;
        }
        bytes = match hello.read(piece, &mut out).unwrap() {
            Collected::More(hello) => hello.into_bytes(),
            Collected::Complete(offer) => offer.into_bytes(),
        };
    }
    assert!(bytes == wire && out.is_empty());
    assert!(matches!(
        Hello::new().read(&bytes, &mut out),
        Ok(Collected::Complete(_))
    ));
}

#[test]
fn what_is_not_a_hello_is_refused_with_an_alert() {
    let huge = [&[22, 3, 1, 0x40, 0, 1, 1, 0, 0][..], &[0; 5000]].concat();
    let garbage = [&[22, 3, 1, 0, 8, 1, 0, 0, 4][..], &[9; 4]].concat();
    let cases: [(&[u8], Fault); 5] = [
        (b"GET / HTTP/1.1\r\n\r\n", Fault::Client),
        (b"\x80\x2e\x01\x00\x02", Fault::Client),
        (b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", Fault::Client),
        (&huge, Fault::Client),
        (&garbage, Fault::Client),
    ];
    for (bytes, fault) in cases {
        let mut out = Vec::new();
        let error = Hello::new().read(bytes, &mut out).unwrap_err();
        assert_eq!(error.fault(), fault, "{error:?}");
        assert_eq!(
            (out.len(), out[0], out[5]),
            (7, 21, 2),
            "{error:?}: {out:?}"
        );
    }
    const { assert!(HELLO_MAX < HANDSHAKE_MAX) };
}

#[test]
fn what_has_nothing_in_common_is_told_apart_from_what_is_broken() {
    let mut offers = client_config(&TLS13, ClientAuth::None);
    offers.alpn_protocols = vec![b"gopher".to_vec()];
    let mut client = new_client(offers);
    let error = shake_hands(&mut client, &config(KeyKind::Rsa, ClientAuth::None), 500).unwrap_err();
    assert_eq!(error.fault(), Fault::Mismatch, "{error:?}");

    // The client does not know the authority: its alert comes instead of its Finished.
    let mut stranger = client_config(&TLS13, ClientAuth::None);
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
        {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(PKI.client.certificate.clone()).unwrap();
            Arc::new(roots)
        },
        Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
    );
    stranger
        .dangerous()
        .set_certificate_verifier(verifier.build().unwrap());
    let mut client = new_client(stranger);
    let mut out = Vec::new();
    let Collected::Complete(offer) = Hello::new().read(&flush(&mut client), &mut out).unwrap()
    else {
        panic!("all of it was there");
    };
    let config = config(KeyKind::Ecdsa, ClientAuth::None);
    let Progress::More(handshake) = offer.accept(&config, &mut out).unwrap() else {
        panic!("the client has to finish");
    };
    client.read_tls(&mut &out[..]).unwrap();
    client.process_new_packets().unwrap_err();
    let error = handshake.read(&flush(&mut client), &mut out).unwrap_err();
    assert_eq!(error.fault(), Fault::Trust, "{error:?}");
    assert_eq!(error.to_string(), "the client gave up with alert UnknownCA");
}

#[test]
fn a_handshake_is_bounded() {
    let config = config(KeyKind::Ecdsa, ClientAuth::Required);
    for junk in [&[23, 3, 3, 0xff, 0xff][..], &[22, 3, 3, 0x40, 1, 0]] {
        let mut client = new_client(client_config(&TLS12, ClientAuth::Required));
        let mut out = Vec::new();
        let Collected::Complete(offer) = Hello::new().read(&flush(&mut client), &mut out).unwrap()
        else {
            panic!("all of it was there");
        };
        let Progress::More(mut handshake) = offer.accept(&config, &mut out).unwrap() else {
            panic!("the client has to finish");
        };
        // Records that go on and on with one message, or one that has no end.
        let mut record = junk.to_vec();
        record.resize(5 + 0x4001, 0);
        let mut result = Ok(());
        for _ in 0..10 {
            match handshake.read(&record, &mut out) {
                Ok(Progress::More(more)) => handshake = more,
                Ok(Progress::Done(_)) => panic!("nobody finished"),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        assert_eq!(result.unwrap_err().fault(), Fault::Client);
    }
}

#[test]
fn a_record_without_seal_in_the_midst_of_a_handshake_is_refused() {
    let config = config(KeyKind::Ecdsa, ClientAuth::None);
    let mut client = new_client(client_config(&TLS13, ClientAuth::None));
    let mut out = Vec::new();
    let Collected::Complete(offer) = Hello::new().read(&flush(&mut client), &mut out).unwrap()
    else {
        panic!("all of it was there");
    };
    let Progress::More(handshake) = offer.accept(&config, &mut out).unwrap() else {
        panic!("the client has to finish");
    };
    out.clear();
    let error = handshake
        .read(&[22, 3, 3, 0, 4, 20, 0, 0, 0], &mut out)
        .unwrap_err();
    assert_eq!(error.fault(), Fault::Client);
    assert!(!out.is_empty(), "an alert, sealed");
}

#[test]
fn a_key_log_that_was_there_goes_on_hearing() {
    #[derive(Debug, Default)]
    struct Counter(AtomicUsize);
    impl KeyLog for Counter {
        fn log(&self, _label: &str, _client_random: &[u8], _secret: &[u8]) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let counter = Arc::new(Counter::default());
    let mut config = server_config(KeyKind::Ecdsa, ClientAuth::None);
    config.key_log = counter.clone();
    let config = Config::new(config).unwrap();
    let mut client = new_client(client_config(&TLS13, ClientAuth::None));
    shake_hands(&mut client, &config, usize::MAX).unwrap();
    // Two of the handshake, two of the traffic, the exporter's.
    assert_eq!(counter.0.load(Ordering::Relaxed), 5);
}

#[test]
fn a_client_of_another_version_is_refused() {
    // Only TLS 1.3 is offered by the server.
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_protocol_versions(&[&TLS13])
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(
        vec![PKI.server(KeyKind::Ecdsa).certificate.clone()],
        PKI.server(KeyKind::Ecdsa).key(),
    )
    .unwrap();
    let config = Config::new(config).unwrap();
    let mut client = new_client(client_config(&TLS12, ClientAuth::None));
    let error = shake_hands(&mut client, &config, usize::MAX).unwrap_err();
    assert!(matches!(error, HandshakeError::Rustls(_)) && error.fault() == Fault::Mismatch);
}

#[test]
fn a_client_is_asked_for_another_key_share() {
    use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
    let with_groups = |kx_groups| {
        Arc::new(rustls::crypto::CryptoProvider {
            kx_groups,
            ..default_provider()
        })
    };
    let identity = PKI.server(KeyKind::Ecdsa);
    let config = rustls::ServerConfig::builder_with_provider(with_groups(vec![kx_group::X25519]))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.clone()], identity.key())
        .unwrap();
    let config = Config::new(config).unwrap();
    let groups = vec![kx_group::SECP384R1, kx_group::X25519];
    let mut client = rustls::ClientConfig::builder_with_provider(with_groups(groups))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(PKI.roots())
        .with_no_client_auth();
    client.resumption = rustls::client::Resumption::disabled();
    for piece in [1, usize::MAX] {
        let mut client = new_client(client.clone());
        let established = shake_hands(&mut client, &config, piece).unwrap();
        assert_eq!(established.facts.kind, Kind::FullWithRetry);
    }
}
