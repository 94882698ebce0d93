//! The predecessor's side of the conversation, without a socket.
//! Offers and received bytes go in; bytes with borrowed descriptors, and events, come out.
//! A parcel is dropped in one place only: where an answer says that the taker has it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use zeroize::Zeroizing;

use crate::error::{Error, Violation};
use crate::inbox::Inbox;
use crate::parcel::{
    Accepts, Listener, MAX_PARCEL_FDS, MAX_PAYLOAD_BYTES, Parcel, Refusal, Token, Verdict,
};
use crate::sys::scm_rights::MAX_FDS_PER_MESSAGE;
use crate::wire::{self, Arrived, Hello, Message, More, Role, Transmit, encode};

/// What happened, for the giver.
#[derive(Debug)]
#[non_exhaustive]
pub enum GiverEvent {
    /// The taker has said who it is.
    Hello {
        /// Its name for itself.
        software: String,
        /// The protocol version that is spoken from here on.
        version: u16,
    },
    /// The taker owns this parcel; our copies of its descriptors are closed.
    Accepted(Token),
    /// This parcel stays here.
    Returned {
        /// Its name.
        token: Token,
        /// The parcel as it was offered.
        parcel: Parcel,
        /// Why.
        reason: Refusal,
    },
    /// The taker has everything, and the counters. The last event.
    Finished,
    /// The handover has ended early, and everything without an answer is ours again. After this come only the
    /// [`Returned`](GiverEvent::Returned) of offers made too late.
    Broken {
        /// Why.
        error: Error,
        /// Every parcel that was offered and not answered, in the order of the offers.
        returned: Vec<(Token, Parcel)>,
    },
}

/// The giver's state machine. [`GiverChannel`](crate::GiverChannel) drives it over a real socket.
///
/// ```text
/// Greeting ──hello──> Moving ──finish, and all is answered──> Finishing ──finished──> Over
///    └───────────────────┴───────────────any error────────────────┴─────────────────> Over
/// ```
#[derive(Debug)]
pub struct Giver {
    phase: Phase,
    ending: Ending,
    /// Offered, not sent. Once the taker is known, only what it can read.
    queue: VecDeque<(Token, Parcel)>,
    /// Sent or being sent, in that order. The one being sent is the last.
    unanswered: VecDeque<SentBatch>,
    unanswered_fds: usize,
    unanswered_bytes: usize,
    next_number: u32,
    /// At most one batch, at its end.
    outbox: VecDeque<Outgoing>,
    sending: Sending,
    inbox: Inbox,
    events: VecDeque<GiverEvent>,
}

#[derive(Debug)]
enum Phase {
    Greeting { listeners: Vec<Listener> },
    Moving(Moving),
    Finishing,
    Over,
}

#[derive(Debug)]
struct Moving {
    accepts: Vec<Accepts>,
    /// Descriptors that the taker can still hold.
    room: u64,
    taker: Willing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Willing {
    Takes,
    Stopped,
}

/// What the caller has said about the end.
#[derive(Debug)]
enum Ending {
    Open,
    Wanted { counters: Vec<u8> },
    Said,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    Free,
    /// The kernel takes no more descriptors in flight before the taker has read some; its next answer shows that.
    AwaitsAnswer,
}

#[derive(Debug)]
struct SentBatch {
    number: u32,
    parcels: Vec<(Token, Parcel)>,
    fds: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Outgoing {
    /// Payloads are in it: wiped once it is sent.
    bytes: Zeroizing<Vec<u8>>,
    sent: usize,
    cargo: Cargo,
}

/// The descriptors that go with a message.
#[derive(Debug)]
enum Cargo {
    None,
    Listeners(Vec<OwnedFd>),
    /// Those of the last unanswered batch.
    Batch,
}

/// What can be done with the first parcel of the queue.
enum Step {
    Send,
    Return(Refusal),
    Wait,
}

impl Giver {
    /// See [`GiverChannel::new`](crate::GiverChannel::new).
    ///
    /// # Errors
    /// [`Error::Limit`] for names over 255 bytes or more than 4096 listeners.
    pub fn new(software: &str, listeners: Vec<Listener>) -> Result<Self, Error> {
        let longest = listeners.iter().map(|listener| listener.name.len()).max();
        if software.len().max(longest.unwrap_or(0)) > wire::MAX_NAME_BYTES {
            return Err(Error::Limit {
                what: "bytes of a name",
                bound: wire::MAX_NAME_BYTES,
            });
        }
        if listeners.len() > wire::MAX_LISTENERS {
            return Err(Error::Limit {
                what: "listeners",
                bound: wire::MAX_LISTENERS,
            });
        }
        let hello = Outgoing::new(encode::giver_hello(software), Cargo::None);
        Ok(Giver {
            phase: Phase::Greeting { listeners },
            ending: Ending::Open,
            queue: VecDeque::new(),
            unanswered: VecDeque::new(),
            unanswered_fds: 0,
            unanswered_bytes: 0,
            next_number: 0,
            outbox: VecDeque::from([hello]),
            sending: Sending::Free,
            inbox: Inbox::new(Role::Taker),
            events: VecDeque::new(),
        })
    }

    /// See [`GiverChannel::offer`](crate::GiverChannel::offer).
    pub fn offer(&mut self, token: Token, parcel: Parcel) {
        match self.check_offer(&parcel) {
            Ok(()) => self.queue.push_back((token, parcel)),
            Err(reason) => self.give_back(token, parcel, reason),
        }
    }

    /// See [`GiverChannel::finish`](crate::GiverChannel::finish).
    ///
    /// # Errors
    /// [`Error::Limit`] for counters over 64 KiB.
    pub fn finish(&mut self, counters: Vec<u8>) -> Result<(), Error> {
        if counters.len() > wire::MAX_COUNTER_BYTES {
            return Err(Error::Limit {
                what: "bytes of counters",
                bound: wire::MAX_COUNTER_BYTES,
            });
        }
        if let Ending::Open = self.ending {
            self.ending = Ending::Wanted { counters };
        }
        Ok(())
    }

    /// What happened, in order.
    pub fn next_event(&mut self) -> Option<GiverEvent> {
        self.events.pop_front()
    }

    /// Whether [`next_event`](Self::next_event) has something.
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether the conversation has ended, well or badly.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Whether [`transmit`](Self::transmit) has something to do.
    pub fn wants_write(&self) -> bool {
        match self.sending {
            Sending::AwaitsAnswer => false,
            Sending::Free => {
                !self.outbox.is_empty()
                    || self.can_say_finish()
                    || !matches!(self.next_step(), Step::Wait)
            }
        }
    }

    /// The next bytes for the taker. How many of them were sent is to be told to [`transmitted`](Self::transmitted).
    pub fn transmit(&mut self) -> Option<Transmit<'_>> {
        if self.sending == Sending::AwaitsAnswer {
            return None;
        }
        if self.outbox.is_empty() {
            self.fill_outbox();
        }
        let message = self.outbox.front()?;
        let fds = match &message.cargo {
            _ if message.sent > 0 => Vec::new(),
            Cargo::None => Vec::new(),
            Cargo::Listeners(fds) => fds.iter().map(AsFd::as_fd).collect(),
            Cargo::Batch => {
                let parcels = self.unanswered.back().into_iter().flat_map(|b| &b.parcels);
                parcels
                    .flat_map(|(_, parcel)| &parcel.fds)
                    .map(AsFd::as_fd)
                    .collect()
            }
        };
        Some(Transmit {
            bytes: &message.bytes[message.sent..],
            fds,
        })
    }

    /// So many of the bytes last given out were sent, and with the first of them the descriptors.
    pub fn transmitted(&mut self, bytes: usize) {
        if let Some(message) = self.outbox.front_mut() {
            message.sent += bytes;
            if message.sent >= message.bytes.len() {
                self.outbox.pop_front();
            }
        }
    }

    /// The kernel had no room for the descriptors last given out (`ETOOMANYREFS`, `ENOBUFS`); nothing was sent.
    pub fn congested(&mut self, cause: io::Error) {
        match self.outbox.front() {
            Some(message) if matches!(message.cargo, Cargo::Batch) && message.sent == 0 => {}
            _ => {
                return self.fail(Error::Kernel {
                    operation: "send on the handover socket",
                    source: cause,
                });
            }
        }
        if self.unanswered.len() > 1 {
            self.sending = Sending::AwaitsAnswer;
            return;
        }
        // Others fill the kernel's allowance, and nobody would tell us when there is room again.
        self.outbox.pop_front();
        if let Some(batch) = self.unanswered.pop_back() {
            self.unanswered_fds -= batch.fds;
            self.unanswered_bytes -= batch.bytes;
            if let Phase::Moving(moving) = &mut self.phase {
                moving.room += batch.fds as u64;
            }
            for (token, parcel) in batch.parcels {
                self.give_back(token, parcel, Refusal::KernelLimit);
            }
        }
    }

    /// Bytes from the taker. It never sends descriptors; if some arrive, they are closed and the channel breaks.
    pub fn receive(&mut self, bytes: &[u8], arrived: Arrived) {
        if self.is_over() {
            return;
        }
        self.inbox.push(bytes, arrived);
        while !self.is_over() {
            let handled = match self.inbox.next() {
                Ok(None) => return,
                Ok(Some(message)) => self.handle(message),
                Err(violation) => Err(violation.into()),
            };
            if let Err(error) = handled {
                self.fail(error);
            }
        }
    }

    /// The taker can be heard no more, or not be spoken to. Everything it has said must have been received before.
    pub fn ended(&mut self, error: Error) {
        if !self.is_over() {
            self.fail(error);
        }
    }

    fn handle(&mut self, message: Message) -> Result<(), Error> {
        match (&mut self.phase, message) {
            (Phase::Greeting { .. }, Message::Hello(hello)) => self.greeted(hello),
            (Phase::Moving(_), Message::Answer { number, verdicts }) => {
                self.answered(number, verdicts)
            }
            (Phase::Moving(moving), Message::Room(descriptors)) => {
                moving.room = moving.room.saturating_add(u64::from(descriptors));
                Ok(())
            }
            (Phase::Moving(moving), Message::Stop) => {
                moving.taker = Willing::Stopped;
                for (token, parcel) in std::mem::take(&mut self.queue) {
                    self.give_back(token, parcel, Refusal::Stopped);
                }
                Ok(())
            }
            // They crossed our last word.
            (Phase::Finishing, Message::Room(_) | Message::Stop) => Ok(()),
            (Phase::Finishing, Message::Finished) if self.outbox.is_empty() => {
                self.phase = Phase::Over;
                self.events.push_back(GiverEvent::Finished);
                Ok(())
            }
            (_, message) => Err(Violation::Unexpected(message.name()).into()),
        }
    }

    fn greeted(&mut self, hello: Hello) -> Result<(), Error> {
        let Some(version) = wire::common_version(&hello.versions) else {
            return Err(Error::Incompatible {
                ours: wire::VERSIONS,
                theirs: hello.versions,
                software: hello.software,
            });
        };
        let terms = hello.terms.ok_or(Violation::Malformed("hello"))?;
        self.events.push_back(GiverEvent::Hello {
            software: hello.software,
            version,
        });
        let before = std::mem::replace(
            &mut self.phase,
            Phase::Moving(Moving {
                accepts: terms.accepts,
                room: u64::from(terms.room),
                taker: Willing::Takes,
            }),
        );
        if let Phase::Greeting { listeners } = before {
            self.send_listeners(listeners);
        }
        // What was offered before the taker was known could not be judged then.
        for (token, parcel) in std::mem::take(&mut self.queue) {
            match self.check_taker(&parcel) {
                Ok(()) => self.queue.push_back((token, parcel)),
                Err(reason) => self.give_back(token, parcel, reason),
            }
        }
        Ok(())
    }

    fn send_listeners(&mut self, mut listeners: Vec<Listener>) {
        loop {
            let rest = listeners.split_off(listeners.len().min(MAX_FDS_PER_MESSAGE));
            let more = if rest.is_empty() {
                More::Last
            } else {
                More::Follows
            };
            let names = listeners.iter().map(|listener| listener.name.as_str());
            let bytes = encode::listeners(names, more);
            let fds = listeners.into_iter().map(|listener| listener.fd).collect();
            self.outbox
                .push_back(Outgoing::new(bytes, Cargo::Listeners(fds)));
            if more == More::Last {
                return;
            }
            listeners = rest;
        }
    }

    fn answered(&mut self, number: u32, verdicts: Vec<Verdict>) -> Result<(), Error> {
        let position = self.unanswered.iter().position(|b| b.number == number);
        let position = position.ok_or(Violation::UnknownAnswer)?;
        let still_being_sent = !self.outbox.is_empty() && position + 1 == self.unanswered.len();
        if still_being_sent || self.unanswered[position].parcels.len() != verdicts.len() {
            return Err(Violation::UnknownAnswer.into());
        }
        let Some(batch) = self.unanswered.remove(position) else {
            return Err(Violation::UnknownAnswer.into());
        };
        self.unanswered_fds -= batch.fds;
        self.unanswered_bytes -= batch.bytes;
        self.sending = Sending::Free;
        let mut room_back = 0;
        for ((token, parcel), verdict) in batch.parcels.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Accept => {
                    drop(parcel);
                    self.events.push_back(GiverEvent::Accepted(token));
                }
                Verdict::Refuse(reason) => {
                    if reason != Refusal::NoDescriptors {
                        room_back += parcel.fds.len() as u64;
                    }
                    self.give_back(token, parcel, reason);
                }
            }
        }
        if let Phase::Moving(moving) = &mut self.phase {
            moving.room = moving.room.saturating_add(room_back);
        }
        Ok(())
    }

    fn check_offer(&self, parcel: &Parcel) -> Result<(), Refusal> {
        if self.is_over() || !matches!(self.ending, Ending::Open) {
            return Err(Refusal::Closed);
        }
        if parcel.payload.len() > MAX_PAYLOAD_BYTES || parcel.fds.len() > MAX_PARCEL_FDS {
            return Err(Refusal::TooLarge);
        }
        self.check_taker(parcel)
    }

    /// As far as the taker is known.
    fn check_taker(&self, parcel: &Parcel) -> Result<(), Refusal> {
        match &self.phase {
            Phase::Moving(Moving {
                taker: Willing::Stopped,
                ..
            }) => Err(Refusal::Stopped),
            Phase::Moving(moving) => wire::check_announced(&moving.accepts, parcel),
            Phase::Greeting { .. } | Phase::Finishing | Phase::Over => Ok(()),
        }
    }

    fn next_step(&self) -> Step {
        let (Phase::Moving(moving), Some((_, parcel))) = (&self.phase, self.queue.front()) else {
            return Step::Wait;
        };
        if parcel.fds.len() as u64 > moving.room {
            // A refusal on its way may give room back; when there is none on its way, nothing will.
            return if self.unanswered.is_empty() {
                Step::Return(Refusal::NoDescriptors)
            } else {
                Step::Wait
            };
        }
        // Room for a full batch, not for this parcel only: otherwise a full window would be fed in crumbs.
        let bytes = wire::parcel_bytes(parcel).max(wire::BATCH_BYTES);
        let fits = self.unanswered.len() < wire::WINDOW_BATCHES
            && self.unanswered_fds + MAX_FDS_PER_MESSAGE <= wire::WINDOW_FDS
            && self.unanswered_bytes + bytes <= wire::WINDOW_BYTES;
        if fits || self.unanswered.is_empty() {
            Step::Send
        } else {
            Step::Wait
        }
    }

    fn can_say_finish(&self) -> bool {
        matches!(self.phase, Phase::Moving(_))
            && matches!(self.ending, Ending::Wanted { .. })
            && self.queue.is_empty()
            && self.unanswered.is_empty()
    }

    fn fill_outbox(&mut self) {
        loop {
            match self.next_step() {
                Step::Wait => break,
                Step::Send => return self.send_batch(),
                Step::Return(reason) => {
                    if let Some((token, parcel)) = self.queue.pop_front() {
                        self.give_back(token, parcel, reason);
                    }
                }
            }
        }
        if self.can_say_finish()
            && let Ending::Wanted { counters } = std::mem::replace(&mut self.ending, Ending::Said)
        {
            self.outbox
                .push_back(Outgoing::new(encode::finish(&counters), Cargo::None));
            self.phase = Phase::Finishing;
        }
    }

    /// As many parcels as fit into one message. The first one does; `next_step` has said so.
    fn send_batch(&mut self) {
        let Phase::Moving(moving) = &mut self.phase else {
            return;
        };
        let (mut fds, mut bytes, mut count) = (0, 0, 0);
        for (_, parcel) in self.queue.iter().take(wire::MAX_BATCH_PARCELS) {
            let more_fds = fds + parcel.fds.len();
            let more_bytes = bytes + wire::parcel_bytes(parcel);
            let fits = more_fds <= MAX_FDS_PER_MESSAGE
                && more_fds as u64 <= moving.room
                && more_bytes <= wire::BATCH_BYTES;
            if count > 0 && !fits {
                break;
            }
            (fds, bytes, count) = (more_fds, more_bytes, count + 1);
        }
        let parcels: Vec<_> = self.queue.drain(..count).collect();
        moving.room -= fds as u64;
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        let message = encode::batch(number, parcels.iter().map(|(_, parcel)| parcel));
        self.outbox.push_back(Outgoing::new(message, Cargo::Batch));
        self.unanswered_fds += fds;
        self.unanswered_bytes += bytes;
        self.unanswered.push_back(SentBatch {
            number,
            parcels,
            fds,
            bytes,
        });
    }

    fn give_back(&mut self, token: Token, parcel: Parcel, reason: Refusal) {
        self.events.push_back(GiverEvent::Returned {
            token,
            parcel,
            reason,
        });
    }

    fn fail(&mut self, error: Error) {
        self.phase = Phase::Over;
        self.outbox.clear();
        self.sending = Sending::Free;
        self.inbox = Inbox::new(Role::Taker);
        let unanswered = std::mem::take(&mut self.unanswered);
        let returned = unanswered
            .into_iter()
            .flat_map(|batch| batch.parcels)
            .chain(std::mem::take(&mut self.queue))
            .collect();
        self.events
            .push_back(GiverEvent::Broken { error, returned });
    }
}

impl Outgoing {
    fn new(bytes: Vec<u8>, cargo: Cargo) -> Self {
        Outgoing {
            bytes: bytes.into(),
            sent: 0,
            cargo,
        }
    }
}
