//! A session on its way to another process.
//!
//! In: a [`Session`] by value. Out: [`Frozen`] here, [`Arrived`] there, and a session again in exactly one of them. Must
//! hold: nothing can be sealed or opened with a frozen session, here or there, so that the two processes never use the same
//! key and sequence number.
//!
//! ```text
//! predecessor                                    successor
//! Session ──freeze──► Frozen ───image───► Arrived::decode ──► Arrived
//!                       │ ◄── accepted, or not ──                │
//!    not accepted: thaw │                                        │ accepted: begin
//!    Session ◄──────────┤                                        └──────────► Session
//!    accepted: gone ────┘
//! ```

use std::fmt;

use zeroize::Zeroizing;

use crate::error::ImageError;
use crate::facts::Facts;
use crate::image;
use crate::record::Session;

/// A session with everything that belongs to it.
#[derive(Debug)]
pub struct Whole {
    /// The session.
    pub session: Session,
    /// What it has sealed and nobody has sent: must be sent before anything else.
    pub unsent: Vec<u8>,
    /// What was agreed on.
    pub facts: Facts,
}

/// A session that may be about to live elsewhere.
#[must_use = "thaw it or let it be gone"]
pub struct Frozen(Whole);

/// An image that was read and found good. It is not ours before the predecessor knows that we take it.
#[must_use = "begin it when the predecessor has been told"]
pub struct Arrived(Whole);

impl Session {
    /// Makes it data. `unsent` is what it has sealed and the socket has not taken.
    pub fn freeze(mut self, unsent: Vec<u8>, facts: Facts) -> Frozen {
        self.rest();
        Frozen(Whole {
            session: self,
            unsent,
            facts,
        })
    }
}

impl Frozen {
    /// The image, some 200 bytes and what is unsent. It has the keys in it: whoever reads it reads the connection. It is wiped
    /// when it is dropped; the copies that you make of it are yours to wipe.
    pub fn image(&self) -> Zeroizing<Vec<u8>> {
        image::write(&self.0.session, &self.0.unsent, &self.0.facts)
    }

    /// It stays here. Only if it is certain that nobody begins what the image says: it was refused, or whoever had it is
    /// dead and had not accepted it.
    pub fn thaw(self) -> Whole {
        self.0
    }

    /// It lives elsewhere now; keys are wiped here.
    pub fn gone(self) {}
}

impl Arrived {
    /// Reads an image. Any bytes are read or refused.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn decode(image: &[u8]) -> Result<Arrived, ImageError> {
        let (session, unsent, facts) = image::read(image)?;
        Ok(Arrived(Whole {
            session,
            unsent,
            facts,
        }))
    }

    /// What was agreed on.
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// It lives here now. The predecessor has been told, and can do nothing with it any more.
    pub fn begin(self) -> Whole {
        self.0
    }
}

impl fmt::Debug for Frozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frozen({:?})", self.0.session)
    }
}

impl fmt::Debug for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arrived({:?})", self.0.session)
    }
}

#[cfg(test)]
mod tests;
