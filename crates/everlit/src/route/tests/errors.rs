//! Errors, and who answers them.

use super::support::*;
use super::table;

#[test]
fn error_handlers() {
    let root = Root::new();
    let handled = "200 [14] text/html v r";
    let mut only_404 = root.desk(r#"server.error-handler-404 = "/404.html""#);
    table(
        &mut only_404,
        &[
            ("GET /nothing", handled),
            ("HEAD /nothing", handled),
            ("GET /back.txt~", handled),
            ("GET /script.php", handled),
            ("POST /nothing|Content-Length: 2", "200 [14] text/html v"),
            ("PUT /hello.txt|Content-Length: 2", "501 page"),
        ],
    );
    let mut any = root.desk(
        r#"server.error-handler = "/404.html"
           server.error-handler-404 = "/hello.txt""#,
    );
    table(
        &mut any,
        &[
            ("GET /nothing?q=1", "404 [14] text/html v"),
            ("HEAD /nothing", "404 [14] text/html v"),
            ("GET /nothing|If-None-Match: *", "404 [14] text/html v"), // differs: the plain page there
            ("GET /back.txt~", "403 [14] text/html v"),
            ("POST /nothing|Content-Length: 2", "404 [14] text/html v"),
            ("PUT /hello.txt|Content-Length: 2", "501 [14] text/html v"),
            ("GET /hello.txt|Range: bytes=90-", "416 page bytes */13"),
            ("GET /a%00", "400 [14] text/html v"),
            ("BREW /", "501 [14] text/html v"),
            ("GET /dir", "301 [0] ->/dir/"),
        ],
    );
    for handler in [
        "/missing.html",
        "/script.php",
        "/fifo",
        "not a path",
        "/../secret.txt",
    ] {
        let mut general = root.desk(&format!("server.error-handler = \"{handler}\""));
        table(
            &mut general,
            &[("GET /nothing", "404 page"), ("GET /back.txt~", "403 page")],
        );
        let mut only_404 = root.desk(&format!("server.error-handler-404 = \"{handler}\""));
        table(
            &mut only_404,
            &[("GET /nothing", "404 page"), ("GET /back.txt~", "403 page")],
        );
    }
    let mut directory = root.desk(r#"server.error-handler-404 = "/dir""#);
    table(&mut directory, &[("GET /nothing", "301 [0] ->/dir/")]);
}

#[test]
fn error_files() {
    let root = Root::new();
    let mut desk = root.desk(r#"server.errorfile-prefix = "{top}/e-""#);
    table(
        &mut desk,
        &[
            ("GET /back.txt~", "403 [13] text/html"),
            ("GET /nothing", "404 page"),
            ("GET /a%00", "400 page"),
        ],
    );
}

#[test]
fn modules_see_every_response_but_those_to_no_request() {
    let root = Root::new();
    let mut desk = root.desk("");
    for (request, marked) in [
        ("GET /hello.txt", true),
        ("GET /nothing", true),
        ("GET /dir", true),
        ("GET /hello.txt|If-None-Match: *", true),
        ("GET /hello.txt|Range: bytes=0-1", true),
        ("GET /%00", false),
        ("BREW /", false),
    ] {
        ask(&mut desk, request);
        assert_eq!(field(&desk, "X-Mark").is_some(), marked, "{request}");
    }
}

#[test]
fn an_unreadable_file_is_forbidden() {
    use std::os::unix::fs::PermissionsExt;
    // Root may read everything.
    if rustix::process::geteuid().is_root() {
        return;
    }
    let root = Root::new();
    let mode = std::fs::Permissions::from_mode(0o0);
    std::fs::set_permissions(root.path("root/hello.txt"), mode).unwrap();
    let mut desk = root.desk("");
    table(
        &mut desk,
        &[
            ("GET /hello.txt", "403 page"),
            ("HEAD /hello.txt", "403 page"),
            ("GET /hello.txt|If-None-Match: *", "403 page"),
            (
                "OPTIONS /hello.txt",
                "200 [0] allowOPTIONS, GET, HEAD, POST",
            ),
        ],
    );
}
