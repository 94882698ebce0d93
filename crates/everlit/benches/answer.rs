//! What it costs to answer a request, from the parsed head to the finished response:
//! `cargo bench -p everlit --bench answer`.
//!
//! Small files and their absence, with allocations counted: all but the index file and the range have to be free of them
//! and of system calls. Then how long a large directory takes. Each time in nanoseconds is that of the fastest of many
//! rounds, on whatever machine this runs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use everlit::clock::Now;
use everlit::config;
use everlit::http1::head::{self, Head, Limits, Parsed};
use everlit::net::Peer;
use everlit::route::{Desk, Origin};
use everlit::source::Source;

/// Counts allocations.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: it only counts, and leaves the work to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PEER: Peer = Peer::V4 {
    ip: [127, 0, 0, 1],
    port: 40_000,
};

const ORIGIN: Origin<'_> = Origin {
    peer: &PEER,
    listener: "0.0.0.0:80",
    local_port: 80,
    scheme: "http",
    tls: None,
    secured: None,
};

/// What a browser sends along.
const BROWSER: &str = "Host: www.example.org\r\n\
Connection: keep-alive\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36\r\n\
Accept: */*\r\n\
Referer: https://www.example.org/articles/2026/08/an-ordinary-article\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en-US;q=0.9,en;q=0.8\r\n";

fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let root = directory.path();
    let file = root.join("index-1k.html");
    std::fs::write(&file, [b'x'; 1024]).expect("a file can be written");
    let opened = std::fs::File::options().write(true).open(&file);
    opened
        .and_then(|file| file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000)))
        .expect("its time can be set");

    std::fs::copy(&file, root.join("index.html")).expect("a file can be copied");
    let mut desk = desk(root);
    let now = Now::read();
    println!("{:24} {:>8} {:>12}", "request", "ns", "allocations");
    for (name, target, extra, status) in [
        ("hit, bare", "/index-1k.html", "Host: a\r\n", 200),
        ("hit, browser", "/index-1k.html", BROWSER, 200),
        ("index file", "/", BROWSER, 200),
        (
            "not modified",
            "/index-1k.html",
            &format!("{BROWSER}If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n"),
            304,
        ),
        ("nothing there", "/favicon.ico", BROWSER, 404),
        (
            "one range",
            "/index-1k.html",
            &format!("{BROWSER}Range: bytes=0-99\r\n"),
            206,
        ),
    ] {
        let text = format!("GET {target} HTTP/1.1\r\n{extra}\r\n");
        let head = parse(&text);
        desk.answer(&head, ORIGIN, now);
        assert_eq!(desk.response.status, status, "{name}");
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for _ in 0..1000 {
            black_box(desk.answer(&head, ORIGIN, now));
        }
        let allocations = (ALLOCATIONS.load(Ordering::Relaxed) - before) as f64 / 1000.0;
        let nanos = fastest(|| {
            black_box(desk.answer(black_box(&head), ORIGIN, now));
        });
        println!("{name:24} {nanos:8.1} {allocations:12}");
    }

    println!("\n{:24} {:>8}", "directory", "ms");
    for count in [1_000, 10_000, 100_000] {
        let name = format!("d{count}");
        let inner = root.join(&name);
        std::fs::create_dir(&inner).expect("a directory can be made");
        for i in 0..count {
            std::fs::write(inner.join(format!("{i:x}-name.txt")), "")
                .expect("a file can be written");
        }
        let text = format!("GET /{name}/ HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = parse(&text);
        let started = Instant::now();
        desk.answer(&head, ORIGIN, Now::read());
        let took = started.elapsed();
        assert_eq!(desk.response.status, 200, "{name}");
        println!("{name:24} {:8.1}", took.as_secs_f64() * 1000.0);
    }
}

fn desk(root: &Path) -> Desk {
    let source = Source::Text {
        name: "bench".to_owned(),
        text: format!(
            "server.document-root = \"{}\"\n\
             index-file.names = (\"index.html\")\n\
             dir-listing.activate = \"enable\"\n",
            root.display()
        ),
        directory: "/".into(),
    };
    let (site, _) = config::load(&source).expect("the configuration is right");
    Desk::new(Arc::new(site))
}

fn parse(text: &str) -> Head<'_> {
    match head::parse(text.as_bytes(), &Limits::default()) {
        Parsed::Head(head) => head,
        other => panic!("not a head: {other:?}"),
    }
}

/// Nanoseconds of the fastest of many rounds.
fn fastest(mut work: impl FnMut()) -> f64 {
    const CALLS: u32 = 1000;
    (0..300)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..CALLS {
                work();
            }
            started.elapsed().as_nanos() as f64 / f64::from(CALLS)
        })
        .fold(f64::INFINITY, f64::min)
}
