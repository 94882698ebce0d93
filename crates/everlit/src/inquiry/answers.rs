//! Answers, for as long as each may be believed.
//!
//! In: a key, an answer and its life. Out: the answer. Must hold: bounded; whoever floods it with wrong passwords washes out
//! what is short-lived first.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use foldhash::fast::RandomState;

use super::Answer;

/// Most answers. Beyond it the one goes whose life ends first.
const MOST: usize = 4096;

/// Names a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

/// What is known.
#[derive(Debug)]
pub struct Answers {
    secret: hmac::Key,
    known: HashMap<Key, Known, RandomState>,
    /// When each ends (monotonic).
    ends: BTreeSet<(Duration, Key)>,
}

#[derive(Debug)]
struct Known {
    answer: Answer,
    end: Duration,
}

impl Default for Answers {
    fn default() -> Self {
        let mut secret = [0; 32];
        // It does not return before it could. Were it to fail, keys would only be easier to guess from a memory dump.
        let _ = rand::fill(&mut secret);
        Answers {
            secret: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            known: HashMap::default(),
            ends: BTreeSet::new(),
        }
    }
}

impl Answers {
    /// The key of a question: what kind it is, and everything that its answer depends on.
    pub fn key(&self, kind: &str, parts: &[&[u8]]) -> Key {
        let mut context = hmac::Context::with_key(&self.secret);
        for part in std::iter::once(kind.as_bytes()).chain(parts.iter().copied()) {
            // With its length before it, no two lists of parts are the same bytes.
            context.update(&(part.len() as u64).to_ne_bytes());
            context.update(part);
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        Key(key)
    }

    /// The answer, if it is known and still good.
    pub fn find(&self, key: &Key, now: Duration) -> Option<&Answer> {
        let known = self.known.get(key)?;
        (known.end >= now).then_some(&known.answer)
    }

    /// Remembers an answer, from now on for so long. Even without any life it is found at the same moment.
    pub fn insert(&mut self, key: Key, answer: Answer, life: Duration, now: Duration) {
        let end = now.saturating_add(life);
        if let Some(old) = self.known.insert(key, Known { answer, end }) {
            self.ends.remove(&(old.end, key));
        }
        // Before it counts itself: what was just learnt is wanted now.
        while self.ends.len() >= MOST
            && let Some((_, first)) = self.ends.pop_first()
        {
            self.known.remove(&first);
        }
        self.ends.insert((end, key));
    }

    /// Forgets what is not believed any more.
    pub fn sweep(&mut self, now: Duration) {
        while let Some((end, key)) = self.ends.first().copied()
            && end < now
        {
            self.ends.pop_first();
            self.known.remove(&key);
        }
    }

    /// Whether there is anything to be forgotten some day.
    pub fn is_holding(&self) -> bool {
        !self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn keys_tell_questions_apart() {
        let answers = Answers::default();
        let key = answers.key("a", &[b"bc", b"d"]);
        assert_eq!(key, answers.key("a", &[b"bc", b"d"]));
        for other in [
            answers.key("a", &[b"b", b"cd"]),
            answers.key("a", &[b"bcd"]),
            answers.key("ab", &[b"c", b"d"]),
            answers.key("a", &[b"bc", b"d", b""]),
            Answers::default().key("a", &[b"bc", b"d"]),
        ] {
            assert_ne!(key, other);
        }
    }

    #[test]
    fn an_answer_is_believed_for_its_life() {
        let mut answers = Answers::default();
        let key = answers.key("k", &[]);
        assert_eq!(answers.find(&key, at(0)), None);
        answers.insert(key, Answer::No, at(1), at(5));
        assert_eq!(answers.find(&key, at(6)), Some(&Answer::No));
        assert_eq!(answers.find(&key, at(7)), None);
        // A new answer takes the place of the old one, with a life of its own.
        answers.insert(key, Answer::Yes(vec![1]), at(0), at(6));
        assert_eq!(answers.find(&key, at(6)), Some(&Answer::Yes(vec![1])));
        assert!(answers.is_holding());
        answers.sweep(at(6));
        assert!(answers.is_holding());
        answers.sweep(at(7));
        assert!(!answers.is_holding() && answers.ends.is_empty());
    }

    #[test]
    fn a_flood_washes_out_what_ends_first() {
        let mut answers = Answers::default();
        let good = answers.key("good", &[]);
        answers.insert(good, Answer::Yes(Vec::new()), at(600), at(0));
        for i in 0..3 * MOST as u64 {
            let bad = answers.key("bad", &[&i.to_ne_bytes()]);
            answers.insert(bad, Answer::No, at(1), at(0));
            assert_eq!(answers.find(&bad, at(0)), Some(&Answer::No));
            assert!(answers.known.len() <= MOST && answers.ends.len() <= MOST);
        }
        assert!(answers.find(&good, at(1)).is_some());
    }
}
