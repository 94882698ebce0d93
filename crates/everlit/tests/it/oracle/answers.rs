//! Answers by name: what programs and servers say, right and wrong.
//!
//! Out: bytes, and what becomes of the connection. In them, `@ROOT@` is the document root and `@OUTSIDE@` the directory
//! beside it. Must hold: the same name is the same answer over FastCGI, SCGI and CGI.

/// What a program says (RFC 3875 section 6).
pub struct Answer {
    pub name: &'static str,
    output: &'static str,
    /// What is for the error log.
    pub complaint: &'static str,
    pub end: End,
}

/// How an answer ends. Only FastCGI knows all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the program's own status.
    Ended(u8),
    /// The server did not want the request: `protocolStatus` (FastCGI section 5.5).
    Refused(u8),
    /// The connection ends, and nothing was said about it.
    Cut,
}

impl Answer {
    /// All of it, as SCGI and CGI have it.
    pub fn output(&self, root: &str) -> Vec<u8> {
        let outside = match root.strip_suffix("root") {
            Some(parent) => format!("{parent}outside"),
            None => String::new(),
        };
        let long = "x".repeat(3000);
        self.output
            .replace("@ROOT@", root)
            .replace("@OUTSIDE@", &outside)
            .replace("@3000@", &long)
            .replace("@70000@", &"y".repeat(70_000))
            .into_bytes()
    }

    /// All of it, as FastCGI has it.
    pub fn records(&self, root: &str) -> Vec<u8> {
        records(&self.output(root), self.complaint, self.end)
    }
}

/// FastCGI records, of many lengths, some padded: output, complaint, end.
pub fn records(output: &[u8], complaint: &str, end: End) -> Vec<u8> {
    const END: u8 = 3;
    const OUTPUT: u8 = 6;
    const COMPLAINT: u8 = 7;
    let mut out = Vec::new();
    let mut put = |kind: u8, content: &[u8]| {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let padding = low % 8;
        out.extend_from_slice(&[1, kind, 0, 1, high, low, padding, 0]);
        out.extend_from_slice(content);
        out.extend(std::iter::repeat_n(b'p', padding.into()));
    };
    if !complaint.is_empty() {
        put(COMPLAINT, complaint.as_bytes());
    }
    for (index, part) in output.chunks(37).enumerate() {
        put(OUTPUT, part);
        if index == 1 && !complaint.is_empty() {
            put(COMPLAINT, complaint.as_bytes());
        }
    }
    match end {
        End::Ended(status) => {
            put(OUTPUT, b"");
            put(END, &[0, 0, 0, status, 0, 0, 0, 0]);
        }
        End::Refused(reason) => put(END, &[0, 0, 0, 0, reason, 0, 0, 0]),
        End::Cut => {}
    }
    out
}

/// The answer of this name.
pub fn of_program(name: &str) -> &'static Answer {
    let found = OF_PROGRAMS.iter().find(|answer| answer.name == name);
    found.unwrap_or_else(|| panic!("no answer is called {name}"))
}

/// The same for servers that speak HTTP.
pub fn of_server(name: &str) -> &'static [u8] {
    let found = OF_SERVERS.iter().find(|(found, _)| *found == name);
    let (_, answer) = found.unwrap_or_else(|| panic!("no answer is called {name}"));
    answer.as_bytes()
}

const fn says(name: &'static str, output: &'static str) -> Answer {
    Answer {
        name,
        output,
        complaint: "",
        end: End::Ended(0),
    }
}

const fn ends(name: &'static str, output: &'static str, end: End) -> Answer {
    Answer {
        end,
        ..says(name, output)
    }
}

const fn complains(name: &'static str, output: &'static str, complaint: &'static str) -> Answer {
    Answer {
        complaint,
        ..says(name, output)
    }
}

pub const OF_PROGRAMS: &[Answer] = &[
    // Status.
    says(
        "200",
        "Status: 200 OK\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "no-reason",
        "Status: 200\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "other-reason",
        "Status: 200 Very Well\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says("none", "Content-Type: text/x\r\n\r\nbody\n"),
    says(
        "status-last",
        "Content-Type: text/x\r\nStatus: 404 Not Found\r\n\r\nbody\n",
    ),
    says(
        "status-lower",
        "status: 404 Not Found\r\ncontent-type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-twice",
        "Status: 404\r\nStatus: 500\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-empty",
        "Status:\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-text",
        "Status: fine\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-0",
        "Status: 0\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-99",
        "Status: 99\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-299",
        "Status: 299 Odd\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-599",
        "Status: 599\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-999",
        "Status: 999\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-1000",
        "Status: 1000\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-negative",
        "Status: -200\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-glued",
        "Status:404\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "status-tab",
        "Status:\t404\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says("201", "Status: 201 Created\r\nLocation: /new\r\n\r\nmade\n"),
    says("204", "Status: 204 No Content\r\n\r\n"),
    says(
        "204-body",
        "Status: 204 No Content\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says("205", "Status: 205 Reset Content\r\n\r\n"),
    says(
        "206",
        "Status: 206\r\nContent-Range: bytes 0-3/10\r\nContent-Type: text/x\r\n\r\nbody",
    ),
    says("304", "Status: 304 Not Modified\r\nETag: \"x\"\r\n\r\n"),
    says(
        "304-length",
        "Status: 304\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n",
    ),
    says(
        "304-body",
        "Status: 304\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "400",
        "Status: 400 Bad Request\r\nContent-Type: text/x\r\n\r\nbad\n",
    ),
    says(
        "401",
        "Status: 401\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Type: text/x\r\n\r\nno\n",
    ),
    says(
        "403",
        "Status: 403 Forbidden\r\nContent-Type: text/x\r\n\r\nforbidden\n",
    ),
    says("403-empty", "Status: 403 Forbidden\r\n\r\n"),
    says(
        "404",
        "Status: 404 Not Found\r\nContent-Type: text/x\r\n\r\nlost\n",
    ),
    says("404-empty", "Status: 404 Not Found\r\n\r\n"),
    says("404-length", "Status: 404\r\nContent-Length: 0\r\n\r\n"),
    says(
        "500",
        "Status: 500 Internal Server Error\r\nContent-Type: text/x\r\n\r\nbroken\n",
    ),
    says("500-empty", "Status: 500 Internal Server Error\r\n\r\n"),
    says(
        "503",
        "Status: 503\r\nRetry-After: 5\r\nContent-Type: text/x\r\n\r\nlater\n",
    ),
    // Location.
    says("location", "Location: http://other.example/x\r\n\r\n"),
    says(
        "location-body",
        "Location: http://other.example/x\r\nContent-Type: text/x\r\n\r\nthere\n",
    ),
    says(
        "location-302",
        "Status: 302 Found\r\nLocation: http://other.example/x\r\n\r\n",
    ),
    says(
        "location-301",
        "Status: 301\r\nLocation: http://other.example/x\r\n\r\n",
    ),
    says("location-303", "Status: 303\r\nLocation: /a.txt\r\n\r\n"),
    says("location-307", "Status: 307\r\nLocation: /a.txt?q\r\n\r\n"),
    says(
        "location-200",
        "Status: 200\r\nLocation: http://other.example/x\r\n\r\n",
    ),
    says("location-local", "Location: /a.txt\r\n\r\n"),
    says("location-local-query", "Location: /a.txt?q=1\r\n\r\n"),
    says(
        "location-local-body",
        "Location: /a.txt\r\nContent-Type: text/x\r\n\r\nthere\n",
    ),
    says(
        "location-local-fields",
        "Location: /a.txt\r\nX-Other: y\r\n\r\n",
    ),
    says("location-local-missing", "Location: /missing\r\n\r\n"),
    says("location-local-up", "Location: /sub/../b.txt\r\n\r\n"),
    says("location-local-encoded", "Location: /%61.txt\r\n\r\n"),
    says(
        "location-local-status",
        "Status: 302\r\nLocation: /a.txt\r\n\r\n",
    ),
    says(
        "location-local-status-200",
        "Status: 200\r\nLocation: /a.txt\r\n\r\n",
    ),
    says("location-local-directory", "Location: /sub\r\n\r\n"),
    says("location-relative", "Location: a.txt\r\n\r\n"),
    says("location-no-scheme", "Location: //other.example/x\r\n\r\n"),
    says("location-empty", "Location:\r\n\r\n"),
    says(
        "location-twice",
        "Location: /a.txt\r\nLocation: /b.txt\r\n\r\n",
    ),
    // Heads.
    says("no-fields", "\r\nbody\n"),
    says("no-fields-lf", "\nbody\n"),
    says(
        "lf",
        "Status: 404 Not Found\nContent-Type: text/x\n\nbody\n",
    ),
    says(
        "lf-mixed",
        "Status: 404 Not Found\nContent-Type: text/x\r\n\nbody\n",
    ),
    says(
        "lf-mixed-too",
        "Status: 404 Not Found\r\nContent-Type: text/x\n\r\nbody\n",
    ),
    says("unterminated", "Status: 200\r\nContent-Type: text/x\r\n"),
    says("half-a-line", "Status: 200\r\nContent-Ty"),
    says("nothing", ""),
    says("no-head", "hello\n"),
    says("no-head-empty-line", "hello\n\nworld\n"),
    says("html", "<html>\n<body>a: b</body>\n</html>\n"),
    says(
        "html-empty-line",
        "<html>\n<body>\n\n<p>a: b</p>\n</html>\n",
    ),
    says(
        "nph",
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "nph-10",
        "HTTP/1.0 200 Fine\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "nph-status",
        "HTTP/1.1 200 OK\r\nStatus: 404\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "nph-bad",
        "HTTP/1.1 fine\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "folded",
        "Content-Type: text/x\r\nX-Folded: one\r\n two\r\n\r\nbody\n",
    ),
    says(
        "folded-tab",
        "Content-Type: text/x\r\nX-Folded: one\r\n\ttwo\r\nX-Next: y\r\n\r\nbody\n",
    ),
    says(
        "folded-first",
        " X-Folded: one\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    says(
        "duplicates",
        "Content-Type: text/x\r\nX-Same: one\r\nX-Same: two\r\nVary: a\r\nVary: b\r\n\r\nbody\n",
    ),
    says(
        "cookies",
        "Content-Type: text/x\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\n\r\nbody\n",
    ),
    says(
        "types-twice",
        "Content-Type: text/x\r\nContent-Type: text/y\r\n\r\nbody\n",
    ),
    says("no-type", "Status: 200\r\n\r\nbody\n"),
    says(
        "no-colon",
        "Content-Type: text/x\r\nno colon here\r\n\r\nbody\n",
    ),
    says(
        "space-before-colon",
        "Content-Type: text/x\r\nX-Space : y\r\n\r\nbody\n",
    ),
    says(
        "space-in-name",
        "Content-Type: text/x\r\nX Space: y\r\n\r\nbody\n",
    ),
    says("no-name", "Content-Type: text/x\r\n: y\r\n\r\nbody\n"),
    says("no-value", "Content-Type: text/x\r\nX-Empty:\r\n\r\nbody\n"),
    says(
        "spaces",
        "Content-Type:   text/x  \r\nX-Spaces: \t y \t \r\n\r\nbody\n",
    ),
    says(
        "underscore",
        "Content-Type: text/x\r\nX_Under: y\r\n\r\nbody\n",
    ),
    says(
        "odd-name",
        "Content-Type: text/x\r\nX-!#$%&'*+.^`|~: y\r\n\r\nbody\n",
    ),
    says(
        "colons",
        "Content-Type: text/x\r\nX-Colons: a:b::c\r\n\r\nbody\n",
    ),
    says(
        "utf-8",
        "Content-Type: text/x\r\nX-Text: \u{fc}\r\n\r\n\u{fc}\n",
    ),
    says(
        "control",
        "Content-Type: text/x\r\nX-Control: a\u{1}b\r\n\r\nbody\n",
    ),
    says(
        "cr-in-value",
        "Content-Type: text/x\r\nX-Control: a\rb\r\n\r\nbody\n",
    ),
    says(
        "long-field",
        "Content-Type: text/x\r\nX-Long: @3000@@3000@@3000@\r\n\r\nbody\n",
    ),
    says(
        "endless-field",
        "Content-Type: text/x\r\nX-Long: @70000@\r\n\r\nbody\n",
    ),
    // Fields that say something about the connection, or that we say ourselves.
    says(
        "server",
        "Content-Type: text/x\r\nServer: other\r\nX-Powered-By: some\r\n\r\nbody\n",
    ),
    says(
        "date",
        "Content-Type: text/x\r\nDate: Wed, 01 Jan 2020 00:00:00 GMT\r\n\r\nbody\n",
    ),
    says(
        "connection",
        "Content-Type: text/x\r\nConnection: close\r\n\r\nbody\n",
    ),
    says(
        "keep-alive",
        "Content-Type: text/x\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nbody\n",
    ),
    says(
        "upgrade",
        "Content-Type: text/x\r\nUpgrade: h2c\r\n\r\nbody\n",
    ),
    says(
        "trailer",
        "Content-Type: text/x\r\nTrailer: X-End\r\n\r\nbody\n",
    ),
    says(
        "proxy-authenticate",
        "Content-Type: text/x\r\nProxy-Authenticate: Basic\r\nProxy-Connection: close\r\n\r\nbody\n",
    ),
    says(
        "encoding",
        "Content-Type: text/x\r\nContent-Encoding: x\r\nContent-Language: de\r\n\r\nbody\n",
    ),
    says(
        "validators",
        "Content-Type: text/x\r\nETag: \"x\"\r\nLast-Modified: Wed, 01 Jan 2020 00:00:00 GMT\r\n\r\nbody\n",
    ),
    says(
        "cache",
        "Content-Type: text/x\r\nCache-Control: no-store\r\nExpires: 0\r\nAge: 5\r\nPragma: no-cache\r\n\r\nbody\n",
    ),
    says(
        "chunked",
        "Content-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbody\n\r\n0\r\n\r\n",
    ),
    says(
        "variable",
        "Content-Type: text/x\r\nVariable-X-Y: y\r\n\r\nbody\n",
    ),
    // Length.
    says(
        "length",
        "Content-Type: text/x\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    says(
        "length-empty",
        "Content-Type: text/x\r\nContent-Length: 0\r\n\r\n",
    ),
    says(
        "length-short",
        "Content-Type: text/x\r\nContent-Length: 3\r\n\r\nbody\n",
    ),
    says(
        "length-long",
        "Content-Type: text/x\r\nContent-Length: 9\r\n\r\nbody\n",
    ),
    says(
        "length-text",
        "Content-Type: text/x\r\nContent-Length: five\r\n\r\nbody\n",
    ),
    says(
        "length-negative",
        "Content-Type: text/x\r\nContent-Length: -5\r\n\r\nbody\n",
    ),
    says(
        "length-twice",
        "Content-Type: text/x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    says(
        "length-two",
        "Content-Type: text/x\r\nContent-Length: 5\r\nContent-Length: 3\r\n\r\nbody\n",
    ),
    says("no-body", "Content-Type: text/x\r\n\r\n"),
    says("long-body", "Content-Type: text/x\r\n\r\n@70000@"),
    says(
        "binary",
        "Content-Type: text/x\r\n\r\n\0\u{1}\r\n\r\n\u{7f}\0",
    ),
    // Files.
    says(
        "x-sendfile",
        "X-Sendfile: @ROOT@/a.txt\r\nX-Other: y\r\n\r\n",
    ),
    says("x-sendfile-lower", "x-sendfile: @ROOT@/a.txt\r\n\r\n"),
    says(
        "x-sendfile-old",
        "X-LIGHTTPD-send-file: @ROOT@/a.txt\r\n\r\n",
    ),
    says(
        "x-sendfile-type",
        "Content-Type: text/x\r\nX-Sendfile: @ROOT@/a.txt\r\n\r\n",
    ),
    says(
        "x-sendfile-body",
        "Content-Type: text/x\r\nX-Sendfile: @ROOT@/a.txt\r\n\r\nbody\n",
    ),
    says(
        "x-sendfile-length",
        "Content-Length: 3\r\nX-Sendfile: @ROOT@/a.txt\r\n\r\n",
    ),
    says(
        "x-sendfile-404",
        "Status: 404\r\nX-Sendfile: @ROOT@/a.txt\r\n\r\n",
    ),
    says("x-sendfile-sub", "X-Sendfile: @ROOT@/sub/page.html\r\n\r\n"),
    says("x-sendfile-encoded", "X-Sendfile: @ROOT@/%61.txt\r\n\r\n"),
    says("x-sendfile-digits", "X-Sendfile: @ROOT@/digits.txt\r\n\r\n"),
    says("x-sendfile-large", "X-Sendfile: @ROOT@/large.bin\r\n\r\n"),
    says("x-sendfile-empty", "X-Sendfile: @ROOT@/empty.txt\r\n\r\n"),
    says(
        "x-sendfile-outside",
        "X-Sendfile: @OUTSIDE@/secret.txt\r\n\r\n",
    ),
    says(
        "x-sendfile-up",
        "X-Sendfile: @ROOT@/../outside/secret.txt\r\n\r\n",
    ),
    says(
        "x-sendfile-link",
        "X-Sendfile: @ROOT@/links/outside/secret.txt\r\n\r\n",
    ),
    says("x-sendfile-missing", "X-Sendfile: @ROOT@/missing\r\n\r\n"),
    says("x-sendfile-directory", "X-Sendfile: @ROOT@/sub\r\n\r\n"),
    says("x-sendfile-relative", "X-Sendfile: a.txt\r\n\r\n"),
    says("x-sendfile-no-name", "X-Sendfile:\r\n\r\n"),
    says(
        "x-sendfile-validators",
        "ETag: \"own\"\r\nLast-Modified: Thu, 02 Jan 2020 00:00:00 GMT\r\nX-Sendfile: @ROOT@/a.txt\r\n\r\n",
    ),
    says("x-sendfile2", "X-Sendfile2: @ROOT@/digits.txt 0-4\r\n\r\n"),
    says(
        "x-sendfile2-two",
        "Content-Type: text/x\r\nX-Sendfile2: @ROOT@/digits.txt 0-4, @ROOT@/a.txt 1-\r\n\r\n",
    ),
    // Complaints and ends.
    complains(
        "complaint",
        "Content-Type: text/x\r\nX-Other: some text, so that it is long\r\n\r\nbody\n",
        "something is wrong\n",
    ),
    complains("complaint-only", "", "something is wrong\n"),
    ends(
        "status-1",
        "Content-Type: text/x\r\n\r\nbody\n",
        End::Ended(1),
    ),
    ends("status-1-only", "", End::Ended(1)),
    ends("cut", "", End::Cut),
    ends("cut-in-head", "Content-Type: te", End::Cut),
    ends("cut-after-head", "Content-Type: text/x\r\n\r\n", End::Cut),
    ends("cut-in-body", "Content-Type: text/x\r\n\r\nbod", End::Cut),
    ends(
        "cut-after-length",
        "Content-Type: text/x\r\nContent-Length: 5\r\n\r\nbody\n",
        End::Cut,
    ),
    ends("refused-1", "", End::Refused(1)),
    ends("refused-2", "", End::Refused(2)),
    ends("refused-3", "", End::Refused(3)),
    ends(
        "refused-late",
        "Content-Type: text/x\r\n\r\nbody\n",
        End::Refused(2),
    ),
    // Answers of authorizers.
    says(
        "yes",
        "Status: 200 OK\r\nVariable-USER: somebody\r\nVariable-X-Y: y\r\nX-Other: y\r\n\r\n",
    ),
    says(
        "yes-body",
        "Status: 200 OK\r\nVariable-USER: somebody\r\nContent-Type: text/x\r\n\r\nyes\n",
    ),
    says(
        "yes-length",
        "Status: 200 OK\r\nVariable-USER: somebody\r\nContent-Length: 4\r\n\r\nyes\n",
    ),
    says("yes-no-status", "Variable-USER: somebody\r\n\r\n"),
    says(
        "yes-cookie",
        "Status: 200\r\nSet-Cookie: a=b\r\nVariable-HTTP_X: y\r\nVariable-: empty\r\nVariable-EMPTY:\r\n\r\n",
    ),
];

pub const OF_SERVERS: &[(&str, &str)] = &[
    (
        "200",
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "http-10",
        "HTTP/1.0 200 OK\r\nContent-Type: text/x\r\n\r\nbody\n",
    ),
    (
        "to-the-end",
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nConnection: close\r\n\r\nbody\n",
    ),
    (
        "chunked",
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbody\n\r\n0\r\n\r\n",
    ),
    (
        "chunked-trailer",
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbody\n\r\n0\r\nX-End: y\r\n\r\n",
    ),
    (
        "chunked-extension",
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nbody\n\r\n0\r\n\r\n",
    ),
    (
        "chunked-cut",
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nbody\n",
    ),
    (
        "chunked-bad",
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nbody\n\r\n0\r\n\r\n",
    ),
    (
        "chunked-length",
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbody\n\r\n0\r\n\r\n",
    ),
    (
        "no-reason",
        "HTTP/1.1 200\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "empty-reason",
        "HTTP/1.1 200 \r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "201",
        "HTTP/1.1 201 Created\r\nLocation: /b/new\r\nContent-Length: 0\r\n\r\n",
    ),
    ("204", "HTTP/1.1 204 No Content\r\n\r\n"),
    ("304", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"),
    (
        "301",
        "HTTP/1.1 301 Moved\r\nLocation: http://other.example/x\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "302",
        "HTTP/1.1 302 Found\r\nLocation: /b/x\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "location-200",
        "HTTP/1.1 200 OK\r\nLocation: /b/x\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "401",
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 3\r\n\r\nno\n",
    ),
    (
        "404",
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/x\r\nContent-Length: 5\r\n\r\nlost\n",
    ),
    (
        "404-empty",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "500",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/x\r\nContent-Length: 7\r\n\r\nbroken\n",
    ),
    (
        "503",
        "HTTP/1.1 503 Later\r\nRetry-After: 5\r\nContent-Length: 6\r\n\r\nlater\n",
    ),
    (
        "status-299",
        "HTTP/1.1 299 Odd\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "status-999",
        "HTTP/1.1 999 Odd\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "status-99",
        "HTTP/1.1 99 Odd\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "status-text",
        "HTTP/1.1 fine\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "status-field",
        "HTTP/1.1 200 OK\r\nStatus: 404\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "100-first",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "length-short",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbody\n",
    ),
    (
        "length-long",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody\n",
    ),
    (
        "length-text",
        "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nbody\n",
    ),
    (
        "length-two",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 3\r\n\r\nbody\n",
    ),
    ("lf", "HTTP/1.1 200 OK\nContent-Length: 5\n\nbody\n"),
    (
        "folded",
        "HTTP/1.1 200 OK\r\nX-Folded: one\r\n two\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "duplicates",
        "HTTP/1.1 200 OK\r\nX-Same: one\r\nX-Same: two\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "cookies",
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/b\r\nSet-Cookie: c=d\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "connection",
        "HTTP/1.1 200 OK\r\nConnection: close, X-Mine\r\nX-Mine: y\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "keep-alive",
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "upgrade",
        "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "server",
        "HTTP/1.1 200 OK\r\nServer: other\r\nVia: 1.1 other\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "encoding",
        "HTTP/1.1 200 OK\r\nContent-Encoding: x\r\nETag: \"x\"\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    (
        "no-colon",
        "HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
    ("nothing", ""),
    ("no-http", "hello\n"),
    ("cgi", "Status: 200\r\nContent-Type: text/x\r\n\r\nbody\n"),
    (
        "unterminated",
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\n",
    ),
    (
        "x-sendfile",
        "HTTP/1.1 200 OK\r\nX-Sendfile: /etc/hostname\r\nContent-Length: 5\r\n\r\nbody\n",
    ),
];
