//! Sessions that are resumed, also after a restart.

use portable_tls::rustls::HandshakeKind;

use crate::support::http::Client;
use crate::support::tls::{Offer, get, usable};
use crate::support::{Built, Server, Setup};

fn kind(client: &mut Client) -> Option<HandshakeKind> {
    client.tls(|tls| tls.handshake_kind())
}

#[test]
fn a_ticket_is_good_after_restarts() {
    let server = Server::start(Setup::new(Built::Everlit).secure());
    // One of TLS 1.3, one of TLS 1.2.
    for suite in usable().step_by(3) {
        let offer = Offer::only(suite);
        let mut client = offer.connect(server.address());
        get(&mut client, "/a.txt");
        assert_eq!(kind(&mut client), Some(HandshakeKind::Full));
        drop(client);
        for reloads in [1, 2, 20] {
            for _ in 0..reloads {
                server.reload().unwrap();
            }
            let mut client = offer.connect(server.address());
            get(&mut client, "/a.txt");
            assert_eq!(kind(&mut client), Some(HandshakeKind::Resumed), "{suite:?}");
        }
    }
}

#[test]
fn without_tickets_nobody_resumes() {
    let setup = Setup::new(Built::Everlit)
        .secure()
        .setting("ssl.openssl.ssl-conf-cmd = ( \"Options\" => \"-SessionTicket\" )");
    let server = Server::start(setup);
    let offer = Offer::all();
    for _ in 0..2 {
        let mut client = offer.connect(server.address());
        get(&mut client, "/a.txt");
        assert_eq!(kind(&mut client), Some(HandshakeKind::Full));
    }
}
