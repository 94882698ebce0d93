//! The language: values, conditions, and what one writes them for.

use super::super::configurations::Case;
use super::super::destinations::{at, without_host};
use super::super::known::{Known, known};
use super::super::requests::{Request, conditions, get_with, gets, targets};
use super::{around, case};

/// One request of each kind that a condition can be about.
fn of_all_kinds() -> Vec<Request> {
    [
        conditions(),
        around(&["/a.txt", "/sub/"]),
        vec![
            get_with("/a.txt", &["Accept: text/html"]),
            get_with(
                "/a.txt",
                &["Accept: */*", "X-Requested-With: XMLHttpRequest"],
            ),
            get_with("/a.txt", &["Authorization: Bearer abc"]),
            get_with("/a.txt", &["Content-Type: text/plain"]),
            get_with("/a.txt", &["X-Forwarded-Proto: https"]),
            get_with("/a.txt", &["DNT: 1"]),
            get_with("/a.txt", &["Origin: https://app.example"]),
        ],
    ]
    .concat()
}

pub const CASES: &[Case] = &[
    case(
        "language, values",
        "
            # a comment
            var.basedir = \"@ROOT@\"   # and another
            var.where = basedir + \"/\" + \"sub\"
            var.n = 40 + 2
            var.n += 1
            list_of_names = ( \"page.html\", \"index.html\", )
            var.fields = ( \"X-One\" => \"1\" )
            server.name = \"www.example.org\"
            server.tag := \"tag \" + var.n
            var.fields += (
                \"X-Two\"   => \"2\" + 3 ,   # three is a number

                \"X-Name\"  => server.name,
                \"X-Where\" => \"x\" + var.n + \"y\",
                \"X-Quote\" => \"a \\\"quoted\\\" word, a back\\slash\",
                \"X-Env\"   => env.LD_LIBRARY_PATH,
            )
            setenv.set-response-header = fields + ( \"X-Port\" => \":\" + server.port )
            setenv.set-response-header += ( \"X-Empty\" => \"\", \"X-Cwd\" => var.CWD )
            index-file.names = list_of_names
            $HTTP[\"host\"] == \"www.example.org\" { server.document-root := where }
            $HTTP[\"host\"] == server.name + \".\" { server.document-root = where + \"/deep\" }
            $HTTP[\"url\"] == \"/\" + \"b.txt\" { setenv.set-response-header = ( \"X-B\" => \"y\" ) }
        ",
        || {
            [
                at(&["www.example.org", "www.example.org.", "other.example"], &["/", "/page.html", "/file.txt", "/b.txt"]),
                without_host(&["/a.txt", "/"]),
            ]
            .concat()
        },
    ),
    case(
        "language, lines",
        "server.tag\u{a0}:=\u{a0}\"spaces\"\r\nsetenv.add-response-header = (\r\n\"X-A\" => \"1\",\r\n# comment\r\n\t\"X-B\" =>\r\n\t\"2\"\r\n)\r\n\
         $HTTP[\"url\"]   =~\t\"^/sub\"\r\n{\r\n  server.tag = \"in sub\"\r\n}\r\nelse $HTTP[\"url\"] == \"/a.txt\"\r\n{ server.tag = \"a\" }\r\n\
         global { setenv.add-environment = (\"G\" => \"1\") }\n\n\n  # the end",
        || gets(&["/a.txt", "/sub/page.html", "/b.txt", "/missing"]),
    ),
    case(
        "language, chains",
        r#"
            $HTTP["url"] =~ "^/sub/" { setenv.add-response-header = ("X-Chain" => "sub") }
            else $HTTP["url"] =~ "\.txt$" {
                setenv.add-response-header = ("X-Chain" => "txt")
                $HTTP["query-string"] =~ "q=(.)" { setenv.add-response-header = ("X-Chain" => "txt q %1") }
                else $HTTP["query-string"] == "secret" { setenv.add-response-header = ("X-Chain" => "txt secret") }
            }
            else $HTTP["request-method"] == "HEAD" { setenv.add-response-header = ("X-Chain" => "head") }
            else $HTTP["host"] =~ "^(.*)\.example" { setenv.add-response-header = ("X-Chain" => "host %1") }
            else $HTTP["remote-ip"] == "127.0.0.1" { setenv.add-response-header = ("X-Chain" => "near") }

            $HTTP["host"] == "a.b.c.example" { server.tag = "one" }
            $HTTP["host"] != "a.b.c.example" { server.tag = "two" }
            $HTTP["url"] == "/b.txt" { server.tag = "three" }
            $HTTP["host"] == "a.b.c.example" { setenv.set-response-header = ("X-Again" => "y") }
        "#,
        of_all_kinds,
    ),
    case(
        "language, prefixes and suffixes",
        r#"
            $HTTP["url"] =^ "/sub/" { setenv.set-response-header += ("X-A" => "prefix") }
            else $HTTP["url"] =$ ".txt" { setenv.set-response-header += ("X-A" => "suffix") }
            $HTTP["host"] =$ ".example" { setenv.set-response-header += ("X-B" => "host") }
            $HTTP["host"] =^ "oracle." { setenv.set-response-header += ("X-C" => "host") }
            $HTTP["query-string"] =^ "q=" { setenv.set-response-header += ("X-D" => "query") }
            $HTTP["user-agent"] =^ "Mozilla/" { setenv.set-response-header += ("X-E" => "agent") }
            $HTTP["cookie"] =$ "=c" { setenv.set-response-header += ("X-G" => "cookie") }
            $REQUEST_HEADER["Accept"] =^ "text/" { setenv.set-response-header += ("X-H" => "accept") }
            $REQUEST_HEADER["X-Requested-With"] =$ "Request" { setenv.set-response-header += ("X-I" => "ajax") }
            $HTTP["url"] =^ "" { setenv.set-response-header += ("X-J" => "any") }
            $HTTP["request-method"] =^ "P" { setenv.set-response-header += ("X-K" => "method") }
        "#,
        of_all_kinds,
    ),
    case(
        "language, expressions",
        r#"
            $HTTP["url"] =~ "^" { setenv.set-response-header += ("X-A" => "1") }
            $HTTP["url"] =~ "" { setenv.set-response-header += ("X-B" => "1") }
            $HTTP["url"] =~ "^/a.txt$" { setenv.set-response-header += ("X-C" => "1") }
            $HTTP["url"] =~ "\.(?i:TXT|html)$" { setenv.set-response-header += ("X-D" => "%0") }
            $HTTP["url"] =~ "^/(?<first>[^/]+)/(?P<second>.*)" { setenv.set-response-header += ("X-E" => "%1 %2") }
            $HTTP["url"] !~ "^/(a|b)\.txt" { setenv.set-response-header += ("X-F" => "%0 %1") }
            $HTTP["url"] =~ "(.)\1" { setenv.set-response-header += ("X-G" => "%1") }
            $HTTP["host"] =~ "^((.*)\.)?([^.]*)\.([^.]*)$" { setenv.set-response-header += ("X-H" => "%2 %3 %4") }
            $HTTP["host"] !~ "^oracle" { setenv.set-response-header += ("X-I" => "1") }
            $HTTP["query-string"] =~ "(^|&)q=([^&]*)" { setenv.set-response-header += ("X-J" => "%2") }
            $HTTP["url"] =~ "^/sub/$|^/b" { setenv.set-response-header += ("X-K" => "1") }
            $HTTP["url"] =~ "x*+y" { setenv.set-response-header += ("X-L" => "1") }
            $HTTP["url"] =~ "^/\w+\.\w{3}\b" { setenv.set-response-header += ("X-M" => "%0") }
            $HTTP["user-agent"] =~ "(?<!Not )Mozilla" { setenv.set-response-header += ("X-N" => "1") }
        "#,
        of_all_kinds,
    ),
    case(
        "language, fields of requests",
        r#"
            $REQUEST_HEADER["Accept"] =~ "html" { setenv.set-response-header += ("X-A" => "html") }
            $REQUEST_HEADER["X-Requested-With"] == "XMLHttpRequest" { setenv.set-response-header += ("X-B" => "ajax") }
            $REQUEST_HEADER["Authorization"] == "" { setenv.set-response-header += ("X-C" => "nobody") }
            $REQUEST_HEADER["authorization"] =~ "^Bearer (.*)" { setenv.set-response-header += ("X-D" => "%1") }
            $REQUEST_HEADER["Content-Type"] != "" { setenv.set-response-header += ("X-E" => "typed") }
            $REQUEST_HEADER["X-Forwarded-Proto"] == "https" { setenv.set-response-header += ("X-F" => "https") }
            else $REQUEST_HEADER["DNT"] == "1" { setenv.set-response-header += ("X-F" => "dnt") }
            $REQUEST_HEADER["Origin"] =~ "^https://(app|www)\.example$" {
                setenv.set-response-header += ("Access-Control-Allow-Origin" => "https://%1.example", "Vary" => "Origin")
            }
            $REQUEST_HEADER["Host"] =~ ":(\d+)$" { setenv.set-response-header += ("X-G" => "%1") }
            $REQUEST_HEADER["Content-Length"] == "2" { setenv.set-response-header += ("X-H" => "2") }
            $REQUEST_HEADER["Connection"] =~ "close" { setenv.set-response-header += ("X-I" => "close") }
            $REQUEST_HEADER["Range"] =~ "bytes" { setenv.set-response-header += ("X-J" => "range") }
            $REQUEST_HEADER["Cookie"] =~ "b=c" { setenv.set-response-header += ("X-K" => "cookie") }
            $REQUEST_HEADER["X-Not-Sent"] !~ "x" { setenv.set-response-header += ("X-L" => "not sent") }
        "#,
        of_all_kinds,
    ),
    case(
        "language, sockets and addresses",
        r#"
            $SERVER["socket"] == "127.0.0.1:@PORT@" {
                setenv.set-response-header = ("X-Socket" => "this")
                $HTTP["url"] == "/a.txt" { setenv.set-response-header += ("X-In" => "a") }
            }
            $SERVER["socket"] != "127.0.0.1:@PORT@" { url.access-deny = ("") }
            $SERVER["socket"] =~ "^127" { setenv.add-response-header += ("X-Re" => "y") }
            $HTTP["scheme"] == "http" { setenv.add-response-header += ("X-Scheme" => "plain") }
            else $HTTP["scheme"] == "https" { setenv.add-response-header += ("X-Scheme" => "secure") }
            $HTTP["remote-ip"] == "127.0.0.1/32" { setenv.add-response-header += ("X-32" => "y") }
            $HTTP["remote-ip"] == "0.0.0.0/0" { setenv.add-response-header += ("X-0" => "y") }
            $HTTP["remote-ip"] == "126.0.0.0/7" { setenv.add-response-header += ("X-7" => "y") }
            $HTTP["remote-ip"] == "127.0.0.2/31" { setenv.add-response-header += ("X-31" => "y") }
        "#,
        || [gets(&["/a.txt", "/sub/page.html", "/missing"]), without_host(&["/a.txt"])].concat(),
    ),
    case(
        "language, nothing is inherited twice",
        r#"
            setenv.add-response-header = ("X-Base" => "base")
            index-file.names = ("nothing.html")
            url.access-deny = ("~")
            $HTTP["url"] =^ "/sub" {
                setenv.add-response-header += ("X-Sub" => "sub")
                index-file.names += ("index.html")
                url.access-deny += (".inc")
                $HTTP["url"] =^ "/sub/deep" { setenv.add-response-header += ("X-Deep" => "deep") index-file.names := ("file.txt") }
            }
            $HTTP["url"] =$ ".html" { setenv.add-response-header = ("X-Html" => "html") }
            $HTTP["url"] =$ ".txt" { url.access-deny := () }
        "#,
        targets,
    ),
    case(
        "language, modules twice and in odd order",
        r#"
            server.modules += ("mod_staticfile", "mod_setenv", "mod_indexfile", "mod_dirlisting", "mod_access", "mod_expire", "mod_setenv")
            index-file.names = ("index.html")
            expire.url = ("" => "access plus 1 hours")
            setenv.add-response-header = ("X-Added" => "y")
            url.access-deny = (".txt")
        "#,
        || around(&["/a.txt", "/sub/", "/page.html", "/noindex/"]),
    ),
    case(
        "language, modules by hand",
        r#"
            server.compat-module-load = "disable"
            server.modules := ("mod_indexfile", "mod_setenv", "mod_staticfile")
            index-file.names = ("index.html")
            setenv.add-response-header = ("X-Added" => "y")
            url.access-deny = (".txt")
            dir-listing.activate = "enable"
        "#,
        || around(&["/a.txt", "/sub/", "/page.html", "/noindex/"]),
    ),
    case(
        "language, directives that nobody knows",
        r#"
            server.no-such-thing = "x"
            nonsense.list = ("a", "b" => ("c" => 1))
            $HTTP["url"] == "/a.txt" { server.other-thing = 5 server.tag = "known" }
            debug.dump-unknown-headers = "enable"
            evasive.max-conns-per-ip = 10
        "#,
        || gets(&["/a.txt", "/b.txt"]),
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "language, nothing is inherited twice",
        "GET /backup.txt~",
        "x-base",
        "none",
        "base",
        "mod_setenv has its say even if mod_access, before it, has refused",
    ),
    known(
        "language, modules twice and in odd order",
        "* /*",
        "x-added",
        "none",
        "y",
        "the same",
    ),
];
