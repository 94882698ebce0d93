//! The loop that all clients live in.
//!
//! In: readiness of sockets, the time, orders. Out: what the clients say, and their figures. Must hold: one thread, one
//! wait; a client that is harmed is counted, and comes again after a pause if it is one of those who stay.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;

use super::seat::{Interest, Seat, Trouble};
use super::{CrowdError, Look, Order, Program, Staying, kernel};
use crate::demo::clients::{Client, Cue, Event, Kind, Next, Stage, client};
use crate::demo::measure::{Figures, Loss};

/// Most bytes that one client reads at once.
const READ_MAX: usize = 64 * 1024;
/// From one arrival to the next at the beginning, so that the listen queue does not overflow.
const ARRIVAL_GAP: Duration = Duration::from_micros(500);
/// How long a client that stays pauses after a loss.
const COMEBACK: Duration = Duration::from_millis(200);
/// How often clients are asked whether they still have patience.
const SWEEP: Duration = Duration::from_millis(100);
/// Marks the bell among the sockets.
const BELL: u64 = u64::MAX;

/// Where all clients are.
pub(super) struct Floor {
    program: Program,
    inbox: Receiver<Order>,
    bell: Arc<OwnedFd>,
    epoll: OwnedFd,
    guests: HashMap<u64, Guest>,
    /// Numbers are never used twice, so an event that comes too late meets nobody.
    next_number: u64,
    arrivals: BinaryHeap<Reverse<(Instant, Kind)>>,
    alarms: BinaryHeap<Reverse<(Instant, u64)>>,
    act: Act,
    sweep_at: Instant,
    figures: Figures,
    buffer: Vec<u8>,
}

/// One client and its connection.
struct Guest {
    kind: Kind,
    client: Box<dyn Client>,
    seat: Seat,
    interest: Interest,
    alarm: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// New connections come; the next one then.
    Running { fresh_at: Option<Instant> },
    /// Everybody finishes.
    Finishing,
    /// Nobody listens to the figures any more.
    Abandoned,
}

impl Floor {
    /// An empty floor.
    pub(super) fn new(
        program: Program,
        bell: Arc<OwnedFd>,
        inbox: Receiver<Order>,
    ) -> Result<Self, CrowdError> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(kernel("epoll_create1"))?;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN)
            .map_err(kernel("epoll_ctl"))?;
        let now = Instant::now();
        let arrivals = program
            .staying
            .iter()
            .flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count))
            .scan(now, |at, kind| {
                *at += ARRIVAL_GAP;
                Some(Reverse((*at, kind)))
            })
            .collect();
        let act = Act::Running {
            fresh_at: (program.fresh_per_second > 0).then_some(now),
        };
        Ok(Self {
            program,
            inbox,
            bell,
            epoll,
            guests: HashMap::new(),
            next_number: 0,
            arrivals,
            alarms: BinaryHeap::new(),
            act,
            sweep_at: now + SWEEP,
            figures: Figures::new(now),
            buffer: vec![0; READ_MAX],
        })
    }

    /// Runs until everybody has finished.
    pub(super) fn run(mut self) -> Result<Figures, CrowdError> {
        let mut events = Vec::with_capacity(256);
        loop {
            self.hear_orders()?;
            self.admit(Instant::now())?;
            self.ring_alarms()?;
            self.sweep(Instant::now())?;
            match self.act {
                Act::Running { .. } => {}
                Act::Finishing if self.guests.is_empty() => return Ok(self.figures),
                Act::Finishing => {}
                Act::Abandoned => return Ok(self.figures),
            }
            let timeout = timespec(self.wake_at().saturating_duration_since(Instant::now()));
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(kernel("epoll_wait")(errno)),
            }
            for event in events.drain(..) {
                match event.data.u64() {
                    BELL => self.silence()?,
                    number => self.ready(number)?,
                }
            }
        }
    }

    fn hear_orders(&mut self) -> Result<(), CrowdError> {
        // Whoever asked may be gone by the time of the answer.
        loop {
            match self.inbox.try_recv() {
                Ok(Order::Cue(cue, done)) => {
                    self.tell_all(cue)?;
                    let _ = done.send(());
                }
                Ok(Order::NextWindow {
                    at,
                    awaited,
                    closed,
                }) => {
                    self.note_waits(at);
                    let _ = closed.send(self.figures.next_window(at, awaited));
                }
                Ok(Order::Look(answer)) => {
                    self.note_waits(Instant::now());
                    let _ = answer.send(Look {
                        staying: self.staying().count(),
                        answered: self.figures.answered,
                        lost: self.figures.losses.total(),
                        longest: self.figures.window.longest,
                    });
                }
                Ok(Order::RollCall(answer)) => {
                    let _ = answer.send(self.staying().collect());
                }
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => {
                    if self.act != Act::Finishing {
                        self.act = Act::Abandoned;
                    }
                    return Ok(());
                }
            }
        }
    }

    fn tell_all(&mut self, cue: Cue) -> Result<(), CrowdError> {
        if cue == Cue::Finish {
            self.act = Act::Finishing;
            self.arrivals.clear();
        }
        let numbers: Vec<u64> = self.guests.keys().copied().collect();
        for number in numbers {
            self.tell(number, Event::Cue(cue))?;
        }
        Ok(())
    }

    /// Those whose time has come connect.
    fn admit(&mut self, now: Instant) -> Result<(), CrowdError> {
        while let Some(Reverse((at, kind))) = self.arrivals.peek().copied()
            && at <= now
        {
            self.arrivals.pop();
            self.enter(kind, now)?;
        }
        while let Act::Running { fresh_at: Some(at) } = self.act
            && at <= now
        {
            // Late or not, it is due at its own time, and each that is due comes.
            self.enter(Kind::Fresh, at)?;
            let gap = Duration::from_secs(1) / self.program.fresh_per_second;
            self.act = Act::Running {
                fresh_at: Some(at + gap),
            };
        }
        Ok(())
    }

    fn enter(&mut self, kind: Kind, due: Instant) -> Result<(), CrowdError> {
        let client = client(kind, &self.program.pace, due);
        let seat = match Seat::connect(self.program.address, kind) {
            Ok(seat) => seat,
            Err(trouble) => return self.harmed(kind, Stage::UnderWay, trouble),
        };
        let number = self.next_number;
        self.next_number += 1;
        let interest = seat.interest(client.appetite());
        epoll::add(
            &self.epoll,
            &seat,
            EventData::new_u64(number),
            flags(interest),
        )
        .map_err(kernel("epoll_ctl"))?;
        let open = seat.is_open();
        let guest = Guest {
            kind,
            client,
            seat,
            interest,
            alarm: None,
        };
        self.guests.insert(number, guest);
        match open {
            true => self.tell(number, Event::Connected),
            false => Ok(()),
        }
    }

    /// Something may have happened at this client's socket.
    fn ready(&mut self, number: u64) -> Result<(), CrowdError> {
        let Some(guest) = self.guests.get_mut(&number) else {
            return Ok(());
        };
        if !guest.seat.is_open() {
            return match guest.seat.connected() {
                Ok(true) => self.tell(number, Event::Connected),
                Ok(false) => Ok(()),
                Err(trouble) => self.dismiss(number, trouble),
            };
        }
        if let Err(trouble) = guest.seat.flush() {
            return self.dismiss(number, trouble);
        }
        // Even without appetite an ended connection is noticed, but only when its client comes to read.
        let most = guest.client.appetite().min(READ_MAX);
        if most == 0 {
            return self.settle(number);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let told = match guest.seat.read(&mut buffer[..most]) {
            Ok(Some(bytes)) => self.tell(number, Event::Bytes(bytes)),
            Ok(None) => self.settle(number),
            Err(trouble) => self.dismiss(number, trouble),
        };
        self.buffer = buffer;
        told
    }

    /// Tells a client what happened, and does what it wants.
    fn tell(&mut self, number: u64, event: Event<'_>) -> Result<(), CrowdError> {
        let now = Instant::now();
        let Some(guest) = self.guests.get_mut(&number) else {
            return Ok(());
        };
        let done = match guest.client.on(event, now, &mut self.figures) {
            Ok(Next::Wait) => Ok(()),
            Ok(Next::Send(bytes)) => guest.seat.send(&bytes),
            Ok(Next::Close) => {
                self.guests.remove(&number);
                return Ok(());
            }
            Err(loss) => Err(Trouble::Loss(loss)),
        };
        match done {
            Ok(()) => self.settle(number),
            Err(trouble) => self.dismiss(number, trouble),
        }
    }

    /// Brings the kernel's and the alarms' idea of a client up to date.
    fn settle(&mut self, number: u64) -> Result<(), CrowdError> {
        let Some(guest) = self.guests.get_mut(&number) else {
            return Ok(());
        };
        let interest = guest.seat.interest(guest.client.appetite());
        if interest != guest.interest {
            let data = EventData::new_u64(number);
            epoll::modify(&self.epoll, &guest.seat, data, flags(interest))
                .map_err(kernel("epoll_ctl"))?;
            guest.interest = interest;
        }
        let alarm = guest.client.wake_at();
        if alarm != guest.alarm {
            guest.alarm = alarm;
            self.alarms.extend(alarm.map(|at| Reverse((at, number))));
        }
        Ok(())
    }

    fn ring_alarms(&mut self) -> Result<(), CrowdError> {
        let now = Instant::now();
        while let Some(Reverse((at, number))) = self.alarms.peek().copied()
            && at <= now
        {
            self.alarms.pop();
            // Others were set for a state that is over.
            let guest = self.guests.get_mut(&number);
            if let Some(guest) = guest.filter(|guest| guest.alarm == Some(at)) {
                guest.alarm = None;
                self.tell(number, Event::Time)?;
            }
        }
        Ok(())
    }

    /// Those who have waited too long give up.
    fn sweep(&mut self, now: Instant) -> Result<(), CrowdError> {
        if now < self.sweep_at {
            return Ok(());
        }
        self.sweep_at = now + SWEEP;
        self.note_waits(now);
        let patience = self.program.patience;
        let impatient: Vec<u64> = self
            .guests
            .iter()
            .filter(|(_, guest)| waited(guest, now).is_some_and(|time| time > patience))
            .map(|(number, _)| *number)
            .collect();
        for number in impatient {
            self.dismiss(number, Trouble::Loss(Loss::Unanswered))?;
        }
        Ok(())
    }

    /// A wait counts while it lasts, not only when it is over.
    fn note_waits(&mut self, now: Instant) {
        for guest in self.guests.values() {
            if let Some(time) = waited(guest, now) {
                self.figures.window.waited(guest.kind, time);
            }
        }
    }

    fn dismiss(&mut self, number: u64, trouble: Trouble) -> Result<(), CrowdError> {
        match self.guests.remove(&number) {
            Some(guest) => self.harmed(guest.kind, guest.client.stage(), trouble),
            None => Ok(()),
        }
    }

    /// Counts a loss; one of those who stay will come again.
    fn harmed(&mut self, kind: Kind, stage: Stage, trouble: Trouble) -> Result<(), CrowdError> {
        let loss = match (trouble, stage) {
            (Trouble::Own(error), _) => return Err(error),
            (Trouble::Ended | Trouble::Loss(Loss::Reset), Stage::Between) => Loss::Closed,
            (Trouble::Ended, Stage::UnderWay) => Loss::Cut,
            (Trouble::Loss(loss), _) => loss,
        };
        self.figures.lost(kind, loss);
        if kind != Kind::Fresh && matches!(self.act, Act::Running { .. }) {
            self.arrivals
                .push(Reverse((Instant::now() + COMEBACK, kind)));
        }
        Ok(())
    }

    fn staying(&self) -> impl Iterator<Item = Staying> {
        self.guests
            .values()
            .filter(|guest| guest.kind != Kind::Fresh && guest.seat.is_open())
            .map(|guest| Staying {
                port: guest.seat.port(),
                kind: guest.kind,
            })
    }

    fn wake_at(&self) -> Instant {
        let fresh = match self.act {
            Act::Running { fresh_at } => fresh_at,
            Act::Finishing | Act::Abandoned => None,
        };
        let arrival = self.arrivals.peek().map(|Reverse((at, _))| *at);
        let alarm = self.alarms.peek().map(|Reverse((at, _))| *at);
        [fresh, arrival, alarm]
            .into_iter()
            .flatten()
            .fold(self.sweep_at, Instant::min)
    }

    fn silence(&self) -> Result<(), CrowdError> {
        match rustix::io::read(&self.bell, &mut [0; 8]) {
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(errno) => Err(kernel("read an eventfd")(errno)),
        }
    }
}

fn waited(guest: &Guest, now: Instant) -> Option<Duration> {
    let since = guest.client.waiting_since()?;
    Some(now.saturating_duration_since(since))
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, interest.read);
    flags.set(EventFlags::OUT, interest.write);
    flags
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}
