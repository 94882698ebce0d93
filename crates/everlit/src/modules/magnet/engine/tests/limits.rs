//! What scripts may take, however they go about it.

use super::{Place, RESPONSE, URL};

#[test]
fn instructions_count_wherever_they_run() {
    for script in [
        // A message handler that runs because of the limit itself.
        "xpcall(function() while true do end end, function() while true do end end)",
        "xpcall(error, function() while true do end end)",
        // A coroutine that ends before it is looked at.
        "while true do coroutine.wrap(function() for i = 1, 2000 do end end)() end",
        "while true do coroutine.resume(coroutine.create(function() for i = 1, 2000 do end end)) end",
    ] {
        let mut place = Place::new(URL, script);
        assert_eq!(place.get("/"), "500", "{script}");
        place.rewrite("return 204");
        assert_eq!(place.get("/"), "204", "{script}");
    }
}

#[test]
fn message_handlers_and_coroutines_are_what_they_were() {
    let script = "local _, said = xpcall(error, function(m) return m .. '!' end, 'x')\n\
                  local next = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return a + b end)\n\
                  lighty.r.resp_body.set(said .. next(1) .. next(5)) return 200";
    assert_eq!(Place::new(URL, script).get("/"), "200 x!26");
}

#[test]
fn a_body_has_its_limit() {
    let script = "local s = ('x'):rep(1000000) for i = 1, 100 do ADD end return 200";
    for add in [
        "lighty.r.resp_body.add(s)",
        "lighty.r.resp_body.add({ s })",
        "lighty.r.resp_body.add({ s, { filename = 'PLACE/outside.txt' } })",
    ] {
        let mut place = Place::new(URL, &script.replace("ADD", add));
        assert_eq!(place.get("/"), "500", "{add}");
    }
    let script = "for i = 1, 50 do lighty.r.resp_body.add(('x'):rep(1000000)) end\n\
                  lighty.r.resp_body.set(lighty.r.resp_body.len) return 200";
    assert_eq!(Place::new(URL, script).get("/"), "200 50000000");
}

#[test]
fn a_body_that_is_too_large_for_a_script_is_not_read() {
    let script =
        "lighty.r.resp_header['X'] = tostring(pcall(function() return lighty.r.resp_body.get end))";
    let mut place = Place::new(RESPONSE, script);
    let path = place.directory.path().join("www/large.bin");
    let file = std::fs::File::create(path).unwrap();
    // More than any memory.
    file.set_len(1 << 42).unwrap();
    assert_eq!(place.get("/large.bin"), "200 X=false");
}

#[test]
fn there_are_no_finalizers() {
    // What they could call may have been collected with them, and no hook sees an endless one.
    let script = "local called = 0\n\
                  local meta = { __gc = function() called = called + 1 while true do end end }\n\
                  local object = setmetatable({}, meta)\n\
                  local said = tostring(getmetatable(object) == meta and meta.__gc ~= nil)\n\
                  object = nil collectgarbage() collectgarbage()\n\
                  said = said .. called .. tostring(pcall(setmetatable, setmetatable({}, { __metatable = 1 }), meta))\n\
                  lighty.r.resp_body.set(said .. tostring(meta.__gc ~= nil)) return 200";
    assert_eq!(Place::new(URL, script).get("/"), "200 true0falsetrue");
}

#[test]
fn a_failure_has_so_many_lines() {
    let place = Place::new(URL, "error(('line\\n'):rep(5000))");
    let path = place.directory.path().join("s.lua");
    let failure = crate::modules::magnet::engine::interpreter::failure_of(path.to_str().unwrap());
    assert!(failure.lines().count() <= 40, "{}", failure.lines().count());
}
