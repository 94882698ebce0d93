//! Questions that were asked and not answered yet, and who waits for each.
//!
//! In: who asks what, and who is gone. Out: whether somebody is to be asked, and who is to be woken. Must hold: a question is
//! pending as long as somebody waits for it, and not a moment longer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;

use super::Key;

/// Who waits for what. `W` names those who wait.
#[derive(Debug)]
pub struct Pending<W> {
    questions: HashMap<Key, Waiting<W>, RandomState>,
}

#[derive(Debug)]
struct Waiting<W> {
    who: Vec<W>,
    /// For the thread that is to answer: nobody wants to know any more.
    forgotten: Arc<AtomicBool>,
}

/// What becomes of somebody who asks.
#[derive(Debug)]
pub enum Joined {
    /// The first: the question is to be asked, unless this says at last that it is not wanted any more.
    First(Arc<AtomicBool>),
    /// It was asked already, and its answer is waited for.
    Another,
}

impl<W> Default for Pending<W> {
    fn default() -> Self {
        Pending {
            questions: HashMap::default(),
        }
    }
}

impl<W: PartialEq> Pending<W> {
    /// Somebody asks, and waits.
    pub fn join(&mut self, key: Key, who: W) -> Joined {
        if let Some(waiting) = self.questions.get_mut(&key) {
            waiting.who.push(who);
            return Joined::Another;
        }
        let forgotten = Arc::new(AtomicBool::new(false));
        let waiting = Waiting {
            who: vec![who],
            forgotten: forgotten.clone(),
        };
        self.questions.insert(key, waiting);
        Joined::First(forgotten)
    }

    /// Somebody does not wait any more.
    pub fn leave(&mut self, key: &Key, who: &W) {
        let Some(waiting) = self.questions.get_mut(key) else {
            return;
        };
        waiting.who.retain(|other| other != who);
        if waiting.who.is_empty() {
            waiting.forgotten.store(true, Ordering::Relaxed);
            self.questions.remove(key);
        }
    }

    /// There is an answer: those who waited for it.
    pub fn answered(&mut self, key: &Key) -> Vec<W> {
        self.questions
            .remove(key)
            .map_or_else(Vec::new, |waiting| waiting.who)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Answers;
    use super::*;

    #[test]
    fn the_first_asks_and_all_are_woken() {
        let key = Answers::default().key("k", &[]);
        let mut pending = Pending::default();
        let Joined::First(forgotten) = pending.join(key, 1) else {
            panic!("it was asked before");
        };
        assert!(matches!(pending.join(key, 2), Joined::Another));
        assert!(matches!(pending.join(key, 3), Joined::Another));
        pending.leave(&key, &2);
        assert_eq!(pending.answered(&key), [1, 3]);
        assert!(!forgotten.load(Ordering::Relaxed));
        // It is known now; whoever leaves late changes nothing, and whoever asks again is the first.
        pending.leave(&key, &1);
        assert!(pending.answered(&key).is_empty());
        assert!(matches!(pending.join(key, 1), Joined::First(_)));
    }

    #[test]
    fn what_nobody_waits_for_is_forgotten() {
        let key = Answers::default().key("k", &[]);
        let mut pending = Pending::default();
        let Joined::First(first) = pending.join(key, 1) else {
            panic!("it was asked before");
        };
        pending.leave(&key, &1);
        assert!(first.load(Ordering::Relaxed));
        // Asked anew, it is another question: an answer to the first would do, too.
        let Joined::First(second) = pending.join(key, 2) else {
            panic!("nobody waits for it");
        };
        assert!(!second.load(Ordering::Relaxed));
        assert_eq!(pending.answered(&key), [2]);
    }
}
