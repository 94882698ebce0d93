//! Everlit, but for generations that misbehave as a file says: for the tests of restarts.
//!
//! In: the file that `EVERLIT_FAULT` names, with one word. Out: every role but `generation` as it is in everlit; that one
//! too if there is no file. Must hold: a fault happens at one exact point of doc/restart.md.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::process::ExitCode;

use everlit::inherit::Inherited;
use handover::{Accepts, Refusal, TakerChannel, TakerEvent, Verdict};

fn main() -> ExitCode {
    let fault =
        std::env::var_os("EVERLIT_FAULT").and_then(|path| std::fs::read_to_string(path).ok());
    match (std::env::args().nth(1).as_deref(), fault) {
        (Some("generation"), Some(fault)) => misbehave(fault.trim()),
        _ => everlit::cli::main(),
    }
}

fn misbehave(fault: &str) -> ExitCode {
    if fault == "never-ready" {
        wait_for_ever();
    }
    if fault == "exit-before-ready" {
        notify("STATUS=the key is not readable");
        return ExitCode::from(255);
    }
    if fault == "killed-before-ready" {
        kill_self();
    }
    let inherited = Inherited::take().expect("the supervisor announces descriptors");
    notify("READY=1");
    match (fault, inherited.handover) {
        ("killed-after-ready", _) => kill_self(),
        ("closes-handover", Some(handover)) => drop(handover),
        ("speaks-gibberish", Some(handover)) => {
            // Whether the other side still reads does not matter.
            let _ = UnixStream::from(handover).write_all(&[0xff; 4096]);
        }
        ("speaks-another-version", Some(handover)) => {
            let mut stream = UnixStream::from(handover);
            let mut hello = [0; 16];
            let _ = stream.read(&mut hello);
            let _ = stream.write_all(b"ever\xff\xff\xff\xff\xff\xff\xff\xff");
        }
        ("killed-in-batch", Some(handover)) => take(handover, accept, Kill::InBatch(1)),
        ("killed-in-answer", Some(handover)) => take(handover, accept, Kill::InAnswer),
        ("killed-after-batch", Some(handover)) => take(handover, accept, Kill::AfterAnswer),
        ("killed-in-second-batch", Some(handover)) => take(handover, accept, Kill::InBatch(2)),
        ("killed-after-refusal", Some(handover)) => take(handover, refuse, Kill::InBatch(2)),
        ("refuses-each", Some(handover)) => take(handover, refuse, Kill::Never),
        (fault, _) => panic!("unknown fault, or none to hand over: {fault}"),
    }
    wait_for_ever()
}

/// When to die, counted in batches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kill {
    /// With this one received and not answered; those before it are.
    InBatch(usize),
    /// With a part of the first answer written.
    InAnswer,
    /// With the first one answered.
    AfterAnswer,
    Never,
}

fn accept() -> Verdict {
    Verdict::Accept
}

fn refuse() -> Verdict {
    Verdict::Refuse(Refusal::UnsupportedVersion)
}

fn take(handover: OwnedFd, verdict: fn() -> Verdict, kill: Kill) {
    let accepts = vec![Accepts {
        kind: everlit::freeze::KIND_HTTP1,
        versions: 1..=everlit::freeze::HTTP1_VERSION,
    }];
    let mut wire = UnixStream::from(handover.try_clone().expect("a descriptor more"));
    let mut channel = TakerChannel::new(handover, "faulty", accepts, 10_000).expect("a socket");
    let mut batches = 0;
    loop {
        match channel.next_event() {
            Some(TakerEvent::Batch(batch)) => {
                batches += 1;
                let count = batch.parcels().count();
                if kill == Kill::InBatch(batches) {
                    kill_self();
                }
                if kill == Kill::InAnswer {
                    wire.write_all(&half_an_answer(count)).expect("it reads");
                    kill_self();
                }
                channel.answer(batch, std::iter::repeat_with(verdict).take(count).collect());
                // Another batch may be here already; the answer is short, so all of it is written.
                channel.pump();
                if kill == Kill::AfterAnswer {
                    kill_self();
                }
            }
            Some(TakerEvent::Finished(_) | TakerEvent::Broken(_)) => return,
            Some(_) => {}
            None => {
                channel.wait(None).expect("poll");
            }
        }
    }
}

/// The answer that accepts all of the first batch, but for its last byte.
fn half_an_answer(count: usize) -> Vec<u8> {
    let count = u16::try_from(count).expect("at most 1024");
    let mut out = vec![4, 0, 0, 0];
    out.extend_from_slice(&(6 + u32::from(count)).to_le_bytes());
    out.extend_from_slice(&0_u32.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend(std::iter::repeat_n(0, usize::from(count) - 1));
    out
}

fn notify(text: &str) {
    let name = std::env::var("NOTIFY_SOCKET").expect("a supervisor sets it");
    let address = SocketAddr::from_abstract_name(name.trim_start_matches('@')).expect("a name");
    UnixDatagram::unbound()
        .and_then(|socket| socket.send_to_addr(text.as_bytes(), &address))
        .expect("the supervisor listens");
}

fn kill_self() -> ! {
    let pid = rustix::process::getpid();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("we may");
    wait_for_ever()
}

fn wait_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}
