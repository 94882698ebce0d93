//! mod_magnet in a real worker, whose stack is not that of a test.

use crate::support::{Built, Client, Server, Setup};

/// Each calls itself through C, without end.
const ENDLESS: [&str; 8] = [
    "local function f(s) return (s:gsub('.', f)) end f('x')",
    "local function f() return 1, pcall(f) end f()",
    "tostring(setmetatable({}, { __tostring = function(s) return tostring(s) end }))",
    "local function f() table.sort({ 1, 2, 3 }, f) return false end f()",
    "local function f() return coroutine.wrap(f)() end f()",
    "local function f() return load(f) end load(f)",
    "xpcall(error, function() error('x') end)",
    "xpcall(function() while true do end end, function() while true do end end)",
];

#[test]
fn scripts_that_call_themselves_without_end_end_nobody_else() {
    let setup = Setup::new(Built::Everlit);
    setup.file("s.lua", "");
    let path = setup.path("www/s.lua");
    let server = Server::start(setup.setting(&format!(
        "server.modules += ( \"mod_magnet\" )\nserver.stat-cache-engine = \"disable\"\n\
         magnet.attract-raw-url-to = ( \"{}\" )",
        path.display()
    )));
    let generation = server.generation();
    let mut client = Client::connect(server.address());
    for script in ENDLESS {
        server.setup.file("s.lua", &format!("{script}\nreturn 204"));
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let (head, length) = client.head();
        // Whether the script sees it is Lua's affair.
        assert!(head.contains("500") || head.contains("204"), "{head}");
        client.body(length);
    }
    assert_eq!(server.generation(), generation);
}
