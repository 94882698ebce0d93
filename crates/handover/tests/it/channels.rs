//! Both channels over a real socket pair: waiting, waking, dying, limits, and how fast it goes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use handover::{
    Accepts, Error, GiverChannel, GiverEvent, Listener, Parcel, Refusal, TakerChannel, TakerEvent,
    Token, Verdict, Violation, Woken,
};

fn channels(room: u32) -> (GiverChannel, TakerChannel) {
    let (old, new) = UnixStream::pair().unwrap();
    let giver = GiverChannel::new(old.into(), "old", Vec::new()).unwrap();
    (giver, taker(new, room))
}

fn taker(socket: UnixStream, room: u32) -> TakerChannel {
    let accepts = vec![Accepts {
        kind: 1,
        versions: 1..=1,
    }];
    TakerChannel::new(socket.into(), "new", accepts, room).unwrap()
}

fn parcel(payload: Vec<u8>, fds: Vec<OwnedFd>) -> Parcel {
    Parcel {
        kind: 1,
        version: 1,
        payload: payload.into(),
        fds,
    }
}

fn null() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

fn next(giver: &mut GiverChannel) -> GiverEvent {
    assert_eq!(giver.wait(None).unwrap(), Woken::Event);
    giver.next_event().unwrap()
}

fn next_taken(taker: &mut TakerChannel) -> TakerEvent {
    assert_eq!(taker.wait(None).unwrap(), Woken::Event);
    taker.next_event().unwrap()
}

/// Accepts everything, drops it, and returns how many parcels that were.
fn take_all(mut taker: TakerChannel) -> usize {
    let mut taken = 0;
    loop {
        match next_taken(&mut taker) {
            TakerEvent::Batch(batch) => {
                let verdicts = vec![Verdict::Accept; batch.parcels().len()];
                taker.answer(batch, verdicts);
            }
            TakerEvent::Accepted(parcels) => taken += parcels.len(),
            TakerEvent::Finished(_) => return taken,
            TakerEvent::Broken(error) => panic!("{error}"),
            _ => {}
        }
    }
}

#[test]
fn a_live_connection_and_its_listener_move() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let (server, _) = listener.accept().unwrap();

    let (old, new) = UnixStream::pair().unwrap();
    let listeners = vec![Listener {
        name: "http".to_owned(),
        fd: listener.into(),
    }];
    let mut giver = GiverChannel::new(old.into(), "old", listeners).unwrap();
    let mut taker = taker(new, 10);
    giver.offer(Token(5), parcel(b"state".to_vec(), vec![server.into()]));
    giver.finish(b"1 moved".to_vec()).unwrap();
    let successor = thread::spawn(move || {
        let mut owned = Vec::new();
        let mut listeners = Vec::new();
        loop {
            match next_taken(&mut taker) {
                TakerEvent::Hello { software, version } => {
                    assert_eq!((software.as_str(), version), ("old", 1));
                }
                TakerEvent::Listeners(shared) => listeners = shared,
                TakerEvent::Batch(batch) => {
                    let view = batch.parcels().next().unwrap();
                    assert_eq!((view.payload, view.fd_count), (&b"state"[..], 1));
                    taker.answer(batch, vec![Verdict::Accept]);
                }
                TakerEvent::Accepted(parcels) => owned.extend(parcels),
                TakerEvent::Finished(counters) => {
                    assert_eq!(counters, b"1 moved");
                    assert_eq!(taker.wait(None).unwrap(), Woken::Over);
                    return (listeners, owned);
                }
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(matches!(
        next(&mut giver),
        GiverEvent::Hello { version: 1, .. }
    ));
    assert!(matches!(next(&mut giver), GiverEvent::Accepted(Token(5))));
    assert!(matches!(next(&mut giver), GiverEvent::Finished));
    assert_eq!(giver.wait(None).unwrap(), Woken::Over);
    drop(giver);

    let (mut listeners, mut owned) = successor.join().unwrap();
    let fd = owned.pop().unwrap().fds.pop().unwrap();
    assert!(
        rustix::io::fcntl_getfd(&fd)
            .unwrap()
            .contains(rustix::io::FdFlags::CLOEXEC)
    );
    let mut server = TcpStream::from(fd);
    server.write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
    let listener = listeners.pop().unwrap();
    assert_eq!(listener.name, "http");
    assert_eq!(
        TcpListener::from(listener.fd).local_addr().unwrap(),
        address
    );
}

#[test]
fn ten_thousand_parcels() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    // Fewer where the machine is strict; besides them there is what has just arrived, and the other tests.
    let parcels = limit
        .maximum
        .unwrap_or(u64::MAX)
        .saturating_sub(3000)
        .min(10_000) as usize;
    let (mut giver, taker) = channels(u32::MAX);
    let null = null();
    let offers: Vec<_> = (0..parcels)
        .map(|_| {
            parcel(
                vec![7; 200],
                vec![null.try_clone().expect("a free descriptor")],
            )
        })
        .collect();
    let started = Instant::now();
    let successor = thread::spawn(move || take_all(taker));
    for (token, parcel) in (0..).map(Token).zip(offers) {
        giver.offer(token, parcel);
    }
    giver.finish(Vec::new()).unwrap();
    let mut accepted = 0;
    loop {
        match next(&mut giver) {
            GiverEvent::Accepted(_) => accepted += 1,
            GiverEvent::Finished => break,
            GiverEvent::Hello { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let took = started.elapsed();
    assert_eq!((accepted, successor.join().unwrap()), (parcels, parcels));
    println!(
        "{parcels} parcels of 200 bytes and a descriptor in {took:?}: {:.0} a second",
        parcels as f64 / took.as_secs_f64()
    );
}

#[test]
fn large_payloads_pass_and_larger_ones_come_back() {
    let (mut giver, taker) = channels(10);
    let successor = thread::spawn(move || take_all(taker));
    giver.offer(Token(0), parcel(vec![1; 64 << 20], vec![null()]));
    giver.offer(Token(1), parcel(vec![2; 3 << 20], vec![null()]));
    giver.offer(Token(2), parcel(vec![3; (64 << 20) + 1], vec![]));
    giver.finish(Vec::new()).unwrap();
    let mut accepted = Vec::new();
    loop {
        match next(&mut giver) {
            GiverEvent::Accepted(token) => accepted.push(token),
            GiverEvent::Returned { token, reason, .. } => {
                assert_eq!((token, reason), (Token(2), Refusal::TooLarge));
            }
            GiverEvent::Finished => break,
            GiverEvent::Hello { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(accepted, [Token(0), Token(1)]);
    assert_eq!(successor.join().unwrap(), 2);
}

#[test]
fn six_hundred_listeners() {
    let (old, new) = UnixStream::pair().unwrap();
    let null = null();
    let listeners = (0..600)
        .map(|n| Listener {
            name: format!("listener {n}"),
            fd: null.try_clone().unwrap(),
        })
        .collect();
    let mut giver = GiverChannel::new(old.into(), "old", listeners).unwrap();
    giver.finish(Vec::new()).unwrap();
    let mut taker = taker(new, 0);
    let successor = thread::spawn(move || {
        loop {
            if let TakerEvent::Listeners(listeners) = next_taken(&mut taker) {
                assert_eq!(take_all(taker), 0);
                return listeners;
            }
        }
    });
    while !matches!(next(&mut giver), GiverEvent::Finished) {}
    let listeners = successor.join().unwrap();
    assert_eq!(listeners.len(), 600);
    assert_eq!(listeners[599].name, "listener 599");
}

#[test]
fn a_dying_taker_leaves_what_it_has_not_answered() {
    let (mut giver, mut taker) = channels(1000);
    for token in 0..300 {
        giver.offer(Token(token), parcel(vec![], vec![null()]));
    }
    giver.pump();
    // Greets, takes the first of two batches, answers it, and dies with the second unanswered.
    let mut batches = 0;
    taker.pump();
    giver.pump();
    let mut owned = 0;
    while owned == 0 {
        match next_taken(&mut taker) {
            TakerEvent::Batch(batch) if batches == 0 => {
                batches += 1;
                let verdicts = vec![Verdict::Accept; batch.parcels().len()];
                taker.answer(batch, verdicts);
            }
            TakerEvent::Accepted(parcels) => owned = parcels.len(),
            _ => {}
        }
    }
    drop(taker);
    let mut accepted = 0;
    let returned = loop {
        match next(&mut giver) {
            GiverEvent::Accepted(_) => accepted += 1,
            GiverEvent::Broken { error, returned } => {
                assert!(matches!(error, Error::PeerGone), "{error:?}");
                break returned;
            }
            _ => {}
        }
    };
    assert_eq!(accepted, owned, "answers in the socket count");
    let tokens: Vec<_> = returned.iter().map(|(Token(token), _)| *token).collect();
    assert_eq!(tokens, (owned as u64..300).collect::<Vec<_>>());
    assert!(returned.iter().all(|(_, parcel)| parcel.fds.len() == 1));
}

#[test]
fn an_abandoned_taker_can_answer_no_more() {
    let (mut giver, mut taker) = channels(10);
    giver.offer(Token(0), parcel(vec![], vec![null()]));
    giver.pump();
    taker.pump();
    giver.pump();
    let batch = loop {
        if let TakerEvent::Batch(batch) = next_taken(&mut taker) {
            break batch;
        }
    };
    giver.abandon();
    taker.answer(batch, vec![Verdict::Accept]);
    assert!(matches!(
        next_taken(&mut taker),
        TakerEvent::Broken(Error::PeerGone)
    ));
    while let Some(event) = giver.next_event() {
        if let GiverEvent::Broken { error, returned } = event {
            assert!(matches!(error, Error::Abandoned));
            assert_eq!(returned.len(), 1);
            return;
        }
    }
    panic!("no last event");
}

#[test]
fn a_dying_giver_leaves_what_was_accepted() {
    let (mut giver, mut taker) = channels(10);
    giver.offer(Token(0), parcel(b"kept".to_vec(), vec![null()]));
    giver.pump();
    taker.pump();
    giver.pump();
    let mut owned = Vec::new();
    while owned.is_empty() {
        match next_taken(&mut taker) {
            TakerEvent::Batch(batch) => taker.answer(batch, vec![Verdict::Accept]),
            TakerEvent::Accepted(parcels) => owned = parcels,
            _ => {}
        }
    }
    drop(giver);
    assert!(matches!(
        next_taken(&mut taker),
        TakerEvent::Broken(Error::PeerGone)
    ));
    assert_eq!(taker.wait(None).unwrap(), Woken::Over);
    assert_eq!(owned[0].payload[..], b"kept"[..]);
}

#[test]
fn wait_returns_for_the_callers_descriptor() {
    let (mut giver, _taker) = channels(0);
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    ours.write_all(b"!").unwrap();
    assert_eq!(giver.wait(Some(theirs.as_fd())).unwrap(), Woken::Caller);
}

#[test]
fn something_else_at_the_other_end_is_named() {
    let (ours, mut stranger) = UnixStream::pair().unwrap();
    let mut giver = GiverChannel::new(ours.into(), "old", Vec::new()).unwrap();
    giver.offer(Token(1), parcel(vec![], vec![null()]));
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let GiverEvent::Broken { error, returned } = next(&mut giver) else {
        panic!("expected the end");
    };
    assert!(matches!(
        error,
        Error::PeerMisbehaved(Violation::NotHandover)
    ));
    assert_eq!(returned.len(), 1);

    let (one, other) = UnixStream::pair().unwrap();
    let mut one = GiverChannel::new(one.into(), "a", Vec::new()).unwrap();
    let mut other = GiverChannel::new(other.into(), "b", Vec::new()).unwrap();
    other.pump();
    let GiverEvent::Broken { error, .. } = next(&mut one) else {
        panic!("expected the end");
    };
    assert!(matches!(error, Error::PeerMisbehaved(Violation::SameRole)));
}

#[test]
fn only_unix_streams_will_do() {
    let (datagram, _other) = UnixDatagram::pair().unwrap();
    for socket in [datagram.into(), null()] {
        let error = GiverChannel::new(socket, "old", Vec::new()).unwrap_err();
        assert!(matches!(error, Error::NotUnixStream));
    }
}

#[test]
fn helpers_carry_descriptors() {
    use handover::sys::scm_rights::{recv_with_fds, send_with_fds};
    let (one, other) = UnixStream::pair().unwrap();
    let null = null();
    assert_eq!(
        send_with_fds(&one, b"hello", &[null.as_fd(), null.as_fd()]).unwrap(),
        5
    );
    let mut buffer = [0; 16];
    let (bytes, fds) = recv_with_fds(&other, &mut buffer, 2).unwrap();
    assert_eq!((&buffer[..bytes], fds.len()), (&b"hello"[..], 2));
    assert_eq!(send_with_fds(&one, b"x", &[null.as_fd()]).unwrap(), 1);
    assert!(recv_with_fds(&other, &mut buffer, 0).is_err());
    assert!(send_with_fds(&one, b"", &[null.as_fd()]).is_err());
    assert!(send_with_fds(&one, b"x", &vec![null.as_fd(); 254]).is_err());
    drop(one);
    assert_eq!(recv_with_fds(&other, &mut buffer, 0).unwrap().0, 0);
}

/// In a process of its own, because the limit is the whole process's.
#[test]
fn a_taker_out_of_descriptors_refuses() {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "channels::with_few_descriptors", "--ignored"])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "started by a_taker_out_of_descriptors_refuses"]
fn with_few_descriptors() {
    let (mut giver, taker) = channels(10_000);
    for token in 0..100 {
        giver.offer(Token(token), parcel(vec![], vec![null()]));
    }
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = Some(null().as_raw_fd() as u64 + 20);
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let successor = thread::spawn(move || take_all(taker));
    giver.finish(Vec::new()).unwrap();
    let mut returned = 0;
    loop {
        match next(&mut giver) {
            GiverEvent::Returned { reason, .. } => {
                assert_eq!(reason, Refusal::NoDescriptors);
                returned += 1;
            }
            GiverEvent::Finished => break,
            GiverEvent::Hello { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((returned, successor.join().unwrap()), (100, 0));
}
