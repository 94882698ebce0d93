//! Move listening sockets and live connections from one process to its successor, losing none.

mod parcel;
mod wire;

mod giver;
mod inbox;
mod taker;

mod channel;
pub mod sys;

mod error;

pub use channel::{GiverChannel, TakerChannel, Woken};
pub use error::{Error, Violation};
pub use giver::{Giver, GiverEvent};
pub use parcel::{
    Accepts, Listener, MAX_PARCEL_FDS, MAX_PAYLOAD_BYTES, MAX_REFUSAL_TEXT_BYTES, Parcel, Refusal,
    Token, Verdict,
};
pub use taker::{Batch, ParcelView, Taker, TakerEvent};
pub use wire::{Arrived, Transmit};
