//! The scripts of one worker thread.
//!
//! In: an exchange, and scripts to run for it. Out: the exchange as they have left it, and how it goes on. Must hold: nothing
//! is made before the first script runs; nothing of an exchange stays on the board.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::rc::Rc;

use mlua::{LuaString, Table, Value};

use super::board::{Board, Stage};
use super::lighty::{self, Meaning, Shared};
use super::script::{Failure, Script, Verdict, unread};
use super::{MOST_RESTARTS, NAME};
use crate::clock::Now;
use crate::errorlog::Errors;
use crate::exchange::{Exchange, Flow};
use crate::files::Rules;
use crate::modules::staticfile;
use crate::response::Body;
use crate::settings::Settings;

/// The place for scripts.
#[derive(Debug)]
pub struct Scripts {
    since: Now,
    used: Option<Box<Used>>,
}

/// All scripts that have run here.
struct Used {
    board: Shared,
    scripts: HashMap<String, Script>,
}

impl fmt::Debug for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.scripts.keys()).finish()
    }
}

impl Default for Scripts {
    fn default() -> Scripts {
        Scripts {
            since: Now::read(),
            used: None,
        }
    }
}

/// How the exchange goes on after a script.
enum After {
    /// With the next script.
    Next,
    Flow(Flow),
}

/// Runs scripts, one after the other, as long as none of them decides anything.
pub(in crate::modules::magnet) fn run(
    paths: &[String],
    exchange: &mut Exchange<'_>,
    settings: &Settings,
    stage: Stage,
) -> Flow {
    let since = exchange.scripts.since;
    let used = exchange.scripts.used.take();
    let mut used = used.unwrap_or_else(|| Box::new(Used::new(since)));
    let flow = used.run(paths, exchange, settings, stage);
    exchange.scripts.used = Some(used);
    flow
}

impl Used {
    fn new(since: Now) -> Used {
        Used {
            board: Rc::new(RefCell::new(Board::new(since))),
            scripts: HashMap::new(),
        }
    }

    fn run(
        &mut self,
        paths: &[String],
        exchange: &mut Exchange<'_>,
        settings: &Settings,
        stage: Stage,
    ) -> Flow {
        let errors = &settings.core.errors;
        let mut is_changed = Flow::GoOn;
        for path in paths {
            let (changed, outcome) = self.run_one(path, exchange, settings, stage);
            if changed == Flow::Settle {
                is_changed = changed;
            }
            match outcome_of(path, outcome, exchange, (stage, errors)) {
                After::Next => {}
                After::Flow(flow) => return flow,
            }
        }
        if stage != Stage::Response {
            // Without a status there is nothing that it could be the body of.
            exchange.response.body = Body::Empty;
        }
        is_changed
    }

    /// Runs one. Says whether conditions may decide otherwise now, and what the script wants.
    fn run_one(
        &mut self,
        path: &str,
        exchange: &mut Exchange<'_>,
        settings: &Settings,
        stage: Stage,
    ) -> (Flow, Result<Verdict, Failure>) {
        let found = (exchange.files).look_up(path.as_bytes(), Rules::FollowLinks, exchange.now);
        let board = self.board.clone();
        let script = match self.script(path) {
            Ok(script) => script,
            Err(failure) => return (Flow::GoOn, Err(failure)),
        };
        let ready = match found {
            Ok(entry) => script.renew(&entry),
            Err(errno) => {
                let error = io::Error::from_raw_os_error(errno.raw_os_error());
                Err(Failure::from_text(unread(path, &error)))
            }
        };
        if let Err(failure) = ready {
            return (Flow::GoOn, Err(failure));
        }
        board.borrow_mut().lay(exchange, settings, stage);
        let outcome = script.run(|result, verdict| left(&board, result, verdict));
        let mut board = board.borrow_mut();
        let changed = board.clear_away(exchange);
        if let (Some(path), Ok(Verdict::Answer(_))) = (board.file.take(), &outcome) {
            drop(board);
            send(exchange, settings, &path);
        }
        (changed, outcome)
    }

    fn script(&mut self, path: &str) -> Result<&mut Script, Failure> {
        if !self.scripts.contains_key(path) {
            let script = Script::new(path, &self.board)?;
            self.scripts.insert(path.to_owned(), script);
        }
        let none = || Failure::from_text(format!("{path} was lost"));
        self.scripts.get_mut(path).ok_or_else(none)
    }
}

/// What is said of a script that fails.
#[cfg(test)]
pub(super) fn failure_of(path: &str) -> String {
    let board: Shared = Rc::new(RefCell::new(Board::new(Now::read())));
    let mut files = crate::files::FileCache::new(crate::config::StatCache::Simple);
    let entry = files.look_up(path.as_bytes(), Rules::FollowLinks, Now::read());
    let mut script = Script::new(path, &board).expect("an interpreter");
    let ready = script.renew(&entry.expect("a script"));
    let outcome = ready.and_then(|()| script.run(|_, _| Ok(())));
    outcome.expect_err("a failure").to_string()
}

#[cfg(test)]
impl Scripts {
    /// Bytes that all of them have.
    pub(crate) fn memory(&self) -> usize {
        let used = self.used.iter().flat_map(|used| used.scripts.values());
        used.map(Script::memory).sum()
    }
}

/// `lighty.header` and `lighty.content`, as scripts made responses until lighttpd 1.4.60.
fn left(board: &Rc<RefCell<Board>>, result: &Table, verdict: &Verdict) -> mlua::Result<()> {
    if let Value::Table(header) = result.raw_get("header")? {
        for pair in header.pairs::<Value, Value>() {
            let (Value::String(name), value) = pair? else {
                continue;
            };
            let value = match &value {
                Value::String(value) => value.as_bytes().to_vec(),
                Value::Integer(value) => value.to_string().into_bytes(),
                _ => continue,
            };
            let mut board = lighty::writing(board)?;
            lighty::set_response_field(&mut board, &LuaString::as_bytes(&name), &value);
        }
    }
    if let Verdict::Answer(_) = verdict
        && let Value::Table(content) = result.raw_get("content")?
    {
        let mut board = lighty::writing(board)?;
        board.body = Body::Empty;
        lighty::add_all(&mut board, &content, Meaning::End)?;
    }
    Ok(())
}

/// Answers with a file, as if it had been asked for (`stat["http-response-send-file"]`).
fn send(exchange: &mut Exchange<'_>, settings: &Settings, path: &[u8]) {
    exchange.response.body = Body::Empty;
    exchange.response.status = 200;
    let named = staticfile::Named::new(path, &[]);
    staticfile::send_in_place(exchange, settings, &named);
}

/// What comes of what a script wants.
fn outcome_of(
    path: &str,
    outcome: Result<Verdict, Failure>,
    exchange: &mut Exchange<'_>,
    (stage, errors): (Stage, &Errors),
) -> After {
    match (outcome, stage) {
        (Ok(Verdict::GoOn), _) => After::Next,
        (Ok(Verdict::Provisional), Stage::Response) => After::Next,
        (Ok(Verdict::Provisional), _) => {
            // They would have been those of the provisional response.
            exchange.lasting.fields.clear();
            After::Next
        }
        (Ok(Verdict::Answer(status)), Stage::Response) => {
            exchange.response.status = status;
            After::Flow(Flow::Done)
        }
        (Ok(Verdict::Answer(status)), _) => {
            let response = &mut *exchange.response;
            if response.status == 0 {
                response.status = status;
            }
            exchange.handler = None;
            After::Flow(Flow::Done)
        }
        (Ok(Verdict::Restart), Stage::Response) => {
            errors.say(
                NAME,
                format_args!("{path}: a request cannot be restarted when it is answered"),
            );
            After::Next
        }
        (Ok(Verdict::Restart), _) => {
            exchange.lasting.restarts += 1;
            if exchange.lasting.restarts > MOST_RESTARTS {
                errors.say(
                    NAME,
                    format_args!(
                        "{path}: it restarts each request, more than {MOST_RESTARTS} times"
                    ),
                );
                return fail(exchange);
            }
            exchange.response.body = Body::Empty;
            exchange.new_target = Some(exchange.request.uri.target.to_vec());
            After::Flow(Flow::Again)
        }
        (Err(failure), Stage::Response) => {
            failure.say(errors);
            After::Next
        }
        (Err(failure), _) => {
            failure.say(errors);
            fail(exchange)
        }
    }
}

fn fail(exchange: &mut Exchange<'_>) -> After {
    exchange.response.body = Body::Empty;
    exchange.lasting.fields.clear();
    exchange.response.status = 500;
    After::Flow(Flow::Done)
}
