//! What modules know beside the request, and what they want to know.
//!
//! In: answers to questions that took time, files with users, secrets. Out: the same, for hooks. Must hold: it belongs to one worker thread, like all
//! that hooks are lent.

use std::time::Duration;

use crate::clock::Now;
use crate::files::Texts;
use crate::inquiry::{Answer, Answers, Question};
use crate::modules::auth::{self, nonce::Nonces};

/// What is known.
#[derive(Debug, Default)]
pub struct Knowledge {
    /// Answers to questions that took time.
    pub answers: Answers,
    /// Files with users and groups.
    pub texts: Texts,
    /// Secrets for nonces.
    pub nonces: Nonces,
    /// `server.feature-flags`, those of mod_auth.
    pub auth: auth::Flags,
    /// What a hook wants to know that says [`Flow::Wait`](crate::exchange::Flow::Wait).
    pub question: Option<Question>,
}

impl Knowledge {
    /// The answer to a question, or nothing: then it is raised, and the hook is to say that it waits.
    pub fn ask(&mut self, question: Question, now: Duration) -> Option<&Answer> {
        if self.answers.find(&question.key, now).is_none() {
            self.question = Some(question);
            return None;
        }
        self.answers.find(&question.key, now)
    }

    /// Whether there is anything to be forgotten some day.
    pub fn is_holding(&self) -> bool {
        self.answers.is_holding()
    }

    /// Forgets what is not good any more.
    pub fn sweep(&mut self, now: Now) {
        self.answers.sweep(now.monotonic);
        self.texts.sweep();
    }
}
