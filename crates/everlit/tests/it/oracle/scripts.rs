//! Scripts in Lua (mod_magnet): what they see, what they change, and how they answer.
//!
//! Out: files beside the document root, configurations that name them, and requests: the query chooses what a script does.
//! Must hold: what a script does depends on nothing but the request and the documents.

use std::fs;
use std::path::Path;

use super::configurations::{Case, Log, Types};
use super::known::{Known, known};
use super::requests::{Request, get_with, gets};

/// At `magnet.attract-raw-url-to` and at `magnet.attract-physical-path-to`.
const OF_REQUESTS: &[(&str, &str)] = &[
    // What is returned.
    ("nothing", ""),
    ("zero", "return 0"),
    ("small", "return 50"),
    ("negative", "return -1"),
    ("ok", "return 200"),
    ("teapot", "return 418"),
    ("forbidden", "return 403"),
    ("unavailable", "return 503"),
    ("text", "return \"403\""),
    ("error", "error(\"on purpose\")"),
    ("nil", "local a = nil return a.b"),
    (
        "pcall",
        "local is_good = pcall(error, \"x\") if is_good then return 500 end return 404",
    ),
    // Answers.
    (
        "redirect",
        "r.resp_header[\"Location\"] = \"https://\" .. r.req_attr[\"uri.authority\"] .. r.req_attr[\"uri.path\"] return 302",
    ),
    (
        "body",
        "r.resp_header[\"Content-Type\"] = \"text/plain\" r.resp_body.set(\"hello\\n\") return 200",
    ),
    (
        "bodies",
        "r.resp_body.set({ \"one \", \"two \", { filename = \"@ROOT@/a.txt\" }, 3 }) return 200",
    ),
    (
        "part",
        "r.resp_body.set({ { filename = \"@ROOT@/digits.txt\", offset = 3, length = 4 } }) return 200",
    ),
    (
        "add",
        "r.resp_body.add(\"a\") r.resp_body.add({ \"b\", \"c\" }) return 200",
    ),
    (
        "page",
        "r.resp_body.set(\"<p>not here\") r.resp_header[\"Content-Type\"] = \"text/html\" return 404",
    ),
    (
        "length",
        "r.resp_body.set(\"12345\") r.resp_header[\"X-Length\"] = r.resp_body.len .. \"\" return 200",
    ),
    (
        "got",
        "r.resp_body.set(\"12345\") r.resp_header[\"X-Got\"] = r.resp_body.get return 200",
    ),
    ("coming", "r.resp_header[\"X-Later\"] = \"yes\""),
    (
        "removed",
        "r.resp_header[\"X-Later\"] = \"yes\" r.resp_header[\"x-later\"] = nil",
    ),
    ("type", "r.resp_header[\"Content-Type\"] = \"text/x-mine\""),
    ("cached", "r.resp_header[\"Cache-Control\"] = \"max-age=5\""),
    (
        "cookies",
        "r.resp_header[\"Set-Cookie\"] = \"a=b; Path=/\" return 200",
    ),
    ("lost body", "r.resp_body.set(\"not sent\")"),
    (
        "missing file",
        "r.resp_body.set({ { filename = \"@ROOT@/missing\" } }) return 200",
    ),
    // As it was written until 1.4.60.
    (
        "old body",
        "lighty.content = { \"<h1>\", \"x\", \"</h1>\" } lighty.header[\"Content-Type\"] = \"text/html\" return 200",
    ),
    (
        "old file",
        "lighty.content = { \"a\", { filename = \"@ROOT@/digits.txt\", offset = 2, length = 6 }, \"b\" } return 200",
    ),
    (
        "old redirect",
        "lighty.header[\"Location\"] = \"http://\" .. lighty.request[\"Host\"] .. \"/\" return 301",
    ),
    (
        "old address",
        "lighty.header[\"X-Is\"] = lighty.env[\"request.remote-ip\"] .. \" \" .. lighty.env[\"uri.path\"] return 204",
    ),
    (
        "old rewrite",
        "lighty.env[\"uri.path\"] = \"/b.txt\" lighty.env[\"physical.path\"] = \"@ROOT@/b.txt\"",
    ),
    (
        "old stat",
        "local st = lighty.stat(\"@ROOT@/a.txt\") if st and st.is_file then lighty.header[\"X-Size\"] = st.st_size .. \"\" end return 204",
    ),
    (
        "old status",
        "lighty.status[\"some.count\"] = 7 lighty.header[\"X-Count\"] = lighty.status[\"some.count\"] .. \"\" return 204",
    ),
    // What is known of a request.
    (
        "headers",
        "r.resp_header[\"X-Saw\"] = tostring(r.req_header[\"x-one\"]) .. \" \" .. tostring(r.req_header[\"X-None\"]) .. \" \" .. tostring(r.req_header[\"HOST\"]) return 204",
    ),
    (
        "uri",
        "local a = r.req_attr r.resp_header[\"X-Saw\"] = table.concat({ a[\"uri.scheme\"], a[\"uri.authority\"], a[\"uri.path\"], a[\"uri.path-raw\"], a[\"uri.query\"] }, \" \") return 204",
    ),
    (
        "request",
        "local a = r.req_attr r.resp_header[\"X-Saw\"] = table.concat({ a[\"request.method\"], a[\"request.uri\"], a[\"request.orig-uri\"], a[\"request.protocol\"], a[\"request.remote-addr\"], a[\"request.server-name\"] }, \" \") return 204",
    ),
    (
        "physical",
        "local a = r.req_attr r.resp_header[\"X-Saw\"] = tostring(a[\"physical.path\"] ~= nil) .. tostring(a[\"physical.rel-path\"]) .. tostring(a[\"request.path-info\"]) return 204",
    ),
    (
        "relative",
        "local a = r.req_attr if a[\"physical.path\"] then r.resp_header[\"X-Saw\"] = a[\"physical.path\"]:sub(#a[\"physical.doc-root\"] + 1) end return 204",
    ),
    (
        "unknown",
        "r.resp_header[\"X-Saw\"] = tostring(r.req_attr[\"no.such\"]) return 204",
    ),
    (
        "store unknown",
        "r.req_attr[\"no.such\"] = \"x\" return 204",
    ),
    (
        "status",
        "r.resp_header[\"X-Saw\"] = r.req_item.http_status .. \" \" .. r.req_item.keep_alive return 204",
    ),
    ("item", "return r.req_item.nothing"),
    (
        "fields",
        "local n = {} for k, v in pairs(r.req_header) do n[#n + 1] = k:lower() .. \"=\" .. v end table.sort(n) r.resp_header[\"X-Saw\"] = table.concat(n, \" \") return 204",
    ),
    (
        "sent fields",
        "r.resp_header[\"X-B\"] = \"b\" r.resp_header[\"X-A\"] = \"a\" local n = {} for k, v in pairs(r.resp_header) do n[#n + 1] = k:lower() .. \"=\" .. v end table.sort(n) r.resp_header[\"X-Saw\"] = table.concat(n, \" \") return 204",
    ),
    (
        "body length",
        "r.resp_header[\"X-Saw\"] = tostring(r.req_body.len) return 204",
    ),
    (
        "globals",
        "seen = (seen or 0) + 1 r.resp_header[\"X-Saw\"] = seen .. \"\" return 204",
    ),
    (
        "others",
        "r.resp_header[\"X-Saw\"] = type(io) .. type(os) .. type(string) .. type(require) .. type(debug) .. type(coroutine) return 204",
    ),
    // What is changed of it.
    ("path", "r.req_attr[\"uri.path\"] = \"/b.txt\""),
    ("file", "r.req_attr[\"physical.path\"] = \"@ROOT@/b.txt\""),
    (
        "outside",
        "r.req_attr[\"physical.path\"] = \"@OUTSIDE@/secret.txt\"",
    ),
    (
        "missing",
        "r.req_attr[\"physical.path\"] = \"@ROOT@/missing\"",
    ),
    (
        "directory",
        "r.req_attr[\"physical.path\"] = \"@ROOT@/sub/\"",
    ),
    (
        "again",
        "if r.req_attr[\"request.uri\"] ~= \"/b.txt\" then r.req_attr[\"request.uri\"] = \"/b.txt\" return lighty.RESTART_REQUEST end",
    ),
    (
        "again with query",
        "if r.req_attr[\"uri.path\"] ~= \"/b.txt\" then r.req_attr[\"request.uri\"] = \"/b.txt?x=1\" return lighty.RESTART_REQUEST end r.resp_header[\"X-Saw\"] = r.req_attr[\"uri.query\"]",
    ),
    (
        "again outside",
        "if r.req_attr[\"request.uri\"] ~= \"/../secret.txt\" then r.req_attr[\"request.uri\"] = \"/../secret.txt\" return lighty.RESTART_REQUEST end",
    ),
    ("query", "r.req_attr[\"uri.query\"] = \"special\""),
    ("header", "r.req_header[\"X-Key\"] = \"special\""),
    (
        "host",
        "r.req_attr[\"uri.authority\"] = \"special.example\"",
    ),
    (
        "env",
        "r.req_env[\"MINE\"] = \"value\" r.resp_header[\"X-Saw\"] = r.req_env[\"MINE\"] .. tostring(r.req_env[\"OTHER\"]) return 204",
    ),
    ("user", "r.req_env[\"REMOTE_USER\"] = \"joe\" return 204"),
    // Files.
    (
        "stat",
        "local st = lighty.c.stat(\"@ROOT@/a.txt\") r.resp_header[\"X-Saw\"] = table.concat({ tostring(st.is_file), tostring(st.is_dir), tostring(st.is_link), st.st_size, st[\"content-type\"] }, \" \") return 204",
    ),
    (
        "stat directory",
        "local st = lighty.c.stat(\"@ROOT@/sub\") r.resp_header[\"X-Saw\"] = tostring(st.is_file) .. tostring(st.is_dir) return 204",
    ),
    (
        "stat nothing",
        "local st, why = lighty.c.stat(\"@ROOT@/missing\") r.resp_header[\"X-Saw\"] = tostring(st) return 204",
    ),
    (
        "stat time",
        "local st = lighty.c.stat(\"@ROOT@/a.txt\") r.resp_header[\"X-Saw\"] = st.st_mtime .. \"\" return 204",
    ),
    (
        "send",
        "local st = lighty.c.stat(\"@ROOT@/digits.txt\") if st then return st[\"http-response-send-file\"] end",
    ),
    (
        "read",
        "local f = io.open(\"@ROOT@/a.txt\") r.resp_body.set(f:read(\"a\")) f:close() return 200",
    ),
    (
        "required",
        "package.path = \"@OUTSIDE@/lua/?.lua;\" .. package.path r.resp_header[\"X-Saw\"] = require(\"library\").name return 204",
    ),
    // Functions.
    (
        "base64",
        "r.resp_header[\"X-Saw\"] = lighty.c.b64enc(\"hello??>>\") .. \" \" .. lighty.c.b64dec(\"aGVsbG8=\") .. \" \" .. lighty.c.b64urlenc(\"hello??>>\") .. \" \" .. lighty.c.b64urldec(\"aGVsbG8\") return 204",
    ),
    (
        "hex",
        "r.resp_header[\"X-Saw\"] = lighty.c.hexenc(\"az\\1\\255\") .. \" \" .. lighty.c.hexdec(\"617a\") return 204",
    ),
    (
        "xml",
        "r.resp_header[\"X-Saw\"] = lighty.c.xmlenc(\"<a href='x'>&\\\"\") return 204",
    ),
    (
        "url",
        "r.resp_header[\"X-Saw\"] = lighty.c.urlenc(\"/a b/?c&%\") .. \" \" .. lighty.c.urldec(\"/a%20b%2fc%3F\") .. \" \" .. lighty.c.urlenc_normalize(\"/a%41b c\") return 204",
    ),
    (
        "parts",
        "local q = lighty.c.urldec_query(\"a=1&b=%20x&c&d=\") local n = {} for k, v in pairs(q) do n[#n + 1] = k .. \"=\" .. v end table.sort(n) r.resp_header[\"X-Saw\"] = table.concat(n, \"|\") return 204",
    ),
    (
        "bsdec",
        "r.resp_header[\"X-Saw\"] = lighty.c.bsdec(\"a\\\\x41\\\\101b\") return 204",
    ),
    (
        "bsenc",
        "r.resp_header[\"X-Saw\"] = lighty.c.bsenc(\"a\\\"\\\\\\1\\127é\") return 204",
    ),
    (
        "quoted",
        "r.resp_header[\"X-Saw\"] = lighty.c.quotedenc(\"a\\\"b\") .. lighty.c.quoteddec('\"a\\\\\"b\"') return 204",
    ),
    (
        "cookie",
        "local c = lighty.c.cookie_tokens(\"a=b; c=d;e\") local n = {} for k, v in pairs(c) do n[#n + 1] = k .. \"=\" .. v end table.sort(n) r.resp_header[\"X-Saw\"] = table.concat(n, \"|\") return 204",
    ),
    (
        "tokens",
        "r.resp_header[\"X-Saw\"] = table.concat(lighty.c.header_tokens(\"gzip;q=0.5, br , \\\"x,y\\\"\"), \"|\") return 204",
    ),
    (
        "md5",
        "r.resp_header[\"X-Saw\"] = lighty.c.md(\"md5\", \"abc\") .. \" \" .. lighty.c.md(\"sha1\", \"abc\") return 204",
    ),
    (
        "sha",
        "r.resp_header[\"X-Saw\"] = lighty.c.md(\"sha256\", \"abc\") .. \" \" .. lighty.c.md(\"sha512\", \"abc\") return 204",
    ),
    (
        "hmac",
        "r.resp_header[\"X-Saw\"] = lighty.c.hmac(\"md5\", \"key\", \"abc\") .. \" \" .. lighty.c.hmac(\"sha256\", \"key\", \"abc\") return 204",
    ),
    (
        "digest",
        "r.resp_header[\"X-Saw\"] = tostring(lighty.c.digest_eq(\"6162\", \"6162\")) .. tostring(lighty.c.digest_eq(\"6162\", \"6163\")) return 204",
    ),
    (
        "secret",
        "r.resp_header[\"X-Saw\"] = tostring(lighty.c.secret_eq(\"ab\", \"ab\")) .. tostring(lighty.c.secret_eq(\"ab\", \"abc\")) return 204",
    ),
    (
        "random",
        "local n = lighty.c.rand() r.resp_header[\"X-Saw\"] = math.type(n) return 204",
    ),
    (
        "time",
        "r.resp_header[\"X-Saw\"] = math.type(lighty.c.time()) .. tostring(math.abs(lighty.c.time() - os.time()) < 10) return 204",
    ),
    (
        "readdir",
        "local n = {} for name in lighty.c.readdir(\"@ROOT@/sub\") do n[#n + 1] = name end table.sort(n) r.resp_header[\"X-Saw\"] = table.concat(n, \" \") return 204",
    ),
];

/// At `magnet.attract-response-start-to`.
const OF_RESPONSES: &[(&str, &str)] = &[
    ("nothing", ""),
    (
        "field",
        "r.resp_header[\"X-Status\"] = r.req_item.http_status .. \"\"",
    ),
    (
        "removed",
        "r.resp_header[\"ETag\"] = nil r.resp_header[\"Last-Modified\"] = nil",
    ),
    ("type", "r.resp_header[\"Content-Type\"] = \"text/x-mine\""),
    ("error", "error(\"on purpose\")"),
    (
        "status",
        "if r.req_item.http_status == 404 then return 410 end",
    ),
    (
        "page",
        "if r.req_item.http_status == 404 then r.resp_body.set(\"lost\\n\") r.resp_header[\"Content-Type\"] = \"text/plain\" return 404 end",
    ),
    (
        "policy",
        "if r.resp_header[\"Content-Type\"] == \"text/html\" then r.resp_header[\"Content-Security-Policy\"] = \"default-src 'self'\" end",
    ),
    ("cookie", "r.resp_header[\"Set-Cookie\"] = \"seen=1\""),
];

/// Makes the scripts.
pub fn install(root: &Path, outside: &Path) {
    let directory = outside.join("lua");
    fs::create_dir_all(&directory).unwrap();
    let write = |name: &str, text: &str| {
        let text = text
            .replace("@ROOT@", root.to_str().expect("a path in UTF-8"))
            .replace("@OUTSIDE@", outside.to_str().expect("a path in UTF-8"));
        fs::write(directory.join(name), text).unwrap();
    };
    write("requests.lua", &chosen(OF_REQUESTS));
    write("responses.lua", &chosen(OF_RESPONSES));
    write("library.lua", "return { name = \"library\" }");
    write(
        "first.lua",
        "local r = lighty.r r.resp_header[\"X-First\"] = \"1\" if r.req_attr[\"uri.query\"] == \"stop\" then return 403 end",
    );
    write(
        "second.lua",
        "lighty.r.resp_header[\"X-Second\"] = tostring(lighty.r.resp_header[\"X-First\"])",
    );
    write("broken.lua", "this is not Lua");
    // As people write them.
    write(
        "maintenance.lua",
        "if lighty.c.stat(\"@OUTSIDE@/secret.txt\") then\n  lighty.r.resp_header[\"Content-Type\"] = \"text/html\"\n  \
         lighty.r.resp_header[\"Retry-After\"] = \"60\"\n  lighty.r.resp_body.set({ \"<h1>soon</h1>\" })\n  return 503\nend\n",
    );
    write(
        "clean.lua",
        "local attr = lighty.r.req_attr\nif not lighty.c.stat(attr[\"physical.path\"]) then\n  local path = attr[\"physical.path\"] .. \".html\"\n  \
         if lighty.c.stat(path) then\n    attr[\"uri.path\"] = attr[\"uri.path\"] .. \".html\"\n    attr[\"physical.path\"] = path\n  else\n    \
         attr[\"uri.path\"] = \"/index.html\"\n    attr[\"physical.rel-path\"] = \"/index.html\"\n    \
         attr[\"physical.path\"] = attr[\"physical.doc-root\"] .. \"/index.html\"\n  end\nend\n",
    );
    write(
        "mobile.lua",
        "local agent = lighty.request[\"User-Agent\"]\nif agent and agent:match(\"Mobile\") then\n  \
         lighty.header[\"Location\"] = \"http://m.example\" .. lighty.env[\"request.orig-uri\"]\n  return 302\nend\n",
    );
}

/// A script that does what the query says.
fn chosen(cases: &[(&str, &str)]) -> String {
    let mut text = "local r = lighty.r\nlocal cases = {}\n".to_owned();
    for (name, code) in cases {
        text.push_str(&format!("cases[\"{name}\"] = function() {code} end\n"));
    }
    text.push_str("local query = r.req_attr[\"uri.query\"]\nlocal case = query and cases[lighty.c.urldec(query)]\nif case then return case() end\n");
    text
}

fn requests(cases: &[(&str, &str)], path: &str) -> Vec<Request> {
    let mut requests = Vec::new();
    for (name, _) in cases {
        let target = format!("{path}?{}", name.replace(' ', "%20"));
        requests.push(get_with(&target, &["X-One: 1"]));
    }
    requests
}

/// What may be another thing without a body.
fn heads() -> Vec<Request> {
    let names = [
        "nothing",
        "forbidden",
        "body",
        "part",
        "type",
        "coming",
        "file",
        "again",
        "send",
    ];
    let head = |name: &&str| Request::new(&format!("HEAD /a.txt?{name}"), &[]);
    names.iter().map(head).collect()
}

pub const CASES: &[Case] = &[
    Case {
        name: "lua, url",
        text: r#"
            server.modules += ("mod_magnet")
            magnet.attract-raw-url-to = ("@OUTSIDE@/lua/requests.lua")
            accesslog.filename = "@DIR@/access.log"
            $HTTP["querystring"] == "special" { server.document-root = "@ROOT@/sub" }
            $REQUEST_HEADER["X-Key"] == "special" { server.document-root = "@ROOT@/sub" }
            $HTTP["host"] == "special.example" { server.document-root = "@ROOT@/sub" }
            $HTTP["url"] == "/b.txt" { server.document-root = "@ROOT@/sub" }
        "#,
        requests: || {
            let mut requests = requests(OF_REQUESTS, "/a.txt");
            requests.extend(heads());
            requests.extend(gets(&[
                "/",
                "/missing?coming",
                "/sub?coming",
                "/a%20b?uri",
                "/a.txt/x?relative",
            ]));
            requests.push(Request::new("POST /a.txt?nothing", &["Content-Length: 0"]));
            requests
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "lua, path",
        text: r#"
            server.modules += ("mod_magnet")
            accesslog.filename = "@DIR@/access.log"
            magnet.attract-physical-path-to = ("@OUTSIDE@/lua/requests.lua")
        "#,
        requests: || {
            let mut requests = requests(OF_REQUESTS, "/a.txt");
            requests.extend(heads());
            requests.extend(gets(&[
                "/",
                "/missing?relative",
                "/missing?file",
                "/sub?relative",
                "/a.txt/x?relative",
            ]));
            requests
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "lua, response",
        text: r#"
            server.modules += ("mod_magnet")
            accesslog.filename = "@DIR@/access.log"
            magnet.attract-response-start-to = ("@OUTSIDE@/lua/responses.lua")
        "#,
        requests: || {
            let mut all = Vec::new();
            for path in [
                "/a.txt",
                "/page.html",
                "/missing",
                "/sub",
                "/cgi/counts.cgi",
            ] {
                all.extend(requests(OF_RESPONSES, path));
            }
            all.push(get_with("/a.txt?body", &["Range: bytes=0-2"]));
            all.push(get_with(
                "/a.txt?field",
                &["If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"],
            ));
            all
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "lua, several",
        text: r#"
            server.modules += ("mod_magnet")
            accesslog.filename = "@DIR@/access.log"
            $HTTP["url"] =^ "/sub/" { magnet.attract-raw-url-to = ("@OUTSIDE@/lua/first.lua", "@OUTSIDE@/lua/second.lua") }
            $HTTP["url"] =^ "/noindex/" { magnet.attract-physical-path-to = ("@OUTSIDE@/lua/clean.lua") }
            $HTTP["url"] == "/page.html" { magnet.attract-raw-url-to = ("@OUTSIDE@/lua/maintenance.lua") }
            $HTTP["url"] == "/b.txt" { magnet.attract-raw-url-to = ("@OUTSIDE@/lua/mobile.lua") }
            $HTTP["url"] == "/a.txt" { magnet.attract-raw-url-to = ("@OUTSIDE@/lua/broken.lua") }
            $HTTP["url"] == "/digits.txt" { magnet.attract-physical-path-to = ("@OUTSIDE@/lua/missing.lua") }
        "#,
        requests: || {
            let mut requests = gets(&[
                "/sub/page.html",
                "/sub/page.html?stop",
                "/noindex/kilo.bin",
                "/noindex/none",
                "/page.html",
                "/b.txt?x",
                "/a.txt",
                "/digits.txt",
                "/",
                "/missing",
            ]);
            requests.push(get_with("/b.txt?y", &["User-Agent: Some Mobile/1"]));
            requests.push(Request::new("HEAD /page.html", &[]));
            requests
        },
        types: Types::Usual,
        log: Log::Compared,
    },
    Case {
        name: "cgi, lua",
        text: r#"
            server.modules += ("mod_rewrite", "mod_magnet", "mod_cgi")
            url.access-deny = (".inc")
            url.rewrite-once = ("^/rewritten$" => "/a.txt?uri")
            cgi.assign = (".cgi" => "", ".sh" => "")
            magnet.attract-raw-url-to = ("@OUTSIDE@/lua/requests.lua")
            accesslog.filename = "@DIR@/access.log"
            $HTTP["url"] =^ "/cgi/counts" { magnet.attract-response-start-to = ("@OUTSIDE@/lua/responses.lua") }
        "#,
        requests: || {
            let mut all = requests(OF_RESPONSES, "/cgi/counts.cgi");
            all.extend(gets(&[
                "/rewritten",
                "/rewritten?x",
                "/cgi/tell.cgi?env",
                "/cgi/tell.cgi?header",
                "/cgi/tell.cgi?coming",
                "/cgi/tell.cgi?query",
                "/cgi/tell.cgi?path",
                "/cgi/tell.cgi?file",
                "/cgi/tell.cgi/info?physical",
                "/cgi/tell.cgi?host",
                "/a.inc?path",
            ]));
            all
        },
        types: Types::Usual,
        log: Log::Compared,
    },
];

pub const KNOWN: &[Known] = &[
    known(
        "lua, *",
        "GET /a.txt?length *",
        "status",
        "500",
        "200",
        "the length of a body that a script has set itself is known to it at once",
    ),
    known(
        "lua, *",
        "GET /a.txt?got *",
        "x-got",
        "none",
        "12345",
        "so is the body",
    ),
    known(
        "lua, *",
        "GET /a.txt?lost%20body *",
        "*",
        "*",
        "*",
        "a body without a status is forgotten; lighttpd sends it before the file, and the rest after the answer",
    ),
    known(
        "lua, *",
        "GET /a.txt?missing%20file *",
        "status",
        "not HTTP*",
        "200",
        "the rest of what came before it, see above",
    ),
    known(
        "lua, url",
        "GET /a.txt?* | X-One: 1",
        "status",
        "200",
        "404",
        "what conditions look at has changed: they decide anew for everything that follows, the document root too",
    ),
    known(
        "lua, *",
        "GET /a.txt?bsenc *",
        "x-saw",
        "*",
        "*",
        "escapes are \\xHH; lighttpd 1.4.69 gives those of JSON, for which there is bsenc_json",
    ),
    known(
        "lua, *",
        "GET /a.txt?hmac *",
        "x-saw",
        "*",
        "*",
        "HMAC-MD5 is as in RFC 2104; lighttpd 1.4.69 computes something else",
    ),
    known(
        "lua, *",
        "GET /*",
        "x-*",
        "none",
        "*",
        "fields that scripts set are on every answer, whoever makes it, so on error pages, too",
    ),
    known(
        "lua, path",
        "* /a.txt?again*",
        "*",
        "*",
        "*",
        "a request that is restarted with another target gets what is there, at this moment, too",
    ),
    known(
        "cgi, lua",
        "GET /cgi/tell.cgi?host",
        "*",
        "*",
        "*",
        "a host that a script has set is what backends are told, and the log says what was asked",
    ),
];
