//! mod_deflate, and mod_compress as it was called before.

use super::super::configurations::Case;
use super::super::known::{Known, known};
use super::super::packed::{bodies, codings};
use super::super::requests::{Request, get_with};
use super::{around, case};

/// Documents of several types, for a client of today and older ones.
fn of_types() -> Vec<Request> {
    let mut requests = around(&["/digits.txt"]);
    for target in [
        "/digits.txt",
        "/large.bin",
        "/page.html",
        "/style.css",
        "/script.js",
        "/drawing.svg",
        "/noindex/kilo.bin",
        "/sub/",
        "/missing",
    ] {
        for field in [
            "gzip, deflate, br",
            "gzip, deflate",
            "bzip2",
            "br, gzip;q=0.8, *;q=0.1",
            "identity",
        ] {
            requests.push(get_with(target, &[&format!("Accept-Encoding: {field}")]));
            requests.push(Request::new(
                &format!("HEAD {target}"),
                &[&format!("Accept-Encoding: {field}")],
            ));
        }
        requests.push(get_with(
            target,
            &[
                "Accept-Encoding: gzip",
                "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)",
            ],
        ));
    }
    requests
}

pub const CASES: &[Case] = &[
    case(
        "deflate, as documented",
        r#"
            server.modules += ("mod_deflate")
            deflate.mimetypes = ("text/plain", "text/html", "text/css", "application/javascript", "text/javascript", "image/svg+xml")
            deflate.allowed-encodings = ("brotli", "gzip", "deflate")
            deflate.max-compress-size = 131072
            deflate.min-compress-size = 256
            deflate.compression-level = 9
            deflate.output-buffer-size = 8192
            deflate.work-block-size = 1024
            deflate.max-loadavg = "100.50"
            $HTTP["user-agent"] =~ "MSIE [1-6]\." { deflate.mimetypes = () }
        "#,
        || [of_types(), codings(), bodies()].concat(),
    ),
    case(
        "deflate, as Debian has it",
        r#"
            server.modules += ("mod_deflate")
            deflate.cache-dir = "@DIR@/compress/"
            deflate.mimetypes = ("application/javascript", "text/css", "text/html", "text/plain")
        "#,
        || [of_types(), bodies()].concat(),
    ),
    case(
        "deflate, parameters",
        r#"
            server.modules += ("mod_deflate")
            deflate.mimetypes = ("text/")
            deflate.allowed-encodings = ("zstd", "br", "gzip")
            deflate.params = ("BROTLI_PARAM_QUALITY" => 5, "BROTLI_PARAM_MODE" => 1, "ZSTD_c_compressionLevel" => 3, "gzip.level" => 1)
        "#,
        || [of_types(), codings()].concat(),
    ),
    case(
        "deflate, mod_compress",
        r#"
            server.modules += ("mod_compress")
            compress.filetype = ("text/plain", "text/html")
            compress.allowed-encodings = ("gzip", "deflate")
            compress.max-filesize = 100
            compress.max-loadavg = "100"
        "#,
        || [of_types(), codings()].concat(),
    ),
    case(
        "deflate, for some",
        r#"
            server.modules += ("mod_deflate")
            $HTTP["url"] =~ "\.(txt|html)$" {
                deflate.mimetypes = ("text/plain", "text/html")
                deflate.allowed-encodings = ("gzip")
            }
            $HTTP["url"] =^ "/sub" { deflate.mimetypes = ("") deflate.min-compress-size = 0 }
            $REQUEST_HEADER["Range"] != "" { deflate.mimetypes = () }
        "#,
        of_types,
    ),
    case(
        "deflate, not for those who are asked not to",
        r#"
            server.modules += ("mod_deflate")
            deflate.mimetypes = ("text/")
            setenv.set-request-header = ("Accept-Encoding" => "")
            $HTTP["url"] == "/large.bin" { setenv.set-request-header = ("Accept-Encoding" => "gzip") mimetype.assign = ("" => "text/large") }
        "#,
        of_types,
    ),
];

pub const KNOWN: &[Known] = &[
    known(
        "deflate, *",
        "GET /sub/ | Accept-Encoding: *",
        "content-encoding",
        "*",
        "none",
        "a page of ours for an error is shorter than deflate.min-compress-size",
    ),
    known(
        "deflate, *",
        "GET /sub/ | Accept-Encoding: *",
        "vary",
        "*",
        "none",
        "a page of ours for an error is shorter than deflate.min-compress-size",
    ),
    known(
        "deflate, *",
        "GET /missing | Accept-Encoding: *",
        "content-encoding",
        "*",
        "none",
        "a page of ours for an error is shorter than deflate.min-compress-size",
    ),
    known(
        "deflate, *",
        "GET /missing | Accept-Encoding: *",
        "vary",
        "*",
        "none",
        "a page of ours for an error is shorter than deflate.min-compress-size",
    ),
    known(
        "deflate, *",
        "GET /sub/ | Accept-Encoding: *",
        "body",
        "*",
        "<!DOCTYPE html>*",
        "a page of ours for an error is shorter than deflate.min-compress-size",
    ),
    known(
        "deflate, *",
        "GET /missing | Accept-Encoding: *",
        "body",
        "*",
        "<!DOCTYPE html>*",
        "a page of ours for an error is shorter than deflate.min-compress-size",
    ),
];
