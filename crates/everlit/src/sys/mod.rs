//! What only the kernel can say, in safe words.
//!
//! In: typed requests. Out: owned descriptors and `io::Error`s. Must hold: no `unsafe` outside this directory, and no
//! descriptor that could leak into a child by accident: all are close-on-exec from birth.

pub(crate) mod clock;
pub(crate) mod daemon;
pub(crate) mod descriptor;
pub(crate) mod exec;
pub(crate) mod filter;
pub(crate) mod local_time;
pub(crate) mod memory;
pub(crate) mod memory_file;
pub(crate) mod notify;
#[cfg(feature = "pam")]
pub(crate) mod pam;
pub(crate) mod privilege;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod spawn;
pub(crate) mod wipe;
