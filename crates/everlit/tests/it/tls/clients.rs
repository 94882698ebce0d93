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
        client.send(b"GET /who.cgi HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.response(Asked::ForAnything).unwrap_err();
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
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: inner.test\r\n\r\n");
    client.response(Asked::ForAnything).unwrap_err();
    let good = authority.vouch_for("somebody");
    let mut client = Offer::as_somebody(&good)
        .to("inner.test")
        .connect(server.address());
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: inner.test\r\n\r\n");
    assert_eq!(client.response(Asked::ForAnything).unwrap().body, b"first");
}

/// Two hosts with authorities of their own, the second of them optional.
fn two_hosts(first: &Authority, second: &Authority) -> Setup {
    let setup = with_programs().secure();
    let mut blocks = String::new();
    for (name, authority, more) in [
        ("first.test", first, ""),
        (
            "second.test",
            second,
            "ssl.verifyclient.enforce = \"disable\"",
        ),
        ("third.test", second, ""),
    ] {
        let path = setup.path(&format!("{name}.pem"));
        std::fs::write(&path, authority.pem()).unwrap();
        blocks += &format!(
            "$HTTP[\"host\"] == \"{name}\" {{\n ssl.verifyclient.activate = \"enable\"\n\
             ssl.verifyclient.ca-file = \"{}\"\n{more}\n}}\n",
            path.display()
        );
    }
    program(
        &setup,
        "who.cgi",
        "echo Content-Type: text/plain\necho\necho \"$SSL_CLIENT_VERIFY\"\n",
    );
    setup.setting(&blocks)
}

#[test]
fn what_one_authority_vouches_for_does_not_count_with_another() {
    let (first, second) = (Authority::new("First"), Authority::new("Second"));
    let server = Server::start(two_hosts(&first, &second));
    let asked_as = |client: &mut Client, host: &str| {
        client.send(format!("GET /who.cgi HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        let response = client.response(Asked::ForAnything).unwrap();
        let body = String::from_utf8_lossy(&response.body).into_owned();
        (response.status, body.trim_end().to_owned())
    };
    let of_first = first.vouch_for("somebody");
    let mut client = Offer::as_somebody(&of_first)
        .to("first.test")
        .connect(server.address());
    for _ in 0..2 {
        assert_eq!(asked_as(&mut client, "first.test").1, "SUCCESS");
        assert_eq!(asked_as(&mut client, "second.test").1, "NONE");
        assert_eq!(asked_as(&mut client, "third.test").0, 421);
        restart(&server);
    }
    // Shown to the host that only asks, it is seen through there, and does not count where it is demanded.
    let mut client = Offer::as_somebody(&of_first)
        .to("second.test")
        .connect(server.address());
    for _ in 0..2 {
        assert!(
            asked_as(&mut client, "second.test")
                .1
                .starts_with("FAILED:")
        );
        assert_eq!(asked_as(&mut client, "first.test").0, 421);
        assert_eq!(asked_as(&mut client, "third.test").0, 421);
        restart(&server);
    }
    // Nor does a host that was not named lend its own to others.
    let mut client = Offer::as_somebody(&of_first).connect(server.address());
    assert_eq!(asked_as(&mut client, "first.test").0, 421);
}

#[test]
fn a_chain_that_is_too_long_lets_nobody_in() {
    let authority = Authority::new("Authority");
    let somebody = authority.vouch_for("somebody");
    let server = Server::start(demanding(&authority, "ssl.verifyclient.depth = 0"));
    let with_another = Offer::as_somebody_with(&somebody, &authority);
    let mut client = with_another.connect(server.address());
    client.send(b"GET /who.cgi HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.response(Asked::ForAnything).unwrap_err();
    let mut client = Offer::as_somebody(&somebody).connect(server.address());
    assert!(who(&mut client).starts_with("SUCCESS"));
}
