//! The successor's part of a handover: connections from the predecessor go to the workers.
//!
//! In: batches of parcels. Out: verdicts, and connections for the workers. Must hold: a connection is touched only after
//! the answer that makes it ours is written; what is left of it when the predecessor dies is ours entirely or not at all.

use std::os::fd::OwnedFd;

use handover::{Accepts, Batch, Parcel, Refusal, TakerChannel, TakerEvent, Verdict};
use portable_tls::Tickets;

use super::crew::Crew;
use crate::freeze::{self, HTTP1_VERSION, KIND_HTTP1, KIND_TICKETS, TICKETS_VERSION};
use crate::tls::context::Materials;
use crate::worker::conn::Stay;

/// A handover under way.
#[derive(Debug)]
pub(super) struct Taking {
    channel: TakerChannel,
    /// Connections taken so far.
    taken: u64,
}

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It does.
    Under,
    /// The predecessor has given everything.
    Finished,
    /// The predecessor is dead, or gave up.
    Broken,
}

impl Taking {
    /// Begins. `room` is how many descriptors this process can still hold.
    pub(super) fn begin(socket: OwnedFd, room: u32) -> Result<Taking, handover::Error> {
        let accepts = [(KIND_HTTP1, HTTP1_VERSION), (KIND_TICKETS, TICKETS_VERSION)];
        let accepts = accepts.map(|(kind, newest)| Accepts {
            kind,
            versions: 1..=newest,
        });
        Ok(Taking {
            channel: TakerChannel::new(socket, &super::software(), accepts.into(), room)?,
            taken: 0,
        })
    }

    /// What to wait on.
    pub(super) fn channel(&self) -> &TakerChannel {
        &self.channel
    }

    /// Connections taken so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes no more: we are leaving ourselves.
    pub(super) fn stop(&mut self) {
        self.channel.stop();
    }

    /// Goes on as far as possible.
    pub(super) fn step(&mut self, crew: &mut Crew, materials: &Materials) -> Progress {
        loop {
            self.channel.pump();
            let Some(event) = self.channel.next_event() else {
                return Progress::Under;
            };
            match event {
                TakerEvent::Batch(batch) => {
                    let verdicts = judge(&batch);
                    self.channel.answer(batch, verdicts);
                }
                TakerEvent::Accepted(mut parcels) => {
                    for tickets in parcels.extract_if(.., |parcel| parcel.kind == KIND_TICKETS) {
                        materials.adopt(&tickets.payload);
                    }
                    self.taken += parcels.len() as u64;
                    crew.adopt(
                        parcels.into_iter().filter_map(revive).collect(),
                        Stay::Movable,
                    );
                }
                TakerEvent::Finished(counters) => {
                    crew.board.inherit(&counters);
                    return Progress::Finished;
                }
                TakerEvent::Broken(_) => return Progress::Broken,
                _ => {}
            }
        }
    }
}

/// Reads the images of a batch, without touching what they describe.
fn judge(batch: &Batch) -> Vec<Verdict> {
    let verdict = |parcel: handover::ParcelView<'_>| match parcel.kind {
        KIND_TICKETS => match Tickets::import(parcel.payload) {
            Ok(_) if parcel.fd_count == 0 => Verdict::Accept,
            Ok(_) => Verdict::Refuse(Refusal::Malformed("descriptors".to_owned())),
            Err(error) => Verdict::Refuse(Refusal::Malformed(error.to_string())),
        },
        _ => match freeze::examine(parcel.payload, parcel.fd_count) {
            Ok(_) => Verdict::Accept,
            Err(refusal) => Verdict::Refuse(refusal),
        },
    };
    batch.parcels().map(verdict).collect()
}

/// Makes a connection of a parcel that is ours now.
fn revive(parcel: Parcel) -> Option<freeze::Thawed> {
    let image = freeze::examine(&parcel.payload, parcel.fds.len()).ok()?;
    match freeze::thaw(image, parcel.fds) {
        Ok(thawed) => Some(thawed),
        Err(fault) => {
            eprintln!(
                "everlit: a connection of the predecessor is unusable and was closed: {fault}"
            );
            None
        }
    }
}
