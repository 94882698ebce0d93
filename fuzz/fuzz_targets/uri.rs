//! Targets and hosts: paths stay below the root, and what is normal stays as it is.
//!
//! The first line names keys of `server.http-parseopts` to be turned on, or off after a `-`; the second is a host; the
//! rest a target.
#![no_main]

use everlit::http1::head::{Limits, Parsed, parse};
use everlit::route::uri::{self, Form, ParseOptions, Uri};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let (Some(keys), Some(host), Some(target)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let mut options = ParseOptions::default();
    for key in String::from_utf8_lossy(keys).split_ascii_whitespace() {
        let (key, on) = key
            .strip_prefix('-')
            .map_or((key, true), |key| (key, false));
        // A key that does not exist is refused, and nothing changes.
        let _ = options.set(key, on);
    }
    let _ = parsed(target, &options);
    check_host(host, &options);

    // Only a target that a head lets through is promised to be normal after it was normalised once: it has no spaces.
    let head = [b"GET ", target, b" HTTP/1.1\r\nHost: ", host, b"\r\n\r\n"].concat();
    if let Parsed::Head(head) = parse(&head, &Limits::default()) {
        if let Some(parsed) = parsed(head.target, &options) {
            let again = uri::parse(&parsed.target, &options);
            assert_eq!(again.as_ref(), Ok(&parsed));
        }
        check_host(head.host.unwrap_or(b"x"), &options);
    }
});

/// Takes a target apart, if it is one, and looks whether its path stays below the root.
fn parsed<'t>(target: &'t [u8], options: &ParseOptions) -> Option<Uri<'t>> {
    let parsed = uri::parse(target, options).ok()?;
    if !matches!(
        uri::split(target),
        Some(Form::Asterisk | Form::Authority(_))
    ) {
        assert_eq!(parsed.path.first(), Some(&b'/'));
        assert!(!parsed.path.iter().any(u8::is_ascii_control));
        let mut segments: Vec<_> = parsed.path[1..].split(|byte| *byte == b'/').collect();
        segments.pop_if(|last| last.is_empty());
        for segment in segments {
            assert!(!matches!(segment, b"" | b"." | b".."));
        }
    }
    Some(parsed)
}

fn check_host(host: &[u8], options: &ParseOptions) {
    let Ok(normal) = uri::host(host, options) else {
        return;
    };
    assert!(!normal.is_empty() && !normal.starts_with(b".") && !normal.contains(&b'/'));
    assert!(!normal.iter().any(u8::is_ascii_control));
    assert_eq!(uri::host(&normal, options).as_ref(), Ok(&normal));
}
