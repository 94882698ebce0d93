//! 8b. Content codings: bodies made smaller on their way to a client (RFC 9110 section 8.4).
//!
//! In: a body, whole or piece by piece. Out: the same, compressed. Must hold: what is compressed as it is sent takes no more
//! memory than its [`Encoder`] and one piece, however long it is and however slow its reader; and it can stop after any
//! byte and go on in another process ([`Paused`]).

mod brotli;
mod deflate;
mod encoder;
mod keep;
mod packing;
mod plan;
#[cfg(test)]
mod tests;
mod zstd;

use minicbor::{Decode, Encode};

pub use encoder::{Encoder, Failed, Paused, Stream};
pub use keep::Keep;
pub use packing::{Packing, Progress};
pub use plan::{Outcome, Plan, tagged};

/// Bodies up to this length are compressed at once; longer ones as they are sent.
pub const AT_ONCE: u64 = 128 * 1024;

/// A content coding, by the name that the client knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Coding {
    /// RFC 1952
    #[n(0)]
    Gzip,
    /// The same, by its old name.
    #[n(1)]
    XGzip,
    /// RFC 1950
    #[n(2)]
    Deflate,
    /// RFC 7932
    #[n(3)]
    Brotli,
    /// RFC 8878
    #[n(4)]
    Zstd,
}

impl Coding {
    /// As in `Content-Encoding`.
    pub const fn label(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::XGzip => "x-gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }

    /// Whether this program was built with it.
    pub const fn is_here(self) -> bool {
        match self {
            Coding::Gzip | Coding::XGzip | Coding::Deflate => true,
            Coding::Brotli => cfg!(feature = "brotli"),
            Coding::Zstd => cfg!(feature = "zstd"),
        }
    }
}

/// How something is compressed. Each number means what the coding's own library means by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Recipe {
    /// The coding.
    #[n(0)]
    pub coding: Coding,
    /// How hard to try.
    #[n(1)]
    pub level: u8,
    /// Logarithm of the window's size in bytes.
    #[n(2)]
    pub window: u8,
    /// gzip, deflate: `memLevel`.
    #[n(3)]
    pub memory: u8,
    /// gzip, deflate, zstd: strategy; br: mode. 0: the library's choice.
    #[n(4)]
    pub strategy: u8,
}

/// Window of br and zstd, unless it is configured: what one answer under way may take in memory. It finds what a page
/// repeats; the libraries' own defaults, 4 MiB and 2 MiB, are meant for archives.
const WINDOW: u8 = 18;

impl Recipe {
    /// What is done unless it is configured otherwise.
    pub const fn of(coding: Coding) -> Recipe {
        let (level, window) = match coding {
            Coding::Gzip | Coding::XGzip | Coding::Deflate => (6, 15),
            Coding::Brotli => (5, WINDOW),
            Coding::Zstd => (3, WINDOW),
        };
        Recipe {
            coding,
            level,
            window,
            memory: 8,
            strategy: 0,
        }
    }

    /// Whether this program can do it: an image may say anything.
    pub fn is_sane(&self) -> bool {
        let fits = match self.coding {
            Coding::Gzip | Coding::XGzip | Coding::Deflate => {
                matches!(self.level, 0..=9)
                    && matches!(self.window, 9..=15)
                    && matches!(self.memory, 1..=9)
                    && self.strategy <= 4
            }
            Coding::Brotli => {
                self.level <= 11 && matches!(self.window, 10..=24) && self.strategy <= 2
            }
            Coding::Zstd => {
                matches!(self.level, 1..=22) && matches!(self.window, 10..=23) && self.strategy <= 9
            }
        };
        self.coding.is_here() && fits
    }

    /// Compresses something that is there as a whole.
    pub fn pack(&self, data: &[u8]) -> Result<Vec<u8>, Failed> {
        let mut out = Vec::with_capacity(data.len() / 3 + 64);
        let mut encoder = Paused::ahead(*self).resume()?;
        encoder.write(data, &mut out)?;
        encoder.finish(&mut out)?;
        Ok(out)
    }
}
