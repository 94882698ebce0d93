//! Requests, as every module sees them: redirects, rewrites, logins, virtual hosts, includes, compression. Whatever comes, there is
//! an answer or none, and no client writes a header field of it.
#![no_main]

use everlit::http1::machine::Http1;
use everlit_fuzz::{Outcome, drive, with_modules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let outcome = with_modules(|bench| {
        let mut http = Http1::default();
        let mut outcome = Outcome::default();
        drive(&mut http, input, &mut outcome, bench);
        http.abandon(bench);
        outcome
    });
    let sent = &outcome.sent[..];
    if sent.is_empty() {
        return;
    }
    let end = sent.windows(4).position(|four| four == b"\r\n\r\n");
    let head = &sent[..end.expect("a whole head")];
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().expect("there is one");
    assert!(status.starts_with(b"HTTP/1."), "{}", head.escape_ascii());
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|byte| *byte == b':');
        let name = &line[..colon.unwrap_or_else(|| panic!("{}", head.escape_ascii()))];
        assert!(
            name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
                && !line.iter().any(|byte| *byte != b'\t' && byte.is_ascii_control()),
            "{}",
            head.escape_ascii()
        );
        assert!(
            !name.eq_ignore_ascii_case(b"x-injected"),
            "{}",
            head.escape_ascii()
        );
    }
});
