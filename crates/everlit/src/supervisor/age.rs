//! Moments across an exec.
//!
//! In: an [`Instant`]. Out: its age in microseconds, and an [`Instant`] of that age again. Must hold: only for fields that
//! are written and read within moments of each other; the time between is not counted.
#![allow(
    clippy::disallowed_methods,
    reason = "an age is measured where it is written and where it is read"
)]

use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(moment: &Instant, to: S) -> Result<S::Ok, S::Error> {
    let age = Instant::now().saturating_duration_since(*moment);
    u64::try_from(age.as_micros())
        .unwrap_or(u64::MAX)
        .serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
    let age = Duration::from_micros(u64::deserialize(from)?);
    let now = Instant::now();
    Ok(now.checked_sub(age).unwrap_or(now))
}

/// The same for moments that may not have come.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Instant, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Age(#[serde(with = "super")] Instant);

    pub(crate) fn serialize<S: Serializer>(
        moment: &Option<Instant>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        moment.map(Age).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Instant>, D::Error> {
        Ok(Option::<Age>::deserialize(from)?.map(|age| age.0))
    }
}
