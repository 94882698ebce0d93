//! The predecessor's machine (to be completed).
#![allow(missing_docs, dead_code, unused_variables, clippy::unimplemented)]
use crate::error::Error;
use crate::parcel::{Listener, Parcel, Refusal, Token};
use crate::wire::{Arrived, Transmit};
use std::io;

/// What happened, for the giver.
#[derive(Debug)]
#[non_exhaustive]
pub enum GiverEvent {
    /// The taker has said who it is.
    Hello { software: String, version: u16 },
    /// The taker owns this parcel; our copies of its descriptors are closed.
    Accepted(Token),
    /// This parcel stays here.
    Returned {
        token: Token,
        parcel: Parcel,
        reason: Refusal,
    },
    /// The taker has everything, and has the counters. The last event.
    Finished,
    /// The handover has ended early, and everything without an answer is ours again. The last event.
    Broken {
        error: Error,
        returned: Vec<(Token, Parcel)>,
    },
}

#[derive(Debug)]
pub struct Giver {}
impl Giver {
    pub fn new(software: &str, listeners: Vec<Listener>) -> Result<Self, Error> {
        unimplemented!()
    }
    pub fn offer(&mut self, token: Token, parcel: Parcel) {
        unimplemented!()
    }
    pub fn finish(&mut self, counters: Vec<u8>) -> Result<(), Error> {
        unimplemented!()
    }
    pub fn next_event(&mut self) -> Option<GiverEvent> {
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
