//! The core: types, tags, links, ranges, names, limits, and switches that nobody should notice.

use std::path::Path;

use super::super::configurations::Case;
use super::super::destinations::{at, without_host};
use super::super::known::{Known, known};
use super::super::requests::{
    Request, conditional, connections, errors, get_with, gets, malformed, methods, ranges, targets,
};
use super::{around, case, typed};

pub const DOCUMENTS: &[(&str, &str)] = &[
    ("typed/drawing.txt", "<svg/>"),
    ("typed/plain.txt", "plain"),
    ("typed/none", "none"),
    ("typed/index.html", "<p>typed</p>"),
];

/// Attributes that say what type a file has.
pub fn mark(root: &Path) {
    for (name, attribute, value) in [
        ("drawing.txt", "user.Content-Type", "image/svg+xml"),
        ("none", "user.Content-Type", "text/x-marked"),
        ("plain.txt", "user.mime_type", "text/x-other"),
    ] {
        let path = root.join("typed").join(name);
        rustix::fs::setxattr(
            &path,
            attribute,
            value.as_bytes(),
            rustix::fs::XattrFlags::empty(),
        )
        .expect("a file system with attributes");
    }
}

fn of_types() -> Vec<Request> {
    around(&[
        "/typed/drawing.txt",
        "/typed/plain.txt",
        "/typed/none",
        "/typed/",
        "/style.css",
        "/unknown.xyz",
    ])
}

pub const CASES: &[Case] = &[
    typed(
        "core, types of attributes",
        r#"
            mimetype.use-xattr = "enable"
            mimetype.assign = (".txt" => "text/plain", ".html" => "text/html", ".css" => "text/css; charset=utf-8")
            index-file.names = ("index.html")
        "#,
        of_types,
    ),
    typed(
        "core, types of other attributes",
        r#"
            mimetype.xattr-name = "mime_type"
            mimetype.assign = (".txt" => "text/plain", "" => "application/x-any")
            $HTTP["url"] != "/typed/drawing.txt" { mimetype.use-xattr = "enable" }
        "#,
        of_types,
    ),
    typed(
        "core, types of conditions",
        r#"
            server.stat-cache-engine = "disable"
            mimetype.assign = (".txt" => "text/plain", ".html" => "text/html", "" => "text/plain")
            $HTTP["url"] =^ "/sub/" { mimetype.assign += (".css" => "text/css", ".txt" => "text/plain") }
            $HTTP["host"] == "other.example" { mimetype.assign := (".txt" => "text/other") }
            $HTTP["query-string"] == "none" { mimetype.assign := () }
            $HTTP["url"] == "/README" { mimetype.assign = ("" => "text/x-readme") }
        "#,
        || {
            [
                at(
                    &["oracle.example", "other.example"],
                    &[
                        "/a.txt",
                        "/style.css",
                        "/sub/page.html",
                        "/README",
                        "/sub/deep/file.txt",
                    ],
                ),
                gets(&["/a.txt?none", "/unknown.xyz?none", "/README?none"]),
            ]
            .concat()
        },
    ),
    case(
        "core, ranges here and there",
        r#"
            $HTTP["url"] =~ "\.(txt|pdf)$" { server.range-requests = "disable" }
            $HTTP["query-string"] == "q" { server.range-requests = "enable" }
        "#,
        || {
            let mut requests = ranges();
            requests.push(get_with("/digits.txt?q", &["Range: bytes=0-4"]));
            requests.push(Request::new("HEAD /digits.txt?q", &["Range: bytes=0-4"]));
            requests.push(Request::new("HEAD /digits.txt", &[]));
            requests
        },
    ),
    case(
        "core, links here and there",
        r#"
            server.follow-symlink = "disable"
            $HTTP["url"] =^ "/links/dir" { server.follow-symlink = "enable" }
            $HTTP["host"] == "links.example" { server.follow-symlink = "enable" }
        "#,
        || {
            [
                at(
                    &["oracle.example", "links.example"],
                    &[
                        "/links/inside.txt",
                        "/links/dir/page.html",
                        "/links/dir",
                        "/links/outside/secret.txt",
                        "/a.txt",
                    ],
                ),
                around(&["/links/inside.txt", "/links/dir/page.html"]),
            ]
            .concat()
        },
    ),
    case(
        "core, tags",
        r#"
            server.tag := ""
            $HTTP["url"] == "/a.txt" { server.tag = "Apache/2.4 (like)" }
            $HTTP["url"] == "/b.txt" { server.tag = "x y" + " z" }
        "#,
        || {
            [
                gets(&["/a.txt", "/b.txt", "/page.html", "/missing"]),
                malformed(),
            ]
            .concat()
        },
    ),
    case(
        "core, entity tags of size and time",
        r#"
            etag.use-inode = "disable"
            $HTTP["url"] =^ "/b" { etag.use-mtime = "disable" }
            $HTTP["url"] =^ "/page" { etag.use-mtime = "disable" etag.use-size = "disable" }
            $HTTP["url"] =^ "/digits" { static-file.etags = "disable" }
        "#,
        || {
            [
                conditional(),
                around(&["/b.txt", "/page.html", "/digits.txt"]),
            ]
            .concat()
        },
    ),
    case(
        "core, names of files",
        r#"
            server.force-lowercase-filenames = "enable"
            index-file.names = ("index.html")
            static-file.exclude-extensions = (".inc", ".PHP")
            url.access-deny = ("~")
            alias.url = ("/Alias/" => "@ROOT@/sub/", "/other/" => "@ROOT@/sub/")
        "#,
        || {
            [
                around(&["/A.TXT", "/SUB/", "/Sub"]),
                gets(&[
                    "/Alias/page.html",
                    "/alias/page.html",
                    "/OTHER/Page.html",
                    "/FILE.INC",
                    "/program.PHP",
                    "/BACKUP.TXT~",
                    "/names/%C3%9Cmlaut.txt",
                ]),
            ]
            .concat()
        },
    ),
    case(
        "core, sizes of requests here and there",
        r#"
            server.max-request-size = 1
            $HTTP["url"] =^ "/sub" { server.max-request-size = 0 }
            $HTTP["host"] == "large.example" { server.max-request-size = 4 }
        "#,
        || {
            let mut requests = Vec::new();
            for host in ["oracle.example", "large.example"] {
                for target in ["/a.txt", "/sub/page.html", "/missing"] {
                    for length in [0, 10, 1024, 1025, 3000, 4096, 5000] {
                        let body = "x".repeat(length);
                        requests.push(Request::raw(
                            &format!("POST {target} at {host}, {length} bytes"),
                            format!("POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes(),
                        ));
                    }
                }
            }
            requests
        },
    ),
    case(
        "core, what nobody notices",
        r#"
            server.stat-cache-engine = "inotify"
            server.event-handler = "poll"
            server.network-backend = "writev"
            server.max-fds = 1000
            server.max-connections = 300
            server.listen-backlog = 64
            server.max-read-idle = 60
            server.max-write-idle = 360
            server.upload-dirs = ("@DIR@")
            server.upload-temp-file-size = 65536
            server.chunkqueue-chunk-sz = 4096
            server.core-files = "disable"
            server.kbytes-per-second = 100000
            connection.kbytes-per-second = 50000
            server.use-ipv6 = "disable"
            server.defer-accept = "disable"
            server.feature-flags = (
                "server.h2proto" => "disable", "server.h2c" => "disable", "server.graceful-shutdown-timeout" => 5,
                "server.graceful-restart-bg" => "enable", "chunkqueue.splice" => "disable",
            )
            debug.log-request-handling = "enable"
            debug.log-request-header = "enable"
            debug.log-response-header = "enable"
            debug.log-file-not-found = "enable"
            debug.log-condition-handling = "enable"
            debug.log-request-header-on-error = "enable"
        "#,
        || [targets(), methods(), errors()].concat(),
    ),
    case(
        "core, old versions",
        r#"
            server.name = "named.example"
            server.feature-flags = ("http10.range" => "enable", "server.absolute-dir-redirect" => "enable")
            $HTTP["host"] == "other.example" { server.feature-flags = () }
        "#,
        || {
            [
                connections(),
                without_host(&["/sub", "/a.txt", "/sub?q", "/"]),
            ]
            .concat()
        },
    ),
    case(
        "core, connections that are kept",
        r#"
            server.max-keep-alive-requests = 1000
            server.max-keep-alive-idle = 30
            $HTTP["url"] == "/b.txt" { server.max-keep-alive-requests = 0 }
            $HTTP["user-agent"] =~ "MSIE" { server.max-keep-alive-idle = 0 }
        "#,
        || {
            let mut requests = connections();
            requests.push(get_with("/a.txt", &["User-Agent: MSIE 6"]));
            requests.extend(gets(&["/b.txt"]));
            requests
        },
    ),
    case(
        "core, paths behind files",
        r#"
            static-file.disable-pathinfo = "enable"
            $HTTP["url"] =^ "/sub" { static-file.disable-pathinfo = "disable" }
            static-file.exclude-extensions = (".fcgi", ".php", ".rb", "~", ".inc")
            $HTTP["query-string"] == "all" { static-file.exclude-extensions := () }
        "#,
        || {
            gets(&[
                "/a.txt/",
                "/a.txt/more",
                "/sub/page.html/x",
                "/sub/page.html/",
                "/program.php",
                "/program.php/x",
                "/program.php?all",
                "/program.PHP",
                "/backup.txt~",
                "/file.inc",
                "/file.inc?all",
                "/file.inc/x?all",
                "/program.rb",
                "/sub/index.html/y?z",
            ])
        },
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "core, types of *",
        "*",
        "etag",
        "none",
        "\"*\"",
        "a document of unknown type has validators like any other",
    ),
    known(
        "core, types of *",
        "*",
        "last-modified",
        "none",
        "*",
        "a document of unknown type has validators like any other",
    ),
    known(
        "core, types of attributes",
        "* | If-Modified-Since: *",
        "status",
        "200",
        "304",
        "a document of unknown type has validators like any other",
    ),
    known(
        "core, sizes of requests here and there",
        "POST *",
        "connection",
        "close",
        "none",
        "a body that nobody wants is read, and the connection kept",
    ),
    known(
        "core, old versions",
        "GET /sub*",
        "location",
        "http://localhost:PORT/*",
        "http://named.example/*",
        "without Host, server.name is the host",
    ),
    known(
        "core, types of attributes",
        "*",
        "content-type",
        "text/plain",
        "image/svg+xml",
        "Debian's lighttpd is built without attributes of files",
    ),
    known(
        "core, types of attributes",
        "*",
        "content-type",
        "application/octet-stream",
        "text/x-marked",
        "the same",
    ),
    known(
        "core, types of other attributes",
        "*",
        "content-type",
        "text/plain",
        "text/x-other",
        "the same",
    ),
];
