//! Under which configurations both servers are asked.

use super::requests::{self, Request};
use super::{documents, packed};

/// One configuration and what is asked under it.
pub struct Case {
    pub name: &'static str,
    /// See [`Configuration`](crate::support::servers::Configuration) for what `@...@` stands for; `@OUTSIDE@` is the
    /// directory beside the document root.
    pub text: &'static str,
    pub requests: fn() -> Vec<Request>,
    pub types: Types,
    pub log: Log,
}

/// Where `mimetype.assign` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Types {
    /// From here: a few usual suffixes.
    Usual,
    /// From the configuration, if at all.
    Own,
}

/// Whether the access logs are compared, too: `@DIR@/access.log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    Compared,
    None,
}

/// In every configuration: the modules, a name for the server, and types for a few suffixes.
const BASE: &str = r#"
    server.modules = ("mod_access", "mod_alias", "mod_setenv", "mod_accesslog")
    server.tag = "server"
"#;

const MIME: &str = r#"
    mimetype.assign = (
        ".html" => "text/html", ".txt" => "text/plain", ".css" => "text/css", ".js" => "text/javascript",
        ".png" => "image/png", ".jpg" => "image/jpeg", ".tar.gz" => "application/x-gtar-compressed",
        ".gz" => "application/gzip", ".json" => "application/json", ".svg" => "image/svg+xml",
        "README" => "text/x-readme", "" => "application/octet-stream",
    )
"#;

pub fn text(case: &Case) -> String {
    let types = match case.types {
        Types::Usual => MIME,
        Types::Own => "",
    };
    [BASE, types, case.text].concat()
}

pub const CASES: &[Case] = &[
    Case {
        name: "static",
        text: "",
        requests: || {
            [
                requests::targets(),
                requests::methods(),
                requests::connections(),
                requests::ranges(),
                requests::conditional(),
                requests::malformed(),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "static, options",
        text: r#"
            static-file.exclude-extensions = (".php", "~", ".inc")
            static-file.disable-pathinfo = "enable"
            etag.use-inode = "disable"
            server.feature-flags += ("server.absolute-dir-redirect" => "enable", "http10.range" => "enable")
            server.name = "name.example"
        "#,
        requests: || {
            [
                requests::targets(),
                requests::connections(),
                requests::conditional(),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "no etags, no ranges",
        text: r#"
            static-file.etags = "disable"
            server.range-requests = "disable"
        "#,
        requests: || [requests::ranges(), requests::conditional()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "no etag parts",
        text: r#"
            etag.use-inode = "disable"
            etag.use-mtime = "disable"
            etag.use-size = "disable"
        "#,
        requests: requests::conditional,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "index files",
        text: r#"index-file.names = ("index.php", "index.html", "default.htm", "/page.html")"#,
        requests: || [requests::directories(), requests::targets()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "listing",
        text: r#"dir-listing.activate = "enable""#,
        requests: || [requests::directories(), requests::targets()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "listing, dressed",
        text: r#"
            index-file.names = ("index.html")
            server.dir-listing = "enable"
            dir-listing.encoding = "utf-8"
            dir-listing.hide-dotfiles = "disable"
            dir-listing.exclude = ("\.bin$", "^two")
            dir-listing.external-css = "/style.css"
            dir-listing.set-footer = "the <b>end</b>"
            $HTTP["url"] =^ "/names/" { dir-listing.activate = "disable" }
        "#,
        requests: requests::directories,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "listing, with texts",
        text: r#"
            dir-listing.activate = "enable"
            dir-listing.show-header = "enable"
            dir-listing.show-readme = "enable"
            dir-listing.hide-header-file = "enable"
            dir-listing.hide-readme-file = "enable"
        "#,
        requests: requests::directories,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "listing, with other texts",
        text: r#"
            dir-listing.activate = "enable"
            dir-listing.show-header = "other.html"
            dir-listing.show-readme = "@ROOT@/a.txt"
            dir-listing.encode-header = "disable"
        "#,
        requests: requests::directories,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "nested conditions",
        text: r#"
            server.stat-cache-engine = "disable"
            $HTTP["host"] =$ ".example" {
                setenv.add-response-header = ("X-One" => "host")
                $HTTP["url"] =^ "/sub/" {
                    setenv.add-response-header += ("X-Two" => "url in host")
                    $HTTP["request-method"] == "HEAD" { setenv.add-response-header += ("X-Three" => "method in url in host") }
                    else $HTTP["query-string"] == "q=1" { mimetype.assign = (".html" => "text/query") }
                }
                else $HTTP["url"] =$ ".txt" { setenv.set-response-header = ("X-Four" => "else") }
            }
            $HTTP["host"] != "oracle.example" { setenv.set-response-header = ("X-Five" => "another host") }
            $HTTP["url"] =~ "\.txt$" { setenv.set-response-header += ("X-Six" => "later") }
            $HTTP["host"] =$ ".example" { setenv.add-response-header += ("X-Seven" => "continued") }
        "#,
        requests: || [requests::conditions(), requests::targets()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "access",
        text: r#"
            url.access-deny = ("~", ".inc", ".PHP")
            $HTTP["url"] =^ "/sub/" { url.access-allow = (".html") }
            $HTTP["url"] =^ "/names/" { url.access-deny = ("") }
        "#,
        requests: || [requests::targets(), requests::methods()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "alias",
        text: r#"
            alias.url = (
                "/alias/" => "@OUTSIDE@/", "/aliased" => "@OUTSIDE@", "/file" => "@ROOT@/a.txt", "/plain" => "@OUTSIDE@/",
                "/deep/er" => "@OUTSIDE@", "/nowhere" => "/nonexistent",
            )
        "#,
        requests: requests::aliases,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "setenv",
        text: r#"
            setenv.add-response-header = ("X-Added" => "one", "Vary" => "Cookie", "Cache-Control" => "no-cache")
            setenv.set-response-header = ("X-Set" => "two", "Content-Type" => "text/set")
            setenv.add-request-header = ("X-Request" => "three")
            setenv.add-environment = ("ADDED" => "four")
            setenv.set-environment = ("SET" => "five")
            $HTTP["url"] =^ "/sub/" { setenv.add-response-header = ("X-Added" => "sub") }
            $HTTP["url"] =$ ".html" { setenv.set-response-header = ("Server" => "", "X-Set" => "", "Last-Modified" => "") }
        "#,
        requests: || [requests::targets(), requests::methods(), requests::errors()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "access log",
        text: r#"accesslog.filename = "@DIR@/access.log""#,
        requests: || {
            [
                requests::conditions(),
                requests::methods(),
                requests::connections(),
                requests::errors(),
                requests::malformed(),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "access log, everything",
        text: r#"
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%%%%=%% ;; %%a=%a ;; %%h=%h ;; %%l=%l ;; %%u=%u ;; %%m=%m ;; %%r=%r ;; %%s=%s ;; %%>s=%>s ;; %%b=%b ;; %%B=%B ;; %%I=%I ;; %%O=%O ;; %%U=%U ;; %%q=%q ;; %%H=%H ;; %%V=%V ;; %%v=%v ;; %%A=%A ;; %%X=%X ;; %%{Host}i=%{Host}i ;; %%{X-Kind}i=%{X-Kind}i ;; %%{Cookie}i=%{Cookie}i ;; %%{none}i=%{none}i ;; %%{Content-Type}o=%{Content-Type}o ;; %%{Location}o=%{Location}o ;; %%{Last-Modified}o=%{Last-Modified}o ;; %%{none}o=%{none}o ;; %%t=%t ;; %%p=%p ;; %%{canonical}p=%{canonical}p"
            server.name = "name.example"
        "#,
        requests: || {
            [
                requests::targets(),
                requests::conditions(),
                requests::methods(),
                requests::connections(),
                requests::ranges(),
                requests::errors(),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "access log, file",
        text: r#"
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s %f"
        "#,
        requests: || [requests::targets(), requests::errors()].concat(),
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "access log, what is lazy",
        text: r#"
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%k %{ADDED}e"
            setenv.add-environment = ("ADDED" => "added")
        "#,
        requests: requests::by_suffix,
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "access log, escaped",
        text: r#"
            accesslog.filename = "@DIR@/access.log"
            accesslog.escaping = "json"
            accesslog.format = "{ %{User-Agent}i ; %{X-Latin}i ; %U ; %q ; %r ; %{Cookie}i }"
        "#,
        requests: || {
            [
                requests::targets(),
                requests::conditions(),
                requests::connections(),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "conditions",
        // lighttpd remembers the type of a file with the file, whatever condition it was found under.
        text: r#"
            server.stat-cache-engine = "disable"
            $HTTP["url"] == "/a.txt" { setenv.add-response-header += ("X-Url-Is" => "y") }
            $HTTP["url"] != "/a.txt" { setenv.set-response-header = ("X-Url-Is-Not" => "y") }
            $HTTP["url"] =^ "/sub" { server.tag = "prefix" }
            $HTTP["url"] =$ ".html" { mimetype.assign = (".html" => "text/suffix") }
            $HTTP["url"] =~ "^/([a-z]+)\.(txt|html)$" { setenv.set-response-header = ("X-Url-Re" => "%1-%2-%0") }
            $HTTP["url"] !~ "a" { setenv.add-environment = ("NONE" => "y") }
            $HTTP["host"] == "oracle.example" { server.max-keep-alive-requests = 100 }
            $HTTP["host"] == "www.oracle.example" { server.document-root = "@ROOT@/sub" }
            $HTTP["host"] =~ "^(.*)\.(b)\.c\.example$" { setenv.set-response-header = ("X-Host" => "%1 %2") }
            $HTTP["host"] != "oracle.example:80" { setenv.add-response-header = ("X-Host-Not" => "y") }
            $HTTP["host"] =$ ".example" { static-file.etags = "disable" }
            $HTTP["scheme"] == "http" { setenv.add-environment = ("SCHEME" => "y") }
            $HTTP["scheme"] == "https" { server.document-root = "/nonexistent" }
            $HTTP["query-string"] == "secret" { url.access-deny = ("") }
            $HTTP["querystring"] =~ "x=([0-9])" { setenv.set-response-header = ("X-Query" => "%1") }
            $HTTP["request-method"] == "PUT" { url.access-deny = ("") }
            $HTTP["request-method"] =~ "^(HEAD|OPTIONS)$" { setenv.set-response-header = ("X-Method" => "%1") }
            $HTTP["remote-ip"] == "127.0.0.0/8" { setenv.set-response-header = ("X-Ip" => "loopback") }
            $HTTP["remoteip"] != "127.0.0.1" { server.document-root = "/nonexistent" }
            $HTTP["remote-ip"] == "10.0.0.0/8" { server.document-root = "/nonexistent" }
            $HTTP["user-agent"] =~ "Mozilla" { server.tag = "for Mozilla" }
            $HTTP["useragent"] == "" { setenv.set-response-header = ("X-Agent" => "none") }
            $HTTP["language"] =~ "^(de)" { setenv.set-response-header = ("X-Language" => "%1") }
            $HTTP["referer"] =^ "https:" { setenv.set-response-header = ("X-Referer" => "y") }
            $HTTP["cookie"] =~ "session=([a-z]+)" { setenv.set-response-header = ("X-Session" => "%1") }
            $REQUEST_HEADER["X-Kind"] == "special" { setenv.set-response-header = ("X-Kind" => "special") }
            $REQUEST_HEADER["x-kind"] =~ "o" {
                setenv.set-response-header = ("X-Kind" => "with o")
                $REQUEST_HEADER["X-Kind"] == "one, two" { setenv.set-response-header = ("X-Kind" => "both") }
            }
            $SERVER["socket"] == "127.0.0.1:@PORT@" { setenv.add-environment = ("SOCKET" => "y") }
            $HTTP["url"] =^ "/page" { setenv.set-response-header = ("X-Else" => "page") }
            else $HTTP["url"] =^ "/style" { setenv.set-response-header = ("X-Else" => "style") }
            else $HTTP["query-string"] != "" { setenv.set-response-header = ("X-Else" => "query") }
        "#,
        requests: || [requests::conditions(), requests::targets()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "error files",
        text: r#"
            server.errorfile-prefix = "@OUTSIDE@/error-"
            url.access-deny = (".inc")
        "#,
        requests: || [requests::errors(), requests::malformed()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "error handler",
        text: r#"
            server.error-handler = "/handler.html"
            url.access-deny = (".inc")
        "#,
        requests: || [requests::errors(), requests::malformed()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "error handler for 404",
        text: r#"
            server.error-handler-404 = "/handler.html?handled"
            url.access-deny = (".inc")
        "#,
        requests: requests::errors,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "error handler that is missing",
        text: r#"
            server.error-handler = "/not-there.html"
            url.access-deny = (".inc")
        "#,
        requests: requests::errors,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "no links",
        text: r#"server.follow-symlink = "disable""#,
        requests: requests::targets,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "lower case",
        text: r#"server.force-lowercase-filenames = "enable""#,
        requests: requests::targets,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "types",
        text: r#"
            mimetype.assign = (
                ".txt" => "text/plain; charset=utf-8", ".tar.gz" => "a/tar-gz", ".gz" => "a/gz", ".html" => "text/html",
                "style.css" => "a/whole-name", ".JPG" => "a/upper", ".php" => "a/php", "~" => "a/tilde", "." => "a/dot",
            )
        "#,
        requests: requests::by_suffix,
        types: Types::Own,
        log: Log::None,
    },
    Case {
        name: "no types",
        text: "",
        requests: requests::by_suffix,
        types: Types::Own,
        log: Log::None,
    },
    Case {
        name: "hosts and targets as they come",
        text: r#"
            server.http-parseopts = (
                "host-strict" => "disable", "url-normalize" => "disable", "header-strict" => "enable",
            )
        "#,
        requests: || {
            [
                requests::targets(),
                requests::connections(),
                requests::malformed(),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "hosts and targets, strictly",
        text: r#"
            server.http-parseopts = (
                "host-normalize" => "enable", "url-normalize-required" => "enable", "url-path-2f-decode" => "disable",
                "url-path-2f-reject" => "enable", "url-path-dotseg-remove" => "disable", "url-path-dotseg-reject" => "enable",
                "url-query-20-plus" => "enable",
            )
        "#,
        requests: || [requests::targets(), requests::connections()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "GET with a body",
        text: r#"server.http-parseopts = ("method-get-body" => "enable")"#,
        requests: requests::malformed,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "small limits",
        text: r#"
            server.max-request-size = 1
            server.max-request-field-size = 500
            server.max-keep-alive-requests = 3
        "#,
        requests: || {
            [
                requests::methods(),
                requests::connections(),
                requests::malformed(),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "no path info",
        text: r#"server.feature-flags = ("server.http-pathinfo" => "disable")"#,
        requests: requests::targets,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "no keep-alive",
        text: "server.max-keep-alive-idle = 0",
        requests: || [requests::connections(), requests::errors()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "proxy",
        text: r#"
            server.modules += ("mod_proxy")
            proxy.server = ("/b" => (@HTTP1@, @HTTP2@, @HTTP3@))
            proxy.balance = "round-robin"
        "#,
        requests: requests::for_backends,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "proxy, headers",
        text: r#"
            server.modules += ("mod_proxy")
            proxy.server = ("/b" => (@HTTP1@, @HTTP2@))
            proxy.forwarded = ("for" => 1, "proto" => 1, "host" => 1, "by" => 1)
            proxy.header = ("upgrade" => "enable", "map-urlpath" => ("/b/" => "/mapped/"))
            server.stream-request-body = 1
        "#,
        requests: requests::for_backends,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "proxy, first host down",
        text: r#"
            server.modules += ("mod_proxy")
            proxy.server = ("/b" => (@DOWN@, @HTTP2@, @HTTP3@))
            proxy.balance = "round-robin"
        "#,
        requests: requests::for_backends,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "proxy, all hosts down",
        text: r#"
            server.modules += ("mod_proxy")
            proxy.server = ("/b" => (@DOWN@))
        "#,
        requests: requests::for_backends,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "proxy, tunnels",
        text: r#"
            server.modules += ("mod_proxy")
            proxy.header = ("connect" => "enable")
            $HTTP["host"] =~ "(443|^oracle.example)$" { proxy.server = ("" => (@HTTP1@, @HTTP2@)) }
            proxy.balance = "round-robin"
        "#,
        requests: requests::tunnels,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "proxy, tunnels that are not allowed",
        text: r#"
            server.modules += ("mod_proxy")
            proxy.server = ("" => (@HTTP1@))
        "#,
        requests: requests::tunnels,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "scgi",
        text: r#"
            server.modules += ("mod_scgi")
            scgi.server = ("/b" => (@SCGI1@, @SCGI2@, @SCGI3@))
            scgi.balance = "round-robin"
        "#,
        requests: requests::for_backends,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "scgi, first host down",
        text: r#"
            server.modules += ("mod_scgi")
            scgi.server = ("/b" => (@DOWN@, @SCGI2@, @SCGI3@))
            scgi.balance = "least-connection"
        "#,
        requests: requests::for_backends,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "scgi, large heads",
        text: r#"
            server.modules += ("mod_scgi")
            scgi.server = ("/b" => (@SCGI1@))
            server.max-request-field-size = 65535
        "#,
        requests: requests::large,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "uwsgi",
        text: r#"
            server.modules += ("mod_scgi")
            scgi.protocol = "uwsgi"
            scgi.server = ("/b" => (@UWSGI1@, @UWSGI2@, @UWSGI3@))
            scgi.balance = "round-robin"
        "#,
        requests: requests::for_backends,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "uwsgi, large heads",
        text: r#"
            server.modules += ("mod_scgi")
            scgi.protocol = "uwsgi"
            scgi.server = ("/b" => (@UWSGI1@))
            server.max-request-field-size = 65535
        "#,
        requests: requests::large,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "deflate",
        text: DEFLATE,
        requests: || [packed::codings(), packed::bodies()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "deflate, kept",
        text: r#"
            server.modules += ("mod_deflate")
            deflate.mimetypes = ("text/", "application/")
            deflate.allowed-encodings = ("deflate", "gzip")
            deflate.cache-dir = "@DIR@/cache"
        "#,
        requests: || [packed::codings(), packed::bodies()].concat(),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "deflate, programs",
        text: r#"
            server.modules += ("mod_cgi", "mod_deflate")
            cgi.assign = (".sh" => "/bin/sh")
            deflate.mimetypes = ("text/")
            deflate.allowed-encodings = ("br", "gzip")
            deflate.min-compress-size = 0
        "#,
        requests: packed::programs,
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "ssi",
        text: r#"
            server.modules += ("mod_ssi")
            ssi.extension = (".shtml")
            $HTTP["query-string"] == "deep" { ssi.recursion-max = 3 }
            $HTTP["query-string"] == "one" { ssi.recursion-max = 1 }
            $HTTP["query-string"] == "type" { ssi.content-type = "text/x" }
            $HTTP["query-string"] == "off" { ssi.exec = "disable" }
        "#,
        requests: documents::requests,
        types: Types::Usual,
        log: Log::None,
    },
];

const DEFLATE: &str = r#"
    server.modules += ("mod_deflate")
    deflate.mimetypes = ("text/")
    $HTTP["query-string"] != "unset" { deflate.allowed-encodings = () }
    $HTTP["query-string"] == "one" { deflate.allowed-encodings := ("x-gzip") }
    $HTTP["query-string"] == "two" { deflate.allowed-encodings := ("deflate", "brotli", "gzip") }
    $HTTP["query-string"] == "least" { deflate.min-compress-size = 0 }
    $HTTP["query-string"] == "short" { deflate.max-compress-size = 1 deflate.min-compress-size = 999 }
    $HTTP["query-string"] == "endless" { deflate.max-compress-size = 0 deflate.min-compress-size = 1000 }
    $HTTP["query-string"] == "none" { deflate.mimetypes := () }
    $HTTP["query-string"] == "all" { deflate.mimetypes := ("") }
    $HTTP["query-string"] == "star" { deflate.mimetypes := ("application/*") }
    $HTTP["query-string"] == "vary" { setenv.add-response-header = ("Vary" => "Cookie") }
    $HTTP["query-string"] == "varies" { setenv.add-response-header = ("Vary" => "Cookie, Accept-Encoding") }
    $HTTP["query-string"] == "packed" { setenv.add-response-header = ("Content-Encoding" => "own") }
"#;
