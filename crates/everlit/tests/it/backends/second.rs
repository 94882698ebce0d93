//! Answers that are not for the client: the request goes on elsewhere.

use super::backend::{Backend, Peer, access_log, goes_on, program, response, with_programs};
use super::restart::restart;
use super::restart_programs::{record, request};
use crate::support::http::Client;
use crate::support::{Built, Server, Setup};

#[test]
fn a_program_sends_a_request_elsewhere() {
    let setup = with_programs().setting("cgi.local-redir = \"enable\"");
    let to = |path: &str| format!("cat > /dev/null\necho Location: {path}\necho\n");
    program(&setup, "go.cgi", &to("/a.txt?x"));
    program(&setup, "circle.cgi", &to("/circle.cgi"));
    program(&setup, "far.cgi", &to("http://other.example/"));
    program(
        &setup,
        "shows.cgi",
        "echo Content-Type: text/plain\necho\necho $REQUEST_METHOD $QUERY_STRING\n",
    );
    program(&setup, "chain.cgi", &to("/shows.cgi?from"));
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    let mut ask = |line: &str, body: &str| {
        let length = body.len();
        client.send(
            format!("{line} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}")
                .as_bytes(),
        );
        let response = response(&mut client);
        (response.status, String::from_utf8(response.body).unwrap())
    };
    assert_eq!(ask("POST /go.cgi", "body"), (200, "first".to_owned()));
    assert_eq!(
        ask("POST /chain.cgi", "body"),
        (200, "GET from\n".to_owned())
    );
    assert_eq!(ask("POST /far.cgi", "").0, 302);
    assert_eq!(ask("POST /circle.cgi", "").0, 500);
    goes_on(&mut client);
    drop(client);
    assert_eq!(access_log(server).len(), 5);
}

#[test]
fn without_a_setting_it_is_the_clients_redirect() {
    let setup = with_programs();
    program(&setup, "go.cgi", "echo Location: /a.txt\necho\n");
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    client.send(b"GET /go.cgi HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(response(&mut client).status, 302);
}

/// Everything is answered by files, and by a responder for `.php`, once an authorizer has said yes.
fn guarded(authorizer: &Backend, responder: &Backend) -> Setup {
    let setup = Setup::new(Built::Everlit);
    setup.file("x.php", "");
    let host = |backend: &Backend, more: &str| {
        let address = backend.address();
        format!(
            "( ( \"host\" => \"{}\", \"port\" => {}{more} ) )",
            address.ip(),
            address.port()
        )
    };
    setup.setting(&format!(
        "server.modules += ( \"mod_fastcgi\" )\nstatic-file.exclude-extensions = ( \".php\" )\nfastcgi.server = ( \"/\" => {}, \".php\" => {} )",
        host(
            authorizer,
            ", \"mode\" => \"authorizer\", \"check-local\" => \"disable\""
        ),
        host(responder, "")
    ))
}

fn says(peer: &mut Peer, head: &str) {
    let mut wire = record(6, format!("{head}\r\n\r\n").as_bytes(), 0);
    wire.extend(record(3, &[0; 8], 0));
    peer.send(&wire);
}

/// An authorizer is asked without a body.
fn asked(peer: &mut Peer) {
    let (parameters, input) = request(peer);
    // Its own variable; what the client said is another.
    let is_length = |pair: &[u8]| pair[0] == 14 && pair[2..] == *b"CONTENT_LENGTH";
    assert!(!parameters.windows(16).any(is_length));
    assert_eq!(input, b"");
}

#[test]
fn an_authorizer_is_asked_first() {
    let (authorizer, responder) = (Backend::new(), Backend::new());
    let server = Server::start(guarded(&authorizer, &responder));
    let mut client = Client::connect(server.address());

    client.send(b"GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut peer = authorizer.accept();
    asked(&mut peer);
    says(&mut peer, "Status: 200");
    assert_eq!(response(&mut client).body, b"first");

    client.send(b"POST /a.txt HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody");
    let mut peer = authorizer.accept();
    asked(&mut peer);
    says(&mut peer, "Status: 403");
    assert_eq!(response(&mut client).status, 403);

    // What is said of the user, and the body, are for whoever answers.
    client.send(b"POST /x.php HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf");
    let mut peer = authorizer.accept();
    asked(&mut peer);
    says(&mut peer, "Status: 200\r\nVariable-REMOTE_USER: somebody");
    client.send(b"rest");
    let mut peer = responder.accept();
    let (parameters, input) = request(&mut peer);
    assert!(
        parameters
            .windows(19)
            .any(|pair| pair == b"REMOTE_USERsomebody")
    );
    assert_eq!(input, b"halfrest");
    says(&mut peer, "Status: 201");
    assert_eq!(response(&mut client).status, 201);
}

#[test]
fn an_authorizer_may_have_documents_of_its_own() {
    let authorizer = Backend::new();
    let (setup, address) = (Setup::new(Built::Everlit), authorizer.address());
    setup.file("a.txt", "for everybody");
    let own = setup.path("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("a.txt"), "for some").unwrap();
    let server = Server::start(setup.setting(&format!(
        "server.modules += ( \"mod_fastcgi\" )\n\
         fastcgi.server = ( \"/a\" => ( ( \"host\" => \"{}\", \"port\" => {}, \"mode\" => \"authorizer\", \
         \"check-local\" => \"disable\", \"docroot\" => \"{}\" ) ) )",
        address.ip(),
        address.port(),
        own.display()
    )));
    let mut client = Client::connect(server.address());
    for again in [Again::No, Again::Yes] {
        client.send(b"GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
        let mut peer = authorizer.accept();
        asked(&mut peer);
        if again == Again::Yes {
            restart(&server);
        }
        says(&mut peer, "Status: 200");
        assert_eq!(response(&mut client).body, b"for some");
    }
}

#[test]
fn a_program_that_is_asked_in_place_of_404_has_the_body() {
    let setup = with_programs().setting("server.error-handler-404 = \"/all.cgi\"");
    program(
        &setup,
        "all.cgi",
        "echo Content-Type: text/plain\necho\necho $REQUEST_METHOD $CONTENT_LENGTH $REQUEST_URI\ncat\n",
    );
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    for body in [
        "Content-Length: 4\r\n\r\nbody",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    ] {
        client.send(format!("POST /form HTTP/1.1\r\nHost: test\r\n{body}").as_bytes());
        let response = response(&mut client);
        let text = String::from_utf8_lossy(&response.body);
        assert_eq!((response.status, &*text), (200, "POST 4 /form\nbody"));
    }
    goes_on(&mut client);
}

#[test]
fn a_redirect_that_says_more_is_the_clients() {
    let setup = with_programs().setting("cgi.local-redir = \"enable\"");
    for (name, head) in [
        (
            "cookie.cgi",
            "echo Location: /a.txt\necho Set-Cookie: a=b\necho\n",
        ),
        (
            "other.cgi",
            "echo Status: 303\necho Location: /a.txt\necho\n",
        ),
    ] {
        program(&setup, name, head);
    }
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    for (name, status) in [("cookie", 302), ("other", 303)] {
        client.send(format!("GET /{name}.cgi HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes());
        let response = response(&mut client);
        assert_eq!(response.status, status);
        assert_eq!(response.text("Location").as_deref(), Some("/a.txt"));
    }
}

/// A program sends everybody to a path that an authorizer guards.
fn guarded_elsewhere(authorizer: &Backend) -> Server {
    let address = authorizer.address();
    let setup = with_programs().setting(&format!(
        "cgi.local-redir = \"enable\"\nserver.modules += ( \"mod_fastcgi\" )\n\
         fastcgi.server = ( \"/guarded\" => ( ( \"host\" => \"{}\", \"port\" => {}, \
         \"mode\" => \"authorizer\", \"check-local\" => \"disable\" ) ) )",
        address.ip(),
        address.port()
    ));
    let go = "cat > /dev/null\necho Location: /guarded.cgi?from\necho\n";
    program(&setup, "go.cgi", go);
    program(
        &setup,
        "guarded.cgi",
        "echo Content-Type: text/plain\necho\necho $REQUEST_METHOD $QUERY_STRING $CONTENT_LENGTH $REMOTE_USER\n",
    );
    Server::start(setup)
}

#[test]
fn a_request_goes_elsewhere_if_an_authorizer_says_yes() {
    let authorizer = Backend::new();
    let server = guarded_elsewhere(&authorizer);
    let mut client = Client::connect(server.address());
    let yes = "Status: 200\r\nVariable-REMOTE_USER: somebody";
    for (again, says_what, status) in [
        (Again::No, yes, 200),
        (Again::No, "Status: 403", 403),
        (Again::Yes, yes, 200),
        (Again::Yes, "Status: 403", 403),
    ] {
        client.send(b"POST /go.cgi HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody");
        let mut peer = authorizer.accept();
        asked(&mut peer);
        if again == Again::Yes {
            restart(&server);
        }
        says(&mut peer, says_what);
        let response = response(&mut client);
        assert_eq!(response.status, status);
        if status == 200 {
            assert_eq!(
                String::from_utf8_lossy(&response.body),
                "GET from 0 somebody\n"
            );
        }
    }
    goes_on(&mut client);
    drop(client);
    assert_eq!(access_log(server).len(), 5);
}

/// Whether the server restarts meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    No,
}

#[test]
fn a_restart_while_an_authorizer_thinks() {
    let (authorizer, responder) = (Backend::new(), Backend::new());
    let server = Server::start(guarded(&authorizer, &responder));
    let mut client = Client::connect(server.address());
    for (says_what, status) in [("Status: 200", 200), ("Status: 401", 401)] {
        client.send(b"GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
        let mut peer = authorizer.accept();
        asked(&mut peer);
        restart(&server);
        says(&mut peer, says_what);
        assert_eq!(response(&mut client).status, status);
    }
}

#[test]
fn a_body_does_not_follow_a_request_that_goes_elsewhere() {
    let backend = Backend::new();
    let address = backend.address();
    let setup = with_programs().setting(&format!(
        "cgi.local-redir = \"enable\"\nserver.stream-request-body = 1\n\
         server.modules += ( \"mod_proxy\" )\n\
         proxy.server = ( \"/b\" => ( ( \"host\" => \"{}\", \"port\" => {} ) ) )",
        address.ip(),
        address.port()
    ));
    program(&setup, "go.cgi", "echo Location: /b\necho\n");
    let server = Server::start(setup);
    let mut client = Client::connect(server.address());
    let body = "GET /secret HTTP/1.1\r\nHost: test\r\n\r\n";
    let length = body.len();
    client.send(
        format!("POST /go.cgi HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n")
            .as_bytes(),
    );
    let mut peer = backend.accept();
    assert!(peer.head().starts_with("GET /b HTTP/1.1\r\n"));
    client.send(body.as_bytes());
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(response(&mut client).body, b"ok");
    assert_eq!(response(&mut client).body, b"first");
    assert_eq!(peer.until_closed(), b"");
}
