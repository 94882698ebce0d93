//! lighttpd's flags and the operator's commands.

use std::process::Output;

use crate::support::{Built, Client, Server, Setup};

fn code(output: &Output) -> i32 {
    output.status.code().expect("not killed")
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn lighttpds_flags_answer_as_lighttpd() {
    let setup = Setup::new(Built::Everlit);
    setup.configure("server.port = 0");
    let good = setup.run(&["-t", "-f", "test.conf"]);
    assert_eq!((code(&good), said(&good).as_str()), (0, "Syntax OK\n"));
    let deep = setup.run(&["-tt", "-f", "test.conf"]);
    assert_eq!((code(&deep), said(&deep).as_str()), (0, ""));
    let none = setup.run(&["-D"]);
    assert_eq!(code(&none), 255);
    assert!(error(&none).contains("No configuration available. Try using -f option."));
    let twice = setup.run(&["-f", "test.conf", "-f", "test.conf"]);
    assert_eq!(code(&twice), 255);
    assert!(error(&twice).contains("Can only read one config file"));
    let absent = setup.run(&["-t", "-f", "absent.conf"]);
    assert_eq!(code(&absent), 255);
    assert!(error(&absent).contains("absent.conf"));
    assert_eq!(code(&setup.run(&["-v"])), 0);
    assert_eq!(code(&setup.run(&["-Z"])), 255);
    let printed = setup.run(&["-p", "-f", "test.conf"]);
    assert_eq!(code(&printed), 0);
    assert!(said(&printed).contains("server.document-root"));
}

#[test]
fn commands_without_a_server_say_so() {
    let setup = Setup::new(Built::Everlit);
    for command in ["reload", "stop", "status"] {
        let output = setup.run(&[command]);
        assert_eq!(code(&output), 3, "{}", error(&output));
        let output = setup.run(&[command, "--nonsense"]);
        assert_eq!(code(&output), 2);
    }
}

#[test]
fn commands_find_the_only_server() {
    let server = Server::start(Setup::new(Built::Everlit));
    let status = server.setup.run(&["status"]);
    assert_eq!(code(&status), 0);
    assert!(said(&status).contains(&server.address().to_string()));
    let reload = server.setup.run(&["reload"]);
    assert_eq!(code(&reload), 0, "{}", error(&reload));
    assert!(
        said(&reload).contains("generation  1 "),
        "{}",
        said(&reload)
    );
    let check = server.setup.run(&["check"]);
    assert_eq!(code(&check), 0, "{}", error(&check));
    let mut server = server;
    let stop = server.setup.run(&["stop", "--json"]);
    assert_eq!(code(&stop), 0);
    assert!(said(&stop).contains("\"reply\":\"stopped\""));
    assert!(server.wait().success());
    assert_eq!(code(&server.setup.run(&["status"])), 3);
}

#[test]
fn a_failed_reload_is_an_exit_code_and_a_reason() {
    let server = Server::start(Setup::new(Built::Everlit));
    std::fs::write(server.setup.path("test.conf"), "server.port = \n").unwrap();
    let output = server.setup.run(&["reload"]);
    assert_eq!(code(&output), 1);
    assert!(error(&output).contains("generation 1 serves on"));
    let check = server.setup.run(&["check", "--json"]);
    assert_eq!(code(&check), 1);
    assert!(said(&check).contains("\"ok\":false"));
    assert_eq!(Client::connect(server.address()).get("/a.txt"), "first");
}

#[test]
fn check_says_what_is_not_as_in_lighttpd() {
    let setup = Setup::new(Built::Everlit);
    let check = |text: &str, more: &[&str]| {
        setup.configure(text);
        setup.run(&[&["check", "-f", "test.conf"], more].concat())
    };
    // Different is no reason to fail, whatever is asked for.
    let different = check("server.port = 0\nserver.max-worker = 2", &["--strict"]);
    assert_eq!(code(&different), 0, "{}", said(&different));
    let text = said(&different);
    for part in [
        "test.conf:",
        " different: server.max-worker: these are threads",
        " is right; it listens on ",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let unknown = "server.port = 0\nserver.max-workers = 2";
    let lenient = check(unknown, &[]);
    assert_eq!(code(&lenient), 0);
    let line = ": warning: unknown directive server.max-workers is ignored; did you mean server.max-worker?";
    assert!(said(&lenient).contains(line), "{}", said(&lenient));
    assert_eq!(code(&check(unknown, &["--strict"])), 1);
    let json = check(unknown, &["--strict", "--json"]);
    assert_eq!(code(&json), 1);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["survey"]["notes"][0]["state"], "unknown");
    assert_eq!(
        json["survey"]["notes"][0]["help"],
        "did you mean server.max-worker?"
    );
    assert_eq!(json["messages"][0]["severity"], "warning");
    let wrong = check("server.port = \"x\"", &[]);
    assert_eq!(code(&wrong), 1);
    assert!(
        error(&wrong).contains("server.port takes an integer"),
        "{}",
        error(&wrong)
    );
    assert!(
        said(&wrong).ends_with("test.conf cannot be used\n"),
        "{}",
        said(&wrong)
    );
    assert_eq!(code(&setup.run(&["check", "--nonsense"])), 2);
}

#[test]
fn the_background_start_returns_when_it_serves() {
    let setup = Setup::new(Built::Everlit);
    setup.configure("server.bind = \"127.0.0.1\"\nserver.port = 0");
    let output = setup.run(&["-f", "test.conf"]);
    assert_eq!(code(&output), 0, "{}", error(&output));
    let address = setup.status().listeners[0].address.parse().unwrap();
    assert_eq!(Client::connect(address).get("/a.txt"), "first");
    let stop = setup.run(&["stop"]);
    assert_eq!(code(&stop), 0, "{}", error(&stop));
}

#[test]
fn a_background_start_that_fails_says_why() {
    let setup = Setup::new(Built::Everlit);
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    setup.configure(&format!(
        "server.bind = \"127.0.0.1\"\nserver.port = {port}"
    ));
    let output = setup.run(&["-f", "test.conf"]);
    assert_eq!(code(&output), 255);
    assert!(
        error(&output).contains("address in use"),
        "{}",
        error(&output)
    );
}

#[test]
fn a_configuration_from_standard_input_survives_a_reload() {
    use std::io::Write;
    let setup = Setup::new(Built::Everlit);
    setup.configure("server.bind = \"127.0.0.1\"\nserver.port = 0");
    let text = std::fs::read(setup.path("test.conf")).unwrap();
    let mut start = setup
        .command(&["-f", "-"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    start.stdin.take().unwrap().write_all(&text).unwrap();
    assert!(start.wait().unwrap().success());
    assert_eq!(code(&setup.run(&["reload"])), 0);
    let status = setup.status();
    assert_eq!(status.configuration, "standard input");
    let address = status.listeners[0].address.parse().unwrap();
    assert_eq!(Client::connect(address).get("/a.txt"), "first");
    assert_eq!(code(&setup.run(&["stop", "-f", "-"])), 0);
}

#[test]
fn a_directory_is_served_without_configuration() {
    use std::io::{BufRead, BufReader};
    let setup = Setup::new(Built::Everlit);
    let mut process = setup
        .command(&["serve", "www", "--port", "0"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .strip_prefix("serving at http://")
        .and_then(|rest| rest.split('/').next())
        .and_then(|address| address.parse().ok())
        .unwrap_or_else(|| panic!("{line}"));
    assert_eq!(Client::connect(address).get("/a.txt"), "first");
    assert_eq!(code(&setup.run(&["stop"])), 0);
    assert!(process.wait().unwrap().success());
}
