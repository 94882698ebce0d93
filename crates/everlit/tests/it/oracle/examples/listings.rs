//! mod_dirlisting: every option, and who gets a list at all.

use super::super::configurations::Case;
use super::super::known::{Known, known};
use super::super::requests::{Request, directories, get_with, gets};
use super::{around, case};

pub const DOCUMENTS: &[(&str, &str)] = &[
    ("download/b.iso", "iso"),
    ("download/a.tar.gz", "a"),
    ("download/a.tar.gz.sig", "sig"),
    ("download/Makefile", "all:"),
    ("download/HEADER.txt", "<b>Downloads</b> & more\n"),
    ("download/README.txt", "line one\n<i>line two</i>\n"),
    ("download/HEADER.html", "<h1>Downloads</h1>\n"),
    ("download/README.html", "<p>That is all</p>\n"),
    ("download/sub dir/x.txt", "x"),
    ("download/Zebra.TXT", "Z"),
    ("download/.htaccess", "hidden"),
    ("download/back~", "backup"),
    ("download/1.txt", "1"),
    ("download/10.txt", "10"),
    ("download/2.txt", "2"),
];

fn lists() -> Vec<Request> {
    let mut requests = around(&["/download/", "/download", "/texts/", "/emptydir/"]);
    requests.extend(gets(&[
        "/download/?C=M&O=D",
        "/download/?C=N;O=D",
        "/download/?C=S&O=A",
        "/download/sub%20dir/",
        "/download/sub%20dir",
        "/downloads/",
        "/download/a.tar.gz",
        "/download/.htaccess",
        "/names/",
        "/",
    ]));
    requests.push(get_with("/download/", &["Accept-Encoding: gzip"]));
    requests
}

pub const CASES: &[Case] = &[
    case(
        "listing, of one directory",
        r#"
            $HTTP["url"] =~ "^/download($|/)" { dir-listing.activate = "enable" }
            dir-listing.encoding = "utf-8"
        "#,
        lists,
    ),
    case(
        "listing, but for one directory",
        r#"
            dir-listing.activate = "enable"
            dir-listing.hide-dotfiles = "enable"
            $HTTP["url"] =~ "^/download/" { dir-listing.activate = "disable" }
        "#,
        lists,
    ),
    case(
        "listing, what is left out",
        r#"
            server.dir-listing = "enable"
            dir-listing.exclude = ("~$", "\.sig$", "^[0-9]+\.txt$", "Makefile", "sub dir")
            dir-listing.hide-dotfiles = "disable"
            $HTTP["url"] =^ "/texts" { dir-listing.exclude = () }
            $HTTP["url"] =^ "/names" { dir-listing.exclude = ("\.txt$") }
        "#,
        lists,
    ),
    case(
        "listing, texts as they are",
        r#"
            dir-listing.activate = "enable"
            dir-listing.show-readme = "enable"
            dir-listing.show-header = "enable"
            dir-listing.encode-readme = "disable"
            dir-listing.encode-header = "disable"
            dir-listing.hide-readme-file = "enable"
            dir-listing.set-footer = "served by <em>somebody</em>"
            dir-listing.external-js = "/script.js"
        "#,
        lists,
    ),
    case(
        "listing, texts of other names",
        r#"
            dir-listing.activate = "enable"
            dir-listing.show-readme = "README.html"
            dir-listing.show-header = "HEADER.html"
            dir-listing.hide-readme-file = "enable"
            dir-listing.hide-header-file = "enable"
            dir-listing.encode-readme = "disable"
            dir-listing.encode-header = "disable"
            $HTTP["url"] =^ "/texts" { dir-listing.show-header = "disable" dir-listing.show-readme = "/README.txt" }
        "#,
        lists,
    ),
    case(
        "listing, a layout of one's own",
        r#"
            dir-listing.activate = "enable"
            dir-listing.auto-layout = "disable"
            dir-listing.show-readme = "README.html"
            dir-listing.show-header = "HEADER.html"
            dir-listing.encode-readme = "disable"
            dir-listing.encode-header = "disable"
            dir-listing.set-footer = "not shown"
            dir-listing.external-css = "/style.css"
        "#,
        lists,
    ),
    case(
        "listing, kept",
        r#"
            dir-listing.activate = "enable"
            dir-listing.cache = ("max-age" => 60, "path" => "@DIR@")
        "#,
        lists,
    ),
    case(
        "listing, another encoding",
        r#"
            dir-listing.activate = "enable"
            dir-listing.encoding = "iso-8859-1"
            index-file.names = ("page.html", "nothing.html")
        "#,
        || [lists(), directories()].concat(),
    ),
    case(
        "listing, a program for lists",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
            index-file.names = ("index.html", "/cgi/tell.sh")
        "#,
        lists,
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "listing, texts of other names",
        "* /*texts/*",
        "status",
        "cut off: in the body",
        "200",
        "a text that is not there is left out; lighttpd breaks off",
    ),
    known(
        "listing, texts of other names",
        "* /%74exts/*",
        "status",
        "cut off: in the body",
        "200",
        "a text that is not there is left out; lighttpd breaks off",
    ),
    known(
        "listing, a layout of one's own",
        "*",
        "body",
        "*",
        "*",
        "a directory's page has its own looks; its rows are compared",
    ),
    known(
        "listing, kept",
        "*",
        "cache-control",
        "max-age=*",
        "none",
        "no list is kept, and nobody is told to keep one",
    ),
    known(
        "listing, kept",
        "*",
        "etag",
        "\"*\"",
        "none",
        "no list is kept, and nobody is told to keep one",
    ),
];
