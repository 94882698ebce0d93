//! Hosts that would be more than names.

use mysql::prelude::Queryable as _;

use super::*;

/// Hosts that want to be more than names. The first ones would be quotes, comments or wildcards in a query.
pub(super) const HOSTILE: &[&[u8]] = &[
    b"x'or'1'='1",
    b"x'/**/or/**/1=1#",
    b"x'--",
    b"x';drop/**/table/**/hosts;--",
    b"x\\",
    b"x\\'or/**/1=1#",
    b"\\'or/**/1=1#",
    b"''or/**/1=1#",
    b"'",
    b"\"",
    b"x\"or\"1\"=\"1",
    b"`",
    b"%",
    b"www.example.or%",
    b"%27or%271%27=%271",
    b"?",
    b"x?y",
    b"@@version",
    b"x)",
    b"*",
    b"x\0'or'1'='1",
    b"x\x1a",
    // In some character sets the first byte takes the backslash that would be put before the quote.
    b"\xbf'or/**/1=1#",
    b"\xbf\\'or/**/1=1#",
    b"\xe9",
    "x\u{2019}or\u{2019}1".as_bytes(),
];

#[test]
fn no_host_says_anything_but_a_name() {
    let www = elsewhere();
    let Some(database) = Mariadb::new(&hosts(www.path())) else {
        return;
    };
    let lenient = "server.http-parseopts = ( \"host-strict\" => \"disable\", \"host-normalize\" => \"disable\" )";
    let options = format!("\"user\" => \"web\", {PASSWORD}, {}", database.by_socket());
    for sql in [
        SQL,
        "select root from hosts where name like '?'",
        r#"select root from hosts where name = \"?\""#,
    ] {
        let server = Server::start(everlit(sql, &options).setting(lenient));
        let mut admin = database.admin();
        for mode in [
            "",
            "NO_BACKSLASH_ESCAPES",
            "ANSI",
            "NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT",
        ] {
            if mode.starts_with("ANSI") && sql.contains('"') {
                // There it would be the name of a column.
                continue;
            }
            admin
                .query_drop(format!(
                    "set global sql_mode = '{mode}', global init_connect = 'set names gbk'"
                ))
                .unwrap();
            // Only who is connected after that goes by it.
            database.disconnect_all();
            let fresh = format!("www.example.org:{}", mode.len() + 1);
            assert_eq!(ask(&server, &fresh), 404, "{mode}");
            for host in HOSTILE {
                let mut client = http::Client::connect(server.address());
                let request = [
                    b"GET /b.txt HTTP/1.1\r\nHost: ",
                    *host,
                    b"\r\nConnection: close\r\n\r\n",
                ]
                .concat();
                client.send(&request);
                let status = client.response(Asked::ForAnything).unwrap().status;
                let shown = host.escape_ascii();
                assert!(matches!(status, 400 | 404), "{mode}, {shown}: {status}");
            }
            assert_eq!(ask(&server, "www.example.org"), 200, "{mode}");
        }
        assert!(!server.said().contains("MySQL"), "{}", server.said());
    }
    // Everything that the database was asked about hosts.
    let asked = database.asked();
    let mut plain = 0;
    for line in asked.lines().filter(|line| line.contains("where name")) {
        let line = line.trim_end().trim_end_matches(['\'', '"']);
        let (_, host) = line.rsplit_once(['\'', '"']).expect("a name in quotes");
        assert!(host.starts_with("www.example.org"), "{line}");
        plain += 1;
    }
    assert!(plain >= 11, "{asked}");
    let count: Option<u64> = database
        .admin()
        .query_first("select count(*) from vhosts.hosts")
        .unwrap();
    assert_eq!(count, Some(9));
}
