//! Threads that find answers, and may take their time.
//!
//! In: tasks of all workers of a generation. Out: a reply to the worker that asked. Must hold: bounded in threads and in what
//! waits for one; nothing is started before the first task; no thread keeps the process from ending, and none that a library
//! gives up in ends it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Answer, Job, Key, Lives};
use crate::worker::inbox::Outlet;

/// Most threads. Most of the time they wait for somebody else; hashing keeps a processor busy.
const THREADS: usize = 4;
/// Most tasks that wait for a thread.
const QUEUE: usize = 256;

/// Most threads that may be stranded in a task; then it is better to begin anew.
const STRANDED: usize = 16;

thread_local! {
    /// What this thread is about, if it is one of a pool.
    static AT_WORK: RefCell<Option<AtWork>> = const { RefCell::new(None) };
}

/// What a thread works for, and whom it owes a word.
struct AtWork {
    shared: Arc<Shared>,
    key: Key,
    lives: Lives,
    reply: Outlet<Reply>,
}

/// A thread panics, and is not to go on. Returns `Some` if it is one of a pool and was at a task: what it was asked is not to be
/// found out, another thread takes its place, and it may stand still for ever. A client of a database that gives up over what it
/// was told is nothing that connections have to pay for.
pub fn strand() -> Option<Stranded> {
    static SO_FAR: AtomicUsize = AtomicUsize::new(0);
    let at_work = AT_WORK.try_with(|at_work| at_work.try_borrow_mut().ok()?.take());
    let at_work = at_work.ok().flatten()?;
    if SO_FAR.fetch_add(1, Ordering::Relaxed) >= STRANDED {
        return None;
    }
    let _ = at_work.reply.send(Reply {
        key: at_work.key,
        answer: Answer::Unavailable,
        lives: at_work.lives,
    });
    at_work.shared.lock().threads -= 1;
    Some(Stranded(()))
}

/// A thread that has nothing to do any more.
#[derive(Debug)]
pub struct Stranded(());

impl Stranded {
    /// Stands still. What it has on its stack and may have locked stays as it is.
    pub fn stay(self) -> ! {
        loop {
            std::thread::park();
        }
    }
}

/// The threads of one generation. Copies are the same pool.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Task>,
    threads: usize,
    resting: usize,
}

/// A question for a thread.
pub struct Task {
    /// Names it.
    pub key: Key,
    /// How it is answered.
    pub job: Job,
    /// How long an answer is believed.
    pub lives: Lives,
    /// Whether nobody wants to know any more.
    pub forgotten: Arc<AtomicBool>,
    /// Who asks.
    pub reply: Outlet<Reply>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Names the question.
    pub key: Key,
    /// What was found out.
    pub answer: Answer,
    /// How long it is believed.
    pub lives: Lives,
}

impl Pool {
    /// Has a task done, some time. Gives it back if too many wait already, or if there is no thread to be had.
    pub fn submit(&self, task: Task) -> Result<(), Task> {
        let mut state = self.0.lock();
        if state.queue.len() >= QUEUE {
            return Err(task);
        }
        if state.resting <= state.queue.len() && state.threads < THREADS {
            let shared = self.0.clone();
            let thread = std::thread::Builder::new()
                .name("answers".to_owned())
                .spawn(move || shared.work());
            match thread {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => return Err(task),
                // The others will do it.
                Err(_) => {}
            }
        }
        state.queue.push_back(task);
        drop(state);
        self.0.news.notify_one();
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panics ends the process; and what is behind the lock is good at any moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does, for ever.
    fn work(self: &Arc<Self>) {
        let mut state = self.lock();
        loop {
            let Some(task) = state.queue.pop_front() else {
                state.resting += 1;
                state = self
                    .news
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.resting -= 1;
                continue;
            };
            drop(state);
            if !task.forgotten.load(Ordering::Relaxed) {
                AT_WORK.set(Some(AtWork {
                    shared: self.clone(),
                    key: task.key,
                    lives: task.lives,
                    reply: task.reply.clone(),
                }));
                let answer = (task.job)();
                AT_WORK.set(None);
                let reply = Reply {
                    key: task.key,
                    answer,
                    lives: task.lives,
                };
                // A worker that is gone does not want to know.
                let _ = task.reply.send(reply);
            }
            state = self.lock();
        }
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::super::Answers;
    use super::*;
    use crate::worker::inbox::{self, Inbox};

    fn task(number: u8, reply: &Outlet<Reply>, job: Job) -> (Task, Arc<AtomicBool>) {
        let forgotten = Arc::new(AtomicBool::new(false));
        let task = Task {
            key: Answers::default().key("k", &[&[number]]),
            job,
            lives: Lives::SHORT,
            forgotten: forgotten.clone(),
            reply: reply.clone(),
        };
        (task, forgotten)
    }

    fn wait_for(inbox: &Inbox<Reply>) -> Reply {
        loop {
            if let Some(reply) = inbox.next() {
                return reply;
            }
            let mut fds = [rustix::event::PollFd::new(
                inbox,
                rustix::event::PollFlags::IN,
            )];
            rustix::event::poll(&mut fds, None).unwrap();
            inbox.hush();
        }
    }

    #[test]
    fn tasks_wait_their_turn_and_too_many_are_refused() {
        let pool = Pool::default();
        let (reply, inbox) = inbox::channel().unwrap();
        let (started, has_started) = mpsc::channel();
        let mut blockers = Vec::new();
        for number in 0..THREADS {
            let (go, wait) = mpsc::channel::<()>();
            blockers.push(go);
            let started = started.clone();
            let job = Box::new(move || {
                started.send(()).unwrap();
                let _ = wait.recv();
                Answer::Yes(vec![number as u8])
            });
            pool.submit(task(number as u8, &reply, job).0).unwrap();
        }
        for _ in 0..THREADS {
            has_started.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        // All threads are busy; now the queue fills.
        let (forgotten, flag) = task(0, &reply, Box::new(|| panic!("it was forgotten")));
        flag.store(true, Ordering::Relaxed);
        pool.submit(forgotten).unwrap();
        for _ in 1..QUEUE {
            let (task, _) = task(1, &reply, Box::new(|| Answer::No));
            pool.submit(task).unwrap();
        }
        assert!(
            pool.submit(task(2, &reply, Box::new(|| Answer::No)).0)
                .is_err()
        );
        drop(blockers);
        let answers: Vec<Answer> = (0..THREADS + QUEUE - 1)
            .map(|_| wait_for(&inbox).answer)
            .collect();
        let yes = answers.iter().filter(|answer| **answer != Answer::No);
        assert_eq!(yes.count(), THREADS);
        assert_eq!(pool.0.lock().threads, THREADS);
    }

    #[test]
    fn one_thread_is_enough_for_one_task_at_a_time() {
        let pool = Pool::default();
        let (reply, inbox) = inbox::channel().unwrap();
        for number in 0..10 {
            let job = Box::new(move || Answer::Yes(vec![number]));
            pool.submit(task(number, &reply, job).0).unwrap();
            assert_eq!(wait_for(&inbox).answer, Answer::Yes(vec![number]));
            // It has replied and rests, or is about to.
            while pool.0.lock().resting == 0 {
                std::thread::yield_now();
            }
        }
        assert_eq!(pool.0.lock().threads, 1);
    }
}
