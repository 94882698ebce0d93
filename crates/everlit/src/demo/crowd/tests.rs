//! The crowd against servers that we know to be good or bad: it must tell them apart.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::*;
use crate::demo::measure::Losses;
use crate::demo::pages::{PAGES, Page};
use crate::demo::report::{Totals, samples};
use crate::demo::site::REVISION_HEADER;

/// How a server behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    /// Closes after each answer, and does not say so before.
    ClosesAfterAnswer,
    /// Says that it will close.
    AnnouncesClose,
    /// Closes within each answer.
    Cuts,
    /// Resets the connection instead of answering.
    Resets,
    /// One bit is wrong.
    WrongByte,
    /// Reads and says nothing.
    Silent,
}

/// A server on a thread, with one more for each connection.
struct TestServer {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let stream = stream.unwrap();
                // It ends when its client closes.
                std::thread::spawn(move || serve(stream, manner));
            }
        });
        Self {
            address,
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Errors mean that the client has gone, or that we have cut the connection ourselves.
fn serve(mut stream: TcpStream, manner: Manner) {
    while let Some(page) = request(&mut stream) {
        if manner == Manner::Silent {
            continue;
        }
        if manner == Manner::Resets {
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
            return;
        }
        let close = match manner {
            Manner::AnnouncesClose => "Connection: close\r\n",
            _ => "",
        };
        let length = page.length();
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\n{close}{REVISION_HEADER}: 7\r\nContent-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        // Early enough that a slow download comes to it soon.
        let flaw = answer.len() + (length as usize / 2).min(100_000);
        page.write(&mut answer).unwrap();
        match manner {
            Manner::WrongByte => answer[flaw] ^= 0x10,
            Manner::Cuts => answer.truncate(flaw),
            _ => {}
        }
        if stream.write_all(&answer).is_err() {
            return;
        }
        match manner {
            Manner::Good | Manner::WrongByte => {}
            _ => {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

/// Reads a request to its end.
fn request(stream: &mut TcpStream) -> Option<Page> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    PAGES.into_iter().find(|page| page.path == path)
}

const LIMIT: Duration = Duration::from_secs(60);

fn program(address: SocketAddr, staying: &[(Kind, usize)], fresh_per_second: u32) -> Program {
    Program {
        address,
        staying: staying.to_vec(),
        fresh_per_second,
        pace: Pace {
            busy_every: Duration::from_millis(5),
            download_rate: 4 << 20,
        },
        patience: LIMIT,
    }
}

fn until(crowd: &mut Crowd, enough: impl Fn(&Look) -> bool) {
    let limit = Instant::now() + LIMIT;
    while !enough(&crowd.look().unwrap().unwrap()) {
        assert!(Instant::now() < limit, "it did not happen");
        std::thread::yield_now();
    }
}

/// Runs until there is a loss, and tells what was lost.
fn losses(manner: Manner, kind: Kind) -> (Losses, Figures) {
    let server = TestServer::start(manner);
    let mut program = program(server.address, &[(kind, 2)], 0);
    if manner == Manner::Silent {
        program.patience = Duration::from_millis(50);
    }
    if kind == Kind::Fresh {
        program.staying.clear();
        program.fresh_per_second = 100;
    }
    let mut crowd = Crowd::start(program).unwrap();
    if kind == Kind::Half {
        until(&mut crowd, |look| look.staying == 2);
        crowd.cue(Cue::BeforeRestart).unwrap();
        crowd.cue(Cue::AfterRestart).unwrap();
    }
    until(&mut crowd, |look| look.lost > 0);
    crowd.cue(Cue::Finish).unwrap();
    let figures = crowd.figures().unwrap();
    (figures.losses, figures)
}

#[test]
fn a_good_server_loses_nothing() {
    let server = TestServer::start(Manner::Good);
    let staying = [
        (Kind::Busy, 5),
        (Kind::Idle, 5),
        (Kind::Half, 3),
        (Kind::Download, 1),
    ];
    let mut crowd = Crowd::start(program(server.address, &staying, 100)).unwrap();
    until(&mut crowd, |look| {
        look.staying == 14 && look.answered >= 100
    });
    let calm = crowd.next_window(Instant::now(), Some(7)).unwrap();
    assert!(calm.answered >= 100);
    assert_eq!(calm.first_new, None);
    for _ in 0..3 {
        crowd.cue(Cue::BeforeRestart).unwrap();
        crowd.cue(Cue::AfterRestart).unwrap();
        let answered = crowd.look().unwrap().unwrap().answered;
        until(&mut crowd, |look| look.answered >= answered + 20);
    }
    let roll = crowd.roll_call().unwrap();
    for (kind, count) in staying {
        let of_kind = roll.iter().filter(|client| client.kind == kind);
        assert_eq!(of_kind.count(), count, "{kind}");
    }
    crowd.cue(Cue::Finish).unwrap();
    assert!(crowd.look().unwrap().is_none());
    let figures = crowd.figures().unwrap();
    assert_eq!(figures.losses, Losses::default(), "{:?}", figures.samples);
    assert!(figures.window.first_new.is_some());
    assert_eq!(figures.downloads, 1);
    // Idle ones twice, half-sent ones at least once, the download once.
    assert!(figures.answered > 100 + 3 * 20 + 5);
    assert!(figures.times.longest() > Duration::ZERO);
}

#[test]
fn closed_keep_alives_are_losses() {
    let (losses, figures) = losses(Manner::ClosesAfterAnswer, Kind::Idle);
    // A close that meets the client's next question counts as an answer cut short.
    assert!(losses.total() > 0, "{losses:?}");
    assert_eq!(losses.closed + losses.cut, losses.total(), "{losses:?}");
    // Each was answered all the same.
    assert!(figures.answered >= losses.closed);
    let mut report = samples::report();
    report.totals = Totals::of(&figures, &[], &[]);
    report.judge();
    assert!(!report.failures.is_empty());
    let closed = format!("{} kept connections closed", losses.closed);
    assert_eq!(report.failures.contains(&closed), losses.closed > 0);
    assert!(report.totals.first_losses[0].starts_with("idle connection: "));
}

#[test]
fn a_busy_connection_that_is_closed_is_a_loss_at_whatever_moment() {
    let (losses, _) = losses(Manner::ClosesAfterAnswer, Kind::Busy);
    // Between two requests, or with the next one on its way.
    let seen = losses.closed + losses.cut + losses.reset;
    assert!(seen > 0 && seen == losses.total(), "{losses:?}");
}

#[test]
fn announcing_it_does_not_make_it_better() {
    for kind in [Kind::Busy, Kind::Half] {
        let (losses, _) = losses(Manner::AnnouncesClose, kind);
        assert!(losses.closed > 0, "{kind}: {losses:?}");
    }
}

#[test]
fn cut_answers_are_losses() {
    for kind in [Kind::Fresh, Kind::Busy, Kind::Download] {
        let (losses, _) = losses(Manner::Cuts, kind);
        assert!(
            losses.cut > 0 && losses.cut == losses.total(),
            "{kind}: {losses:?}"
        );
    }
}

#[test]
fn resets_are_losses() {
    for kind in [Kind::Fresh, Kind::Busy] {
        let (losses, _) = losses(Manner::Resets, kind);
        assert!(
            losses.reset > 0 && losses.reset == losses.total(),
            "{kind}: {losses:?}"
        );
    }
}

#[test]
fn wrong_bytes_are_losses() {
    for kind in [Kind::Fresh, Kind::Idle, Kind::Half, Kind::Download] {
        let (losses, figures) = losses(Manner::WrongByte, kind);
        assert!(
            losses.wrong > 0 && losses.wrong == losses.total(),
            "{kind}: {losses:?}"
        );
        assert!(figures.samples[0].contains("differs from the file"));
    }
}

#[test]
fn silence_is_a_loss() {
    for kind in [Kind::Fresh, Kind::Busy, Kind::Download] {
        let (losses, figures) = losses(Manner::Silent, kind);
        assert!(
            losses.unanswered > 0 && losses.unanswered == losses.total(),
            "{losses:?}"
        );
        assert!(figures.window.longest >= Duration::from_millis(50));
    }
}

#[test]
fn nobody_there_is_a_loss() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let mut crowd = Crowd::start(program(address, &[(Kind::Idle, 1)], 100)).unwrap();
    until(&mut crowd, |look| look.lost >= 5);
    crowd.cue(Cue::Finish).unwrap();
    let losses = crowd.figures().unwrap().losses;
    assert_eq!(losses.refused, losses.total());
}

#[test]
fn dropped_it_stops_at_once() {
    let server = TestServer::start(Manner::Silent);
    let crowd = Crowd::start(program(server.address, &[(Kind::Busy, 3)], 100)).unwrap();
    // Returns when the thread has ended, although nobody was answered.
    drop(crowd);
}
