//! Which certificate a client gets, and what is said of one that is no good.

use std::time::Instant;

use portable_tls::rustls::HandshakeKind;
use rustix::process::Signal;

use crate::support::http::Client;
use crate::support::tls::{Identity, Offer, get};
use crate::support::{Built, PATIENCE, Server, Setup};

fn shown(client: &mut Client) -> Vec<u8> {
    client.tls(|tls| tls.peer_certificates().unwrap()[0].to_vec())
}

/// A setup with another certificate for `other.test`.
fn two_names() -> (Setup, Identity) {
    let setup = Setup::new(Built::Everlit).secure();
    let other = Identity::own("other.test");
    std::fs::write(
        setup.path("other.pem"),
        format!("{}{}", other.pem, other.key),
    )
    .unwrap();
    let path = setup.path("other.pem").display().to_string();
    let block = format!("$HTTP[\"host\"] == \"other.test\" {{ ssl.pemfile = \"{path}\" }}");
    (setup.setting(&block), other)
}

#[test]
fn each_name_has_its_own() {
    let (setup, other) = two_names();
    let server = Server::start(setup);
    for (name, is_other) in [
        ("localhost", false),
        ("other.test", true),
        ("unknown.test", false),
    ] {
        let mut client = Offer::all().to(name).connect(server.address());
        assert_eq!(get(&mut client, "/a.txt").body, b"first");
        assert_eq!(shown(&mut client) == other.der.to_vec(), is_other, "{name}");
    }
}

#[test]
fn a_new_certificate_is_for_new_connections() {
    let (setup, old) = two_names();
    let server = Server::start(setup);
    let offer = || Offer::all().to("other.test");
    let mut first = offer().connect(server.address());
    get(&mut first, "/a.txt");

    let new = Identity::own("other.test");
    std::fs::write(
        server.setup.path("other.pem"),
        format!("{}{}", new.pem, new.key),
    )
    .unwrap();
    server.reload().unwrap();
    let mut second = offer().connect(server.address());
    get(&mut second, "/a.txt");
    assert_eq!(shown(&mut second), new.der.to_vec());
    // A session that has begun goes on.
    get(&mut first, "/a.txt");
    assert_eq!(shown(&mut first), old.der.to_vec());

    // One that is broken changes nothing.
    std::fs::write(server.setup.path("other.pem"), &new.pem).unwrap();
    let why = server.reload().unwrap_err();
    assert!(why.contains("other.pem") && why.contains("key"), "{why}");
    let mut third = offer().connect(server.address());
    get(&mut third, "/a.txt");
    assert_eq!(shown(&mut third), new.der.to_vec());
    get(&mut first, "/a.txt");
}

/// Waits until the server has said this.
fn wait_for(server: &Server, text: &str) {
    let begun = Instant::now();
    while !server.said().contains(text) {
        assert!(begun.elapsed() < PATIENCE, "not said: {text}");
        std::thread::yield_now();
    }
}

fn replace(server: &Server, name: &str, content: &str) {
    let (new, path) = (server.setup.path("new"), server.setup.path(name));
    std::fs::write(&new, content).unwrap();
    std::fs::rename(new, path).unwrap();
}

/// Whether `certificate` is what a newcomer is shown.
fn is_shown(server: &Server, certificate: &Identity) -> bool {
    let mut client = Offer::all().to("other.test").connect(server.address());
    get(&mut client, "/a.txt");
    shown(&mut client) == certificate.der.to_vec()
}

#[test]
fn a_hangup_brings_new_certificates_without_a_restart() {
    let (setup, old) = two_names();
    let server = Server::start(setup);
    let offer = Offer::all().to("other.test");
    let mut first = offer.connect(server.address());
    get(&mut first, "/a.txt");
    let generation = server.status().generations[0].pid;

    let new = Identity::own("other.test");
    replace(&server, "other.pem", &format!("{}{}", new.pem, new.key));
    server.signal(Signal::HUP);
    wait_for(&server, "the certificates were read anew");
    assert!(is_shown(&server, &new));
    get(&mut first, "/a.txt");
    assert_eq!(shown(&mut first), old.der.to_vec());
    // Tickets from before are good.
    let mut again = offer.connect(server.address());
    get(&mut again, "/a.txt");
    assert_eq!(
        again.tls(|tls| tls.handshake_kind()),
        Some(HandshakeKind::Resumed)
    );

    // One that is broken changes nothing, and it is said.
    replace(&server, "other.pem", &new.pem);
    server.signal(Signal::HUP);
    wait_for(&server, "the old certificates stay");
    assert!(is_shown(&server, &new));
    std::fs::remove_file(server.setup.path("other.pem")).unwrap();
    server.signal(Signal::HUP);
    wait_for(&server, "No such file");
    assert!(is_shown(&server, &new));
    assert_eq!(server.status().generations[0].pid, generation);
}

#[test]
fn new_certificates_are_noticed() {
    let (setup, _) = two_names();
    let server = Server::start(
        setup.setting("server.feature-flags += ( \"everlit.certificate-watch\" => 1 )"),
    );
    for _ in 0..2 {
        let new = Identity::own("other.test");
        replace(&server, "other.pem", &format!("{}{}", new.pem, new.key));
        let begun = Instant::now();
        while !is_shown(&server, &new) {
            assert!(begun.elapsed() < PATIENCE);
        }
        // Also after a restart, by whoever serves then.
        server.reload().unwrap();
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let other = Identity::own("localhost");
    let cases: [(&str, &str, &str); 5] = [
        ("cert.pem", "", "has no certificate"),
        (
            "cert.pem",
            "-----BEGIN CERTIFICATE-----\n",
            "no good PEM file",
        ),
        ("key.pem", "", "no key for the certificate"),
        ("key.pem", &other.key, "no key for the certificate"),
        (
            "cert.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "the certificate",
        ),
    ];
    for (file, content, wanted) in cases {
        let setup = Setup::new(Built::Everlit).secure();
        std::fs::write(setup.path(file), content).unwrap();
        setup.configure("server.port = 0");
        let output = setup.run(&["-tt", "-f", "test.conf"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{said}");
        assert!(
            said.contains(wanted) && said.contains("test.conf:"),
            "{wanted}: {said}"
        );
    }
}

#[test]
fn what_will_go_wrong_is_said() {
    let (setup, _) = two_names();
    let path = setup.path("other.pem").display().to_string();
    let setup = setup.setting(&format!(
        "$HTTP[\"host\"] == \"third.test\" {{ ssl.pemfile = \"{path}\" }}"
    ));
    setup.configure("server.port = 0");
    let output = setup.run(&["-tt", "-f", "test.conf"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("is for other.test, not for third.test"),
        "{said}"
    );
}

#[test]
fn a_challenge_of_acme_is_met() {
    let setup = Setup::new(Built::Everlit).secure();
    let challenge = Identity::own("challenge.test");
    let directory = setup.path("challenges");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("challenge.test.crt.pem"), &challenge.pem).unwrap();
    std::fs::write(directory.join("challenge.test.key.pem"), &challenge.key).unwrap();
    let setup = setup.setting(&format!("ssl.acme-tls-1 = \"{}\"", directory.display()));
    let server = Server::start(setup);
    let mut offer = Offer::all().to("challenge.test");
    offer.config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let mut client = offer.connect(server.address());
    // Nothing is to be said; the handshake is all.
    client.send(b"x");
    assert_eq!(shown(&mut client), challenge.der.to_vec());
    assert_eq!(
        client.tls(|tls| tls.alpn_protocol().map(<[u8]>::to_vec)),
        Some(b"acme-tls/1".to_vec())
    );
}
