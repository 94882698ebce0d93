//! Moments across an exec.
//!
//! In: an [`Instant`]. Out: its place on the system's monotonic clock in microseconds, and an [`Instant`] there again. Must
//! hold: only between programs that run one after the other on the same system.

use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sys::clock::monotonic_microseconds;

pub(crate) fn serialize<S: Serializer>(moment: &Instant, to: S) -> Result<S::Ok, S::Error> {
    let (now, place) = (Instant::now(), monotonic_microseconds());
    let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    match moment.checked_duration_since(now) {
        Some(ahead) => place.saturating_add(microseconds(ahead)),
        None => place.saturating_sub(microseconds(now.duration_since(*moment))),
    }
    .serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
    let moment = u64::deserialize(from)?;
    let (now, place) = (Instant::now(), monotonic_microseconds());
    let there = match moment.checked_sub(place) {
        Some(ahead) => now.checked_add(Duration::from_micros(ahead)),
        None => now.checked_sub(Duration::from_micros(place - moment)),
    };
    Ok(there.unwrap_or(now))
}

/// The same for moments that may not have come.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, Instant, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Moment(#[serde(with = "super")] Instant);

    pub(crate) fn serialize<S: Serializer>(
        moment: &Option<Instant>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        moment.map(Moment).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Instant>, D::Error> {
        Ok(Option::<Moment>::deserialize(from)?.map(|moment| moment.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Both {
        #[serde(with = "super")]
        one: Instant,
        #[serde(with = "super::option")]
        other: Option<Instant>,
    }

    #[test]
    fn a_moment_stays_where_it_is() {
        let now = Instant::now();
        let hour = Duration::from_secs(60);
        for one in [now - hour, now + hour] {
            let both = Both { one, other: None };
            let again: Both = serde_json::from_str(&serde_json::to_string(&both).unwrap()).unwrap();
            let difference = again.one.max(both.one) - again.one.min(both.one);
            // The two clocks are read one after the other; a machine may be slow, but not by half of what was written.
            assert!(difference < hour / 2);
            assert!(again.other.is_none());
        }
    }
}
