//! Frozen connections: any bytes are read or refused, what was read is written as it was, and what was accepted can be
//! served: an image comes from outside, and a wrong one must not bring down who takes it.
//!
//! The first byte is the number of descriptors that come along, the rest is the image.
#![no_main]

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use everlit::freeze::image::Image;
use everlit::freeze::{Parts, examine, thaw};
use everlit::gateway::relay::{Trouble, Used};
use everlit_fuzz::{ORIGIN, Outcome, drive, flush, with_bench};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((fds, bytes)) = input.split_first() else {
        return;
    };
    let fds = usize::from(*fds);
    let Ok(image) = Image::from_bytes(bytes) else {
        assert!(examine(bytes, fds).is_err());
        return;
    };
    let written = image.to_bytes();
    assert_eq!(Image::from_bytes(&written).ok().as_ref(), Some(&image));
    if examine(bytes, fds).is_ok() && fds > 0 {
        assert!(examine(bytes, fds - 1).is_err() && examine(bytes, fds + 1).is_err());
        serve(image, fds);
    }
});

/// Makes it live, answers what it owes, and two more requests.
fn serve(image: Image, fds: usize) {
    let (socket, _client) = UnixStream::pair().expect("a pair of sockets");
    let mut descriptors = vec![OwnedFd::from(socket)];
    descriptors.resize_with(fds, || {
        File::open("/proc/self/exe").expect("a regular file").into()
    });
    let Ok(thawed) = thaw(image, descriptors) else {
        return;
    };
    with_bench(|bench| {
        let peer = thawed.who().peer;
        let Parts { mut http, .. } = thawed.into_parts(ORIGIN, bench);
        let mut outcome = Outcome::default();
        if http.is_relaying() {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
            let _ = http.backend_said(answer, ORIGIN, bench);
            let _ = http.backend_failed(Trouble::Ended, Used::Never, ORIGIN, bench);
        }
        // What the worker asks of every connection.
        let _ = (peer.ip(), http.phase(), http.patience(bench), http.owes());
        flush(&mut http, &mut outcome, bench);
        for _ in 0..2 {
            if outcome.ended {
                break;
            }
            let request = b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n0\r\n\r\n";
            drive(&mut http, request, &mut outcome, bench);
        }
        http.abandon(bench);
    });
}
