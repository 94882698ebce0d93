//! Move listening sockets and live connections from one process to its successor, losing none.

pub mod channel;
pub mod error;
pub mod giver;
pub mod parcel;
pub mod sys;
pub mod taker;
pub mod wire;

pub use channel::{GiverChannel, TakerChannel, Woken};
pub use error::{Error, Violation};
pub use giver::{Giver, GiverEvent};
pub use parcel::{
    Accepts, Listener, MAX_PARCEL_FDS, MAX_PAYLOAD_BYTES, MAX_REFUSAL_TEXT_BYTES, Parcel, Refusal,
    Token, Verdict,
};
pub use taker::{Batch, ParcelView, Taker, TakerEvent};
pub use wire::{Arrived, Transmit};
