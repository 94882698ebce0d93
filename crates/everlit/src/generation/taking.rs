//! The successor's part of a handover: connections from the predecessor go to the workers.
//!
//! In: batches of parcels. Out: verdicts, and connections for the workers. Must hold: a connection is touched only after
//! the answer that makes it ours is written; what is left of it when the predecessor dies is ours entirely or not at all.

use std::os::fd::OwnedFd;

use handover::{Accepts, Batch, Parcel, Refusal, TakerChannel, TakerEvent, Verdict};
use portable_tls::Tickets;

use super::crew::Crew;
use crate::clock::Now;
use crate::errorlog;
use crate::freeze::{
    self, HTTP1_VERSION, KIND_HTTP1, KIND_NONCES, KIND_TICKETS, NONCES_VERSION, TICKETS_VERSION,
};
use crate::modules::auth::nonce::Nonces;
use crate::tls::context::Materials;
use crate::worker::Order;
use crate::worker::conn::Stay;

/// A handover under way.
#[derive(Debug)]
pub(super) struct Taking {
    channel: TakerChannel,
    /// Connections taken so far.
    taken: u64,
    /// Whether the predecessor has said anything.
    is_met: bool,
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
        let accepts = [
            (KIND_HTTP1, HTTP1_VERSION),
            (KIND_TICKETS, TICKETS_VERSION),
            (KIND_NONCES, NONCES_VERSION),
        ];
        let accepts = accepts.map(|(kind, newest)| Accepts {
            kind,
            versions: 1..=newest,
        });
        Ok(Taking {
            channel: TakerChannel::new(socket, &super::software(), accepts.into(), room)?,
            taken: 0,
            is_met: false,
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

    /// Whether the predecessor is leaving: it says nothing before.
    pub(super) fn is_met(&self) -> bool {
        self.is_met
    }

    /// Takes no more: we are leaving ourselves.
    pub(super) fn stop(&mut self) {
        self.channel.stop();
    }

    /// Goes on as far as possible.
    pub(super) fn step(
        &mut self,
        crew: &mut Crew,
        materials: &Materials,
        nonces: &mut Nonces,
    ) -> Progress {
        loop {
            self.channel.pump();
            let Some(event) = self.channel.next_event() else {
                return Progress::Under;
            };
            self.is_met = true;
            match event {
                TakerEvent::Batch(batch) => {
                    let verdicts = judge(&batch);
                    self.channel.answer(batch, verdicts);
                }
                TakerEvent::Accepted(mut parcels) => {
                    for tickets in parcels.extract_if(.., |parcel| parcel.kind == KIND_TICKETS) {
                        materials.adopt(&tickets.payload);
                    }
                    let heirlooms = parcels
                        .extract_if(.., |parcel| parcel.kind == KIND_NONCES)
                        .last();
                    // They come before all connections, if they come.
                    inherit(crew, nonces, heirlooms);
                    self.taken += parcels.len() as u64;
                    crew.adopt(
                        parcels.into_iter().filter_map(revive).collect(),
                        Stay::Movable,
                    );
                }
                TakerEvent::Finished(counters) => {
                    crew.board.inherit(&counters);
                    inherit(crew, nonces, None);
                    return Progress::Finished;
                }
                TakerEvent::Broken(_) => {
                    inherit(crew, nonces, None);
                    return Progress::Broken;
                }
                _ => {}
            }
        }
    }
}

/// Goes on with the predecessor's secrets for nonces, or without, if they have not come by now.
fn inherit(crew: &Crew, nonces: &mut Nonces, heirlooms: Option<Parcel>) {
    if heirlooms.is_none() && !nonces.is_awaiting() {
        return;
    }
    let heirlooms = heirlooms.as_ref().map(|parcel| &parcel.payload[..]);
    *nonces = nonces.with_heirlooms(heirlooms, Now::read());
    crew.order_all(|| Order::Nonces(nonces.clone()));
}

/// Reads the images of a batch, without touching what they describe.
fn judge(batch: &Batch) -> Vec<Verdict> {
    let verdict = |parcel: handover::ParcelView<'_>| match parcel.kind {
        KIND_TICKETS => match Tickets::import(parcel.payload) {
            Ok(_) if parcel.fd_count == 0 => Verdict::Accept,
            Ok(_) => Verdict::Refuse(Refusal::Malformed("descriptors".to_owned())),
            Err(error) => Verdict::Refuse(Refusal::Malformed(error.to_string())),
        },
        KIND_NONCES => match Nonces::is_heirloom(parcel.payload) && parcel.fd_count == 0 {
            true => Verdict::Accept,
            false => Verdict::Refuse(Refusal::Malformed("no secrets".to_owned())),
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
            errorlog::say(
                "generation",
                format_args!("a connection of the predecessor is unusable and was closed: {fault}"),
            );
            None
        }
    }
}
