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

/// How `/dir/secret.txt` may be written, or what may lead to it.
const SPELLINGS: &[&str] = &[
    "/dir/secret.txt",
    "//dir/secret.txt",
    "/dir//secret.txt",
    "/./dir/secret.txt",
    "/dir/./secret.txt",
    "/x/../dir/secret.txt",
    "/x/..//dir/secret.txt",
    "/%64ir/secret.txt",
    "/%64%69%72%2fsecret.txt",
    "/%2fdir/secret.txt",
    "/%2f%2fdir%2f%2fsecret.txt",
    "/x/%2e%2e/dir/secret.txt",
    "/x/.%2e%2fdir/secret.txt",
    "/x%2f..%2fdir%2fsecret.txt",
    "/%252e%252e/dir/secret.txt",
    "/dir%2fsecret.txt",
    "/dir%5csecret.txt",
    "/dir\\secret.txt",
    "/dir/secret.txt/",
    "/dir/secret.txt/more",
    "/dir/secret.txt//",
    "/dir/secret.txt%00",
    "/dir/secret.txt%20",
    "/dir/secret.txt.",
    "/dir/secret.txt?x",
    "/dir/secret.txt#x",
    "/?/../dir/secret.txt",
    "/;/dir/secret.txt",
    "/DIR/secret.txt",
    "/dir/SECRET.TXT",
    "/%44IR/secret.txt",
    "http://test/dir/secret.txt",
    "http://test//dir/secret.txt",
    "http://test:80/dir/secret.txt",
    "HTTP://other/dir/secret.txt",
    "http://test/x/../dir/secret.txt",
    "/rewritten",
    "/rewritten/../rewritten",
    "/not-there",
    "/alias/secret.txt",
    "/alias//secret.txt",
    "/alias/../alias/secret.txt",
    "/alias../secret.txt",
    "/~joe/secret.txt",
    "/%7ejoe/secret.txt",
    "/dir/",
    "/dir",
    "/dir/?x",
];

#[test]
fn no_spelling_of_a_path_leads_around_a_login() {
    for options in [
        "",
        "server.http-parseopts = ( \"url-normalize\" => \"disable\" )",
        "server.http-parseopts = ( \"url-normalize\" => \"enable\", \"url-path-2f-decode\" => \"disable\", \
         \"url-path-dotseg-remove\" => \"disable\", \"url-ctrls-reject\" => \"disable\" )",
        "server.force-lowercase-filenames = \"enable\"",
    ] {
        let setup = Setup::new(Built::Everlit);
        let users = setup.path("users");
        std::fs::write(&users, "joe:secret\n").unwrap();
        std::fs::create_dir(setup.path("www/dir")).unwrap();
        setup.file("dir/secret.txt", "treasure");
        let root = setup.path("www").display().to_string();
        let setting = format!(
            r#"
server.modules += ( "mod_userdir", "mod_alias", "mod_rewrite", "mod_indexfile", "mod_dirlisting", "mod_auth" )
{options}
auth.backend = "plain"
auth.backend.plain.userfile = "{}"
auth.require = (
    "/dir" => ( "method" => "basic", "realm" => "r", "require" => "valid-user" ),
    "/alias" => ( "method" => "basic", "realm" => "r", "require" => "valid-user" ),
    "/~joe" => ( "method" => "basic", "realm" => "r", "require" => "valid-user" ) )
alias.url = ( "/alias/" => "{root}/dir/" )
userdir.basepath = "{root}/.."
userdir.path = "dir"
url.rewrite-once = ( "^/rewritten" => "/dir/secret.txt" )
server.error-handler-404 = "/dir/secret.txt"
index-file.names = ( "secret.txt" )
dir-listing.activate = "enable""#,
            users.display()
        );
        std::fs::create_dir_all(setup.path("joe/dir")).unwrap();
        std::fs::write(setup.path("joe/dir/secret.txt"), "treasure").unwrap();
        let server = Server::start(setup.setting(&setting));
        let ask = |method: &str, target: &str, field: &str| {
            let mut client = Client::connect(server.address());
            client.send(
                format!(
                    "{method} {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nConnection: close\r\n{field}\r\n"
                )
                .as_bytes(),
            );
            client.until_close().unwrap()
        };
        let has = |answer: &[u8]| answer.windows(8).any(|some| some == b"treasure");
        let field = format!("Authorization: {}\r\n", basic("joe", "secret"));
        let mut open = 0;
        for target in SPELLINGS {
            for method in ["GET", "POST", "HEAD", "OPTIONS", "PROPFIND"] {
                let answer = ask(method, target, "");
                let text = String::from_utf8_lossy(&answer);
                assert!(!has(&answer), "{options} {method} {target}: {text}");
                // Its length and name are nobody's business either.
                assert!(
                    !text.contains("Content-Length: 8\r\n"),
                    "{options} {method} {target}: {text}"
                );
                assert!(
                    !text.contains("href=\"secret.txt"),
                    "{options} {method} {target}: {text}"
                );
            }
            open += usize::from(has(&ask("GET", target, &field)));
        }
        // The same is there for who has logged in.
        assert!(open > 20, "{options}: {open}");
    }
}
