//! Requests that wait until something is found out (see [`crate::inquiry`]).
//!
//! In: questions of requests that were put off; answers. Out: tasks for the pool; requests that are read again. Must hold:
//! everybody who waits is woken: by an answer, or when it has waited long enough.

use zeroize::Zeroize as _;

use super::Worker;
use super::serve;
use super::table::Key;
use super::{inbox, origin};
use crate::http1::state::Phase;
use crate::inquiry::{self, Answer, Joined, Lives, Question, Reply, Task, Work};
use crate::modules::auth::HEIRLOOMS;
use crate::modules::auth::nonce::Nonces;

/// Answers that are dealt with before others have their turn.
const REPLIES_TURN: usize = 64;

impl Worker {
    /// After a connection was served: asks what its request is put off for.
    pub(super) fn inquire(&mut self, key: Key) {
        let Some(Question {
            key: question,
            work,
            lives,
        }) = self.bench.desk.knowledge.question.take()
        else {
            return;
        };
        // It is rare, and what was read may have a password in it; all of it is the connection's now.
        self.buffer.zeroize();
        self.bench.tls.plain.zeroize();
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        let patience = conn.http.patience(&self.bench);
        let deadline = self.second() + u32::from(patience) + 1;
        self.table.set_deadline(key, deadline);
        let (Joined::First(forgotten), Work::Job(job)) = (self.pending.join(question, key), work)
        else {
            return;
        };
        let Some(reply) = self.replies() else {
            // Nobody can tell us the answer: it is given up in a moment.
            return self.table.set_deadline(key, self.second() + 1);
        };
        let task = Task {
            key: question,
            job,
            lives,
            forgotten,
            reply,
        };
        if let Err(task) = self.bench.pool.submit(task) {
            // As if it had been asked, and not from here: what follows on the connection may be such a question, too, and
            // a client could have each of them put on the stack above the last.
            let _ = task.reply.send(Reply {
                key: question,
                answer: Answer::Unavailable,
                lives,
            });
        }
    }

    /// Answers have come. Only so many at a time: a request that is read again may raise the next question.
    pub(super) fn take_replies(&mut self) {
        for _ in 0..REPLIES_TURN {
            let Some(reply) = self.next_reply() else {
                return;
            };
            self.answered(reply.key, reply.answer, reply.lives);
        }
        if let Some((outlet, _)) = &self.replies {
            outlet.ring();
        }
    }

    /// Secrets for nonces have come, or come no more: whoever waited for them is judged now.
    pub(super) fn use_nonces(&mut self, nonces: Nonces) {
        let knowledge = &mut self.bench.desk.knowledge;
        knowledge.nonces = nonces;
        let key = knowledge.answers.key(HEIRLOOMS, &[]);
        self.answered(key, Answer::No, Lives::SHORT);
    }

    /// A request has waited long enough.
    pub(super) fn give_up_asking(&mut self, key: Key) {
        let asking = self.table.get_mut(key).and_then(|conn| {
            let (question, answer) = conn.http.asking()?;
            Some((question, answer.clone()))
        });
        let Some((question, answer)) = asking else {
            return;
        };
        self.pending.leave(&question, &key);
        self.remember(question, answer, Lives::SHORT);
        self.resume(key, Some(&question));
    }

    /// Somebody who waited is gone, or goes to another process.
    pub(super) fn forget_question(&mut self, key: Key) {
        let asking = self.table.get_mut(key).and_then(|conn| conn.http.asking());
        if let Some((question, _)) = asking {
            self.pending.leave(&question, &key);
        }
    }

    /// Reads a request again that was put off; `question`: only if this is what it waited for.
    pub(super) fn resume(&mut self, key: Key, question: Option<&inquiry::Key>) {
        let Some(conn) = self.table.get_mut(key) else {
            return;
        };
        let before = conn.http.moment();
        let Some(input) = conn.http.take_back(question, &mut self.bench) else {
            return;
        };
        let endpoint = &self.endpoints[usize::from(conn.endpoint)];
        let who = conn.who();
        let origin = origin(&who, endpoint);
        let fate = serve::resumed(conn, &input, origin, &mut self.bench, &mut self.buffer);
        self.bench.begun = None;
        self.settle(key, before, fate);
        self.relay(key);
    }

    /// The same for a connection that comes from another process: it waits no longer than it would have there.
    pub(super) fn resume_adopted(&mut self, key: Key, deadline: u32) {
        self.resume(key, None);
        if let Some(conn) = self.table.get_mut(key)
            && matches!(conn.http.phase(), Phase::Asking | Phase::Head)
            && conn.deadline > deadline
        {
            self.table.set_deadline(key, deadline);
        }
    }

    fn answered(&mut self, question: inquiry::Key, answer: Answer, lives: Lives) {
        self.remember(question, answer, lives);
        for key in self.pending.answered(&question) {
            self.resume(key, Some(&question));
        }
    }

    fn remember(&mut self, question: inquiry::Key, answer: Answer, lives: Lives) {
        let life = lives.of(&answer);
        let now = self.bench.now.monotonic;
        let answers = &mut self.bench.desk.knowledge.answers;
        answers.insert(question, answer, life, now);
    }

    /// Where replies go. There is no such place before the first question; nothing, if the kernel has none to give.
    fn replies(&mut self) -> Option<inbox::Outlet<inquiry::Reply>> {
        if self.replies.is_none() {
            let (outlet, inbox) = inbox::channel().ok()?;
            let data = super::EventData::new_u64(super::REPLIES);
            super::epoll::add(&self.epoll, &inbox, data, super::EventFlags::IN).ok()?;
            self.replies = Some((outlet, inbox));
        }
        self.replies.as_ref().map(|(outlet, _)| outlet.clone())
    }

    fn next_reply(&mut self) -> Option<inquiry::Reply> {
        let (_, inbox) = self.replies.as_ref()?;
        inbox.hush();
        inbox.next()
    }
}
