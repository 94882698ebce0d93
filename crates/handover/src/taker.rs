//! The successor's side of the conversation, without a socket.
//! Received bytes and descriptors, and verdicts, go in; bytes and events come out.
//! A parcel can be used only after the answer that accepts it has been written: before that it sits in a [`Batch`] or
//! in here, and nobody can reach its descriptors.

use std::collections::VecDeque;
use std::io;

use crate::error::{Error, Violation};
use crate::inbox::Inbox;
use crate::parcel::{Accepts, Listener, Parcel, Refusal, Verdict};
use crate::wire::{self, Arrived, Hello, Integrity, Message, More, Role, Transmit, encode};

/// What happened, for the taker.
#[derive(Debug)]
#[non_exhaustive]
pub enum TakerEvent {
    /// The giver has said who it is.
    Hello {
        /// Its name for itself.
        software: String,
        /// The protocol version that is spoken from here on.
        version: u16,
    },
    /// The listeners that both share from now on, maybe none. Comes once, before any batch.
    Listeners(Vec<Listener>),
    /// Parcels that wait for an [`answer`](crate::TakerChannel::answer).
    Batch(Batch),
    /// The answer is written: these parcels are ours, in the order of their batch.
    Accepted(Vec<Parcel>),
    /// The giver has given everything; its counters. The last event.
    Finished(Vec<u8>),
    /// The handover has ended early. Parcels that came out in [`Accepted`](TakerEvent::Accepted) stay ours, everything
    /// else is closed here. The last event.
    Broken(Error),
}

/// Parcels that wait for verdicts. They can be examined, not used: their sockets are still the giver's.
///
/// A batch that is dropped without an answer leaves the giver waiting until the channel ends.
#[derive(Debug)]
#[must_use = "the giver waits for an answer"]
pub struct Batch {
    number: u32,
    parcels: Vec<Parcel>,
}

/// A parcel that may be examined, not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParcelView<'a> {
    /// One of the announced kinds.
    pub kind: u16,
    /// One of the announced versions of that kind.
    pub version: u16,
    /// The image. Untrusted input, as all that comes from another process.
    pub payload: &'a [u8],
    /// How many descriptors came with it.
    pub fd_count: usize,
}

impl Batch {
    /// The parcels, in the order in which verdicts are expected. At least one.
    pub fn parcels(&self) -> impl ExactSizeIterator<Item = ParcelView<'_>> {
        self.parcels.iter().map(|parcel| ParcelView {
            kind: parcel.kind,
            version: parcel.version,
            payload: &parcel.payload,
            fd_count: parcel.fds.len(),
        })
    }
}

/// The taker's state machine. [`TakerChannel`](crate::TakerChannel) drives it over a real socket.
///
/// ```text
/// Greeting ──hello──> Listening ──last listeners──> Taking ──finish──> Acknowledging ──written──> Over
///    └────────────────────┴──────────any error─────────┴────────────────────────────────────────> Over
/// ```
#[derive(Debug)]
pub struct Taker {
    phase: Phase,
    accepts: Vec<Accepts>,
    willing: Willing,
    /// Descriptors of parcels that the giver may still send. Never less than the giver believes.
    room: u64,
    /// Granted, but not yet told.
    ungranted: u32,
    unanswered: Vec<Unanswered>,
    outbox: VecDeque<Outgoing>,
    inbox: Inbox,
    events: VecDeque<TakerEvent>,
}

#[derive(Debug)]
enum Phase {
    Greeting,
    Listening { listeners: Vec<Listener> },
    Taking,
    Acknowledging,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Willing {
    Takes,
    Stopped,
}

/// A batch in the caller's hands.
#[derive(Debug)]
struct Unanswered {
    number: u32,
    fds: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    then: Then,
}

/// What is true once a message is written.
#[derive(Debug)]
enum Then {
    Nothing,
    Own(Vec<Parcel>),
    Finished { counters: Vec<u8> },
}

impl Taker {
    /// See [`TakerChannel::new`](crate::TakerChannel::new).
    ///
    /// # Errors
    /// [`Error::Limit`] for a name over 255 bytes or more than 1024 kinds; [`Error::EmptyVersions`].
    pub fn new(software: &str, accepts: Vec<Accepts>, room: u32) -> Result<Self, Error> {
        if software.len() > wire::MAX_NAME_BYTES {
            return Err(Error::Limit {
                what: "bytes of a name",
                bound: wire::MAX_NAME_BYTES,
            });
        }
        if accepts.len() > wire::MAX_KINDS {
            return Err(Error::Limit {
                what: "accepted kinds",
                bound: wire::MAX_KINDS,
            });
        }
        if let Some(empty) = accepts.iter().find(|a| a.versions.is_empty()) {
            return Err(Error::EmptyVersions { kind: empty.kind });
        }
        let hello = Outgoing::new(encode::taker_hello(software, &accepts, room), Then::Nothing);
        Ok(Taker {
            phase: Phase::Greeting,
            accepts,
            willing: Willing::Takes,
            room: u64::from(room),
            ungranted: 0,
            unanswered: Vec::new(),
            outbox: VecDeque::from([hello]),
            inbox: Inbox::new(Role::Giver),
            events: VecDeque::new(),
        })
    }

    /// See [`TakerChannel::answer`](crate::TakerChannel::answer).
    pub fn answer(&mut self, batch: Batch, verdicts: Vec<Verdict>) {
        let Batch { number, parcels } = batch;
        let Some(position) = self.unanswered.iter().position(|u| u.number == number) else {
            // The channel has broken meanwhile: the giver owns them again.
            return;
        };
        self.unanswered.swap_remove(position);
        let missing = || Verdict::Refuse(Refusal::Declined("no verdict was given".to_owned()));
        let verdicts: Vec<_> = verdicts
            .into_iter()
            .chain(std::iter::repeat_with(missing))
            .take(parcels.len())
            .collect();
        let bytes = encode::answer(number, verdicts.iter());
        let mut accepted = Vec::new();
        for (parcel, verdict) in parcels.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Accept => accepted.push(parcel),
                Verdict::Refuse(Refusal::NoDescriptors) => {}
                Verdict::Refuse(_) => self.room += parcel.fds.len() as u64,
            }
        }
        let then = if accepted.is_empty() {
            Then::Nothing
        } else {
            Then::Own(accepted)
        };
        self.outbox.push_back(Outgoing::new(bytes, then));
    }

    /// See [`TakerChannel::add_room`](crate::TakerChannel::add_room).
    pub fn add_room(&mut self, descriptors: u32) {
        let granted = self.ungranted.saturating_add(descriptors);
        self.room = self
            .room
            .saturating_add(u64::from(granted - self.ungranted));
        self.ungranted = granted;
    }

    /// See [`TakerChannel::stop`](crate::TakerChannel::stop).
    pub fn stop(&mut self) {
        let ending = matches!(self.phase, Phase::Acknowledging | Phase::Over);
        if self.willing == Willing::Takes && !ending {
            self.willing = Willing::Stopped;
            self.outbox
                .push_back(Outgoing::new(encode::stop(), Then::Nothing));
        }
    }

    /// What happened, in order.
    pub fn next_event(&mut self) -> Option<TakerEvent> {
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
        !self.is_over() && (!self.outbox.is_empty() || self.ungranted > 0)
    }

    /// The next bytes for the giver. How many of them were sent is to be told to [`transmitted`](Self::transmitted).
    pub fn transmit(&mut self) -> Option<Transmit<'_>> {
        if self.is_over() {
            return None;
        }
        if self.outbox.is_empty() && self.ungranted > 0 {
            let grant = encode::room(std::mem::take(&mut self.ungranted));
            self.outbox.push_back(Outgoing::new(grant, Then::Nothing));
        }
        self.outbox.front().map(|message| Transmit {
            bytes: &message.bytes[message.sent..],
            fds: Vec::new(),
        })
    }

    /// So many of the bytes last given out were sent.
    pub fn transmitted(&mut self, bytes: usize) {
        let Some(message) = self.outbox.front_mut() else {
            return;
        };
        message.sent += bytes;
        if message.sent < message.bytes.len() {
            return;
        }
        match self.outbox.pop_front().map(|message| message.then) {
            None | Some(Then::Nothing) => {}
            Some(Then::Own(parcels)) => self.events.push_back(TakerEvent::Accepted(parcels)),
            Some(Then::Finished { counters }) => self.over(TakerEvent::Finished(counters)),
        }
    }

    /// The kernel had no memory for the bytes last given out; nothing was sent.
    pub fn congested(&mut self, cause: io::Error) {
        self.ended(Error::Kernel {
            operation: "send on the handover socket",
            source: cause,
        });
    }

    /// Bytes from the giver, and the descriptors that came with them: of one `recvmsg(2)`, as it was.
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
                self.over(TakerEvent::Broken(error));
            }
        }
    }

    /// The giver can be heard no more, or not be spoken to. Everything it has said must have been received before.
    pub fn ended(&mut self, error: Error) {
        if self.is_over() {
            return;
        }
        let last = self.outbox.pop_back().map(|message| message.then);
        let event = match last {
            // It had said all; only our thanks have not reached it.
            Some(Then::Finished { counters }) => TakerEvent::Finished(counters),
            _ => TakerEvent::Broken(error),
        };
        self.over(event);
    }

    fn handle(&mut self, message: Message) -> Result<(), Error> {
        match (&mut self.phase, message) {
            (Phase::Greeting, Message::Hello(hello)) => self.greeted(hello),
            (Phase::Listening { listeners }, Message::Listeners { names, fds, more }) => {
                let Arrived::Whole(fds) = fds else {
                    return Err(Error::DescriptorsLost);
                };
                let new = names.into_iter().zip(fds);
                listeners.extend(new.map(|(name, fd)| Listener { name, fd }));
                if listeners.len() > wire::MAX_LISTENERS {
                    return Err(Violation::BeyondWindow.into());
                }
                if more == More::Last {
                    let listeners = std::mem::take(listeners);
                    self.phase = Phase::Taking;
                    self.events.push_back(TakerEvent::Listeners(listeners));
                }
                Ok(())
            }
            (
                Phase::Taking,
                Message::Batch {
                    number,
                    parcels,
                    fds,
                    integrity,
                },
            ) => self.offered(Batch { number, parcels }, fds, integrity),
            (Phase::Taking, Message::Finish(counters)) if self.unanswered.is_empty() => {
                self.phase = Phase::Acknowledging;
                let then = Then::Finished { counters };
                self.outbox
                    .push_back(Outgoing::new(encode::finished(), then));
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
        self.phase = Phase::Listening {
            listeners: Vec::new(),
        };
        self.events.push_back(TakerEvent::Hello {
            software: hello.software,
            version,
        });
        Ok(())
    }

    fn offered(&mut self, batch: Batch, fds: usize, integrity: Integrity) -> Result<(), Error> {
        let bytes = batch.parcels.iter().map(wire::parcel_bytes).sum::<usize>();
        self.check_window(batch.number, fds, bytes, batch.parcels.len())?;
        let mut parcels = batch.parcels.iter();
        if !parcels.all(|parcel| wire::check_announced(&self.accepts, parcel).is_ok()) {
            return Err(Violation::NotAnnounced.into());
        }
        self.room -= fds as u64;
        self.unanswered.push(Unanswered {
            number: batch.number,
            fds,
            bytes,
        });
        let refusal = match (integrity, self.willing) {
            (Integrity::DescriptorsLost, _) => Refusal::NoDescriptors,
            (Integrity::Whole, Willing::Stopped) => Refusal::Stopped,
            (Integrity::Whole, Willing::Takes) => {
                self.events.push_back(TakerEvent::Batch(batch));
                return Ok(());
            }
        };
        let verdicts = vec![Verdict::Refuse(refusal); batch.parcels.len()];
        self.answer(batch, verdicts);
        Ok(())
    }

    /// What the giver sees as unanswered includes all that we see so: it cannot keep the limits and break them here.
    fn check_window(
        &self,
        number: u32,
        fds: usize,
        bytes: usize,
        parcels: usize,
    ) -> Result<(), Violation> {
        let unanswered_fds: usize = self.unanswered.iter().map(|u| u.fds).sum();
        let unanswered_bytes: usize = self.unanswered.iter().map(|u| u.bytes).sum();
        let crowded = !self.unanswered.is_empty()
            && (self.unanswered.len() >= wire::WINDOW_BATCHES
                || unanswered_fds + fds > wire::WINDOW_FDS
                || unanswered_bytes + bytes > wire::WINDOW_BYTES);
        let oversized = parcels > 1 && bytes > wire::BATCH_BYTES;
        if crowded || oversized || fds as u64 > self.room {
            return Err(Violation::BeyondWindow);
        }
        if self.unanswered.iter().any(|u| u.number == number) {
            return Err(Violation::Malformed("batch"));
        }
        Ok(())
    }

    fn over(&mut self, last: TakerEvent) {
        self.phase = Phase::Over;
        self.unanswered.clear();
        self.outbox.clear();
        // Descriptors of half a message are closed here.
        self.inbox = Inbox::new(Role::Giver);
        self.events.push_back(last);
    }
}

impl Outgoing {
    fn new(bytes: Vec<u8>, then: Then) -> Self {
        Outgoing {
            bytes,
            sent: 0,
            then,
        }
    }
}
