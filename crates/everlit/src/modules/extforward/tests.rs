use std::sync::Arc;

use super::*;
use crate::config::tests::support::{ask, base, load, remarks};
use crate::route::Desk;

const MODULES: &str = "server.modules = ( \"mod_extforward\", \"mod_setenv\" )\n";

fn forwarders(entries: &str) -> Arc<Forwarders> {
    let text = format!("{MODULES}extforward.forwarder = ( {entries} )");
    base(&text).extforward.forwarders.clone()
}

fn trusts(forwarders: &Forwarders, who: &str) -> bool {
    let peer = Peer::without_port(who.parse().unwrap());
    forwarders.trusts_neighbour(&peer)
}

#[test]
fn addresses_go_before_networks() {
    let some = forwarders(
        r#" "10.0.0.0/8" => "trust", "10.7.7.7" => "untrusted", "192.0.2.1" => "Trust", "[2001:db8::1]" => "trust",
            "192.0.2.2" => "maybe" "#,
    );
    for (who, expected) in [
        ("10.1.2.3", true),
        ("10.7.7.7", false),
        ("192.0.2.1", true),
        ("192.0.2.2", false),
        ("::ffff:192.0.2.1", true),
        ("::ffff:10.9.9.9", true),
        ("2001:db8::1", true),
        ("2001:db8::2", false),
        ("11.0.0.1", false),
    ] {
        assert_eq!(trusts(&some, who), expected, "{who}");
    }
    assert!(!some.trusts_neighbour(&Peer::Unix));
}

#[test]
fn all_is_the_other_end_and_nobody_else() {
    let all = forwarders(r#" "all" => "trust", "10.0.0.1" => "trust" "#);
    assert!(trusts(&all, "192.0.2.1") && all.trusts_neighbour(&Peer::Unix));
    assert!(all.trusts("10.0.0.1".parse().unwrap()));
    assert!(!all.trusts("192.0.2.1".parse().unwrap()));
    let none = forwarders(r#" "all" => "untrusted", "10.0.0.1" => "trust" "#);
    assert!(!trusts(&none, "10.0.0.1"));
}

#[test]
fn what_is_not_meant_is_said() {
    for (entries, expected) in [
        (
            r#""10.0.0.1" => "yes""#,
            "warning: extforward.forwarder: \"10.0.0.1\" is not trusted",
        ),
        (
            r#""10.0.0.0/8" => "untrusted""#,
            "warning: extforward.forwarder: network 10.0.0.0/8 has no effect",
        ),
        (
            r#""proxy" => "trust""#,
            "warning: extforward.forwarder: \"proxy\" is not an IP address",
        ),
        (
            r#""10.0.0.0/33" => "trust""#,
            "error: extforward.forwarder: \"33\" is not a prefix length",
        ),
        (
            r#""proxy/8" => "trust""#,
            "error: extforward.forwarder: \"proxy\" is not an IP address",
        ),
    ] {
        let found = remarks(&format!("{MODULES}extforward.forwarder = ( {entries} )"));
        assert_eq!(found.len(), 1, "{entries}: {found:?}");
        assert!(found[0].contains(expected), "{entries}: {found:?}");
    }
}

/// What conditions see, and so what is answered: 400 or nothing, address and scheme; `-` for those of the connection.
fn seen(extra: &str, fields: &str) -> String {
    let text = format!(
        r#"{MODULES}extforward.forwarder = ( "192.0.2.7" => "trust", "10.0.0.0/8" => "trust" )
        {extra}
        $HTTP["remoteip"] == "1.2.3.4" {{ setenv.set-response-header = ( "A" => "1.2.3.4" ) }}
        $HTTP["remoteip"] == "2001:db8::5" {{ setenv.set-response-header = ( "A" => "2001:db8::5" ) }}
        $HTTP["scheme"] == "https" {{ setenv.add-response-header = ( "S" => "https" ) }}"#
    );
    let mut desk = Desk::new(Arc::new(load(&text).0));
    let head = format!("GET / HTTP/1.1\nHost: h.example\n{fields}");
    ask(&mut desk, &head);
    let field = |name| match desk.response.headers.get(name) {
        Some(value) => String::from_utf8_lossy(value).into_owned(),
        None => "-".to_owned(),
    };
    let status = match desk.response.status {
        400 => "400 ",
        _ => "",
    };
    format!("{status}{} {}", field("A"), field("S"))
}

#[test]
fn conditions_see_whom_a_proxy_tells_of() {
    for (fields, expected) in [
        ("A: b", "- -"),
        ("X-Forwarded-For: 1.2.3.4", "1.2.3.4 -"),
        ("Forwarded-For: 1.2.3.4", "1.2.3.4 -"),
        ("X-Forwarded-For: 2001:db8::5, 10.1.1.1", "2001:db8::5 -"),
        ("X-Forwarded-For: 1.2.3.4, 5.5.5.5", "- -"),
        (
            "X-Forwarded-For: 1.2.3.4\nX-Forwarded-Proto: HTTPS",
            "1.2.3.4 https",
        ),
        (
            "X-Forwarded-For: 1.2.3.4\nX-Forwarded-Proto: https, http",
            "1.2.3.4 -",
        ),
        (
            "X-Forwarded-For: 9.9.9.9\nX-Forwarded-For: 1.2.3.4",
            "1.2.3.4 -",
        ),
        ("X-Forwarded-Proto: https", "- -"),
        ("X-Forwarded-For:\nForwarded-For: 1.2.3.4", "1.2.3.4 -"),
        ("Forwarded: for=1.2.3.4", "- -"),
    ] {
        assert_eq!(seen("", fields), expected, "{fields}");
    }
}

#[test]
fn the_first_field_that_is_there_counts() {
    let headers = r#"extforward.headers = ( "X-Real", "Forwarded", "X-Forwarded-For" )"#;
    for (fields, expected) in [
        ("X-Forwarded-For: 1.2.3.4", "1.2.3.4 -"),
        ("X-Forwarded-For: 1.2.3.4\nForwarded: for=5.5.5.5", "- -"),
        (
            "X-Forwarded-For: 5.5.5.5\nForwarded: for=1.2.3.4;proto=https",
            "1.2.3.4 https",
        ),
        ("X-Real: nonsense\nForwarded: for=1.2.3.4", "- -"),
        ("Forwarded-For: 1.2.3.4", "- -"),
        ("Forwarded: for=\"1.2.3.4", "400 - -"),
    ] {
        assert_eq!(seen(headers, fields), expected, "{fields}");
    }
    // Then the client is known from the PROXY protocol.
    let other = "extforward.hap-PROXY = \"enable\"";
    assert_eq!(seen(other, "X-Forwarded-For: 1.2.3.4"), "- -");
}

#[test]
fn hosts_and_users_are_believed_if_asked_for() {
    let headers = r#"extforward.headers = ( "Forwarded" )"#;
    let params =
        format!("{headers}\nextforward.params = ( \"host\" => 1, \"remote_user\" => \"enable\" )");
    let head = "for=1.2.3.4;host=Other.Example;remote_user=\"joe d\"";
    for (extra, expected) in [
        (headers, ("h.example", None)),
        (&params[..], ("other.example", Some("joe d"))),
    ] {
        let text = format!("GET / HTTP/1.1\r\nHost: h.example\r\nForwarded: {head}\r\n\r\n");
        let settings = base(&format!("{MODULES}{extra}"));
        let found = with_request(&text, |request| told(request, &settings.extforward));
        let (told, user) = found.unwrap().unwrap();
        let (host, expected_user) = expected;
        assert_eq!(told.host, (host != "h.example").then(|| host.into()));
        assert_eq!(user.as_deref(), expected_user.map(str::as_bytes));
    }
    let text = "GET / HTTP/1.1\r\nHost: h\r\nForwarded: for=1.2.3.4;host=\"a b\"\r\n\r\n";
    let settings = base(&format!("{MODULES}{params}"));
    let found = with_request(text, |request| told(request, &settings.extforward));
    assert_eq!(found, Err(Wrong::Host));
    let settings = base(&format!("{MODULES}{headers}"));
    assert!(with_request(text, |request| told(request, &settings.extforward)).is_ok());
}

fn with_request<T>(text: &str, then: impl FnOnce(&Request<'_>) -> T) -> T {
    use crate::http1::head::{self, Limits, Parsed};
    let Parsed::Head(head) = head::parse(text.as_bytes(), &Limits::default()) else {
        panic!("not a request: {text}");
    };
    let peer = Peer::Unix;
    then(&Request {
        uri: uri::parse(head.target, &ParseOptions::default()).unwrap(),
        host: b"h.example"[..].into(),
        head: &head,
        peer,
        neighbour: &peer,
        listener: "",
        local_port: 0,
        scheme: "http",
        tls: None,
        secured: None,
        told: None,
        rewritten: Default::default(),
        permit: Default::default(),
        overrides: Vec::new(),
        environment: Vec::new(),
    })
}
