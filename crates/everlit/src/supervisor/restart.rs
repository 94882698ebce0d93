//! One restart, from its request to its outcome.
//!
//! In: what happened, and `now`. Out: what to do next, ending with exactly one [`Action::End`]. Must hold: until the
//! successor is ready the predecessor is asked nothing; whatever fails before everything has moved, the predecessor is the
//! one that serves; whatever happens after, the successor is.

use std::time::{Duration, Instant};

use super::failure::Failure;
use super::generation::Exit;

/// How long checking a configuration may take.
const CHECK_LIMIT: Duration = Duration::from_secs(60);
/// How long a predecessor may take to say that it serves again, once its successor is dead.
const RETURN_LIMIT: Duration = Duration::from_secs(10);
/// How long to wait, when a predecessor says that its successor failed, to see whether that is dead.
const DOUBT_LIMIT: Duration = Duration::from_millis(500);
/// A predecessor that says nothing for this long blocks no further restart.
const SILENCE_LIMIT: Duration = super::silence::LIMIT;

/// One restart. A first start, and replacing a crashed generation, are restarts without a predecessor.
///
/// ```text
/// Checking --checked--> Binding --bound--> Spawning --spawned--> Starting --ready--> Moving --moved--> Over
///    |                     |                  |                     |              |       |
///    +---------------------+------ failed ----+---------------------+       successor died |
///    v                                                                             v       | resumed
///   Over  <------------------------------- resumed, or time is up ---------- Returning     v
///    ^------------ successor died, predecessor ended (moved), or time is up ---------- Doubting
/// ```
#[derive(Debug)]
pub(crate) struct Restart {
    stage: Stage,
    predecessor: Predecessor,
    ready_limit: Duration,
}

/// Who serves while the successor starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Predecessor {
    /// Nobody.
    Nobody,
    /// A generation that has to be asked to leave.
    Serving,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Checking {
        until: Instant,
    },
    Binding,
    Spawning,
    Starting {
        until: Instant,
    },
    Moving {
        silent_until: Instant,
    },
    Returning {
        until: Instant,
        exit: Exit,
    },
    Doubting {
        until: Instant,
        reason: String,
        moved: u64,
    },
    Over,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The new binary accepts the configuration.
    Checked {
        /// How long the successor may take to become ready.
        ready_limit: Duration,
    },
    /// All listening sockets are there.
    Bound,
    /// The successor runs.
    Spawned,
    /// The step that was asked for failed.
    Failed(Failure),
    /// The successor accepts connections.
    Ready,
    /// The successor ended.
    SuccessorEnded {
        /// How.
        exit: Exit,
        /// What it said last.
        said: Option<String>,
    },
    /// The predecessor says how far it is.
    Progress {
        /// Connections that are still to be moved.
        waiting: u64,
    },
    /// The predecessor serves again.
    Resumed {
        /// Why.
        reason: String,
        /// Connections that the successor had taken until then.
        moved: u64,
    },
    /// The predecessor is gone, with or without a goodbye.
    PredecessorEnded,
    /// Time passed.
    Tick,
    /// A stop was asked for.
    Abort,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Let the binary on disk check the configuration.
    Check,
    /// Stop checking.
    CancelCheck,
    /// Bind what is newly configured.
    Bind,
    /// Start the successor.
    Spawn,
    /// Kill the successor.
    KillSuccessor,
    /// Have the successor end at once: it may serve already, though it has not said so yet.
    EndSuccessor,
    /// Let the successor finish what it has taken, and go.
    DismissSuccessor,
    /// Ask the predecessor to hand over to the successor.
    AskToLeave,
    /// The predecessor has said nothing for so long.
    MentionSilence(Duration),
    /// The successor serves; its plan and its listeners are in force.
    Commit,
    /// The old plan and the old listeners stay in force.
    RollBack,
    /// It is over.
    End(Result<(), Failure>),
}

impl Restart {
    /// Begins.
    pub(crate) fn begin(predecessor: Predecessor, now: Instant) -> (Self, Vec<Action>) {
        let restart = Self {
            stage: Stage::Checking {
                until: now + CHECK_LIMIT,
            },
            predecessor,
            ready_limit: Duration::ZERO,
        };
        (restart, vec![Action::Check])
    }

    /// When [`Event::Tick`] has an effect.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Checking { until }
            | Stage::Starting { until }
            | Stage::Moving {
                silent_until: until,
            }
            | Stage::Returning { until, .. }
            | Stage::Doubting { until, .. } => Some(until),
            Stage::Binding | Stage::Spawning | Stage::Over => None,
        }
    }

    /// Takes an event; what comes at the wrong time has no effect.
    pub(crate) fn handle(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match (&self.stage, event) {
            (Stage::Over, _) => Vec::new(),

            (Stage::Checking { .. }, Event::Checked { ready_limit }) => {
                self.ready_limit = ready_limit;
                self.stage = Stage::Binding;
                vec![Action::Bind]
            }
            (Stage::Binding, Event::Bound) => {
                self.stage = Stage::Spawning;
                vec![Action::Spawn]
            }
            (Stage::Spawning, Event::Spawned) => {
                self.stage = Stage::Starting {
                    until: now + self.ready_limit,
                };
                Vec::new()
            }
            (Stage::Starting { .. }, Event::Ready) => match self.predecessor {
                Predecessor::Serving => {
                    self.listen_to_predecessor(now);
                    vec![Action::AskToLeave]
                }
                Predecessor::Nobody => self.succeed(),
            },
            (Stage::Moving { .. }, Event::Progress { waiting }) => {
                self.listen_to_predecessor(now);
                if waiting == 0 {
                    self.succeed()
                } else {
                    Vec::new()
                }
            }
            // Whatever was wrong between the two, the successor is there.
            (Stage::Moving { .. } | Stage::Doubting { .. }, Event::PredecessorEnded) => {
                self.succeed()
            }

            (Stage::Moving { .. }, Event::SuccessorEnded { exit, .. }) => {
                self.stage = Stage::Returning {
                    until: now + RETURN_LIMIT,
                    exit,
                };
                Vec::new()
            }
            (Stage::Moving { .. }, Event::Resumed { reason, moved }) => {
                // Most likely it is just dying.
                self.stage = Stage::Doubting {
                    until: now + DOUBT_LIMIT,
                    reason,
                    moved,
                };
                Vec::new()
            }
            (Stage::Doubting { moved, .. }, Event::SuccessorEnded { exit, .. }) => {
                let lost = Some(*moved);
                self.fail(&[], Failure::Crashed { exit, lost })
            }
            (Stage::Returning { exit, .. }, Event::Resumed { moved, .. }) => {
                let exit = *exit;
                let lost = Some(moved);
                self.fail(&[], Failure::Crashed { exit, lost })
            }
            // It had nothing left to take back: nobody serves now, and the crash is answered like any other.
            (
                Stage::Returning { exit, .. },
                Event::PredecessorEnded | Event::Progress { waiting: 0 },
            ) => {
                let exit = *exit;
                self.fail(&[], Failure::BothGone(exit))
            }

            (Stage::Checking { .. }, Event::Failed(failure)) => self.fail(&[], failure),
            (Stage::Binding | Stage::Spawning, Event::Failed(failure)) => self.fail(&[], failure),
            (Stage::Starting { .. }, Event::Failed(failure)) => {
                self.fail(&[Action::KillSuccessor], failure)
            }
            (Stage::Starting { .. }, Event::SuccessorEnded { exit, said }) => {
                self.fail(&[], Failure::NeverReady { exit, said })
            }
            // It had no part in this yet.
            (_, Event::PredecessorEnded) => {
                self.predecessor = Predecessor::Nobody;
                Vec::new()
            }

            (_, Event::Tick) if self.deadline().is_some_and(|deadline| now >= deadline) => {
                self.time_is_up()
            }

            (Stage::Checking { .. }, Event::Abort) => {
                self.fail(&[Action::CancelCheck], Failure::Stopped)
            }
            (Stage::Binding | Stage::Spawning, Event::Abort) => self.fail(&[], Failure::Stopped),
            (Stage::Starting { .. }, Event::Abort) => {
                self.fail(&[Action::EndSuccessor], Failure::Stopped)
            }
            _ => Vec::new(),
        }
    }

    fn time_is_up(&mut self) -> Vec<Action> {
        match self.stage {
            Stage::Checking { .. } => {
                self.fail(&[Action::CancelCheck], Failure::CheckTimeout(CHECK_LIMIT))
            }
            Stage::Starting { .. } => {
                let limit = self.ready_limit;
                self.fail(&[Action::KillSuccessor], Failure::ReadyTimeout(limit))
            }
            // It may be stuck, but it has what it has; the successor serves, and others may follow.
            Stage::Moving { .. } => {
                let mut actions = self.succeed();
                actions.insert(0, Action::MentionSilence(SILENCE_LIMIT));
                actions
            }
            // Alive, and silent: what it does not say it may still do.
            Stage::Returning { exit, .. } => self.fail(&[], Failure::Crashed { exit, lost: None }),
            Stage::Doubting {
                ref reason, moved, ..
            } => {
                let reason = reason.clone();
                // What it has taken it may finish.
                let rid = match moved {
                    0 => Action::KillSuccessor,
                    _ => Action::DismissSuccessor,
                };
                self.fail(&[rid], Failure::Handover { reason })
            }
            Stage::Binding | Stage::Spawning | Stage::Over => Vec::new(),
        }
    }

    fn listen_to_predecessor(&mut self, now: Instant) {
        self.stage = Stage::Moving {
            silent_until: now + SILENCE_LIMIT,
        };
    }

    fn succeed(&mut self) -> Vec<Action> {
        self.stage = Stage::Over;
        vec![Action::Commit, Action::End(Ok(()))]
    }

    fn fail(&mut self, first: &[Action], failure: Failure) -> Vec<Action> {
        self.stage = Stage::Over;
        let mut actions = first.to_vec();
        actions.push(Action::RollBack);
        actions.push(Action::End(Err(failure)));
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const KILLED: Exit = Exit::Signal(9);

    /// A restart that has come to a stage by the ordinary way.
    struct Stand {
        restart: Restart,
        now: Instant,
    }

    impl Stand {
        fn checking(predecessor: Predecessor) -> Self {
            let now = Instant::now();
            let (restart, actions) = Restart::begin(predecessor, now);
            assert_eq!(actions, [Action::Check]);
            Self { restart, now }
        }

        fn starting(predecessor: Predecessor) -> Self {
            let mut stand = Self::checking(predecessor);
            let ready_limit = 5 * SECOND;
            assert_eq!(stand.on(Event::Checked { ready_limit }), [Action::Bind]);
            assert_eq!(stand.on(Event::Bound), [Action::Spawn]);
            assert_eq!(stand.on(Event::Spawned), []);
            stand
        }

        fn moving() -> Self {
            let mut stand = Self::starting(Predecessor::Serving);
            assert_eq!(stand.on(Event::Ready), [Action::AskToLeave]);
            stand
        }

        fn on(&mut self, event: Event) -> Vec<Action> {
            self.restart.handle(event, self.now)
        }

        fn after(&mut self, time: Duration) -> Vec<Action> {
            self.now += time;
            self.on(Event::Tick)
        }
    }

    fn success() -> Vec<Action> {
        vec![Action::Commit, Action::End(Ok(()))]
    }

    fn failure(failure: Failure) -> Vec<Action> {
        vec![Action::RollBack, Action::End(Err(failure))]
    }

    fn ended() -> Event {
        Event::SuccessorEnded {
            exit: KILLED,
            said: None,
        }
    }

    #[test]
    fn everything_goes_well() {
        let mut stand = Stand::moving();
        assert_eq!(stand.on(Event::Progress { waiting: 3 }), []);
        assert_eq!(stand.on(Event::Progress { waiting: 0 }), success());
        assert_eq!(stand.on(Event::PredecessorEnded), []);
        assert_eq!(stand.restart.deadline(), None);
    }

    #[test]
    fn a_first_start_asks_nobody_to_leave() {
        let mut stand = Stand::starting(Predecessor::Nobody);
        assert_eq!(stand.on(Event::Ready), success());
    }

    #[test]
    fn row_2_a_bad_configuration() {
        let mut stand = Stand::checking(Predecessor::Serving);
        let bad = Failure::Configuration {
            diagnostics: "x:1:1: no".to_owned(),
        };
        assert_eq!(stand.on(Event::Failed(bad.clone())), failure(bad));
        assert_eq!(stand.on(ended()), []);
    }

    #[test]
    fn row_2_checking_hangs() {
        let mut stand = Stand::checking(Predecessor::Serving);
        assert_eq!(stand.after(CHECK_LIMIT - SECOND), []);
        let actions = stand.after(SECOND);
        assert_eq!(actions[0], Action::CancelCheck);
        assert_eq!(actions[1..], failure(Failure::CheckTimeout(CHECK_LIMIT)));
    }

    #[test]
    fn row_3_an_address_cannot_be_bound() {
        let mut stand = Stand::checking(Predecessor::Serving);
        stand.on(Event::Checked {
            ready_limit: SECOND,
        });
        let bind = Failure::Bind("bind 0.0.0.0:80: address in use".to_owned());
        assert_eq!(stand.on(Event::Failed(bind.clone())), failure(bind));
    }

    #[test]
    fn row_4_the_successor_cannot_be_started() {
        let mut stand = Stand::checking(Predecessor::Serving);
        stand.on(Event::Checked {
            ready_limit: SECOND,
        });
        stand.on(Event::Bound);
        let spawn = Failure::Spawn {
            program: "/usr/sbin/everlit".to_owned(),
            cause: "no such file".to_owned(),
        };
        assert_eq!(stand.on(Event::Failed(spawn.clone())), failure(spawn));
    }

    #[test]
    fn row_5_the_successor_ends_before_it_is_ready() {
        let mut stand = Stand::starting(Predecessor::Serving);
        let said = Some("read key /etc/key.pem: permission denied".to_owned());
        let exit = Exit::Code(255);
        let event = Event::SuccessorEnded {
            exit,
            said: said.clone(),
        };
        assert_eq!(stand.on(event), failure(Failure::NeverReady { exit, said }));
    }

    #[test]
    fn a_program_does_not_live_until_the_successor_is_ready() {
        let mut stand = Stand::starting(Predecessor::Serving);
        let dead = Failure::Program("/x ended".to_owned());
        let mut actions = failure(dead.clone());
        actions.insert(0, Action::KillSuccessor);
        assert_eq!(stand.on(Event::Failed(dead.clone())), actions);
        // Later it is too late.
        assert_eq!(Stand::moving().on(Event::Failed(dead)), []);
    }

    #[test]
    fn row_5_the_successor_is_never_ready() {
        let mut stand = Stand::starting(Predecessor::Serving);
        assert_eq!(stand.after(4 * SECOND), []);
        let actions = stand.after(SECOND);
        assert_eq!(actions[0], Action::KillSuccessor);
        assert_eq!(actions[1..], failure(Failure::ReadyTimeout(5 * SECOND)));
    }

    #[test]
    fn row_7_the_successor_dies_and_the_predecessor_serves_again() {
        let mut stand = Stand::moving();
        assert_eq!(stand.on(ended()), []);
        let reason = "closed".to_owned();
        assert_eq!(
            stand.on(Event::Resumed { reason, moved: 3 }),
            failure(Failure::Crashed {
                exit: KILLED,
                lost: Some(3)
            })
        );
    }

    #[test]
    fn row_7_the_predecessor_notices_first() {
        let mut stand = Stand::moving();
        let reason = "closed".to_owned();
        assert_eq!(stand.on(Event::Resumed { reason, moved: 2 }), []);
        let lost = Some(2);
        assert_eq!(
            stand.on(ended()),
            failure(Failure::Crashed { exit: KILLED, lost })
        );
    }

    #[test]
    fn row_7_the_successor_lives_and_cannot_take() {
        for (moved, rid) in [(0, Action::KillSuccessor), (1, Action::DismissSuccessor)] {
            let mut stand = Stand::moving();
            let reason = "gibberish".to_owned();
            let resumed = Event::Resumed {
                reason: reason.clone(),
                moved,
            };
            assert_eq!(stand.on(resumed), []);
            let actions = stand.after(DOUBT_LIMIT);
            assert_eq!(actions[0], rid);
            assert_eq!(actions[1..], failure(Failure::Handover { reason }));
        }
    }

    #[test]
    fn row_7_the_predecessor_says_nothing_about_it() {
        let mut stand = Stand::moving();
        stand.on(ended());
        assert_eq!(
            stand.after(RETURN_LIMIT),
            failure(Failure::Crashed {
                exit: KILLED,
                lost: None
            })
        );
    }

    #[test]
    fn row_7_both_end() {
        let mut stand = Stand::moving();
        stand.on(ended());
        assert_eq!(
            stand.on(Event::PredecessorEnded),
            failure(Failure::BothGone(KILLED))
        );
    }

    #[test]
    fn row_8_draining_does_not_block_the_next_restart() {
        let mut stand = Stand::moving();
        assert_eq!(stand.on(Event::Progress { waiting: 0 }), success());
        // Whatever becomes of the drain is not this restart's business.
        assert_eq!(stand.on(ended()), []);
    }

    #[test]
    fn row_9_the_predecessor_dies_while_it_hands_over() {
        let mut stand = Stand::moving();
        assert_eq!(stand.on(Event::PredecessorEnded), success());
    }

    #[test]
    fn row_9_a_silent_predecessor_does_not_block_for_ever() {
        let mut stand = Stand::moving();
        stand.after(SILENCE_LIMIT - SECOND);
        assert_eq!(stand.on(Event::Progress { waiting: 3 }), []);
        assert_eq!(stand.after(SILENCE_LIMIT - SECOND), []);
        let actions = stand.after(SECOND);
        assert_eq!(actions[0], Action::MentionSilence(SILENCE_LIMIT));
        assert_eq!(actions[1..], success());
    }

    #[test]
    fn row_9_a_predecessor_that_cannot_be_asked_and_ends_is_succeeded() {
        let mut stand = Stand::moving();
        let reason = "closed".to_owned();
        assert_eq!(stand.on(Event::Resumed { reason, moved: 0 }), []);
        assert_eq!(stand.on(Event::PredecessorEnded), success());
    }

    #[test]
    fn the_predecessor_crashes_while_the_successor_starts() {
        let mut stand = Stand::starting(Predecessor::Serving);
        assert_eq!(stand.on(Event::PredecessorEnded), []);
        assert_eq!(stand.on(Event::Ready), success());
    }

    #[test]
    fn a_stop_ends_it_unless_connections_are_moving() {
        let mut stand = Stand::checking(Predecessor::Serving);
        assert_eq!(stand.on(Event::Abort)[0], Action::CancelCheck);
        let mut stand = Stand::starting(Predecessor::Serving);
        let actions = stand.on(Event::Abort);
        assert_eq!(actions[0], Action::EndSuccessor);
        assert_eq!(actions[1..], failure(Failure::Stopped));
        let mut stand = Stand::moving();
        assert_eq!(stand.on(Event::Abort), []);
        assert_eq!(stand.on(Event::Progress { waiting: 0 }), success());
    }

    #[test]
    fn every_order_of_events_ends_at_most_once_and_serves_somebody() {
        let events = [
            Event::Checked {
                ready_limit: SECOND,
            },
            Event::Bound,
            Event::Spawned,
            Event::Ready,
            ended(),
            Event::Progress { waiting: 1 },
            Event::Progress { waiting: 0 },
            Event::Resumed {
                reason: String::new(),
                moved: 0,
            },
            Event::PredecessorEnded,
            Event::Abort,
            Event::Failed(Failure::Stopped),
        ];
        // All sequences of six events: more than a million, and quick.
        let count = events.len();
        for sequence in 0..count.pow(6) {
            let mut stand = Stand::checking(Predecessor::Serving);
            let (mut ends, mut commits, mut rollbacks) = (0, 0, 0);
            let mut rest = sequence;
            for _ in 0..6 {
                for action in stand.on(events[rest % count].clone()) {
                    assert_eq!(ends, 0, "an action after the end");
                    match action {
                        Action::End(_) => ends += 1,
                        Action::Commit => commits += 1,
                        Action::RollBack => rollbacks += 1,
                        _ => {}
                    }
                }
                rest /= count;
            }
            assert!(ends <= 1);
            assert_eq!(commits + rollbacks, ends);
        }
    }
}
