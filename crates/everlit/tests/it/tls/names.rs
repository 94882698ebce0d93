//! Which certificate a client gets, and what is said of one that is no good.

use crate::support::http::Client;
use crate::support::tls::{Identity, Offer, get};
use crate::support::{Built, Server, Setup};

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
