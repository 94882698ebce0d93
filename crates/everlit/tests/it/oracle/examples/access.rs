//! mod_access: who may see what.

use super::super::configurations::Case;
use super::super::destinations::at;
use super::super::known::{Known, known};
use super::super::requests::{Request, get_with, gets, targets};
use super::{around, case};

/// Pictures and pages, for those who come from somewhere, use something, or speak some language.
fn visitors() -> Vec<Request> {
    let mut requests = Vec::new();
    for target in [
        "/photo.JPG",
        "/image.png",
        "/page.html",
        "/missing.png",
        "/",
    ] {
        for field in [
            "Referer: http://www.example.org/gallery",
            "Referer: http://www.example.org.other.example/",
            "Referer: http://other.example/",
            "Referer:",
            "User-Agent: Googlebot/2.1",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
            "User-Agent: evil-scraper",
            "Accept-Language: fr-FR,fr;q=0.8",
            "Cookie: member=yes",
        ] {
            requests.push(get_with(target, &[field]));
        }
        requests.extend(gets(&[target]));
        requests.push(Request::new(
            &format!("HEAD {target}"),
            &["Referer: http://other.example/"],
        ));
    }
    requests
}

pub const CASES: &[Case] = &[
    case(
        "access, images and their thieves",
        r#"
            $HTTP["referer"] !~ "^($|http://www\.example\.org)" { url.access-deny = (".jpg", ".jpeg", ".png", ".JPG") }
            $HTTP["useragent"] =~ "Google" { url.access-deny = ("") }
        "#,
        visitors,
    ),
    case(
        "access, by field",
        r#"
            $HTTP["user-agent"] =~ "(?i)evil|scraper" { url.access-deny = ("") }
            else $HTTP["language"] =~ "^fr" { url.access-deny = (".html") }
            else $HTTP["cookie"] !~ "member=yes" { url.access-deny = (".png", "/") }
        "#,
        visitors,
    ),
    case(
        "access, from here only",
        r#"
            $HTTP["host"] == "www.example.org" {
                $HTTP["remoteip"] != "10.0.0.0/8" { url.access-deny = ("") }
            }
            $HTTP["host"] == "local.example.org" {
                $HTTP["remoteip"] != "127.0.0.0/8" { url.access-deny = ("") }
            }
            $HTTP["host"] == "pattern.example.org" {
                $HTTP["remoteip"] !~ "^(127\.0\.0\.1|192\.168\..*)$" { url.access-deny = ("") }
            }
            $HTTP["host"] == "six.example.org" {
                $HTTP["remote-ip"] == "::1" { url.access-deny = ("") }
                $HTTP["remote-ip"] != "2001:db8::/32" { setenv.add-response-header = ("X-Not-Six" => "y") }
            }
            $HTTP["host"] == "mapped.example.org" {
                $HTTP["remote-ip"] == "::ffff:127.0.0.1" { url.access-deny = ("") }
            }
            $HTTP["host"] == "one.example.org" {
                $HTTP["remote-ip"] =~ "^127\.|^::1$" { setenv.add-response-header = ("X-Near" => "%0") }
            }
        "#,
        || {
            at(
                &[
                    "www.example.org",
                    "www.example.org:8080",
                    "WWW.example.org",
                    "local.example.org",
                    "pattern.example.org",
                    "six.example.org",
                    "mapped.example.org",
                    "one.example.org",
                    "other.example.org",
                ],
                &["/", "/a.txt", "/missing", "/sub", "/sub/page.html"],
            )
        },
    ),
    case(
        "access, what is allowed",
        r#"
            url.access-allow = (".html", ".css", "/", ".jpg", "robots.txt")
            url.access-deny = (".html", ".php")
            $HTTP["url"] =^ "/noindex" { url.access-allow = () url.access-deny = (".txt") }
            $HTTP["url"] =~ "^/names/" { url.access-allow = ("") }
        "#,
        targets,
    ),
    case(
        "access, hidden files",
        r#"
            $HTTP["url"] =~ "/\.(?!well-known)" { url.access-deny = ("") }
            $HTTP["url"] =~ "(?:^|/)(?:README|config|data)(?:$|/)" { url.access-deny = ("") }
            $HTTP["url"] =~ "\.(?:inc|bak|sql|log)$" { url.access-deny = ("") }
            $HTTP["url"] =~ "~$" { url.access-deny = ("") }
        "#,
        || {
            [
                around(&["/.hidden", "/README", "/file.inc", "/backup.txt~"]),
                gets(&[
                    "/.htaccess",
                    "/.git/config",
                    "/.well-known/x",
                    "/sub/.hidden",
                    "/sub/..hidden",
                    "/noindex/.dot",
                    "/config/x",
                    "/configure",
                    "/%2ehidden",
                    "/a/../.hidden",
                    "/README.txt",
                    "/x/README/y",
                    "/file.inc?x",
                    "/file.in%63",
                    "/file.inc/more",
                    "/FILE.INC",
                ]),
            ]
            .concat()
        },
    ),
    case(
        "access, lower case",
        r#"
            server.force-lowercase-filenames = "enable"
            url.access-deny = (".INC", ".txt")
        "#,
        || {
            gets(&[
                "/file.inc",
                "/FILE.INC",
                "/A.TXT",
                "/a.txt",
                "/page.html",
                "/PAGE.html",
            ])
        },
    ),
    case(
        "access, methods",
        r#"
            $HTTP["request-method"] !~ "^(GET|HEAD|POST)$" { url.access-deny = ("") }
            $HTTP["request-method"] == "POST" {
                $HTTP["url"] !~ "^/(?:program|sub)" { url.access-deny = ("") }
            }
        "#,
        || around(&["/a.txt", "/sub/page.html", "/missing"]),
    ),
];

pub const KNOWN: &[Known] = &[known(
    "access, from here only",
    "GET * at mapped.example.org",
    "status",
    "*",
    "403",
    "an address is the same in both notations (lighttpd: later)",
)];
