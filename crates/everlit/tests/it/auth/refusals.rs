//! Who is refused, and where: a refusal is of one place and one client, and never of the server.

use super::{basic, setup, status};
use crate::support::http::{Asked, Client};
use crate::support::{Built, Server, Setup};

#[test]
fn what_one_host_refuses_another_may_accept() {
    let setup = Setup::new(Built::Everlit);
    let mut text = String::from("server.modules += ( \"mod_auth\" )\nserver.max-worker = 1\n");
    for (host, password) in [("one", "first"), ("two", "second")] {
        let path = setup.path(host);
        std::fs::write(&path, format!("joe:{password}\n")).unwrap();
        text += &format!(
            "$HTTP[\"host\"] == \"{host}\" {{\nauth.backend = \"plain\"\nauth.backend.plain.userfile = \"{}\"\n\
             auth.require = ( \"/\" => ( \"method\" => \"basic\", \"realm\" => \"r\", \"require\" => \"valid-user\" ) )\n}}\n",
            path.display()
        );
    }
    let server = Server::start(setup.setting(&text));
    let field = |host: &str| {
        format!(
            "Host: {host}\r\nAuthorization: {}\r\n",
            basic("joe", "second")
        )
    };
    assert_eq!(status(&server, "/a.txt", &field("one")), 401);
    // At once: the first answer is not forgotten yet.
    assert_eq!(status(&server, "/a.txt", &field("two")), 200);
}

#[test]
fn a_page_for_errors_does_not_hide_how_to_log_in() {
    for method in ["basic", "digest"] {
        let setup = setup(
            method,
            "auth.backend = \"plain\"\nserver.error-handler = \"/error.txt\"",
        );
        setup.file("error.txt", "a page for all errors");
        let server = Server::start(setup);
        let mut client = Client::connect(server.address());
        client.send(b"GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n");
        let response = client.response(Asked::ForAnything).unwrap();
        assert_eq!(response.status, 401);
        assert_eq!(response.body, b"a page for all errors");
        assert!(response.text("WWW-Authenticate").is_some(), "{response:?}");
    }
}

#[test]
fn too_many_questions_are_refused_one_by_one() {
    /// More than wait for a thread at a time, and threads.
    const BUSY: usize = 300;
    const PIPELINED: usize = 600;
    let setup = setup("basic", "auth.backend = \"htpasswd\"");
    // It takes minutes.
    std::fs::write(
        setup.path("htpasswd"),
        "joe:$apr1$.c9vojgf$hPMdweeBvoyUeik9lcvVu0\n\
         endless:$6$rounds=99999999$saltstring$2BkAo106CG84raQcWpAlhyy6TSSkAsL1nfvBCoezLYyerUzY2l8axTvq6NynEt7SQAx3/cdop9ds0po8uaeHq0\n",
    )
    .unwrap();
    let server = Server::start(setup);
    let request = |number: usize| {
        format!(
            "GET /a.txt HTTP/1.1\r\nHost: test\r\nAuthorization: {}\r\n\r\n",
            basic("endless", &number.to_string())
        )
    };
    let mut busy: Vec<Client> = (0..BUSY)
        .map(|number| {
            let mut client = Client::connect(server.address());
            client.send(request(number).as_bytes());
            client
        })
        .collect();
    let last = busy.last_mut().expect("there are many");
    assert_eq!(last.response(Asked::ForAnything).unwrap().status, 503);
    let mut client = Client::connect(server.address());
    let all: String = (BUSY..BUSY + PIPELINED).map(request).collect();
    client.send(all.as_bytes());
    for _ in 0..PIPELINED {
        assert_eq!(client.response(Asked::ForAnything).unwrap().status, 503);
    }
    // Others do not notice.
    let field = format!("Authorization: {}\r\n", basic("joe", "secret"));
    assert_eq!(status(&server, "/a.txt", &field), 200);
}
