//! Configurations that decide where a request goes: redirects, rewrites, virtual hosts, homes of users; and how long what is
//! found there may be kept.

use super::configurations::{Case, Log, Types};
use super::requests::{Request, get_with, gets};

/// The same targets for several hosts.
pub fn at(hosts: &[&str], targets: &[&str]) -> Vec<Request> {
    let ask = |host: &str, target: &str| {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Request::raw(&format!("GET {target} at {host}"), bytes.as_bytes())
    };
    hosts
        .iter()
        .flat_map(|host| targets.iter().map(|target| ask(host, target)))
        .collect()
}

pub fn without_host(targets: &[&str]) -> Vec<Request> {
    let ask = |target: &&str| Request::literal(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes());
    targets.iter().map(ask).collect()
}

pub fn with_methods(targets: &[&str]) -> Vec<Request> {
    let methods = ["HEAD", "OPTIONS", "DELETE", "PROPFIND"];
    let ask = |method: &str, target: &str| Request::new(&format!("{method} {target}"), &[]);
    let post = |target: &str| {
        Request::literal(
            format!(
                "POST {target} HTTP/1.1\r\nHost: oracle.example\r\nContent-Length: 2\r\n\r\nab"
            )
            .as_bytes(),
        )
    };
    targets
        .iter()
        .flat_map(|target| {
            let others = methods.iter().map(move |method| ask(method, target));
            others.chain([post(target)])
        })
        .collect()
}

/// What the pages of a site are called.
const PAGES: &[&str] = &[
    "/",
    "/a.txt",
    "/a.txt?v=2",
    "/style.css",
    "/program.php",
    "/program.php?q=1",
    "/program.php/info",
    "/sub",
    "/sub/",
    "/sub/page.html",
    "/noindex/",
    "/2024/05/a-post/",
    "/2024/05/a-post?page=2",
    "/a-page",
    "/a-page?",
    "/a%20page/%C3%BC?x=%20y",
    "/wp-admin/",
    "/wp-content/themes/x.css",
    "/wiki",
    "/wiki/",
    "/wiki/Main_Page",
    "/wiki/C++/a%3Fb",
    "/wiki/Main_Page?action=edit",
    "/api/users/1?fields=a,b",
    "/config/secret",
    "/data",
    "/datas",
    "/.well-known/carddav",
    "/.well-known/webfinger?resource=x",
    "/.well-known/acme-challenge/x",
    "/names/with%20space.txt",
    "/names/plus+plus.txt",
    "/%2e%2e/a.txt",
    "/a//b/./c/../d",
    "/x?y?z",
    "/missing.png",
];

pub const CASES: &[Case] = &[
    Case {
        name: "redirect",
        text: r#"
            server.modules += ("mod_redirect")
            url.redirect = (
                "^/one/(.*)$" => "/x/$1", "^/none/" => "", "^/no" => "/no-longer",
                "^/low/(.*)" => "/${tolower:noesc:1}|${noesc:1}|${1}|${esc:1}|${escnde:1}|${escape:1}|${escpsnde:1}",
                "^/b64/([^?]*)" => "/${encb64u:1}|${decb64u:1}",
                "^/url" => "/${url.scheme}|${url.authority}|${url.path}|${url.query}|${qsa}",
                "^/coded" => "/${esc:url.path}|${escnde:url.path}|${esc:url.query}|${esc:qsa}",
                "^/qsa" => "/y?a=b${qsa}",
                "^/odd" => "/%%|%a|$$|$$1|%$1|$|%|x${x0}y${url.foo}z${esc:foo}w${foo:0}v",
                "^/pct/(.)/%e4" => "/p%%e4ä", "^/ä(.*)" => "/auml$1", "^/cond" => "/c%0|%1|",
                "^/blank" => "${url.query}", "^/tail" => "/t$",
                "^/g/((((((((((((.))))))))))))" => "/${10}|${12}|$10|${13}",
                "^/opt/(a)?(b)?(c)?" => "/$1-$2-$3-$4", "(?i)^/CaSe" => "/case-insensitive",
                "^/look(?!ahead)" => "/not-ahead", "^/q\?(a|b)=(\d+)$" => "/q/$1/$2",
            )
            setenv.add-response-header = ("X-Added" => "y")
        "#,
        requests: || {
            [
                gets(&[
                    "/one/ABC?x=y",
                    "/one/a%20b",
                    "/one/",
                    "/one",
                    "/none/",
                    "/no",
                    "/low/AbC%2fd%20e%7ef",
                    "/low/a/b?c=D&e",
                    "/low/%C3%A4+x",
                    "/b64/aGVsbG8",
                    "/b64/aGVsbG8=",
                    "/b64/a.b",
                    "/b64/",
                    "/b64/DQpYOiB5",
                    "/url",
                    "/url?",
                    "/url?q=1&r=%41",
                    "/coded/a%20b?c=d&e=%20",
                    "/qsa",
                    "/qsa?",
                    "/qsa?c=d",
                    "/odd",
                    "/pct/a/%e4",
                    "/pct/a/%E4",
                    "/%c3%a4xyz",
                    "/cond",
                    "/blank",
                    "/blank?",
                    "/blank?/x",
                    "/blank?http://other.example/",
                    "/tail",
                    "/g/abcd",
                    "/opt/ac",
                    "/opt/",
                    "/opt/abc",
                    "/case",
                    "/CASE",
                    "/look",
                    "/lookahead",
                    "/lookup",
                    "/q?a=1",
                    "/q?b=22",
                    "/q?c=1",
                    "/a.txt",
                    "/../one/x",
                    "/%6fne/x",
                    "/one//x",
                ]),
                with_methods(&["/one/x", "/a.txt"]),
                without_host(&["/one/x", "/url?q"]),
                at(
                    &["ORACLE.example:8080", "[::1]:80", "oracle.example."],
                    &["/url?q"],
                ),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "redirect, letters",
        text: r#"
            server.modules += ("mod_redirect")
            url.redirect = ( "^/lower/(.*)" => "/${tolower:1}", "^/upper/(.*)" => "/${toupper:noesc:1}" )
        "#,
        requests: || gets(&["/lower/ABC", "/lower/abc", "/upper/abc", "/upper/ABC"]),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "redirect, conditions",
        text: r#"
            server.modules += ("mod_redirect")
            $HTTP["host"] =~ "^(www)\.(.*)$" {
                url.redirect = ( "" => "http://%2/%1/$0|%{2}|%{esc:2}|%3" )
                $HTTP["url"] =^ "/nested" { url.redirect = ( "^/nested" => "/n|%0|%1|%2" ) }
                $HTTP["url"] =~ "^/inner/(.)" { url.redirect = ( "^/inner" => "/i|%0|%1|%2" ) }
                else $HTTP["url"] =~ "^/else/(.)" { url.redirect = ( "^/else" => "/else|%0|%1|%2" ) }
            }
            $HTTP["host"] == "equal.example" { url.redirect = ( "" => "/equal|%0|%1" ) }
            $HTTP["host"] =^ "prefix." { url.redirect = ( "" => "/prefix|%0|%1" ) }
            $HTTP["host"] =$ ".suffix" { url.redirect = ( "" => "/suffix|%0|%1" ) }
            $HTTP["query-string"] =~ "(?:^|&)id=(\d+)" { url.redirect = ( "^/id" => "/by-id/%1" ) }
            $HTTP["request-method"] == "DELETE" { url.redirect = ( "" => "/method/%0" ) }
            $REQUEST_HEADER["X-Kind"] =~ "^(.)" { url.redirect = ( "" => "/kind/%1" ) }
        "#,
        requests: || {
            [
                at(
                    &[
                        "www.one.example",
                        "www.",
                        "wwwx.example",
                        "equal.example",
                        "equal.example:99",
                        "prefix.example",
                        "a.suffix",
                        "a.suffix:80",
                        "a.suffix:81",
                        "prefix.suffix",
                    ],
                    &["/", "/nested/x", "/inner/Z?q", "/else/Y", "/id?id=7"],
                ),
                gets(&["/id?id=42", "/id?x&id=42&y", "/id?xid=42", "/id"]),
                with_methods(&["/a.txt"]),
                vec![
                    get_with("/a.txt", &["X-Kind: some"]),
                    get_with("/a.txt", &["X-Kind: "]),
                ],
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "redirect, of whole sites",
        text: r#"
            server.modules += ("mod_redirect")
            $HTTP["host"] =~ "^www\.(.+)$" { url.redirect = ( "^/(.*)" => "https://%1/$1" ) }
            else $HTTP["host"] =~ "^(?:old|older)\.example$" {
                url.redirect-code = 302
                url.redirect = ( "^/blog/(\d{4})/(\d{2})/([^/?]+)" => "https://new.example/posts/$1-$2-$3", "" => "https://new.example/" )
            }
            else $HTTP["host"] == "secure.example" {
                $HTTP["scheme"] == "http" {
                    url.redirect = (
                        "^/\.well-known/acme-challenge/" => "",
                        "" => "https://${url.authority}${url.path}${qsa}",
                    )
                }
            }
            else $HTTP["host"] !~ "^(www\.)?oracle\.example$" {
                url.redirect = ( "^(.*)$" => "http://oracle.example$1" )
                url.redirect-code = 308
            }
        "#,
        requests: || {
            at(
                &[
                    "www.oracle.example",
                    "oracle.example",
                    "old.example",
                    "older.example:8080",
                    "secure.example",
                    "secure.example:8443",
                    "unknown.example",
                    "192.0.2.1",
                ],
                &[
                    "/",
                    "/a.txt",
                    "/a.txt?",
                    "/a%20b?c=d%20e",
                    "/blog/2005/09/restarts?x",
                    "/.well-known/acme-challenge/abc",
                ],
            )
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "redirect, codes",
        text: r#"
            server.modules += ("mod_redirect")
            url.redirect = ( "^/[0-9]+" => "/elsewhere" )
            $HTTP["url"] == "/302" { url.redirect-code = 302 }
            $HTTP["url"] == "/303" { url.redirect-code = 303 }
            $HTTP["url"] == "/307" { url.redirect-code = 307 }
            $HTTP["url"] == "/308" { url.redirect-code = 308 }
            $HTTP["url"] == "/200" { url.redirect-code = 200 }
            $HTTP["url"] == "/404" { url.redirect-code = 404 }
            $HTTP["url"] == "/410" { url.redirect-code = 410 }
            $HTTP["url"] == "/99" { url.redirect-code = 99 }
            $HTTP["url"] == "/1000" { url.redirect-code = 1000 }
        "#,
        requests: || {
            let targets = [
                "/302", "/303", "/307", "/308", "/200", "/404", "/410", "/99", "/1000", "/0",
            ];
            [gets(&targets), with_methods(&targets[..4])].concat()
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "redirect, before and after setenv",
        text: r#"
            server.modules := ("mod_redirect", "mod_setenv")
            setenv.add-response-header = ("X-Added" => "y")
            url.redirect = ( "^/r" => "/elsewhere" )
        "#,
        requests: || gets(&["/r", "/a.txt", "/missing"]),
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "rewrite",
        text: r#"
            server.modules += ("mod_rewrite", "mod_redirect")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%q|%f"
            alias.url = ( "/al/" => "@OUTSIDE@/" )
            index-file.names = ("index.html")
            url.rewrite-once = (
                "^/once/(.*)" => "/$1", "^/loopy" => "/loopy", "^/twice1" => "/twice2", "^/twice2" => "/a.txt",
                "^/stop" => "", "^/sto" => "/a.txt", "^/dot/(.*)" => "/sub/../$1", "^/ctl" => "/a%%00b", "^/enc" => "/a%%2etxt",
                "^/up" => "/../../a.txt", "^/q" => "/a.txt?x=1${qsa}", "^/frag" => "/a.txt#x", "^/slashes" => "//sub///page.html",
                "^/toalias/(.*)" => "/al/$1", "^/todir" => "/sub", "^/tomoved" => "/moved", "^/space" => "/names/with space.txt",
                "^/utf" => "/names/ümlaut.txt", "^/pct" => "/names/with%%20space.txt", "^/port" => "/a.txt?${url.scheme}",
            )
            url.rewrite-repeat = (
                "^/rep/(.)(.*)" => "/rep/$2", "^/rep/$" => "/a.txt", "^/torepeat" => "/rep/xx", "^/toonce" => "/once/a.txt",
            )
            url.redirect = ( "^/moved" => "/away?${url.path}" )
        "#,
        requests: || {
            [
                gets(&[
                    "/once/a.txt",
                    "/once/once/a.txt",
                    "/once/sub/",
                    "/loopy",
                    "/twice1",
                    "/twice2",
                    "/stop",
                    "/sto",
                    "/dot/a.txt",
                    "/ctl",
                    "/enc",
                    "/up",
                    "/q",
                    "/q?",
                    "/q?y=2",
                    "/frag",
                    "/slashes",
                    "/toalias/secret.txt",
                    "/toalias/../x",
                    "/todir",
                    "/todir?q",
                    "/tomoved",
                    "/moved",
                    "/space",
                    "/utf",
                    "/pct",
                    "/port",
                    "/rep/abc",
                    "/rep/",
                    "/torepeat",
                    "/toonce",
                    "/a.txt",
                    "/missing",
                    "/",
                    "/sub",
                ]),
                with_methods(&["/once/a.txt", "/rep/ab"]),
                without_host(&["/once/a.txt", "/todir"]),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "rewrite, what is wrong",
        text: r#"
            server.modules += ("mod_rewrite")
            url.rewrite-repeat = ( "^/bad" => "nothing", "^/empty" => "${url.query}", "^/circle" => "/circle/" )
            url.rewrite-repeat-if-not-file = ( "^/round" => "/round/" )
        "#,
        requests: || {
            gets(&[
                "/bad",
                "/empty",
                "/circle",
                "/round",
                "/a.txt",
                "/empty?/a.txt",
            ])
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "rewrite, if not file",
        text: r#"
            server.modules += ("mod_rewrite", "mod_redirect")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%q|%f"
            alias.url = ( "/al/" => "@OUTSIDE@/" )
            setenv.add-response-header = ( "X-At" => "other" )
            $HTTP["url"] =^ "/pretty" { setenv.add-response-header = ( "X-At" => "pretty" ) }
            $HTTP["url"] =^ "/page.html" { setenv.add-response-header = ( "X-At" => "page" ) }
            url.rewrite-if-not-file = (
                "^/pretty" => "/page.html?p=$0", "^/sub$" => "/a.txt", "^/a.txt/(.*)" => "/page.html?info=$1",
                "^/al/(.*)" => "/page.html?alias=$1", "^/tomoved" => "/moved", "^/noindex/" => "/b.txt", "^/emptydir" => "/missing",
            )
            url.rewrite-repeat-if-not-file = ( "^/nf/(.)(.*)" => "/nf/$2", "^/nf/$" => "/a.txt" )
            url.rewrite-once = ( "^/final/(.*)" => "/$1" )
            url.redirect = ( "^/moved" => "/away" )
        "#,
        requests: || {
            [
                gets(&[
                    "/pretty",
                    "/pretty/x?y",
                    "/sub",
                    "/sub/",
                    "/a.txt/x",
                    "/a.txt",
                    "/al/secret.txt",
                    "/al/zzz",
                    "/tomoved",
                    "/noindex/",
                    "/noindex/one.txt",
                    "/noindex/nope",
                    "/emptydir/",
                    "/nf/abc",
                    "/nf/",
                    "/final/pretty",
                    "/final/a.txt",
                    "/missing",
                    "/links/dangling",
                    "/links/inside.txt",
                    "/page.html",
                ]),
                with_methods(&["/pretty"]),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "rewrite, conditions",
        text: r#"
            server.modules += ("mod_rewrite")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%q|%f"
            url.rewrite-once = ( "^/g" => "/a.txt" )
            url.rewrite-if-not-file = ( "^/nf" => "/a.txt" )
            $HTTP["host"] == "repeat.example" { url.rewrite-repeat = ( "^/h" => "/a.txt", "^/two" => "/three" ) }
            $HTTP["host"] == "all.example" {
                url.rewrite-repeat = ( "^/r" => "/b.txt", "^/x" => "/1" )
                url.rewrite = ( "^/w" => "/a.txt", "^/x" => "/2" )
                url.rewrite-final = ( "^/f" => "/a.txt", "^/x" => "/3" )
                url.rewrite-once = ( "^/x" => "/a.txt" )
            }
            $HTTP["host"] == "none.example" { url.rewrite-once = () }
            $HTTP["host"] =~ "^(\w+)\.users\.example$" { url.rewrite-once = ( "^/(.*)" => "/%1/$1" ) }
            $HTTP["url"] =^ "/three" { url.rewrite-once = ( "^/three" => "/sub/page.html?%0" ) }
            $HTTP["query-string"] == "/three" { server.tag = "again" }
        "#,
        requests: || {
            at(
                &[
                    "repeat.example",
                    "all.example",
                    "none.example",
                    "sub.users.example",
                    "noindex.users.example",
                    "oracle.example",
                ],
                &[
                    "/g",
                    "/h",
                    "/nf",
                    "/r",
                    "/w",
                    "/f",
                    "/x",
                    "/two",
                    "/three",
                    "/page.html",
                    "/one.txt",
                    "/",
                ],
            )
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "rewrite, handlers of errors",
        text: r#"
            server.modules += ("mod_rewrite")
            url.rewrite-once = ( "^/gone" => "/missing", "^/handler$" => "/handler.html", "^/here" => "/a.txt" )
            server.error-handler-404 = "/handler"
        "#,
        requests: || {
            gets(&[
                "/gone",
                "/missing",
                "/here",
                "/handler",
                "/handler.html",
                "/emptydir/",
            ])
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "rewrite, WordPress",
        text: r#"
            server.modules += ("mod_rewrite")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%q|%f"
            url.rewrite-once = (
                "^/(wp-admin|wp-includes|wp-content|noindex|names)/.*" => "$0",
                "^/(sitemap.xml)" => "$0",
                "^/(.*\.(php|css|txt|html|png))(.*)$" => "$0",
                "^/(.*)$" => "/program.php/$1",
            )
        "#,
        requests: || gets(PAGES),
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "rewrite, WordPress and if-not-file",
        text: r#"
            server.modules += ("mod_rewrite")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%q|%f"
            index-file.names = ("program.php", "index.html")
            url.rewrite-if-not-file = ( "^/(wp-.+).*/?" => "$0", "^/(.*)\.(.+)$" => "$0", "^/(.+)/?$" => "/program.php/$1" )
        "#,
        requests: || gets(PAGES),
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "rewrite, MediaWiki",
        text: r#"
            server.modules += ("mod_rewrite", "mod_redirect")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%q|%f"
            url.rewrite-once = (
                "^/wiki/([^?]*)(?:\?(.*))?" => "/program.php?title=$1&$2",
                "^/wiki$" => "/program.php",
            )
            url.redirect = ( "^/$" => "/wiki/Main_Page" )
        "#,
        requests: || gets(PAGES),
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "rewrite, Drupal",
        text: r#"
            server.modules += ("mod_rewrite")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%q|%f"
            url.access-deny = ( "~", ".inc", ".module", ".sh" )
            url.rewrite-final = (
                "^/system/test/(.*)$" => "/program.php?q=system/test/$1",
                "^/([^.?]*)\?(.*)$" => "/program.php?q=$1&$2",
                "^/([^.?]*)$" => "/program.php?q=$1",
                "^/rss.xml" => "/program.php?q=rss.xml",
            )
        "#,
        requests: || gets(PAGES),
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "rewrite, Laravel",
        text: r#"
            server.modules += ("mod_rewrite")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%q|%f"
            url.rewrite-if-not-file = ( "(/[^\?]*)(\?.*)?" => "/program.php$1$2" )
            $HTTP["url"] =^ "/api/" { setenv.add-response-header = ( "Access-Control-Allow-Origin" => "*" ) }
        "#,
        requests: || [gets(PAGES), with_methods(&["/api/users/1"])].concat(),
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "rewrite, Nextcloud",
        text: r#"
            server.modules += ("mod_rewrite", "mod_redirect")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%q|%f"
            url.redirect = (
                "^/\.well-known/(?:carddav|caldav)" => "/remote.php/dav/",
                "^/\.well-known/(webfinger|nodeinfo)(\?.*)?$" => "/program.php/.well-known/$1$2",
            )
            $HTTP["url"] =~ "^/(?:build|tests|config|lib|3rdparty|templates|data)(?:$|/)" { url.access-deny = ( "" ) }
            $HTTP["url"] =~ "\.(?:css|js|svg|png)$" { setenv.add-response-header = ( "Cache-Control" => "public, max-age=15778463" ) }
            $HTTP["url"] !~ "^/(?:noindex|sub|names)/" {
                url.rewrite-if-not-file = ( "^/(?!\.well-known/acme-challenge)([^?]*)(\?.*)?$" => "/program.php/$1$2" )
            }
        "#,
        requests: || gets(PAGES),
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "rewrite, to a backend",
        text: r#"
            server.modules += ("mod_rewrite", "mod_fastcgi")
            fastcgi.server = ( "/b" => (@FASTCGI1@) )
            url.rewrite-once = ( "^/app/([^?]*)" => "/b/$1${qsa}", "^/index.php\?(.*)" => "/b?$1" )
            url.rewrite-if-not-file = ( "^/([^?]*)" => "/b/index?q=$1${qsa}" )
        "#,
        requests: || {
            gets(&[
                "/app/x",
                "/app/x?y=z",
                "/app/a%20b",
                "/index.php?q",
                "/pretty",
                "/pretty/x?y",
                "/a.txt",
                "/b",
                "/sub",
            ])
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "rewrite, to a backend over HTTP",
        text: r#"
            server.modules += ("mod_rewrite", "mod_proxy")
            proxy.server = ( "/b" => (@HTTP1@) )
            url.rewrite-once = ( "^/app/([^?]*)" => "/b/$1${qsa}" )
            url.rewrite-if-not-file = ( "^/([^?]*)" => "/b/index?q=$1${qsa}" )
        "#,
        requests: || {
            gets(&[
                "/app/x",
                "/app/x?y=z",
                "/app/a%20b",
                "/pretty",
                "/pretty/x?y",
                "/a.txt",
                "/b",
            ])
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "hosts, evhost",
        text: r#"
            server.modules += ("mod_evhost")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%f|%v|%V"
            evhost.path-pattern = "@ROOT@/%2/"
            $HTTP["host"] =$ ".whole" { evhost.path-pattern = "@ROOT@/%3" }
            $HTTP["host"] == "sub" { evhost.path-pattern = "@ROOT@/%_" }
            $HTTP["host"] =$ ".letter" { evhost.path-pattern = "@ROOT@/%{3.1}%{3.2}%{3.3}/%{4}/" }
            $HTTP["host"] =$ ".fixed" { evhost.path-pattern = "@ROOT@/noindex%%/../noindex" }
            $HTTP["host"] =$ ".zero" { evhost.path-pattern = "@ROOT@/%0/../sub" }
            $HTTP["host"] =$ ".empty" { evhost.path-pattern = "" }
        "#,
        requests: || {
            let hosts = [
                "sub.example",
                "sub.example:8080",
                "SUB.Example",
                "noindex.example",
                "www.noindex.example",
                "none.example",
                "sub",
                "example",
                "sub.x.whole",
                "deep.sub.x.letter",
                "a.fixed",
                "sub.zero",
                "sub.empty",
                "192.0.2.1",
                "[::1]",
                "sub.example.",
            ];
            [
                at(&hosts, &["/page.html", "/one.txt", "/a.txt", "/"]),
                without_host(&["/a.txt"]),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "hosts, simple-vhost",
        text: r#"
            server.modules += ("mod_simple_vhost")
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s|%r|%U|%f|%v|%V"
            simple-vhost.server-root = "@ROOT@"
            simple-vhost.default-host = "noindex"
            $HTTP["host"] =^ "sub" { simple-vhost.document-root = "/deep/" }
            $HTTP["host"] =^ "plain" { simple-vhost.default-host = "" }
            $HTTP["host"] =^ "off" { simple-vhost.server-root = "" }
            $HTTP["host"] =^ "lost" { simple-vhost.document-root = "nowhere" }
            server.name = "named.example"
        "#,
        requests: || {
            let hosts = [
                "sub",
                "sub:81",
                "SUB",
                "noindex",
                "names",
                "other.example",
                "plain.example",
                "off.example",
                "lost",
                "alt",
                "[::1]",
            ];
            [
                at(
                    &hosts,
                    &[
                        "/file.txt",
                        "/one.txt",
                        "/default.htm",
                        "/a.txt",
                        "/sub/page.html",
                        "/",
                    ],
                ),
                without_host(&["/one.txt", "/a.txt"]),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "hosts, both modules",
        text: r#"
            server.modules += ("mod_evhost", "mod_simple_vhost")
            evhost.path-pattern = "@ROOT@/%2"
            simple-vhost.server-root = "@ROOT@"
            $HTTP["host"] == "alt.example" { server.document-root = "@ROOT@/names" }
        "#,
        requests: || {
            at(
                &[
                    "sub.example",
                    "noindex.example",
                    "sub",
                    "alt",
                    "alt.example",
                    "none.example",
                ],
                &[
                    "/page.html",
                    "/one.txt",
                    "/default.htm",
                    "/a.txt",
                    "/plus+plus.txt",
                ],
            )
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "hosts, conditions",
        text: r#"
            server.name = "named.example"
            $HTTP["host"] == "sub.example" { server.document-root = "@ROOT@/sub" }
            else $HTTP["host"] == "noindex.example" { server.document-root = "@ROOT@/noindex" }
            else $HTTP["host"] =~ "(^|\.)alt\.example$" { server.document-root = "@ROOT@/alt" index-file.names = ("default.htm") }
            else $HTTP["host"] == "port.example:8080" { server.document-root = "@ROOT@/texts" }
            else $HTTP["host"] != "oracle.example" { server.document-root = "@ROOT@/names" }
            $HTTP["host"] == "sub.example" { server.tag = "again" }
            $HTTP["host"] == "192.0.2.1" { server.tag = "v4" }
            $HTTP["host"] == "[2001:db8::1]" { server.tag = "v6" }
        "#,
        requests: || {
            let hosts = [
                "sub.example",
                "sub.example:80",
                "sub.example:8080",
                "SUB.EXAMPLE",
                "sub.example.",
                "noindex.example",
                "alt.example",
                "www.alt.example",
                "xalt.example",
                "port.example",
                "port.example:8080",
                "port.example:81",
                "other.example",
                "oracle.example",
                "oracle.example:1",
                "192.0.2.1",
                "[2001:db8::1]",
                "[2001:DB8:0::1]:80",
            ];
            [
                at(
                    &hosts,
                    &[
                        "/page.html",
                        "/one.txt",
                        "/",
                        "/README.txt",
                        "/plus+plus.txt",
                    ],
                ),
                without_host(&["/a.txt", "/page.html"]),
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "userdir",
        text: r#"
            server.modules += ("mod_userdir")
            userdir.path = "deep"
            userdir.basepath = "@ROOT@"
            userdir.exclude-user = ( "root", "names" )
            $HTTP["host"] == "include" { userdir.include-user = ( "sub" ) }
            $HTTP["host"] == "off" { userdir.active = "disable" }
            $HTTP["host"] == "slashes" { userdir.path = "/deep/" }
            $HTTP["host"] == "home" { userdir.path = "" }
            $HTTP["host"] == "lower" { server.force-lowercase-filenames = "enable" }
            $HTTP["host"] == "system" { userdir.basepath = "" userdir.path = "." }
            $HTTP["host"] == "absolute" { server.feature-flags = ( "server.absolute-dir-redirect" => "enable" ) }
        "#,
        requests: || {
            at(
                &[
                    "oracle.example",
                    "include",
                    "off",
                    "slashes",
                    "home",
                    "lower",
                    "system",
                ],
                &[
                    "/~sub",
                    "/~sub?q=1",
                    "/~sub/",
                    "/~sub/file.txt",
                    "/~SUB/FILE.txt",
                    "/~sub/../a.txt",
                    "/~/a.txt",
                    "/~",
                    "/~.",
                    "/~..",
                    "/~../a.txt",
                    "/~names/",
                    "/~names/plus+plus.txt",
                    "/~noindex/one.txt",
                    "/~daemon",
                    "/~daemon/nothing",
                    "/~root/x",
                    "/~no%20body/",
                    "/~%C3%BC/x",
                    "/x~sub/",
                    "/~sub/file.txt/info",
                    "/a.txt",
                ],
            )
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "userdir, before and after an alias",
        text: r#"
            server.modules := ("mod_userdir", "mod_alias")
            userdir.path = "deep"
            userdir.basepath = "@ROOT@"
            alias.url = ( "/~sub/" => "@OUTSIDE@/", "/file" => "@ROOT@/b", "/~x/" => "@OUTSIDE@/" )
        "#,
        requests: || {
            gets(&[
                "/~sub/file.txt",
                "/~sub/secret.txt",
                "/file.txt",
                "/~x/secret.txt",
                "/~sub/",
            ])
        },
        types: Types::Usual,
        log: Log::None,
    },
    Case {
        name: "expire",
        text: r#"
            server.modules += ("mod_expire")
            expire.url = (
                "/sub/" => "access plus 1 hours", "/a.txt" => "modification plus 10 years", "/b" => "now 2 days 3 minutes",
                "/noindex/" => "access 1 weeks 1 day", "/names" => "modification 30 years 2 months 1 week 1 second",
            )
            $HTTP["host"] == "types.example" {
                expire.url = ()
                expire.mimetypes = ( "text/html" => "access 1 hours", "text/*" => "access 2 months", "image/svg" => "now 1 day", "" => "access 5 seconds" )
            }
            $HTTP["host"] == "both.example" {
                expire.mimetypes = ( "text/" => "access 7 seconds" )
                setenv.add-response-header = ( "Cache-Control" => "private" )
            }
        "#,
        requests: || {
            [
                at(
                    &["oracle.example", "types.example", "both.example"],
                    &[
                        "/a.txt",
                        "/b.txt",
                        "/sub/page.html",
                        "/sub/",
                        "/sub",
                        "/noindex/one.txt",
                        "/names/plus+plus.txt",
                        "/drawing.svg",
                        "/style.css",
                        "/page.html",
                        "/missing",
                        "/sub/missing",
                        "/program.php",
                        "/noextension",
                    ],
                ),
                with_methods(&["/sub/page.html"]),
                vec![
                    get_with("/sub/page.html", &["Range: bytes=0-3"]),
                    get_with(
                        "/sub/page.html",
                        &["If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT"],
                    ),
                ],
            ]
            .concat()
        },
        types: Types::Usual,
        log: Log::None,
    },
];
