//! Scripts at work: a configuration, files, requests and answers.

mod limits;

use std::fmt::Write as _;
use std::sync::Arc;

use crate::config::tests::support::{ask, load, remarks};
use crate::response::Body;
use crate::route::Desk;

/// A directory with documents and a script, and a desk that serves them.
struct Place {
    directory: tempfile::TempDir,
    desk: Desk,
}

/// Which directive names the script.
const URL: &str = "raw-url";
const PATH: &str = "physical-path";
const RESPONSE: &str = "response-start";

impl Place {
    fn new(stage: &str, script: &str) -> Place {
        Place::with(stage, script, "")
    }

    fn with(stage: &str, script: &str, more: &str) -> Place {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let root = root.to_str().unwrap();
        std::fs::create_dir(directory.path().join("www")).unwrap();
        for name in ["index.php", "a.html", "b.txt"] {
            std::fs::write(directory.path().join("www").join(name), name).unwrap();
        }
        std::fs::write(directory.path().join("outside.txt"), "outside").unwrap();
        let place = |text: &str| text.replace("PLACE", root);
        std::fs::write(directory.path().join("s.lua"), place(script)).unwrap();
        let text = place(&format!(
            "server.modules = ( \"mod_magnet\", \"mod_setenv\" )\nserver.document-root = \"PLACE/www\"\n\
             server.stat-cache-engine = \"disable\"\n\
             magnet.attract-{stage}-to = ( \"PLACE/s.lua\" )\n{more}"
        ));
        let desk = Desk::new(Arc::new(load(&text).0));
        Place { directory, desk }
    }

    /// Status, header fields without those of every answer, and body.
    fn get(&mut self, target: &str) -> String {
        self.ask(&format!("GET {target} HTTP/1.1\nHost: h.example"))
    }

    fn ask(&mut self, head: &str) -> String {
        ask(&mut self.desk, head);
        let response = &self.desk.response;
        let mut text = response.status.to_string();
        for (name, value) in response.headers.iter() {
            let name = String::from_utf8_lossy(name);
            if !["ETag", "Last-Modified", "Accept-Ranges", "Content-Type"].contains(&&*name) {
                let _ = write!(text, " {name}={}", String::from_utf8_lossy(value));
            }
        }
        let body: &[u8] = match &response.body {
            Body::Bytes(bytes) => bytes,
            Body::Cached(bytes) => bytes,
            _ => b"",
        };
        let _ = match response.status {
            400..=599 if body.starts_with(b"<!DOCTYPE") => Ok(()),
            _ => write!(text, " {}", String::from_utf8_lossy(body)),
        };
        text.trim_end().to_owned()
    }

    fn rewrite(&self, script: &str) {
        std::fs::write(self.directory.path().join("s.lua"), script).unwrap();
    }
}

/// What a script at `raw-url` answers with.
fn said(script: &str) -> String {
    let script = format!(
        "local said = (function() {script} end)()\nlighty.r.resp_body.set(tostring(said))\nreturn 200"
    );
    let answer = Place::new(URL, &script).get("/a.html?x=1&y=%20");
    answer.strip_prefix("200 ").unwrap_or(&answer).to_owned()
}

#[test]
fn what_is_returned_decides() {
    for (script, expected) in [
        ("", "200 a.html"),
        ("return 0", "200 a.html"),
        ("return 50", "200 a.html"),
        ("return -1", "200 a.html"),
        ("return \"x\"", "200 a.html"),
        ("return 103", "200 a.html"),
        ("return 200", "200"),
        ("return 403", "403"),
        ("return 404.0", "404"),
        ("return 599", "599"),
        ("return 1234", "500"),
        ("error('x')", "500"),
        ("error({})", "500"),
        ("syntax error", "500"),
        ("local a = nil + 1", "500"),
        (
            "lighty.r.resp_header['Location'] = '/x' return 302",
            "302 Location=/x",
        ),
        ("lighty.r.resp_body.set('text') return 404", "404 text"),
        ("lighty.r.resp_body.set('text')", "200 a.html"),
        ("lighty.r.resp_header['X'] = 'y'", "200 X=y a.html"),
        ("lighty.r.resp_header['X'] = 'y' error('x')", "500"),
        // As it was until lighttpd 1.4.60, and whatever bytes there are in it.
        (
            "lighty.header['X'] = '\\xff' lighty.content = { 'c' } return 200",
            "200 X=\u{fffd} c",
        ),
        ("lighty.header['X'] = 1 return 201", "201 X=1"),
    ] {
        assert_eq!(Place::new(URL, script).get("/a.html"), expected, "{script}");
        assert_eq!(
            Place::new(PATH, script).get("/a.html"),
            expected,
            "{script}"
        );
    }
}

#[test]
fn a_response_can_still_be_changed() {
    for (script, expected) in [
        ("lighty.r.resp_header['X'] = 'y'", "200 X=y a.html"),
        (
            "lighty.r.resp_header['X'] = lighty.r.resp_body.get .. lighty.r.req_item.http_status",
            "200 X=a.html200 a.html",
        ),
        (
            "lighty.r.resp_header['X'] = lighty.r.resp_body.len",
            "200 X=6 a.html",
        ),
        ("lighty.r.resp_body.set('new')", "200 new"),
        ("lighty.r.resp_body.add('+')", "200 a.html+"),
        ("return 403", "403 a.html"),
        ("lighty.content = { 'c' } return 404", "404 c"),
        (
            "lighty.r.resp_header['X'] = 'y' error('x')",
            "200 X=y a.html",
        ),
        ("return lighty.RESTART_REQUEST", "200 a.html"),
        ("return 103", "200 a.html"),
    ] {
        assert_eq!(
            Place::new(RESPONSE, script).get("/a.html"),
            expected,
            "{script}"
        );
    }
    // An error's page is there already.
    let mut place = Place::new(
        RESPONSE,
        "if lighty.r.req_item.http_status == 404 then lighty.r.resp_body.set('lost') end",
    );
    assert_eq!(place.get("/none"), "404 lost");
}

#[test]
fn a_request_is_restarted_with_a_path_only() {
    for target in ["b.txt", "*", "h:80", "", "/b.txt\\n"] {
        let script = format!(
            "if lighty.r.req_attr['request.uri'] == '/a.html' then\n\
             lighty.r.req_attr['request.uri'] = '{target}' return lighty.RESTART_REQUEST end return 204"
        );
        for stage in [URL, PATH] {
            assert_eq!(Place::new(stage, &script).get("/a.html"), "400", "{target}");
        }
    }
}

#[test]
fn a_request_can_be_changed() {
    for (stage, script, expected) in [
        (URL, "lighty.r.req_attr['uri.path'] = '/b.txt'", "200 b.txt"),
        (URL, "lighty.env['uri.path'] = '/none'", "404"),
        (
            PATH,
            "lighty.r.req_attr['uri.path'] = '/b.txt'",
            "200 a.html",
        ),
        (
            PATH,
            "lighty.r.req_attr['physical.path'] = 'PLACE/www/b.txt'",
            "200 b.txt",
        ),
        (
            PATH,
            "lighty.r.req_attr['physical.path'] = 'PLACE/outside.txt'",
            "200 outside",
        ),
        (
            PATH,
            "lighty.r.req_attr['physical.path'] = 'PLACE/www/../outside.txt'",
            "200 outside",
        ),
        (
            PATH,
            "lighty.r.req_attr['physical.path'] = 'PLACE/none'",
            "404",
        ),
        (
            PATH,
            "lighty.r.req_attr['physical.path'] = 'PLACE/www/b.txt/info'",
            "200 b.txt",
        ),
        (PATH, "lighty.r.req_attr['physical.path'] = nil", "404"),
        (
            URL,
            "if lighty.env['request.uri'] ~= '/b.txt' then lighty.env['request.uri'] = '/b.txt' return lighty.RESTART_REQUEST end",
            "200 b.txt",
        ),
        (
            URL,
            "lighty.env['uri.path-raw'] = '/b.txt' if lighty.env['request.orig-uri'] ~= lighty.env['uri.path'] then return end return 99",
            "200 b.txt",
        ),
        (URL, "return lighty.RESTART_REQUEST", "500"),
        (
            URL,
            "if lighty.r.req_header['X-Round'] then return 204 end lighty.r.req_header['X-Round'] = '1' return 99",
            "204",
        ),
        (
            URL,
            "if lighty.r.req_env['X'] then return 204 end lighty.r.req_env['X'] = '1' return 99",
            "204",
        ),
    ] {
        assert_eq!(
            Place::new(stage, script).get("/a.html"),
            expected,
            "{script}"
        );
    }
}

#[test]
fn conditions_see_what_a_script_has_changed() {
    let more = "$HTTP[\"url\"] == \"/b.txt\" { setenv.add-response-header = ( \"X\" => \"b\" ) }\n\
                $REQUEST_HEADER[\"X-Who\"] == \"me\" { setenv.add-response-header = ( \"Y\" => \"me\" ) }\n\
                $HTTP[\"host\"] == \"other\" { server.document-root = \"PLACE/none\" }";
    for (script, expected) in [
        ("lighty.r.req_attr['uri.path'] = '/b.txt'", "200 X=b b.txt"),
        ("lighty.r.req_header['X-Who'] = 'me'", "200 Y=me a.html"),
        ("lighty.r.req_attr['uri.authority'] = 'OTHER'", "404"),
        (
            "lighty.r.req_attr['request.remote-ip'] = '192.0.2.9'",
            "200 a.html",
        ),
    ] {
        assert_eq!(
            Place::with(URL, script, more).get("/a.html"),
            expected,
            "{script}"
        );
    }
}

#[test]
fn the_request_is_told() {
    for (script, expected) in [
        ("return lighty.r.req_attr['uri.path']", "/a.html"),
        ("return lighty.r.req_attr['uri.path-raw']", "/a.html"),
        ("return lighty.r.req_attr['uri.query']", "x=1&y=%20"),
        ("return lighty.r.req_attr['uri.scheme']", "http"),
        ("return lighty.r.req_attr['uri.authority']", "h.example"),
        (
            "return lighty.r.req_attr['request.uri']",
            "/a.html?x=1&y=%20",
        ),
        ("return lighty.r.req_attr['request.method']", "GET"),
        ("return lighty.r.req_attr['request.protocol']", "HTTP/1.1"),
        ("return lighty.r.req_attr['request.remote-ip']", "192.0.2.7"),
        ("return lighty.r.req_attr['request.remote-port']", "1234"),
        ("return lighty.r.req_attr['physical.path']", "nil"),
        ("return lighty.r.req_attr['none']", "nil"),
        ("return lighty.r.req_header['host']", "h.example"),
        ("return lighty.r.req_header['None']", "nil"),
        ("return lighty.request['Host']", "h.example"),
        ("return lighty.env['uri.path']", "/a.html"),
        ("return lighty.r.req_body.len", "0"),
        ("return #lighty.r.req_body.get", "0"),
        ("return lighty.r.resp_body.len", "nil"),
        ("return lighty.r.req_item.http_status", "0"),
        (
            "lighty.r.req_header['A'] = 'x' lighty.r.req_header['A'] = nil return lighty.r.req_header['A']",
            "nil",
        ),
        (
            "lighty.r.resp_header['Content-Length'] = '5' return lighty.r.resp_header['Content-Length']",
            "nil",
        ),
        (
            "lighty.r.resp_header['X'] = '1\\r\\nY: 2' return lighty.r.resp_header['X']",
            "nil",
        ),
        (
            "local n = {} for k in pairs(lighty.r.req_header) do n[#n + 1] = k end return table.concat(n, ',')",
            "Host",
        ),
        (
            "local n = 0 for k in pairs(lighty.r.req_attr) do n = n + 1 end return n",
            "21",
        ),
        (
            "lighty.status['a'] = lighty.status['a'] + 3 return lighty.status['a']",
            "3",
        ),
        ("lighty.x = 5 return lighty.x", "5"),
        (
            "return select(2, pcall(function() lighty.r.x = 1 end)) ~= nil",
            "true",
        ),
        (
            "return pcall(function() lighty.r.req_attr['none'] = 1 end)",
            "false",
        ),
        ("return pcall(os.exit)", "false"),
        ("return pcall(load, string.dump(function() end))", "true"),
        (
            "local n = 0 for r in lighty.server.irequests() do n = n + #r.req_attr['uri.path'] end return n",
            "7",
        ),
        ("return type(debug.traceback())", "string"),
    ] {
        assert_eq!(said(script), expected, "{script}");
    }
}

#[test]
fn files_are_told() {
    let script = |script: &str| {
        let script = format!(
            "local said = (function() {script} end)()\nlighty.r.resp_body.set(tostring(said))\nreturn 200"
        );
        Place::new(PATH, &script).get("/a.html")
    };
    for (text, expected) in [
        (
            "return lighty.c.stat(lighty.r.req_attr['physical.path']).is_file",
            "true",
        ),
        (
            "return lighty.stat(lighty.env['physical.path']).st_size",
            "6",
        ),
        (
            "return lighty.c.stat(lighty.r.req_attr['physical.doc-root']).is_dir",
            "true",
        ),
        ("return lighty.c.stat('/none')", "nil"),
        ("return lighty.c.stat('')", "nil"),
        (
            "return pcall(function() return lighty.c.stat('/').none end)",
            "false",
        ),
        (
            "local n = {} for name in lighty.c.readdir('PLACE/www') do n[#n + 1] = name end table.sort(n) return table.concat(n, ',')",
            "a.html,b.txt,index.php",
        ),
        ("return lighty.c.readdir('/none')", "nil"),
        (
            "return lighty.c.stat('PLACE/www/a.html').st_mtim() > 0",
            "true",
        ),
        (
            "return lighty.c.stat('PLACE/www/a.html').st_uid",
            &rustix::process::getuid().as_raw().to_string(),
        ),
    ] {
        assert_eq!(script(text), format!("200 {expected}"), "{text}");
    }
    let mut place = Place::new(
        URL,
        "return lighty.c.stat('PLACE/outside.txt')['http-response-send-file']",
    );
    assert_eq!(place.get("/"), "200 outside");
    assert!(place.desk.response.headers.get("ETag").is_some());
}

#[test]
fn bodies_are_made_of_texts_and_files() {
    for (script, expected) in [
        (
            "lighty.r.resp_body.set({ 'a', { filename = 'PLACE/www/b.txt' }, 1 })",
            "ab.txt1",
        ),
        (
            "lighty.r.resp_body.set({ { filename = 'PLACE/www/b.txt', offset = 1, length = 3 } })",
            ".tx",
        ),
        (
            "lighty.r.resp_body.set({ { filename = 'PLACE/www/b.txt', offset = -3 } })",
            "txt",
        ),
        (
            "lighty.content = { 'a', { filename = 'PLACE/www/b.txt', offset = 1, length = 3 }, 'c' }",
            "a.tc",
        ),
        (
            "lighty.r.resp_body.set({ 'a', { filename = '/none' }, 'c' })",
            "a",
        ),
        ("lighty.r.resp_body.set({ 'a', true, 'c' })", "a"),
        (
            "lighty.r.resp_body.add('a') lighty.r.resp_body.add('b')",
            "ab",
        ),
        ("lighty.r.resp_body.set('a') local c = lighty.content", ""),
    ] {
        let answer = Place::new(URL, &format!("{script}\nreturn 200")).get("/");
        assert_eq!(answer, format!("200 {expected}").trim_end(), "{script}");
    }
}

#[test]
fn nothing_is_left_for_the_next_run() {
    let script = "n = (n or 0) + 1 _G.m = (_G.m or 0) + 1 lighty.k = (lighty.k or 0) + 1\n\
                  lighty.r.resp_body.set(n .. _G.m .. lighty.k) return 200";
    let mut place = Place::new(URL, script);
    assert_eq!(place.get("/"), "200 111");
    // As in lighttpd, what is put into `_G` on purpose stays, for this script.
    assert_eq!(place.get("/"), "200 121");
}

#[test]
fn a_changed_script_is_compiled_anew() {
    let mut place = Place::new(URL, "return 201");
    assert_eq!(place.get("/"), "201");
    place.rewrite("return 202");
    assert_eq!(place.get("/"), "202");
    place.rewrite("return return");
    assert_eq!(place.get("/"), "500");
    std::fs::remove_file(place.directory.path().join("s.lua")).unwrap();
    assert_eq!(place.get("/"), "500");
    place.rewrite("return 203");
    assert_eq!(place.get("/"), "203");
}

#[test]
fn endless_scripts_end() {
    for script in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() end) end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "local t = {} while true do t[#t + 1] = ('x'):rep(1000000) .. #t end",
        "local function f() return f() + 1 end f()",
    ] {
        let mut place = Place::new(URL, script);
        assert_eq!(place.get("/"), "500", "{script}");
        place.rewrite("return 204");
        assert_eq!(place.get("/"), "204", "{script}");
    }
}

#[test]
fn failures_name_their_place() {
    for (script, expected) in [
        (
            "\nlocal a = nil + 1",
            "s.lua:2: attempt to perform arithmetic on a nil value",
        ),
        (
            "\n\nlighty.r.req_attr['none'] = 1",
            "s.lua:3: couldn't store 'none' in r.req_attr[]",
        ),
        ("local x =\n", "s.lua:2: unexpected symbol near <eof>"),
        (
            "while true do pcall(function() while true do end end) end",
            "s.lua:1: the script runs for too long",
        ),
        (
            "lighty.c.md('md5')",
            "s.lua:1: lighty.c.md(algo, data): incorrect number of arguments",
        ),
        ("return 1234", "s.lua: returned 1234, which is no status"),
    ] {
        let place = Place::new(URL, script);
        let path = place.directory.path().join("s.lua");
        let failure = super::interpreter::failure_of(path.to_str().unwrap());
        assert!(failure.contains(expected), "{script}: {failure}");
    }
}

#[test]
fn scripts_run_in_turn_until_one_decides() {
    let more = "$HTTP[\"url\"] =^ \"/b\" { magnet.attract-raw-url-to = ( \"PLACE/1.lua\", \"PLACE/s.lua\", \"PLACE/2.lua\" ) }";
    let mut place = Place::with(
        URL,
        "lighty.r.resp_body.add('s') return lighty.r.req_header['S']",
        more,
    );
    for (name, text) in [("1", "1"), ("2", "2")] {
        let path = place.directory.path().join(format!("{name}.lua"));
        std::fs::write(
            path,
            format!("lighty.r.resp_body.add('{text}') return lighty.r.req_header['X{text}']"),
        )
        .unwrap();
    }
    let with = |fields: &str| format!("GET /b.txt HTTP/1.1\nHost: h{fields}");
    assert_eq!(place.ask(&with("")), "200 b.txt");
    assert_eq!(place.ask(&with("\nX1: 0")), "200 b.txt");
}

#[test]
fn a_script_needs_a_name() {
    let text = "server.modules = ( \"mod_magnet\" )\nmagnet.attract-raw-url-to = ( \"\" )";
    assert_eq!(
        remarks(text),
        ["2:29 error: magnet.attract-raw-url-to: a script without a name"]
    );
}

#[test]
fn what_an_interpreter_takes() {
    let mut place = Place::new(URL, "return 204");
    place.get("/");
    let memory = place.desk.script_memory();
    assert!(memory > 0 && memory < 128 * 1024, "{memory}");
    println!("{memory} bytes for a script");
}
