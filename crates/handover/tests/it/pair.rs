//! Both machines in memory, joined by a pipe that can be cut at any byte. Whatever the interleaving, each parcel has
//! exactly one owner at the end, and no descriptor is left behind.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use handover::{
    Accepts, Arrived, Error, Giver, GiverEvent, Listener, Parcel, Refusal, Taker, TakerEvent,
    Token, Transmit, Verdict, Violation,
};
use proptest::prelude::*;

/// One direction: stretches as they were sent. A read never spans two, as with descriptors in the kernel.
#[derive(Default)]
struct Pipe {
    stretches: VecDeque<(Vec<u8>, Vec<OwnedFd>)>,
}

impl Pipe {
    fn write(&mut self, transmit: Transmit<'_>, limit: usize) -> usize {
        let sent = transmit.bytes.len().min(limit);
        let fds = transmit
            .fds
            .iter()
            .map(|fd| fd.try_clone_to_owned().unwrap())
            .collect();
        self.stretches
            .push_back((transmit.bytes[..sent].to_vec(), fds));
        sent
    }

    fn read(&mut self, limit: usize) -> Option<(Vec<u8>, Arrived)> {
        let (bytes, fds) = self.stretches.front_mut()?;
        let fds = std::mem::take(fds);
        let rest = bytes.split_off(bytes.len().min(limit));
        let head = std::mem::replace(bytes, rest);
        if bytes.is_empty() {
            self.stretches.pop_front();
        }
        Some((head, Arrived::Whole(fds)))
    }
}

/// The test's own end of a parcel's socket: at its end when nobody has the other.
struct Witness(UnixStream);

impl Witness {
    fn new() -> (OwnedFd, Witness) {
        let (theirs, ours) = UnixStream::pair().unwrap();
        (theirs.into(), Witness(ours))
    }

    fn is_held(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let read = (&self.0).read(&mut [0]);
        self.0.set_nonblocking(false).unwrap();
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Waits a little: a process being spawned by another test holds everything for a moment.
    fn is_alone(&self) -> bool {
        self.0
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        matches!((&self.0).read(&mut [0]), Ok(0))
    }
}

const KNOWN: u16 = 7;
const STRANGE: u16 = 8;

#[derive(Debug, Clone)]
struct Plan {
    kind: u16,
    version: u16,
    payload_bytes: usize,
    fds: usize,
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        prop_oneof![9 => Just(KNOWN), 1 => Just(STRANGE)],
        prop_oneof![9 => Just(1u16), 1 => Just(9u16)],
        prop_oneof![8 => 4usize..40, 1 => Just(200_000usize)],
        prop_oneof![6 => Just(1usize), 2 => 0usize..4, 1 => Just(60usize)],
    )
        .prop_map(|(kind, version, payload_bytes, fds)| Plan {
            kind,
            version,
            payload_bytes,
            fds,
        })
}

#[derive(Debug, Clone)]
enum Act {
    Offer,
    GiverSends(usize),
    GiverReads(usize),
    TakerSends(usize),
    TakerReads(usize),
    TakerAnswers(u64),
    TakerAddsRoom(u32),
    TakerStops,
    Congestion,
    Finish,
    GiverDies,
    TakerDies,
    GiverAbandons,
}

fn act() -> impl Strategy<Value = Act> {
    let size = || prop_oneof![1usize..20, Just(1 << 20)];
    prop_oneof![
        20 => Just(Act::Offer),
        20 => size().prop_map(Act::GiverSends),
        20 => size().prop_map(Act::GiverReads),
        20 => size().prop_map(Act::TakerSends),
        20 => size().prop_map(Act::TakerReads),
        20 => any::<u64>().prop_map(Act::TakerAnswers),
        4 => (0u32..20).prop_map(Act::TakerAddsRoom),
        1 => Just(Act::TakerStops),
        2 => Just(Act::Congestion),
        1 => Just(Act::Finish),
        1 => Just(Act::GiverDies),
        1 => Just(Act::TakerDies),
        1 => Just(Act::GiverAbandons),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    None,
    Finished,
    Broken,
}

struct Pair {
    giver: Option<Giver>,
    taker: Option<Taker>,
    to_taker: Pipe,
    to_giver: Pipe,
    waiting: VecDeque<handover::Batch>,

    offered: u64,
    listeners_heard: bool,
    witnesses: Vec<Witness>,
    given_up: BTreeSet<u64>,
    kept: BTreeMap<u64, Parcel>,
    taken: BTreeMap<u64, Parcel>,
    giver_last: Last,
    taker_last: Last,
}

impl Pair {
    fn new(room: u32) -> Pair {
        let (fd, witness) = Witness::new();
        let name = "http".to_owned();
        let accepts = vec![Accepts {
            kind: KNOWN,
            versions: 1..=2,
        }];
        Pair {
            giver: Some(Giver::new("old", vec![Listener { name, fd }]).unwrap()),
            taker: Some(Taker::new("new", accepts, room).unwrap()),
            to_taker: Pipe::default(),
            to_giver: Pipe::default(),
            waiting: VecDeque::new(),
            offered: 0,
            listeners_heard: false,
            witnesses: vec![witness],
            given_up: BTreeSet::new(),
            kept: BTreeMap::new(),
            taken: BTreeMap::new(),
            giver_last: Last::None,
            taker_last: Last::None,
        }
    }

    fn offer(&mut self, plan: &Plan) {
        let Some(giver) = &mut self.giver else { return };
        let id = self.offered;
        self.offered += 1;
        let mut payload = vec![0; plan.payload_bytes.max(8)];
        payload[..8].copy_from_slice(&id.to_le_bytes());
        let (fds, witnesses): (Vec<_>, Vec<_>) = (0..plan.fds).map(|_| Witness::new()).unzip();
        self.witnesses.extend(witnesses);
        giver.offer(
            Token(id),
            Parcel {
                kind: plan.kind,
                version: plan.version,
                payload: payload.into(),
                fds,
            },
        );
        self.hear();
    }

    fn act(&mut self, act: &Act, plan: &Plan) {
        match act {
            Act::Offer => self.offer(plan),
            Act::GiverSends(limit) => {
                self.giver_sends(*limit);
            }
            Act::GiverReads(limit) => {
                self.giver_reads(*limit);
            }
            Act::TakerSends(limit) => {
                self.taker_sends(*limit);
            }
            Act::TakerReads(limit) => {
                self.taker_reads(*limit);
            }
            Act::TakerAnswers(choice) => {
                self.taker_answers(*choice);
            }
            Act::TakerAddsRoom(room) => {
                if let Some(taker) = &mut self.taker {
                    taker.add_room(*room);
                }
            }
            Act::TakerStops => {
                if let Some(taker) = &mut self.taker {
                    taker.stop();
                }
            }
            // The kernel says so only when there are descriptors to be sent; at the listeners it ends a handover.
            Act::Congestion if !self.listeners_heard => {}
            Act::Congestion => {
                if let Some(giver) = &mut self.giver
                    && giver.transmit().is_some_and(|t| !t.fds.is_empty())
                {
                    giver.congested(io::Error::other("ETOOMANYREFS"));
                }
            }
            Act::Finish => {
                if let Some(giver) = &mut self.giver {
                    giver.finish(b"counters".to_vec()).unwrap();
                }
            }
            Act::GiverDies => self.giver_dies(),
            Act::TakerDies => self.taker_dies(),
            Act::GiverAbandons => self.giver_abandons(),
        }
        self.hear();
    }

    fn giver_sends(&mut self, limit: usize) -> bool {
        let Some(giver) = &mut self.giver else {
            return false;
        };
        let Some(transmit) = giver.transmit() else {
            assert!(!giver.wants_write());
            return false;
        };
        if self.taker.is_none() {
            return false;
        }
        let sent = self.to_taker.write(transmit, limit);
        giver.transmitted(sent);
        true
    }

    fn taker_sends(&mut self, limit: usize) -> bool {
        let Some(taker) = &mut self.taker else {
            return false;
        };
        let Some(transmit) = taker.transmit() else {
            assert!(!taker.wants_write());
            return false;
        };
        if self.giver.is_none() {
            return false;
        }
        let sent = self.to_giver.write(transmit, limit);
        taker.transmitted(sent);
        true
    }

    fn giver_reads(&mut self, limit: usize) -> bool {
        let Some(giver) = &mut self.giver else {
            return false;
        };
        let Some((bytes, arrived)) = self.to_giver.read(limit) else {
            return false;
        };
        giver.receive(&bytes, arrived);
        true
    }

    fn taker_reads(&mut self, limit: usize) -> bool {
        let Some(taker) = &mut self.taker else {
            return false;
        };
        let Some((bytes, arrived)) = self.to_taker.read(limit) else {
            return false;
        };
        taker.receive(&bytes, arrived);
        true
    }

    fn taker_answers(&mut self, mut choice: u64) -> bool {
        let (Some(taker), Some(batch)) = (&mut self.taker, self.waiting.pop_front()) else {
            return false;
        };
        let verdicts = batch
            .parcels()
            .map(|view| {
                assert_eq!((view.kind, view.version), (KNOWN, 1));
                let verdict = match choice % 8 {
                    0 => Verdict::Refuse(Refusal::Malformed("ä".repeat(400))),
                    1 => Verdict::Refuse(Refusal::NoDescriptors),
                    _ => Verdict::Accept,
                };
                choice = choice.rotate_right(3);
                verdict
            })
            .collect();
        taker.answer(batch, verdicts);
        true
    }

    fn taker_dies(&mut self) {
        // What it has accepted dies with it: the ledger keeps who owned it.
        if self.taker.take().is_none() {
            return;
        }
        self.waiting.clear();
        self.to_taker = Pipe::default();
        while self.giver_reads(usize::MAX) {}
        if let Some(giver) = &mut self.giver {
            giver.ended(Error::PeerGone);
        }
    }

    fn giver_dies(&mut self) {
        if let Some(giver) = self.giver.take() {
            // Its memory is gone: nobody will ever see what it held.
            drop(giver);
            while self.taker_reads(usize::MAX) {}
            self.hear();
            if let Some(taker) = &mut self.taker {
                taker.ended(Error::PeerGone);
            }
        }
    }

    /// What the channel does: no more can be written by either, then what was written is read.
    fn giver_abandons(&mut self) {
        while self.giver_reads(usize::MAX) {}
        if let Some(giver) = &mut self.giver {
            giver.ended(Error::Abandoned);
        }
        while self.taker_reads(usize::MAX) {}
        self.hear();
        if let Some(taker) = &mut self.taker {
            taker.ended(Error::PeerGone);
        }
    }

    fn hear(&mut self) {
        while let Some(event) = self.giver.as_mut().and_then(Giver::next_event) {
            match event {
                GiverEvent::Hello { software, version } => {
                    assert_eq!((software.as_str(), version), ("new", 1));
                }
                GiverEvent::Accepted(Token(id)) => assert!(self.given_up.insert(id)),
                GiverEvent::Returned {
                    token,
                    parcel,
                    reason,
                } => {
                    if parcel.kind != KNOWN && reason != Refusal::Closed {
                        assert!(matches!(reason, Refusal::UnknownKind | Refusal::Stopped));
                    }
                    self.keep(token, parcel);
                }
                GiverEvent::Finished => {
                    assert_eq!(self.giver_last, Last::None);
                    self.giver_last = Last::Finished;
                }
                GiverEvent::Broken { returned, error } => {
                    assert_eq!(self.giver_last, Last::None);
                    assert!(!matches!(error, Error::PeerMisbehaved(_)), "{error:?}");
                    self.giver_last = Last::Broken;
                    for (token, parcel) in returned {
                        self.keep(token, parcel);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        while let Some(event) = self.taker.as_mut().and_then(Taker::next_event) {
            assert_eq!(self.taker_last, Last::None);
            match event {
                TakerEvent::Hello { software, version } => {
                    assert_eq!((software.as_str(), version), ("old", 1));
                }
                TakerEvent::Listeners(listeners) => {
                    assert_eq!(listeners.len(), 1);
                    assert_eq!(listeners[0].name, "http");
                    self.listeners_heard = true;
                }
                TakerEvent::Batch(batch) => self.waiting.push_back(batch),
                TakerEvent::Accepted(parcels) => {
                    for parcel in parcels {
                        let id = u64::from_le_bytes(parcel.payload[..8].try_into().unwrap());
                        assert!(self.taken.insert(id, parcel).is_none());
                    }
                }
                TakerEvent::Finished(counters) => {
                    assert_eq!(counters, b"counters");
                    self.taker_last = Last::Finished;
                }
                TakerEvent::Broken(error) => {
                    assert!(!matches!(error, Error::PeerMisbehaved(_)), "{error:?}");
                    self.taker_last = Last::Broken;
                    self.waiting.clear();
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn keep(&mut self, Token(id): Token, parcel: Parcel) {
        assert_eq!(parcel.payload[..8], id.to_le_bytes());
        assert!(
            self.kept.insert(id, parcel).is_none(),
            "{id} returned twice"
        );
        assert!(!self.given_up.contains(&id), "{id} returned and accepted");
    }

    /// Lets both do whatever they still can.
    fn settle(&mut self) {
        loop {
            let mut moved = self.giver_sends(usize::MAX);
            moved |= self.taker_reads(usize::MAX);
            self.hear();
            moved |= self.taker_answers(u64::MAX);
            moved |= self.taker_sends(usize::MAX);
            moved |= self.giver_reads(usize::MAX);
            self.hear();
            if !moved {
                return;
            }
        }
    }

    fn check(mut self) {
        let taken: BTreeSet<_> = self.taken.keys().copied().collect();
        if self.giver.is_some() {
            assert_eq!(
                self.given_up, taken,
                "given up, but not taken, or taken twice"
            );
            let kept: BTreeSet<_> = self.kept.keys().copied().collect();
            assert!(kept.is_disjoint(&taken));
            assert_eq!((kept.len() + taken.len()) as u64, self.offered, "lost");
        } else {
            assert!(self.given_up.is_subset(&taken), "given up, but not taken");
        }
        self.kept.clear();
        self.taken.clear();
        self.waiting.clear();
        (self.giver, self.taker) = (None, None);
        (self.to_giver, self.to_taker) = (Pipe::default(), Pipe::default());
        assert!(self.witnesses.iter().all(Witness::is_alone), "leaked");
    }
}

fn run(room: u32, script: &[(Act, Plan)]) {
    let mut pair = Pair::new(room);
    for (act, plan) in script {
        pair.act(act, plan);
    }
    // Alive to the end: then it must come to a good end by itself.
    let healthy = pair.giver_last == Last::None && pair.giver.is_some() && pair.taker.is_some();
    if let Some(giver) = &mut pair.giver {
        giver.finish(b"counters".to_vec()).unwrap();
    }
    pair.settle();
    if healthy {
        assert_eq!(pair.giver_last, Last::Finished);
        assert_eq!(pair.taker_last, Last::Finished);
    }
    pair.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_parcel_has_one_owner(
        room in prop_oneof![Just(0u32), 1u32..50, Just(100_000)],
        script in prop::collection::vec((act(), plan()), 1..120),
    ) {
        run(room, &script);
    }
}

/// Cuts one and the same long handover at each of its steps.
#[test]
fn killed_at_every_step() {
    let plan = Plan {
        kind: KNOWN,
        version: 1,
        payload_bytes: 20,
        fds: 2,
    };
    let round = [
        Act::Offer,
        Act::GiverSends(11),
        Act::GiverSends(1 << 20),
        Act::TakerReads(9),
        Act::TakerReads(1 << 20),
        Act::TakerAnswers(u64::MAX),
        Act::TakerSends(5),
        Act::TakerSends(1 << 20),
        Act::GiverReads(3),
        Act::GiverReads(1 << 20),
    ];
    let whole: Vec<_> = round.iter().cycle().take(round.len() * 8).collect();
    for death in [Act::GiverDies, Act::TakerDies, Act::GiverAbandons] {
        for cut in 0..=whole.len() {
            let script: Vec<_> = whole[..cut]
                .iter()
                .copied()
                .chain([&death])
                .map(|act| (act.clone(), plan.clone()))
                .collect();
            run(1000, &script);
        }
    }
}

fn parcel(kind: u16, fds: usize) -> Parcel {
    let fds = (0..fds).map(|_| Witness::new().0).collect();
    Parcel {
        kind,
        version: 1,
        payload: 0u64.to_le_bytes().to_vec().into(),
        fds,
    }
}

fn returned(giver: &mut Giver) -> Vec<Refusal> {
    std::iter::from_fn(|| giver.next_event())
        .filter_map(|event| match event {
            GiverEvent::Returned { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
}

#[test]
fn lost_descriptors_refuse_the_batch_and_nothing_else() {
    let mut pair = Pair::new(1000);
    pair.settle();
    let giver = pair.giver.as_mut().unwrap();
    giver.offer(Token(0), parcel(KNOWN, 3));
    let bytes = giver.transmit().unwrap().bytes.to_vec();
    giver.transmitted(bytes.len());
    pair.taker
        .as_mut()
        .unwrap()
        .receive(&bytes, Arrived::Truncated);
    while pair.taker_sends(usize::MAX) {}
    while pair.to_giver.stretches.front().is_some() {
        let (bytes, arrived) = pair.to_giver.read(usize::MAX).unwrap();
        pair.giver.as_mut().unwrap().receive(&bytes, arrived);
    }
    let giver = pair.giver.as_mut().unwrap();
    assert_eq!(returned(giver), [Refusal::NoDescriptors]);
    assert!(!giver.is_over());
    assert!(!pair.taker.as_ref().unwrap().is_over());
}

#[test]
fn what_cannot_be_sent_comes_back_at_once() {
    let mut pair = Pair::new(2);
    pair.settle();
    let giver = pair.giver.as_mut().unwrap();
    giver.offer(Token(0), parcel(STRANGE, 1));
    giver.offer(Token(1), parcel(KNOWN, 254));
    assert_eq!(returned(giver), [Refusal::UnknownKind, Refusal::TooLarge]);
    giver.offer(Token(2), parcel(KNOWN, 3));
    assert!(giver.wants_write());
    assert!(giver.transmit().is_none());
    assert_eq!(returned(giver), [Refusal::NoDescriptors]);
    pair.taker.as_mut().unwrap().stop();
    pair.settle();
    let giver = pair.giver.as_mut().unwrap();
    giver.offer(Token(3), parcel(KNOWN, 1));
    assert_eq!(returned(giver), [Refusal::Stopped]);
    giver.finish(Vec::new()).unwrap();
    giver.offer(Token(4), parcel(KNOWN, 1));
    assert_eq!(returned(giver), [Refusal::Closed]);
}

#[test]
fn a_witness_sees_who_is_left() {
    let (fd, witness) = Witness::new();
    assert!(witness.is_held());
    let copy = fd.as_fd().try_clone_to_owned().unwrap();
    drop(fd);
    assert!(witness.is_held());
    drop(copy);
    assert!(witness.is_alone());
}

#[test]
fn a_refused_parcel_gives_its_room_back() {
    let mut pair = Pair::new(4);
    pair.settle();
    let mut offer_and_refuse = |refusal: Refusal| {
        let giver = pair.giver.as_mut().unwrap();
        giver.offer(Token(0), parcel(KNOWN, 4));
        while pair.giver_sends(usize::MAX) {}
        while pair.taker_reads(usize::MAX) {}
        let taker = pair.taker.as_mut().unwrap();
        while let Some(event) = taker.next_event() {
            if let TakerEvent::Batch(batch) = event {
                taker.answer(batch, vec![Verdict::Refuse(refusal.clone())]);
            }
        }
        assert!(!taker.is_over());
        while pair.taker_sends(usize::MAX) {}
        while pair.giver_reads(usize::MAX) {}
        returned(pair.giver.as_mut().unwrap())
    };
    let declined = Refusal::Declined("not now".to_owned());
    for _ in 0..3 {
        assert!(offer_and_refuse(declined.clone()) == vec![declined.clone()]);
    }
    // This one says that the room was not there, so it stays used: the next is not even sent.
    assert_eq!(
        offer_and_refuse(Refusal::NoDescriptors),
        [Refusal::NoDescriptors]
    );
    assert_eq!(offer_and_refuse(declined), [Refusal::NoDescriptors]);
}

#[test]
fn congestion_waits_for_an_answer_or_gives_back() {
    let mut pair = Pair::new(1000);
    pair.settle();
    let full = || io::Error::other("too many references");
    let giver = pair.giver.as_mut().unwrap();
    // Nothing else is in flight: no answer will ever tell that there is room.
    giver.offer(Token(0), parcel(KNOWN, 2));
    assert_eq!(giver.transmit().unwrap().fds.len(), 2);
    giver.congested(full());
    assert_eq!(returned(giver), [Refusal::KernelLimit]);
    // One batch is in flight: the next waits for its answer.
    giver.offer(Token(0), parcel(KNOWN, 200));
    giver.offer(Token(1), parcel(KNOWN, 100));
    pair.giver_sends(usize::MAX);
    let giver = pair.giver.as_mut().unwrap();
    assert_eq!(giver.transmit().unwrap().fds.len(), 100);
    giver.congested(full());
    assert_eq!(returned(giver), []);
    assert!(!giver.wants_write());
    assert!(giver.transmit().is_none());
    while pair.taker_reads(usize::MAX) {}
    pair.hear();
    assert!(pair.taker_answers(u64::MAX));
    while pair.taker_sends(usize::MAX) {}
    while pair.giver_reads(usize::MAX) {}
    let giver = pair.giver.as_mut().unwrap();
    assert_eq!(giver.transmit().unwrap().fds.len(), 100);
}

#[test]
fn an_answer_to_half_a_batch_is_a_violation() {
    let mut pair = Pair::new(1000);
    pair.settle();
    let giver = pair.giver.as_mut().unwrap();
    giver.offer(Token(3), parcel(KNOWN, 2));
    giver.transmit().unwrap();
    giver.transmitted(5);
    let accepted_batch_0 = [4, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
    giver.receive(&accepted_batch_0, Arrived::Whole(Vec::new()));
    let Some(GiverEvent::Broken { error, returned }) = giver.next_event() else {
        panic!("expected the end");
    };
    let violation = Violation::UnknownAnswer;
    assert!(matches!(error, Error::PeerMisbehaved(v) if v == violation));
    assert_eq!(returned[0].0, Token(3));
    assert_eq!(returned[0].1.fds.len(), 2);
}
