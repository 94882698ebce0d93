//! Users and hosts in databases: LDAP and PostgreSQL, asked by both servers.

use super::super::configurations::Case;
use super::super::credentials::basic;
use super::super::destinations::{at, without_host};
use super::super::known::{EVERYWHERE, KNOWN as OF_ALL, Known, known};
use super::super::requests::{Request, get_with};
use super::super::{Standing, judge, rows};
use super::{OFTEN, case, install, logged};
use crate::auth::databases::Database;
use crate::auth::directory::{Directory, SLAPD};
use crate::auth::is_there;
use crate::support::documents::Documents;
use crate::support::servers::lighttpd_is_there;

macro_rules! directory {
    ($more:literal) => {
        concat!(
            r#"
            server.modules += ("mod_auth", "mod_authn_ldap")
            server.feature-flags += ("auth.delay-invalid-creds" => "disable")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%u %s"
            auth.backend = "ldap"
            auth.backend.ldap.hostname = "127.0.0.1:@LDAP@"
            auth.backend.ldap.base-dn = "dc=test"
            auth.backend.ldap.filter = "(uid=$)"
            auth.require = (
                "/a.txt" => ("method" => "basic", "realm" => "directory", "require" => "valid-user"),
                "/b.txt" => ("method" => "basic", "realm" => "directory", "require" => "user=ann"),
                "/page" => ("method" => "basic", "realm" => "directory", "require" => "group=cn=staff,dc=test"),
            )
            "#,
            $more
        )
    };
}

fn logins() -> Vec<Request> {
    let mut requests = Vec::new();
    for target in ["/a.txt", "/b.txt", "/page.html", "/missing"] {
        requests.push(get_with(target, &[]));
        for (user, password) in [
            ("joe", "secret"),
            ("joe", "wrong"),
            ("joe", ""),
            ("ann", "secret"),
            ("ANN", "secret"),
            ("nobody", "secret"),
            ("*", "secret"),
            ("a*", "secret"),
            ("joe)(uid=ann", "secret"),
            ("", "secret"),
            ("", ""),
            ("joe\\", "secret"),
            ("uid=joe,dc=test", "secret"),
        ] {
            requests.push(basic(target, user, password));
        }
    }
    requests
}

/// Hosts that are in it, and others.
fn sites() -> Vec<Request> {
    let hosts = [
        "www.example.org",
        "WWW.example.org",
        "www.example.org:8080",
        "two.example.org",
        "lost.example.org",
        "other.example.org",
        "192.0.2.1",
        "[::1]",
    ];
    [
        at(&hosts, &["/", "/a.txt", "/index.html", "/missing"]),
        without_host(&["/a.txt"]),
    ]
    .concat()
}

const OF_DIRECTORY: &[Case] = &[
    logged("databases, ldap", directory!(""), logins),
    logged(
        "databases, ldap, with a name of its own",
        directory!(
            r#"
            auth.backend.ldap.bind-dn = "cn=admin,dc=test"
            auth.backend.ldap.bind-pw = "admin"
            auth.backend.ldap.groupmember = "member"
            auth.cache = ("max-age" => 600)
            "#
        ),
        logins,
    ),
    logged(
        "databases, ldap, names made of names",
        directory!(
            r#"auth.backend.ldap.filter := ",dc=test" auth.backend.ldap.allow-empty-pw = "disable""#
        ),
        logins,
    ),
    logged(
        "databases, ldap that is not there",
        directory!(r#"auth.backend.ldap.hostname := "127.0.0.1:@DOWN-PORT@""#),
        logins,
    ),
    case(
        "databases, hosts in ldap",
        r#"
            server.modules += ("mod_vhostdb", "mod_vhostdb_ldap")
            vhostdb.backend = "ldap"
            vhostdb.ldap = ("base-dn" => "dc=test", "host" => "ldap://127.0.0.1:@LDAP@", "filter" => "(cn=?)", "attr" => "description", "bind-dn" => "cn=admin,dc=test", "bind-pw" => "admin")
            index-file.names = ("index.html")
        "#,
        sites,
    ),
];

const OF_DATABASE: &[Case] = &[
    case(
        "databases, hosts in PostgreSQL",
        r#"
            server.modules += ("mod_vhostdb", "mod_vhostdb_pgsql")
            vhostdb.backend = "pgsql"
            vhostdb.pgsql = ("sql" => "SELECT root FROM hosts WHERE name='?'", "dbname" => "postgres", "user" => "web", "host" => "@SOCKETS@")
            vhostdb.cache = ("max-age" => 600)
            index-file.names = ("index.html")
        "#,
        sites,
    ),
    case(
        "databases, hosts in PostgreSQL, for some",
        r#"
            server.modules += ("mod_vhostdb", "mod_vhostdb_pgsql")
            vhostdb.pgsql = ("sql" => "SELECT root FROM hosts WHERE name='?'", "dbname" => "postgres", "user" => "web", "host" => "@SOCKETS@")
            $HTTP["host"] =~ "^(www|lost)" { vhostdb.backend = "pgsql" }
            $HTTP["host"] == "other.example.org" { vhostdb.backend = "pgsql" vhostdb.pgsql = ("sql" => "SELECT nothing FROM nowhere", "dbname" => "postgres", "user" => "web", "host" => "@SOCKETS@") }
        "#,
        sites,
    ),
];

const KNOWN: &[Known] = &[
    known(
        "databases, ldap, with a name of its own",
        "GET /page.html as *:secret",
        "status",
        "401",
        "200",
        "ann is a member of the group; lighttpd 1.4.69 finds nobody in it",
    ),
    known(
        "databases, ldap that is not there",
        "GET *",
        "status",
        "401",
        "503",
        "nobody can say whether the password is right",
    ),
    known(
        "databases, hosts in ldap",
        "GET * at www.example.org",
        "*",
        "*",
        "*",
        "lighttpd 1.4.69 finds no host in this directory, and does not say why",
    ),
    known(
        "databases, hosts in ldap",
        "GET * at WWW.example.org",
        "*",
        "*",
        "*",
        "lighttpd 1.4.69 finds no host in this directory, and does not say why",
    ),
    known(
        "databases, hosts in PostgreSQL, for some",
        "GET * at other.example.org",
        "status",
        "500",
        "503",
        "a database that gives no answer may give one later",
    ),
];

#[test]
fn databases() {
    if !lighttpd_is_there() || !is_there(SLAPD) {
        return;
    }
    let documents = Documents::new();
    let root = documents.root();
    install(&root, &documents.outside());
    let pages = root.join("servers/www.example.org/pages");
    let pages = pages.to_str().expect("a path in UTF-8");
    let directory = Directory::new(pages);
    let Some(mut database) = Database::new() else {
        return;
    };
    let inserts = format!(
        "create table hosts (name text, root text);\n\
         insert into hosts values ('www.example.org', '{pages}/'), ('two.example.org', '{pages}'), ('two.example.org', '/'), \
         ('lost.example.org', '/nonexistent');"
    );
    database.client.batch_execute(&inserts).unwrap();
    let port = directory.port.to_string();
    let places = [("@LDAP@", &port[..]), ("@SOCKETS@", &database.sockets)];
    let known = [
        rows(&[EVERYWHERE, OF_ALL, OFTEN], Standing::Lent),
        rows(&[KNOWN], Standing::Own),
    ];
    let known: Vec<_> = known.into_iter().flatten().collect();
    judge(&[OF_DIRECTORY, OF_DATABASE], &known, &documents, &places);
}
