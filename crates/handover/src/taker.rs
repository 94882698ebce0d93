//! The successor's machine (to be completed).
#![allow(missing_docs, dead_code, unused_variables, clippy::unimplemented)]
use crate::error::Error;
use crate::parcel::{Accepts, Listener, Parcel, Verdict};
use crate::wire::{Arrived, Transmit};
use std::io;

/// What happened, for the taker.
#[derive(Debug)]
#[non_exhaustive]
pub enum TakerEvent {
    /// The giver has said who it is.
    Hello { software: String, version: u16 },
    /// The shared listeners, maybe none. Comes once, before any batch.
    Listeners(Vec<Listener>),
    /// Parcels to be decided about.
    Batch(Batch),
    /// The answer is written: these parcels are ours.
    Accepted(Vec<Parcel>),
    /// The giver has given everything; its counters. The last event.
    Finished(Vec<u8>),
    /// The handover has ended early. Parcels that came out in `Accepted` stay ours. The last event.
    Broken(Error),
}

/// Parcels that wait for verdicts. They can be looked at, not used: their descriptors are still the giver's.
#[derive(Debug)]
#[must_use = "the giver waits for an answer"]
pub struct Batch {
    parcels: Vec<Parcel>,
}
impl Batch {
    /// The parcels, in the order in which the verdicts are expected.
    pub fn parcels(&self) -> impl ExactSizeIterator<Item = ParcelView<'_>> {
        self.parcels.iter().map(|p| ParcelView {
            kind: p.kind,
            version: p.version,
            payload: &p.payload,
            fds: p.fds.len(),
        })
    }
}
/// A parcel that may be examined, not used.
#[derive(Debug, Clone, Copy)]
pub struct ParcelView<'a> {
    pub kind: u16,
    pub version: u16,
    pub payload: &'a [u8],
    /// How many descriptors came with it.
    pub fds: usize,
}

#[derive(Debug)]
pub struct Taker {}
impl Taker {
    pub fn new(software: &str, accepts: Vec<Accepts>, room: u32) -> Result<Self, Error> {
        unimplemented!()
    }
    pub fn answer(&mut self, batch: Batch, verdicts: Vec<Verdict>) {
        unimplemented!()
    }
    pub fn add_room(&mut self, descriptors: u32) {
        unimplemented!()
    }
    pub fn stop(&mut self) {
        unimplemented!()
    }
    pub fn next_event(&mut self) -> Option<TakerEvent> {
        unimplemented!()
    }
    pub fn receive(&mut self, bytes: &[u8], arrived: Arrived) {
        unimplemented!()
    }
    pub fn transmit(&mut self) -> Option<Transmit<'_>> {
        unimplemented!()
    }
    pub fn transmitted(&mut self, bytes: usize) {
        unimplemented!()
    }
    pub fn congested(&mut self, cause: io::Error) {
        unimplemented!()
    }
    pub fn ended(&mut self, error: Error) {
        unimplemented!()
    }
    pub fn wants_write(&self) -> bool {
        unimplemented!()
    }
    pub fn has_event(&self) -> bool {
        unimplemented!()
    }
    pub fn is_over(&self) -> bool {
        unimplemented!()
    }
}
