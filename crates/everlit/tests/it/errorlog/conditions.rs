//! `server.errorlog` within conditions.

use std::fs;
use std::net::TcpListener;
use std::time::Instant;

use rustix::process::Signal;

use super::{ask, said_once, setup};
use crate::limits::wait;
use crate::support::{Client, PATIENCE, Server};

#[test]
fn requests_are_told_where_their_conditions_say() {
    let setup = setup();
    let [all, one, two, other] =
        ["all.log", "one.log", "two.log", "other.log"].map(|name| setup.path(name));
    // A backend that nobody is behind: the error is said long after the conditions were looked at.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let settings = format!(
        "server.modules += ( \"mod_proxy\" )\n\
         server.errorlog = \"{}\"\n$HTTP[\"host\"] == \"one\" {{ server.errorlog = \"{}\"\n\
         $HTTP[\"url\"] =^ \"/empty\" {{ server.errorlog = \"\" }} }}\n\
         $HTTP[\"host\"] == \"two\" {{ server.errorlog = \"|cat >> {}\" }}\n\
         $HTTP[\"url\"] =^ \"/backend\" {{ proxy.server = ( \"\" => ( ( \"host\" => \"127.0.0.1\", \"port\" => {port} ) ) ) }}",
        all.display(),
        one.display(),
        two.display()
    );
    let server = Server::start(setup.setting(&settings));
    let mut client = Client::connect(server.address());
    for round in 0..2 {
        for (host, log) in [("test", &all), ("one", &one), ("two", &two)] {
            let path = format!("{host}-{round}");
            assert!(ask(&mut client, host, &path).contains("404"));
            said_once(log, &path);
            let path = format!("empty-{host}-{round}");
            assert!(ask(&mut client, host, &path).contains("404"));
            said_once(log, &path);
        }
        server.reload().unwrap();
    }
    assert!(ask(&mut client, "one", "backend").contains("50"));
    wait::for_line(&one, &format!("(mod_proxy) 127.0.0.1:{port}: "));
    // As logrotate does it.
    fs::rename(&one, &other).unwrap();
    server.signal(Signal::HUP);
    let begun = Instant::now();
    let mut number = 0;
    while !fs::read_to_string(&one).is_ok_and(|text| text.contains("file not found")) {
        assert!(begun.elapsed() < PATIENCE);
        number += 1;
        let mut client = Client::connect(server.address());
        ask(&mut client, "one", &format!("new-{number}"));
    }
    wait::for_line(&all, "(supervisor) reopened 2 log files");
    let all = fs::read_to_string(&all).unwrap();
    for wrong in ["/one-", "/two-", "/new-", "mod_proxy"] {
        assert!(!all.contains(wrong), "{all}");
    }
}

#[test]
fn one_file_may_be_the_log_of_everything() {
    let setup = setup();
    let log = setup.path("one.log");
    let settings = format!(
        "server.modules += ( \"mod_accesslog\" )\naccesslog.filename = \"{0}\"\naccesslog.format = \"done with %U\"\n\
         server.errorlog = \"{0}\"\n$HTTP[\"host\"] == \"one\" {{ server.errorlog = \"{0}\" }}",
        log.display()
    );
    let server = Server::start(setup.setting(&settings));
    fs::rename(&log, server.setup.path("old.log")).unwrap();
    server.signal(Signal::HUP);
    let begun = Instant::now();
    let wanted = [
        "file not found: /a-",
        "file not found: /b-",
        "done with /a-",
    ];
    let mut number = 0;
    let has_all = |text: String| wanted.iter().all(|wanted| text.contains(wanted));
    while !fs::read_to_string(&log).is_ok_and(has_all) {
        assert!(begun.elapsed() < PATIENCE);
        number += 1;
        let mut client = Client::connect(server.address());
        ask(&mut client, "test", &format!("a-{number}"));
        ask(&mut client, "one", &format!("b-{number}"));
    }
}
