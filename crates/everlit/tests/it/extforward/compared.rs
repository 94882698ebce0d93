//! The same requests to Debian's lighttpd: whom it takes for the client.

use crate::support::documents::Documents;
use crate::support::http::{Asked, Client};
use crate::support::servers::{Configuration, Server, lighttpd_is_there};

const MODULES: &str = "server.modules = ( \"mod_extforward\", \"mod_setenv\", \"mod_accesslog\" )\n\
    accesslog.filename = \"@DIR@/access.log\"\naccesslog.format = \"%h %s %{remote}p\"\n\
    $HTTP[\"remoteip\"] == \"1.2.3.4\" { setenv.add-response-header = ( \"Who\" => \"it\" ) }\n\
    $HTTP[\"scheme\"] == \"https\" { setenv.set-response-header = ( \"Came\" => \"over TLS\" ) }\n";

/// What became of each: status, and what conditions have found; then the log.
fn outcomes(server: Server, requests: &[Vec<u8>]) -> (Vec<String>, String) {
    let mut outcomes = Vec::new();
    for request in requests {
        let mut client = Client::connect(server.address);
        client.send(request);
        outcomes.push(match client.response(Asked::ForAnything) {
            Ok(response) => format!(
                "{} {:?} {:?}",
                response.status,
                response.text("Who"),
                response.text("Came")
            ),
            Err(_) => "nothing".to_owned(),
        });
    }
    let (_, log) = server.finish("access.log");
    (outcomes, String::from_utf8(log).unwrap())
}

fn compare(settings: &str, requests: &[Vec<u8>]) {
    if !lighttpd_is_there() {
        return;
    }
    let documents = Documents::new();
    let root = documents.root();
    let text = [MODULES, settings].concat();
    let configuration = Configuration {
        text: &text,
        root: &root,
    };
    let theirs = outcomes(Server::lighttpd(&configuration), requests);
    let ours = outcomes(Server::everlit(&configuration), requests);
    for (at, request) in requests.iter().enumerate() {
        assert_eq!(ours.0[at], theirs.0[at], "{}", request.escape_ascii());
    }
    // Ports of clients that are known differ from run to run.
    let plain = |log: &str| -> Vec<String> {
        let known = |line: &str| line.starts_with("127.0.0.1 ") && !line.ends_with(" 0");
        let cut = |line: &str| line.rsplit_once(' ').unwrap_or_default().0.to_owned();
        log.lines()
            .map(|line| {
                if known(line) {
                    cut(line)
                } else {
                    line.to_owned()
                }
            })
            .collect()
    };
    assert_eq!(plain(&ours.1), plain(&theirs.1));
}

fn with(fields: &[&str]) -> Vec<Vec<u8>> {
    let request = |fields: &&str| {
        let fields = fields.replace('|', "\r\n");
        format!("GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n\r\n")
            .into_bytes()
    };
    fields.iter().map(request).collect()
}

const LISTS: &[&str] = &[
    "A: b",
    "X-Forwarded-For: 1.2.3.4",
    "X-Forwarded-For: 5.6.7.8, 1.2.3.4",
    "X-Forwarded-For: 1.2.3.4, 10.1.1.1",
    "X-Forwarded-For: 1.2.3.4, 5.6.7.8, 10.1.1.1",
    "X-Forwarded-For: 1.2.3.4, 10.7.7.7",
    "X-Forwarded-For: 1.2.3.4,10.1.1.1,127.0.0.1",
    "X-Forwarded-For: 1.2.3.4, 2001:db8::1",
    "X-Forwarded-For: 2001:db9::1",
    "X-Forwarded-For: 10.1.1.1, 10.2.2.2",
    "X-Forwarded-For: unknown",
    "X-Forwarded-For: 1.2.3.4, unknown",
    "X-Forwarded-For: 1.2.3.4, abc",
    "X-Forwarded-For: 1.2.3.4:80",
    "X-Forwarded-For: [2001:db9::1]:80",
    "X-Forwarded-For: 256.1.1.1",
    "X-Forwarded-For: 5.5.5.5;1.2.3.4",
    "X-Forwarded-For: 5.5.5.5|X-Forwarded-For: 1.2.3.4",
    "X-Forwarded-For:|Forwarded-For: 1.2.3.4",
    "Forwarded-For: 1.2.3.4|X-Forwarded-For: 5.5.5.5",
    "Forwarded: x=y;for=1.2.3.4",
    "X-Forwarded-Proto: https",
    "X-Forwarded-For: 1.2.3.5|X-Forwarded-Proto: HTTPS",
    "X-Forwarded-For: 1.2.3.5|X-Forwarded-Proto: https, http",
    "X-Forwarded-For: 1.2.3.5|X-Forwarded-Proto: ftp",
];

#[test]
fn lists_are_read_alike() {
    for forwarders in [
        r#""127.0.0.1" => "trust", "10.0.0.0/8" => "trust", "10.7.7.7" => "untrusted", "2001:db8::/32" => "trust""#,
        r#""all" => "trust""#,
        r#""all" => "trust", "10.0.0.0/8" => "trust""#,
        r#""all" => "untrusted", "127.0.0.1" => "trust""#,
        r#""10.0.0.1" => "trust""#,
    ] {
        let settings = format!("extforward.forwarder = ( {forwarders} )\n");
        compare(&settings, &with(LISTS));
    }
}

/// lighttpd 1.4.69 overlooks an address that is the very first pair of the field: hence `x=y`.
#[test]
fn forwarded_is_read_alike() {
    let settings = "extforward.headers = ( \"X-Real\", \"Forwarded\" )\n\
        extforward.forwarder = ( \"127.0.0.1\" => \"trust\", \"10.0.0.0/8\" => \"trust\" )\n";
    let requests = with(&[
        "X-Forwarded-For: 1.2.3.4",
        "X-Real: 1.2.3.4",
        "X-Real: nonsense|Forwarded: x=y;for=1.2.3.4",
        "Forwarded: x=y;for=1.2.3.4",
        "Forwarded: x=y;for=\"1.2.3.4:80\"",
        "Forwarded: x=y;for=\"[2001:db9::1]:80\"",
        "Forwarded: x=y;for=[2001:db9::1]",
        "Forwarded: x=y;for=1.2.3.4:80",
        "Forwarded: x=y;FOR=1.2.3.4;Proto=https",
        "Forwarded: x=y;for=1.2.3.5 ; proto=\"https\"",
        "Forwarded: x=y;for=1.2.3.4, for=10.0.0.1",
        "Forwarded: x=y;for=1.2.3.4, for=10.0.0.1;proto=https",
        "Forwarded: x=y;for=10.0.0.2, for=10.0.0.1",
        "Forwarded: x=y;for=1.2.3.4, proto=https",
        "Forwarded: x=y;for=1.2.3.4,,for=10.0.0.1",
        "Forwarded: x=y;for=1.2.3.4;for=6.6.6.6",
        "Forwarded: x=y;for=1.2.3.4, for=_x, for=10.0.0.1",
        "Forwarded: x=y;for=1.2.3.4, for=unknown",
        "Forwarded: x=y;for=1.2.3.4, for=abc",
        "Forwarded: x=y;for = 1.2.3.4",
        "Forwarded: x=y;for=1.2.3.4;by=\"",
        "Forwarded: proto=https",
    ]);
    compare(settings, &requests);
}

#[test]
fn introductions_are_read_alike() {
    let settings =
        "extforward.hap-PROXY = \"enable\"\nextforward.forwarder = ( \"all\" => \"trust\" )\n";
    let get = with(&["X-Forwarded-For: 9.9.9.9"]).remove(0);
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let four = b"\x01\x02\x03\x04\x05\x06\x07\x08\x04\x57\x00\x50";
    let binary = |command: u8, family: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&signature[..], &[command, family], &length, body].concat()
    };
    let requests: Vec<Vec<u8>> = [
        b"".to_vec(),
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 80\r\n".to_vec(),
        b"PROXY TCP6 2001:db8::5 ::1 1111 80\r\n".to_vec(),
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN a b c d\r\n".to_vec(),
        b"PROXY TCP5 1.2.3.4 5.6.7.8 1111 80\r\n".to_vec(),
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1111\r\n".to_vec(),
        b"PROXY TCP4 2001:db8::5 ::1 1111 80\r\n".to_vec(),
        b"PROXY TCP4  1.2.3.4 5.6.7.8 1111 80\r\n".to_vec(),
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 80 \r\n".to_vec(),
        binary(0x21, 0x11, four),
        binary(0x20, 0x11, four),
        binary(0x20, 0x00, b""),
        binary(0x21, 0x00, b""),
        binary(0x21, 0x12, four),
        binary(0x22, 0x11, four),
        binary(0x11, 0x11, four),
        binary(0x21, 0x11, &[&four[..], b"\x01\0\x02h2"].concat()),
        binary(
            0x21,
            0x11,
            &[&four[..], b"\x20\0\x05\x01\0\0\0\x01"].concat(),
        ),
    ]
    .iter()
    .map(|header| [&header[..], &get].concat())
    .collect();
    compare(settings, &requests);
}
