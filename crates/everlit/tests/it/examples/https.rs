//! What `examples/https/` says works.

use std::fs;

use super::{copy, example};
use crate::support::http::{Asked, Client};
use crate::support::tls::{Identity, Offer};
use crate::support::{Built, Server, Setup};

#[test]
fn http_leads_to_https() {
    let setup = Setup::new(Built::Everlit);
    copy(&example("https"), &setup.path(""));
    copy(&example("https").join("www"), &setup.path("www"));
    let ports = "var.http = 0\nvar.secure = \"127.0.0.2:0\"\nvar.suffix = \":8443\"\n";
    fs::write(setup.path("ports.conf"), ports).unwrap();
    fs::write(setup.path("test.conf"), "include \"lighttpd.conf\"\n").unwrap();
    let own = Identity::own("localhost");
    fs::write(setup.path("cert.pem"), &own.pem).unwrap();
    fs::write(setup.path("key.pem"), &own.key).unwrap();
    let challenges = setup.path("www/.well-known/acme-challenge");
    fs::create_dir_all(&challenges).unwrap();
    fs::write(challenges.join("token"), "token.key").unwrap();
    let server = Server::start_as_configured(setup);
    let addresses = server.addresses();
    let at = |ip: &str| {
        *addresses
            .iter()
            .find(|it| it.ip().to_string() == ip)
            .unwrap()
    };

    let mut plain = Client::plain(at("127.0.0.1"));
    let mut ask = |host: &str, target: &str| {
        plain.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        plain.response(Asked::ForAnything).unwrap()
    };
    for (host, target, location) in [
        ("example.org", "/", "https://example.org:8443/"),
        (
            "example.org:8080",
            "/a%20b?c=d%26e",
            "https://example.org:8443/a%20b?c=d%26e",
        ),
        ("[::1]:8080", "/?", "https://[::1]:8443/?"),
    ] {
        let response = ask(host, target);
        assert_eq!(response.status, 301);
        assert_eq!(response.text("Location").as_deref(), Some(location));
    }
    let response = ask("example.org", "/.well-known/acme-challenge/token");
    assert_eq!(response.body, b"token.key");

    let mut secure = Offer::all().connect(at("127.0.0.2"));
    for _ in 0..2 {
        secure.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let response = secure.response(Asked::ForAnything).unwrap();
        assert!(response.body.ends_with(b"this is HTTPS.\n"));
        assert!(response.has("Strict-Transport-Security", "max-age=63072000"));
        server.reload().unwrap();
    }
}
