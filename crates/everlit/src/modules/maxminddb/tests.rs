//! Databases that are made here, byte by byte (MaxMind DB File Format Specification 2.0).
#![cfg(feature = "maxminddb")]

use super::*;

/// A tree of 32 levels in which one network leads to a record.
fn database(network: [u8; 4], prefix: usize, record: &[u8]) -> Vec<u8> {
    let nodes = prefix as u32;
    let bit = |at: usize| network[at / 8] >> (7 - at % 8) & 1;
    let mut out = Vec::new();
    for level in 0..prefix {
        // "Not found" is the number of nodes; data begin 16 bytes after the tree.
        let next = match level + 1 == prefix {
            true => nodes + 16,
            false => level as u32 + 1,
        };
        let pair = match bit(level) {
            0 => [next, nodes],
            _ => [nodes, next],
        };
        out.extend(
            pair.iter()
                .flat_map(|value| value.to_be_bytes()[1..].to_vec()),
        );
    }
    out.extend([0; 16]);
    out.extend(record);
    out.extend(b"\xab\xcd\xefMaxMind.com");
    let number =
        |kind: u8, value: u32| [vec![kind << 5 | 4], value.to_be_bytes().to_vec()].concat();
    let major = [&[5 << 5 | 2][..], &[0, 2]].concat();
    let minor = [&[5 << 5 | 2][..], &[0, 0]].concat();
    let short = |value: u16| [vec![5 << 5 | 2], value.to_be_bytes().to_vec()].concat();
    out.extend(map(&[
        ("binary_format_major_version", major),
        ("binary_format_minor_version", minor),
        ("build_epoch", [vec![4, 2], vec![0, 0, 0, 1]].concat()),
        ("database_type", text("Test")),
        ("description", map(&[])),
        ("ip_version", short(4)),
        ("languages", vec![0, 4]),
        ("node_count", number(6, nodes)),
        ("record_size", short(24)),
    ]));
    out
}

fn text(text: &str) -> Vec<u8> {
    match text.len() {
        length @ ..29 => [&[2 << 5 | length as u8], text.as_bytes()].concat(),
        length => [&[2 << 5 | 29, length as u8 - 29], text.as_bytes()].concat(),
    }
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries_of = entries
        .iter()
        .flat_map(|(key, value)| [text(key), value.clone()]);
    [
        vec![7 << 5 | entries.len() as u8],
        entries_of.flatten().collect(),
    ]
    .concat()
}

fn record() -> Vec<u8> {
    map(&[
        (
            "country",
            map(&[
                ("iso_code", text("DE")),
                ("names", map(&[("en", text("Germany"))])),
            ]),
        ),
        (
            "location",
            map(&[(
                "latitude",
                [&[3 << 5 | 8][..], &52.5f64.to_be_bytes()].concat(),
            )]),
        ),
        ("list", [vec![1, 4], map(&[("a", text("first"))])].concat()),
        ("number", vec![6 << 5 | 2, 1, 0]),
        ("minus", vec![4, 1, 0xff, 0xff, 0xff, 0xfe]),
        ("yes", vec![1, 7]),
        ("bytes", vec![4 << 5 | 2, 0xff, 0]),
        ("huge", vec![1, 3, 0x0a]),
    ])
}

fn opened(bytes: &[u8]) -> Result<Database, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.mmdb");
    std::fs::write(&path, bytes).unwrap();
    Database::open(path.to_str().unwrap())
}

fn values(database: &Database, ip: &str, paths: &[&str]) -> Vec<(String, String)> {
    let split = |path: &&str| path.split('/').map(str::to_owned).collect();
    let variables: Vec<_> = paths
        .iter()
        .map(|path| (path.to_string(), split(path)))
        .collect();
    let mut found = Vec::new();
    database.look_up(ip.parse().unwrap(), &variables, |name, value| {
        found.push((name.to_owned(), value.escape_ascii().to_string()));
    });
    found
}

#[test]
fn values_are_written_as_lighttpd_writes_them() {
    let database = opened(&database([192, 0, 2, 0], 24, &record())).unwrap();
    for (path, expected) in [
        ("country/iso_code", Some("DE")),
        ("country/names/en", Some("Germany")),
        ("location/latitude", Some("52.50000")),
        ("list/0/a", Some("first")),
        ("list/-1/a", Some("first")),
        ("list/-2/a", None),
        ("list/-0/a", None),
        ("list/+/a", None),
        ("number", Some("256")),
        ("minus", Some("-2")),
        ("yes", Some("1")),
        ("bytes", Some("\\xff\\x00")),
        ("huge", Some("0x0000000000000000000000000000000A")),
        ("country", None),
        ("country/names/de", None),
        ("list/1/a", None),
        ("number/0", None),
    ] {
        let found = values(&database, "192.0.2.77", &[path]);
        let found = found.first().map(|(_, value)| &value[..]);
        assert_eq!(found, expected, "{path}");
    }
    let all = &["number", "nope", "yes"];
    assert_eq!(values(&database, "192.0.2.1", all).len(), 2);
    for other in ["192.0.3.1", "0.0.0.0", "::1", "2001:db8::1"] {
        assert_eq!(values(&database, other, all), [], "{other}");
    }
}

#[test]
fn what_is_no_database_is_refused() {
    assert!(opened(b"").is_err());
    assert!(opened(&[b'x'; 5000]).is_err());
    assert!(Database::open("/nowhere.mmdb").is_err());
    let whole = database([192, 0, 2, 0], 24, &record());
    for cut in 0..whole.len() {
        // Refused, or without what is missing; never the end of us.
        if let Ok(database) = opened(&[&whole[..cut], &whole[cut + 1..]].concat()) {
            values(
                &database,
                "192.0.2.77",
                &["country/iso_code", "list/0/a", "huge"],
            );
        }
    }
}
