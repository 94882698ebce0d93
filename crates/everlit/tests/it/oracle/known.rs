//! Where we differ from lighttpd 1.4.69, and why.
//!
//! Must hold: a difference that is not in here is a mistake; so is a row that no difference fits.

use super::compare::Difference;

/// Differences that have one reason. In every pattern, `*` is any text.
pub struct Known {
    /// Name of the configuration.
    case: &'static str,
    /// Name of the request.
    request: &'static str,
    /// What differs.
    what: &'static str,
    /// What lighttpd says.
    theirs: &'static str,
    /// What Everlit says.
    ours: &'static str,
    pub reason: &'static str,
}

pub const fn known(
    case: &'static str,
    request: &'static str,
    what: &'static str,
    theirs: &'static str,
    ours: &'static str,
    reason: &'static str,
) -> Known {
    Known {
        case,
        request,
        what,
        theirs,
        ours,
        reason,
    }
}

/// In nearly every answer.
pub const EVERYWHERE: &[Known] = &[
    known(
        "*",
        "*",
        "etag",
        "\"*\"",
        "\"*\"",
        "an entity tag is opaque; ours is made by another hash",
    ),
    known(
        "*",
        "*",
        "body",
        "<?xml version=*",
        "<!DOCTYPE html>*",
        "generated error pages are HTML5 (lighttpd: since 1.4.74)",
    ),
    known(
        "*",
        "HEAD *",
        "content-length",
        "341",
        "119",
        "the length of such a page, for 403 and 404",
    ),
    known(
        "*",
        "HEAD /noindex",
        "content-length",
        "none",
        "0",
        "HEAD has the fields of GET (RFC 9110 9.3.2)",
    ),
];

/// Here and there.
pub const KNOWN: &[Known] = &[
    // Heads.
    known(
        "*",
        "*",
        "version",
        "HTTP/1.0",
        "HTTP/1.1",
        "what cannot be read is refused in our own version (RFC 9110 6.2)",
    ),
    known(
        "*",
        "line *",
        "status",
        "501",
        "400",
        "a method that is not even a token is no unknown method",
    ),
    known(
        "*",
        "line GET /a.txt HTTP/*",
        "status",
        "505",
        "400",
        "half a version is no version",
    ),
    known(
        "*",
        "line GET /*",
        "status",
        "404",
        "400",
        "a target is visible ASCII or UTF-8; nothing is guessed about spaces (RFC 9112 3.2)",
    ),
    known(
        "*",
        "GET | X: y\\r\\n*folded",
        "status",
        "200",
        "400",
        "folded fields are refused (RFC 9112 5.2)",
    ),
    known(
        "*",
        "GET |  X: y",
        "status",
        "200",
        "400",
        "the first line cannot be a continuation (RFC 9112 2.2)",
    ),
    known(
        "*",
        "GET | Host: oracle.example",
        "status",
        "200",
        "400",
        "a second Host is refused, equal or not (RFC 9112 3.2)",
    ),
    known(
        "*",
        "200 fields",
        "status",
        "200",
        "431",
        "a head has at most 128 fields",
    ),
    known(
        "*",
        "CONNECT / *",
        "status",
        "405",
        "400",
        "CONNECT takes an authority, nothing else (RFC 9112 3.2.3)",
    ),
    known(
        "*",
        "CONNECT oracle.example:80 *",
        "status",
        "400",
        "405",
        "CONNECT takes an authority, nothing else (RFC 9112 3.2.3)",
    ),
    known(
        "*",
        "GET http://oracle.example HTTP/1.1\\r\\n*",
        "status",
        "400",
        "40*",
        "a URL without a path is one with \"/\" (RFC 9112 3.2.1)",
    ),
    known(
        "*",
        "*Host: 256.1.1.1*",
        "status",
        "*",
        "400",
        "not an IP address, though it ends like one",
    ),
    known(
        "hosts and targets as they come",
        "*Host: a/b*",
        "status",
        "*",
        "400",
        "a host that is a path is refused under all options",
    ),
    known(
        "hosts and targets as they come",
        "*Host: .*",
        "status",
        "*",
        "400",
        "a host that is a path is refused under all options",
    ),
    known(
        "hosts and targets, strictly",
        "GET /a.txt?q?r",
        "status",
        "404",
        "200",
        "the query begins at the first question mark (RFC 3986 3.4)",
    ),
    known(
        "*",
        "* HTTP/1.1\\r\\nHost: oracle.example\\r\\nContent-Length: *",
        "connection",
        "close",
        "none",
        "a body that nobody wants is read, and the connection kept",
    ),
    known(
        "*",
        "* HTTP/1.1\\r\\nHost: oracle.example\\r\\nTransfer-Encoding: chunked*",
        "connection",
        "close",
        "none",
        "a body that nobody wants is read, and the connection kept",
    ),
    // Bodies.
    known(
        "*",
        "POST /a.txt *chunked\\r\\n\\r\\nx\\r\\n",
        "status",
        "200",
        "400",
        "a body that is broken from the start is refused",
    ),
    known(
        "small limits",
        "*",
        "connection",
        "none",
        "close",
        "server.max-keep-alive-requests counts all of them; lighttpd answers one more",
    ),
    // Documents.
    known(
        "*",
        "QUERY *",
        "status",
        "*",
        "501",
        "a file cannot be asked a question",
    ),
    known(
        "*",
        "GET /links/circle*",
        "status",
        "500",
        "403",
        "links in a circle are nothing that can be served, and no fault of the server",
    ),
    known(
        "no links",
        "GET /links/dangling",
        "status",
        "404",
        "403",
        "whether the target of a link is there is nobody's business if links are not followed",
    ),
    known(
        "no path info",
        "*",
        "status",
        "200",
        "404",
        "server.http-pathinfo is newer",
    ),
    known(
        "static, options",
        "GET /sub HTTP/1.0*",
        "location",
        "http://localhost:PORT/sub/",
        "http://name.example/sub/",
        "without Host, server.name is the host",
    ),
    // Conditions and ranges.
    known(
        "*",
        "* | If-Match: *",
        "status",
        "200",
        "412",
        "If-Match is heeded (RFC 9110 13.1.1)",
    ),
    known(
        "*",
        "* | If-Unmodified-Since: *",
        "status",
        "200",
        "412",
        "If-Unmodified-Since is heeded (RFC 9110 13.1.4)",
    ),
    known(
        "*",
        "GET /a.txt | If-None-Match: \"x\"*@ETAG@",
        "status",
        "200",
        "304",
        "a list of tags may be several fields, and is read to its end",
    ),
    known(
        "*",
        "GET /a.txt | If-None-Match: \"x\", *",
        "status",
        "304",
        "200",
        "an asterisk is no tag (RFC 9110 13.1.2)",
    ),
    known(
        "no etag*",
        "GET * | If-None-Match: *",
        "status",
        "200",
        "304",
        "an asterisk needs no tag (RFC 9110 13.1.2)",
    ),
    known(
        "no etag*",
        "GET /a.txt | If-None-Match: * | If-Modified-Since: *",
        "status",
        "304",
        "200",
        "If-None-Match goes first, even where there are no tags (RFC 9110 13.2.2)",
    ),
    known(
        "*",
        "* | Range: *",
        "content-range",
        "none",
        "bytes *",
        "416 tells the length (RFC 9110 15.5.17)",
    ),
    known(
        "*",
        "GET /digits.txt | Range: bytes=*-99999999999999999999",
        "status",
        "416",
        "206",
        "a number too large is larger than any document",
    ),
    known(
        "*",
        "GET /digits.txt | Range: bytes=+0-4",
        "status",
        "206",
        "416",
        "a position has no sign",
    ),
    known(
        "*",
        "GET /a.txt | Range: bytes=0-1 | If-Range: ",
        "status",
        "206",
        "200",
        "an empty If-Range fits nothing",
    ),
    // Types.
    known(
        "no types",
        "*",
        "content-type",
        "application/octet-stream",
        "*",
        "types are built in (lighttpd: since 1.4.71)",
    ),
    known(
        "*types",
        "*",
        "etag",
        "none",
        "\"*\"",
        "a document of unknown type has validators like any other",
    ),
    known(
        "*types",
        "*",
        "last-modified",
        "none",
        "*",
        "a document of unknown type has validators like any other",
    ),
    // Directories.
    known(
        "listing*",
        "*",
        "body",
        "*<title>Index of *",
        "*<title>Index of *",
        "a directory's page has its own looks; its rows are compared",
    ),
    known(
        "listing*",
        "*",
        "content-range",
        "bytes 0-4/*",
        "bytes 0-4/*",
        "the length of such a page",
    ),
    known(
        "listing*",
        "HEAD *",
        "content-length",
        "*",
        "*",
        "the length of such a page",
    ),
    known(
        "listing*",
        "*",
        "vary",
        "none",
        "Accept",
        "directories are told in JSON, too",
    ),
    known(
        "listing*",
        "* | Accept: application/json",
        "*",
        "*",
        "*",
        "directories are told in JSON, too",
    ),
    known(
        "listing*",
        "*",
        "content-type",
        "text/html",
        "text/html;charset=utf-8",
        "dir-listing.encoding is utf-8 by default",
    ),
    known(
        "listing*",
        "GET /names/",
        "rows",
        "*(parens)*",
        "*%28parens%29*",
        "another way to write the same link",
    ),
    known(
        "listing, with other texts",
        "*",
        "rows",
        "*; readme: ",
        "*; readme: alpha\n",
        "a text outside the directory is shown, not only its frame",
    ),
    // Conditions of the configuration, and what modules add.
    known(
        "conditions",
        "*",
        "x-*",
        "none",
        "*",
        "mod_setenv has its say even if mod_access, before it, has refused",
    ),
    known(
        "setenv",
        "GET /digits.txt | Range: bytes=2000-",
        "*",
        "none",
        "*",
        "mod_setenv has its say for 416, too",
    ),
    // Error handlers.
    known(
        "error handler",
        "GET /missing | If-*",
        "*",
        "*",
        "*",
        "conditions are about what was asked for, not about the handler's page",
    ),
    known(
        "error handler for 404",
        "*",
        "status",
        "501",
        "404",
        "an error of the handler's own is not shown",
    ),
    // Access logs.
    known(
        "access log, file",
        "*",
        "log",
        "* -",
        "* /*",
        "the file that was refused is named",
    ),
    known(
        "access log, what is lazy",
        "*",
        "log",
        "* -",
        "* added",
        "variables are there when the line is written",
    ),
    known(
        "access log*",
        "*",
        "log",
        "127.0.0.1 *",
        "127.0.0.1 - - [time] \"- - HTTP/1.0\" *",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "access log, escaped",
        "*",
        "log",
        "{ *",
        "{ - ; - ; - ;  ; - - HTTP/1.0 ; - }",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%m=*",
        "%m=-",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%U=*",
        "%U=-",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%V=*",
        "%V=-",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%{Host}i=*",
        "%{Host}i=-",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%r=*",
        "%r=- - HTTP/1.0",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%H=*",
        "%H=HTTP/1.0",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%I=*",
        "%I=0",
        "what was refused as unreadable is not quoted",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%U=/*",
        "%U=/*",
        "a target that is refused is shown as it was sent",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%X=-",
        "%X=+",
        "a request that can be told from the next one is no reason to close",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%I=*",
        "%I=*",
        "the body counts, because it is read",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%v=*",
        "%v=name.example",
        "server.name does not depend on the request",
    ),
    known(
        "access log, everything",
        "*",
        "log",
        "%{Host}i=*",
        "%{Host}i=*",
        "Host as it was sent; %V has it normalised",
    ),
    known(
        "access log, escaped",
        "GET /*%*",
        "log",
        "{ *",
        "{ - ; - ; /*%* ;  ; GET /*%* HTTP/1.1 ; - }",
        "a target that is refused is shown as it was sent",
    ),
    // Backends.
    known(
        "*",
        "*/b*",
        "accept-ranges",
        "bytes",
        "none",
        "whether there are parts of it is for the backend to say",
    ),
    known(
        "*",
        "GET /b/fields | Range: bytes=0-4",
        "status",
        "206",
        "200",
        "parts are for the backend to cut, as it knows what it has",
    ),
    known(
        "uwsgi, large heads",
        "a *",
        "accept-ranges",
        "bytes",
        "none",
        "whether there are parts of it is for the backend to say",
    ),
    known(
        "scgi, large heads",
        "a *",
        "accept-ranges",
        "bytes",
        "none",
        "whether there are parts of it is for the backend to say",
    ),
    known(
        "proxy*",
        "GET /b/fields | Connection: x-mine | X-Mine: y",
        "told X-Mine",
        "y",
        "none",
        "what Connection names goes no further (RFC 9110 7.6.1)",
    ),
    known(
        "proxy*",
        "GET /b/fields | TE: trailers",
        "told TE",
        "trailers",
        "none",
        "TE is for the next hop only (RFC 9110 10.1.4)",
    ),
    known(
        "proxy*",
        "GET /b/fields | Keep-Alive: 300",
        "told Keep-Alive",
        "300",
        "none",
        "Keep-Alive is for the next hop only (RFC 9110 7.6.1)",
    ),
    known(
        "proxy, headers",
        "* /b/body *Transfer-Encoding: chunked*",
        "told *",
        "*",
        "*",
        "server.stream-request-body: lighttpd looks whether all of it is there already",
    ),
    known(
        "proxy, all hosts down",
        "* /b/body *",
        "connection",
        "close",
        "none",
        "a body that nobody wants is read and thrown away",
    ),
    known(
        "proxy, all hosts down",
        "HEAD /b/method",
        "content-length",
        "361",
        "139",
        "the length of such a page, for 503",
    ),
    known(
        "*",
        "GET /b/fields | Upgrade: websocket | Connection: upgrade",
        "told HTTP_UPGRADE",
        "websocket",
        "none",
        "who may not change the protocol is not told of the wish (RFC 9110 7.8)",
    ),
    known(
        "*",
        "GET /b HTTP/1.0\\r\\n\\r\\n",
        "told SERVER_NAME",
        "",
        "127.0.0.1",
        "SERVER_NAME is never empty (RFC 3875 4.1.14)",
    ),
    known(
        "proxy, tunnels",
        "CONNECT *.example:443 *",
        "status",
        "400",
        "200",
        "lighttpd takes an authority of digits only",
    ),
    known(
        "proxy, tunnels",
        "CONNECT [::1]:443 *",
        "status",
        "400",
        "200",
        "lighttpd takes an authority of digits only",
    ),
    known(
        "proxy, tunnels*",
        "CONNECT /b *",
        "status",
        "*",
        "400",
        "CONNECT takes an authority, nothing else (RFC 9112 3.2.3)",
    ),
    known(
        "proxy, tunnels*",
        "CONNECT http:*",
        "status",
        "*",
        "400",
        "CONNECT takes an authority, nothing else (RFC 9112 3.2.3)",
    ),
    known(
        "proxy, tunnels",
        "CONNECT oracle.example:80 *",
        "status",
        "400",
        "200",
        "lighttpd takes an authority of digits only",
    ),
    known(
        "proxy, tunnels that are not allowed",
        "CONNECT oracle.example:443 *",
        "status",
        "400",
        "405",
        "lighttpd takes an authority of digits only",
    ),
    known(
        "proxy, tunnels that are not allowed",
        "CONNECT [::1]:443 *",
        "status",
        "400",
        "405",
        "lighttpd takes an authority of digits only",
    ),
    known(
        "proxy, tunnels*",
        "CONNECT 192.0.2.1:8443 *",
        "status",
        "*",
        "400",
        "the authority of CONNECT and Host are the same (RFC 9112 3.2)",
    ),
    known(
        "proxy, tunnels",
        "CONNECT *",
        "connection",
        "close",
        "*",
        "what becomes of the connection is not for us to say: it is a tunnel",
    ),
    // Documents.
    known(
        "ssi",
        "OPTIONS /ssi/*",
        "*",
        "*",
        "*",
        "OPTIONS asks what can be done with a document, not for the document (RFC 9110 9.3.7)",
    ),
    known(
        "ssi",
        "* /ssi/exec*",
        "accept-ranges",
        "bytes",
        "none",
        "a page with commands is made anew each time: a part of one is no part of another",
    ),
    known(
        "ssi",
        "GET /ssi/exec.shtml | Range: *",
        "status",
        "206",
        "200",
        "a page with commands is made anew each time: a part of one is no part of another",
    ),
    // Compression.
    known(
        "deflate*",
        "* | Accept-Encoding: gzip;q=0",
        "*",
        "*",
        "*",
        "what a client refuses it does not get (RFC 9110 12.4.2)",
    ),
    known(
        "deflate*",
        "* | Accept-Encoding: GZIP",
        "*",
        "*",
        "*",
        "names of codings have no case (RFC 9110 8.4.1)",
    ),
    known(
        "deflate*",
        "* | Accept-Encoding: x,\tgzip",
        "*",
        "*",
        "*",
        "a tab is white space (RFC 9110 5.6.3)",
    ),
    known(
        "deflate*",
        "GET /* HTTP/1.0*",
        "*",
        "*",
        "*",
        "what is compressed as it is sent has no length, which HTTP/1.0 must know; lighttpd compresses all of it first",
    ),
    known(
        "deflate, programs",
        "GET /cgi/answer.sh?answer=206 *",
        "*",
        "*",
        "*",
        "a part of a body is not a part of the same body compressed (RFC 9110 14.2)",
    ),
    known(
        "deflate",
        "GET /digits.txt?packed *If-Modified-Since*",
        "content-encoding",
        "none",
        "own",
        "what a module adds is also in a 304",
    ),
];

impl Known {
    /// Whether this is the difference it speaks of.
    pub fn explains(&self, difference: &Difference) -> bool {
        fits(self.case, difference.case)
            && fits(self.request, &difference.request)
            && fits(self.what, &difference.what)
            && fits(self.theirs, &difference.theirs)
            && fits(self.ours, &difference.ours)
    }

    /// The row, as it stands in the table.
    pub fn show(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {:?}",
            self.case, self.request, self.what, self.theirs, self.ours
        )
    }
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().expect("a split has a last part");
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

#[test]
fn patterns() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("*", "a", true),
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("a*c", "abc", true),
        ("a*c", "ac", true),
        ("a*c", "a", false),
        ("a*a", "a", false),
        ("a*b*c", "aXbYc", true),
        ("a*b*c", "acb", false),
        ("a*b*b", "ab", false),
    ] {
        assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
    }
}
