//! mod_maxminddb: what programs and logs are told of a client's place.
//!
//! In: databases that are made here; clients from many places, as a trusted proxy announces them, and from this machine. Out:
//! variables. Must hold: a client of whom nothing is known has none, and no broken database is served with.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use crate::support::http::{self, Asked};
use crate::support::mmdb::{Family, Value, Writer};
use crate::support::servers::{self, Configuration, lighttpd_is_there};
use crate::support::{Built, Client, Server, Setup};

const DEEP: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A text that needs a length of two bytes.
const LONG: &str = "It is a long way from here, and those who live there say that it is the same from there; nobody has ever \
    gone both ways and counted. There is a river on the left for most of it, then on the right, and at last, if one has not lost \
    the path among the reeds, there is none at all any more. Then one is there.";

fn germany() -> Value {
    let deep = DEEP.iter().rev().fold(Value::Text("ground"), |below, key| {
        Value::Map(vec![(key, below)])
    });
    Value::Map(vec![
        (
            "country",
            Value::Map(vec![
                ("iso_code", Value::Text("DE")),
                ("geoname_id", Value::Uint32(2_921_044)),
                (
                    "names",
                    Value::Map(vec![
                        ("en", Value::Text("Germany")),
                        ("ja", Value::Text("ドイツ連邦共和国")),
                    ]),
                ),
                ("is_in_european_union", Value::Bool(true)),
            ]),
        ),
        (
            "location",
            Value::Map(vec![
                ("latitude", Value::Double(52.524_37)),
                ("longitude", Value::Float(-13.5)),
                ("accuracy_radius", Value::Uint16(200)),
            ]),
        ),
        (
            "subdivisions",
            Value::List(vec![
                Value::Map(vec![("iso_code", Value::Text("BE"))]),
                Value::Map(vec![("iso_code", Value::Text("MITTE"))]),
            ]),
        ),
        ("below", Value::Int32(-40)),
        ("zero", Value::Uint32(0)),
        ("many", Value::Uint64(u64::MAX)),
        ("huge", Value::Uint128(0xfe << 120 | 1)),
        ("bytes", Value::Bytes(b"a b\x7f")),
        ("no", Value::Bool(false)),
        ("nothing", Value::Text("")),
        ("long", Value::Text(LONG)),
        ("deep", deep),
    ])
}

fn country(code: &'static str, name: &'static str) -> Value {
    let names = Value::Map(vec![("en", Value::Text(name))]);
    Value::Map(vec![(
        "country",
        Value::Map(vec![("iso_code", Value::Text(code)), ("names", names)]),
    )])
}

fn world(family: Family) -> Writer {
    let writer = Writer::new(family)
        // So that others are far from the beginning.
        .add(
            "198.18.0.0/15",
            &Value::Map(vec![("padding", Value::Text(PADDING))]),
        )
        .add("192.0.0.0/16", &country("NL", "Netherlands"))
        .add("192.0.2.0/24", &germany())
        .add("192.0.2.128/25", &country("DE", "Germany"))
        .add("192.0.2.200/32", &country("AT", "Austria"))
        .add("127.0.0.0/8", &country("XX", "This machine"));
    match family {
        Family::V4 => writer,
        Family::V6 => writer
            .add("2001:db8::/32", &country("CH", "Switzerland"))
            .add("2001:db8:1::/48", &germany())
            .add("::1/128", &country("X6", "This machine by IPv6")),
    }
}

/// Longer than what a short pointer reaches.
const PADDING: &str = {
    const BYTES: [u8; 2500] = [b'.'; 2500];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => panic!("it is ASCII"),
    }
};

const VARIABLES: &[(&str, &str)] = &[
    ("GEO_CODE", "country/iso_code"),
    ("GEO_ID", "country/geoname_id"),
    ("GEO_NAME", "country/names/en"),
    ("GEO_NAME_JA", "country/names/ja"),
    ("GEO_NAME_FR", "country/names/fr"),
    ("GEO_EU", "country/is_in_european_union"),
    ("GEO_LATITUDE", "location/latitude"),
    ("GEO_LONGITUDE", "location/longitude"),
    ("GEO_RADIUS", "location/accuracy_radius"),
    ("GEO_SUB_0", "subdivisions/0/iso_code"),
    ("GEO_SUB_1", "subdivisions/1/iso_code"),
    ("GEO_SUB_2", "subdivisions/2/iso_code"),
    ("GEO_SUB_LAST", "subdivisions/-1/iso_code"),
    ("GEO_SUB_KEY", "subdivisions/iso_code"),
    ("GEO_BELOW", "below"),
    ("GEO_ZERO", "zero"),
    ("GEO_MANY", "many"),
    ("GEO_HUGE", "huge"),
    ("GEO_BYTES", "bytes"),
    ("GEO_NO", "no"),
    ("GEO_NOTHING", "nothing"),
    ("GEO_LONG", "long"),
    ("GEO_DEEP", "deep/a/b/c/d/e/f"),
    ("GEO_TOO_DEEP", "deep/a/b/c/d/e/f/g"),
    ("GEO_MAP", "country"),
    ("GEO_LIST", "subdivisions"),
    ("GEO_MISSING", "missing"),
    ("GEO_CASE", "Country/ISO_code"),
];

/// Those of [`germany`].
const GERMANY: &[(&str, &str)] = &[
    ("GEO_CODE", "DE"),
    ("GEO_ID", "2921044"),
    ("GEO_NAME", "Germany"),
    ("GEO_NAME_JA", "ドイツ連邦共和国"),
    ("GEO_EU", "1"),
    ("GEO_LATITUDE", "52.52437"),
    ("GEO_LONGITUDE", "-13.50000"),
    ("GEO_RADIUS", "200"),
    ("GEO_SUB_0", "BE"),
    ("GEO_SUB_1", "MITTE"),
    ("GEO_SUB_LAST", "MITTE"),
    ("GEO_BELOW", "-40"),
    ("GEO_ZERO", "0"),
    ("GEO_MANY", "18446744073709551615"),
    ("GEO_HUGE", "0xFE000000000000000000000000000001"),
    ("GEO_BYTES", "a b\x7f"),
    ("GEO_NO", "0"),
    ("GEO_NOTHING", ""),
    ("GEO_LONG", LONG),
    ("GEO_DEEP", "ground"),
];

/// A program that says which of these variables it has.
const PROGRAM: &str =
    "printf 'Content-Type: text/plain\\r\\n\\r\\n'\nenv | grep '^GEO_' | sort\nexit 0\n";

fn settings(database: &Path) -> String {
    let pairs: Vec<_> = VARIABLES
        .iter()
        .map(|(name, path)| format!("\"{name}\" => \"{path}\""))
        .collect();
    format!(
        "server.modules := ( \"mod_extforward\", \"mod_maxminddb\", \"mod_cgi\", \"mod_staticfile\" )\ncgi.assign = ( \".sh\" => \"/bin/sh\" )\n\
         extforward.forwarder = ( \"127.0.0.1\" => \"trust\" )\nmaxminddb.activate = \"enable\"\nmaxminddb.db = \"{}\"\n\
         maxminddb.env = ( {} )\n",
        database.display(),
        pairs.join(", ")
    )
}

/// With a database in a file of its own.
fn setup(database: &[u8]) -> Setup {
    let setup = Setup::new(Built::Everlit);
    setup.file("env.sh", PROGRAM);
    let path = setup.path("places.mmdb");
    fs::write(&path, database).unwrap();
    setup.setting(&settings(&path))
}

type Told = BTreeMap<String, String>;

/// What a program is told of a client that comes by a proxy.
fn told(address: SocketAddr, client: &str) -> Told {
    let mut connection = http::Client::connect(address);
    let forwarded = match client {
        "" => String::new(),
        client => format!("X-Forwarded-For: {client}\r\n"),
    };
    let request = format!("GET /env.sh HTTP/1.1\r\nHost: test\r\n{forwarded}\r\n");
    connection.send(request.as_bytes());
    let response = connection.response(Asked::ForAnything).unwrap();
    assert_eq!(response.status, 200);
    let text = String::from_utf8(response.body).unwrap();
    let lines = text.lines().map(|line| line.split_once('=').unwrap());
    lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn expected(pairs: &[(&str, &str)]) -> Told {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn programs_are_told_where_clients_are() {
    for (family, record_size) in [
        (Family::V6, 24),
        (Family::V6, 28),
        (Family::V6, 32),
        (Family::V4, 24),
        (Family::V4, 28),
    ] {
        let server = Server::start(setup(&world(family).finish(record_size)));
        let germany = expected(GERMANY);
        let named = |code, name| expected(&[("GEO_CODE", code), ("GEO_NAME", name)]);
        let is_both = family == Family::V6;
        let only_both = |told: Told| if is_both { told } else { Told::new() };
        for (client, expected) in [
            ("192.0.2.1", germany.clone()),
            ("192.0.2.127", germany.clone()),
            ("192.0.2.128", named("DE", "Germany")),
            ("192.0.2.200", named("AT", "Austria")),
            ("192.0.2.201", named("DE", "Germany")),
            ("192.0.3.1", named("NL", "Netherlands")),
            ("192.1.0.0", Told::new()),
            // Nobody knows where that is.
            ("10.1.2.3", Told::new()),
            ("198.18.0.1", Told::new()),
            ("255.255.255.255", Told::new()),
            ("", named("XX", "This machine")),
            ("2001:db8::1", only_both(named("CH", "Switzerland"))),
            ("2001:db8:1::1", only_both(germany.clone())),
            ("2001:db9::", Told::new()),
            ("fe80::1", Told::new()),
            // The same client as without it.
            ("::ffff:192.0.2.200", named("AT", "Austria")),
        ] {
            let told = told(server.address(), client);
            assert_eq!(told, expected, "{family:?} {record_size} {client}");
        }
    }
}

/// A listener for both families, where there are two.
#[test]
fn clients_of_either_family_are_known() {
    let Ok(probe) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        println!("skipped: there is no IPv6");
        return;
    };
    drop(probe);
    let setup = setup(&world(Family::V6).finish(24));
    setup.configure("server.bind = \"[::]\"\nserver.port = 0\nserver.set-v6only = \"disable\"");
    let server = Server::start_as_configured(setup);
    let port = server.address().port();
    let by_four = SocketAddr::from(([127, 0, 0, 1], port));
    if TcpStream::connect(by_four).is_err() {
        println!("skipped: a socket here is for one family");
        return;
    }
    assert_eq!(told(by_four, "")["GEO_CODE"], "XX");
    let by_six = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    assert_eq!(told(by_six, "")["GEO_CODE"], "X6");
}

#[test]
fn conditions_and_other_modules_have_their_say() {
    let setup = Setup::new(Built::Everlit);
    setup.file("env.sh", PROGRAM);
    let [first, second] = ["first.mmdb", "second.mmdb"].map(|name| setup.path(name));
    fs::write(&first, world(Family::V6).finish(28)).unwrap();
    let other = Writer::new(Family::V4).add("127.0.0.1/32", &country("YY", "Elsewhere"));
    fs::write(&second, other.finish(32)).unwrap();
    let log = setup.path("access.log");
    let setup = setup.setting(&settings(&first)).setting(&format!(
        "server.max-worker = 1\nserver.modules += ( \"mod_setenv\", \"mod_accesslog\" )\naccesslog.filename = \"{}\"\naccesslog.format = \"%{{GEO_CODE}}e %{{GEO_NAME}}e\"\n\
         setenv.add-environment = ( \"GEO_MINE\" => \"set\" )\n\
         $HTTP[\"query-string\"] == \"off\" {{ maxminddb.activate = \"disable\" }}\n\
         $HTTP[\"query-string\"] == \"other\" {{ maxminddb.db = \"{}\" }}\n\
         $HTTP[\"query-string\"] == \"few\" {{ maxminddb.env = ( \"GEO_ONLY\" => \"country/iso_code\" ) }}\n\
         $HTTP[\"query-string\"] == \"none\" {{ maxminddb.env = () }}\n",
        log.display(),
        second.display()
    ));
    let server = Server::start(setup);
    let ask = |query: &str| {
        let mut client = Client::connect(server.address());
        client.send(&format!(
            "GET /env.sh?{query} HTTP/1.0\r\nHost: test\r\n\r\n"
        ));
        let answer = String::from_utf8(client.until_closed()).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.lines().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ask(""), "GEO_CODE=XX GEO_MINE=set GEO_NAME=This machine");
    assert_eq!(ask("off"), "GEO_MINE=set");
    assert_eq!(ask("other"), "GEO_CODE=YY GEO_MINE=set GEO_NAME=Elsewhere");
    assert_eq!(ask("few"), "GEO_MINE=set GEO_ONLY=XX");
    assert_eq!(ask("none"), "GEO_MINE=set");
    // A file is logged with them as well.
    assert_eq!(Client::connect(server.address()).get("/a.txt"), "first");
    drop(server.reload().unwrap());
    let logged = fs::read_to_string(log).unwrap();
    assert_eq!(
        logged.lines().collect::<Vec<_>>(),
        [
            "XX This machine",
            "- -",
            "YY Elsewhere",
            "- -",
            "- -",
            "XX This machine"
        ]
    );
}

#[test]
fn a_reload_takes_the_new_database_or_keeps_the_old_one() {
    let server = Server::start(setup(&world(Family::V6).finish(24)));
    let place = server.setup.path("places.mmdb");
    let mut kept = http::Client::connect(server.address());
    let mut code = || {
        kept.send(b"GET /env.sh HTTP/1.1\r\nHost: test\r\n\r\n");
        let response = kept.response(Asked::ForAnything).unwrap();
        let text = String::from_utf8(response.body).unwrap();
        text.lines().next().map(str::to_owned)
    };
    assert_eq!(code().as_deref(), Some("GEO_CODE=XX"));
    let replace = |bytes: &[u8]| {
        let new = server.setup.path("new.mmdb");
        fs::write(&new, bytes).unwrap();
        fs::rename(&new, &place).unwrap();
    };
    let other = Writer::new(Family::V4).add("127.0.0.1/32", &country("YY", "Elsewhere"));
    replace(&other.finish(32));
    // It is read once.
    assert_eq!(code().as_deref(), Some("GEO_CODE=XX"));
    server.reload().unwrap();
    assert_eq!(code().as_deref(), Some("GEO_CODE=YY"));
    replace(&other.finish(32)[..100]);
    let refusal = server.reload().unwrap_err();
    assert!(refusal.contains("places.mmdb"), "{refusal}");
    assert_eq!(code().as_deref(), Some("GEO_CODE=YY"));
}

#[test]
fn what_is_no_database_is_an_error_that_names_it() {
    let whole = world(Family::V6).finish(24);
    let metadata = whole
        .windows(14)
        .rposition(|some| some == b"\xab\xcd\xefMaxMind.com")
        .unwrap();
    let odd = {
        let mut bytes = whole.clone();
        let name = b"record_size";
        let at = whole.windows(name.len()).rposition(|some| some == name);
        // After the name, what kind of number it is; then the number.
        bytes[at.unwrap() + name.len() + 1] = 25;
        bytes
    };
    let cases: [(&str, Option<&[u8]>); 8] = [
        ("missing", None),
        ("empty", Some(b"")),
        ("text", Some(b"192.0.2.0/24 DE\n")),
        ("half", Some(&whole[..whole.len() / 2])),
        ("without metadata", Some(&whole[..metadata])),
        ("cut in its metadata", Some(&whole[..whole.len() - 10])),
        ("without its tree", Some(&whole[metadata..])),
        ("records of 25 bits", Some(&odd)),
    ];
    for (name, bytes) in cases {
        let setup = setup(b"");
        let path = setup.path("places.mmdb");
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        setup.configure("server.bind = \"127.0.0.1\"\nserver.port = 0");
        for how in [&["-tt", "-f", "test.conf"], &["-D", "-f", "test.conf"]] {
            let output = setup.run(how);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{name}: {said}");
            let path = path.display().to_string();
            assert!(said.contains(&path), "{name}: {said}");
            assert!(said.contains("test.conf:"), "{name}: {said}");
        }
    }
}

/// What programs are told by lighttpd, they are told by Everlit, but for numbers of 128 bits.
#[test]
fn lighttpd_tells_the_same() {
    if !lighttpd_is_there() {
        return;
    }
    let module = Path::new("/usr/lib/lighttpd/mod_maxminddb.so");
    if !module.exists() {
        assert!(std::env::var_os("CI").is_none(), "{module:?} is missing");
        println!("skipped: {module:?} is missing");
        return;
    }
    let documents = tempfile::tempdir().unwrap();
    fs::write(documents.path().join("env.sh"), PROGRAM).unwrap();
    let database = documents.path().join("places.mmdb");
    for (family, order) in [
        (Family::V6, ["mod_setenv", "mod_maxminddb"]),
        (Family::V4, ["mod_maxminddb", "mod_setenv"]),
    ] {
        fs::write(&database, world(family).finish(28)).unwrap();
        let text = settings(&database).replace(
            "\"mod_maxminddb\"",
            &format!("\"{}\", \"{}\"", order[0], order[1]),
        ) + "setenv.set-environment = ( \"GEO_NAME\" => \"set\", \"GEO_MINE\" => \"set\" )\n";
        let configuration = Configuration {
            text: &text,
            root: documents.path(),
        };
        let theirs = servers::Server::lighttpd(&configuration);
        let ours = servers::Server::everlit(&configuration);
        let mut known = 0;
        for client in [
            "",
            "192.0.2.1",
            "192.0.2.128",
            "192.0.2.200",
            "192.0.3.1",
            "192.1.0.0",
            "10.1.2.3",
            "2001:db8::1",
            "2001:db8:1::1",
            "2001:db9::",
            "fe80::1",
        ] {
            let (mut their, our) = (told(theirs.address, client), told(ours.address, client));
            // lighttpd writes the bytes of such a number backwards, unless the processor does.
            if let Some(number) = their.get_mut("GEO_HUGE") {
                assert_eq!(number, "0x010000000000000000000000000000FE");
                *number = "0xFE000000000000000000000000000001".to_owned();
            }
            known += usize::from(their.contains_key("GEO_CODE"));
            assert_eq!(our, their, "{family:?}, {client}");
        }
        assert!(known >= 5, "{known}");
    }
}
