//! Certificates of clients (`ssl.verifyclient.*`).

use crate::backends::backend::{program, with_programs};
use crate::backends::restart::restart;
use crate::support::http::{Asked, Client};
use crate::support::tls::{Authority, Offer, get};
use crate::support::{Server, Setup};

fn demanding(authority: &Authority, more: &str) -> Setup {
    let setup = with_programs().secure();
    let path = setup.path("authority.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    program(
        &setup,
        "who.cgi",
        "echo Content-Type: text/plain\necho\necho \"$SSL_CLIENT_VERIFY|$SSL_CLIENT_S_DN|$SSL_CLIENT_S_DN_CN|$SSL_CLIENT_M_SERIAL|$REMOTE_USER|$HTTPS|$SSL_PROTOCOL|$SSL_CIPHER_USEKEYSIZE\"\n",
    );
    setup.setting(&format!(
        "ssl.verifyclient.activate = \"enable\"\nssl.verifyclient.ca-file = \"{}\"\n\
         ssl.verifyclient.username = \"SSL_CLIENT_S_DN_CN\"\n{more}",
        path.display()
    ))
}

fn who(client: &mut Client) -> String {
    String::from_utf8(get(client, "/who.cgi").body)
        .unwrap()
        .trim_end()
        .to_owned()
}

#[test]
fn who_has_a_good_one_is_known_by_its_name() {
    let authority = Authority::new("Authority");
    let server = Server::start(demanding(&authority, ""));
    let somebody = authority.vouch_for("somebody");
    let mut client = Offer::as_somebody(&somebody).connect(server.address());
    let known = "SUCCESS|CN = somebody, O = Example|somebody|0ABC|somebody|on|TLSv1.3|256";
    assert_eq!(who(&mut client), known);
    restart(&server);
    assert_eq!(who(&mut client), known);
    // Resumed, it is still known.
    let offer = Offer::as_somebody(&somebody);
    let mut client = offer.connect(server.address());
    assert_eq!(who(&mut client), known);
    let mut client = offer.connect(server.address());
    assert_eq!(who(&mut client), known);
    assert!(
        client.tls(|tls| tls.handshake_kind())
            == Some(portable_tls::rustls::HandshakeKind::Resumed)
    );
}

#[test]
fn who_has_none_or_a_bad_one_is_not_let_in() {
    let authority = Authority::new("Authority");
    let server = Server::start(demanding(&authority, ""));
    let stranger = Authority::new("Another").vouch_for("stranger");
    for offer in [Offer::all(), Offer::as_somebody(&stranger)] {
        let mut client = offer.connect(server.address());
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            client.send(b"GET /who.cgi HTTP/1.1\r\nHost: localhost\r\n\r\n");
            client.response(Asked::ForAnything)
        }));
        assert!(!matches!(refused, Ok(Ok(_))));
    }
}

#[test]
fn where_it_is_only_asked_for_everybody_is_let_in_and_nobody_mistaken() {
    let authority = Authority::new("Authority");
    let server = Server::start(demanding(
        &authority,
        "ssl.verifyclient.enforce = \"disable\"",
    ));
    let good = authority.vouch_for("somebody");
    let stranger = Authority::new("Another").vouch_for("somebody");
    for (offer, verdict) in [
        (Offer::all(), "NONE|||||on|TLSv1.3|256"),
        (
            Offer::as_somebody(&good),
            "SUCCESS|CN = somebody, O = Example|somebody|0ABC|somebody|on|TLSv1.3|256",
        ),
    ] {
        let mut client = offer.connect(server.address());
        assert_eq!(who(&mut client), verdict);
    }
    let mut client = Offer::as_somebody(&stranger).connect(server.address());
    let said = who(&mut client);
    assert!(
        said.starts_with("FAILED:") && said.ends_with("|||||on|TLSv1.3|256"),
        "{said}"
    );
    restart(&server);
    assert_eq!(who(&mut client), said);
}

#[test]
fn a_session_for_one_host_is_not_good_for_another_that_demands_more() {
    let authority = Authority::new("Authority");
    let setup = with_programs().secure();
    let path = setup.path("authority.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    let server = Server::start(setup.setting(&format!(
        "$HTTP[\"host\"] == \"inner.test\" {{\n ssl.verifyclient.activate = \"enable\"\n ssl.verifyclient.ca-file = \"{}\"\n}}",
        path.display()
    )));
    let mut client = Offer::all().connect(server.address());
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: inner.test\r\n\r\n");
    assert_eq!(client.response(Asked::ForAnything).unwrap().status, 421);
    // Nor does a ticket lead there.
    let offer = Offer::all().to("inner.test");
    let mut client = offer.connect(server.address());
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        client.send(b"GET /a.txt HTTP/1.1\r\nHost: inner.test\r\n\r\n");
        client.response(Asked::ForAnything)
    }));
    assert!(!matches!(refused, Ok(Ok(_))));
    let good = authority.vouch_for("somebody");
    let mut client = Offer::as_somebody(&good)
        .to("inner.test")
        .connect(server.address());
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: inner.test\r\n\r\n");
    assert_eq!(client.response(Asked::ForAnything).unwrap().body, b"first");
}
