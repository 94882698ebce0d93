//! One script: compiled once, run for each request, and compiled anew when its file has changed.
//!
//! In: a path. Out: what the script returned, or why it failed. Must hold: each script has an interpreter of its own, so that
//! none sees what another one does; what one run leaves in its environment is gone before the next.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::path::Path;
use std::rc::Rc;

use mlua::{
    Function, HookTriggers, Lua, LuaOptions, LuaString, StdLib, Table, Value, Variadic, VmState,
};

use super::lighty::{self, Lighty, Shared};
use super::{NAME, RESTART};
use crate::errorlog::Errors;
use crate::files::Entry;

/// So many instructions, which take about a second, may a script run for. A worker answers nobody else meanwhile.
pub(super) const MOST_INSTRUCTIONS: u64 = 50_000_000;
/// So many bytes may a script have, with all that it keeps.
pub(super) const MOST_MEMORY: usize = 64 << 20;
/// How often it is looked at. A coroutine may end before, so each counts as that many.
const STEP: u32 = 10_000;
/// So many lines are said of a failure.
const MOST_LINES: usize = 32;

/// What `pcall` and its like may not hide, and what hooks do not see: new coroutines, whose instructions are counted from 0,
/// and a message handler that is called because of the limit itself. And `__gc` of a table means nothing, as in Lua 5.1: no
/// hook would see it, and it could call functions of ours that have been collected with it.
const GUARD: &str = "
local check, count = ...
local pcall, xpcall, resume = pcall, xpcall, coroutine.resume
local create, wrap = coroutine.create, coroutine.wrap
local function checked(...) check() return ... end
function _G.pcall(...) return checked(pcall(...)) end
function _G.xpcall(f, handler, ...)
  local function limited(...) check() return handler(...) end
  return checked(xpcall(f, limited, ...))
end
function coroutine.resume(...) return checked(resume(...)) end
local setmetatable, rawget, rawset, type, error = setmetatable, rawget, rawset, type, error
function _G.setmetatable(object, meta)
  local finalizer = type(meta) == 'table' and rawget(meta, '__gc') or nil
  if finalizer == nil then return setmetatable(object, meta) end
  rawset(meta, '__gc', nil)
  local done, why = pcall(setmetatable, object, meta)
  rawset(meta, '__gc', finalizer)
  if not done then error(why, 2) end
  return object
end
function coroutine.create(...) count() return create(...) end
function coroutine.wrap(...) count() return wrap(...) end
debug = { traceback = traceback }
traceback = nil
";

/// A script.
pub(super) struct Script {
    path: String,
    lua: Lua,
    lighty: Lighty,
    board: Shared,
    /// What its global names are while it runs.
    environment: Table,
    instructions: Rc<Cell<u64>>,
    code: Code,
}

enum Code {
    None,
    /// Of the file as it was then.
    Function(Rc<Entry>, Function),
    /// The file as it was then cannot be used.
    Broken(Rc<Entry>, String),
}

/// What a script wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request goes its way.
    GoOn,
    /// It is answered, with this status.
    Answer(u16),
    /// A provisional status, which is not sent.
    Provisional,
    /// The request is to be looked at anew.
    Restart,
}

/// Why a script has not done its work: sentences for the error log.
#[derive(Debug)]
pub(super) struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Failure {
    /// In these words.
    pub(super) fn from_text(text: String) -> Failure {
        Failure(text)
    }

    /// Says it.
    pub(super) fn say(&self, errors: &Errors) {
        for line in self.0.lines() {
            errors.say(NAME, line);
        }
    }
}

impl From<mlua::Error> for Failure {
    fn from(error: mlua::Error) -> Self {
        let text = explained(&error);
        // A client may have a say in what a script's error says.
        let lines: Vec<&str> = text.lines().take(MOST_LINES).collect();
        Failure(lines.join("\n"))
    }
}

impl Script {
    /// An interpreter, without a script so far.
    pub(super) fn new(path: &str, board: &Shared) -> Result<Script, Failure> {
        let lua = Lua::new_with(StdLib::ALL_SAFE, LuaOptions::default())?;
        lua.set_memory_limit(MOST_MEMORY)?;
        let instructions = Rc::new(Cell::new(0));
        limit(&lua, &instructions)?;
        let globals = lua.globals();
        let printer = board.clone();
        let print = lua.create_function(move |_, texts: Variadic<Value>| {
            let texts = texts.iter().map(Value::to_string);
            let texts = texts.collect::<mlua::Result<Vec<_>>>()?;
            let errors = &lighty::reading(&printer)?.errors;
            errors.say(NAME, format_args!("print: {}", texts.join("\t")));
            Ok(())
        })?;
        globals.raw_set("print", print)?;
        let os: Table = globals.raw_get("os")?;
        for name in ["exit", "setlocale"] {
            let refusal = lua.create_function(move |_, _: Variadic<Value>| {
                let message = format!("os.{name} would change the whole server");
                Err::<(), _>(mlua::Error::runtime(message))
            })?;
            os.raw_set(name, refusal)?;
        }
        let environment = lua.create_table()?;
        let meta = lua.create_table()?;
        meta.raw_set("__index", globals)?;
        meta.raw_set("__metatable", false)?;
        environment.set_metatable(Some(meta))?;
        let lighty = lighty::table(&lua, board)?;
        Ok(Script {
            path: path.to_owned(),
            lua,
            lighty,
            board: board.clone(),
            environment,
            instructions,
            code: Code::None,
        })
    }

    /// Makes sure that what runs is what is in the file.
    pub(super) fn renew(&mut self, entry: &Rc<Entry>) -> Result<(), Failure> {
        let known = match &self.code {
            Code::None => None,
            Code::Function(known, _) | Code::Broken(known, _) => Some(known),
        };
        if !known.is_some_and(|known| Rc::ptr_eq(known, entry)) {
            self.code = match self.compile() {
                Ok(function) => Code::Function(entry.clone(), function),
                Err(why) => Code::Broken(entry.clone(), why),
            };
        }
        match &self.code {
            Code::Broken(_, why) => Err(Failure(why.clone())),
            Code::None | Code::Function(..) => Ok(()),
        }
    }

    fn compile(&self) -> Result<Function, String> {
        let path = &self.path[..];
        let text = std::fs::read(Path::new(path)).map_err(|error| unread(path, &error))?;
        let chunk = self.lua.load(text).set_name(format!("@{path}"));
        let chunk = chunk.set_environment(self.environment.clone());
        // Compiled code of another Lua could do anything.
        let chunk = chunk.set_mode(mlua::chunk::ChunkMode::Text);
        chunk.into_function().map_err(|error| explained(&error))
    }

    /// Runs it. What it has left in `lighty.header` and `lighty.content` goes to `take`.
    pub(super) fn run(
        &self,
        take: impl FnOnce(&Table, &Verdict) -> mlua::Result<()>,
    ) -> Result<Verdict, Failure> {
        let Code::Function(_, function) = &self.code else {
            return Ok(Verdict::GoOn);
        };
        self.instructions.set(0);
        let outcome = self.run_once(function, take);
        self.environment.clear()?;
        self.lighty.result.clear()?;
        outcome
    }

    fn run_once(
        &self,
        function: &Function,
        take: impl FnOnce(&Table, &Verdict) -> mlua::Result<()>,
    ) -> Result<Verdict, Failure> {
        self.environment.raw_set("lighty", &self.lighty.table)?;
        let returned: Value = function.call(())?;
        let verdict = self.verdict(&returned)?;
        take(&self.lighty.result, &verdict)?;
        Ok(verdict)
    }

    /// What is meant by what it returned.
    fn verdict(&self, returned: &Value) -> Result<Verdict, Failure> {
        let path = &self.path[..];
        let number = match returned {
            Value::Nil => 0,
            Value::Integer(number) => *number,
            // A number with nothing behind its point is an integer to Lua.
            Value::Number(number) if number.fract() == 0.0 && number.abs() < 1e6 => *number as i64,
            // So is a text that says one.
            Value::String(text) if whole(text).is_some() => whole(text).unwrap_or_default(),
            other => {
                let kind = other.type_name();
                let errors = &lighty::reading(&self.board)?.errors;
                errors.say(
                    NAME,
                    format_args!("{path}: returned a {kind}, which is no status"),
                );
                0
            }
        };
        Ok(match number {
            _ if number == RESTART => Verdict::Restart,
            100..=199 => Verdict::Provisional,
            200..=999 => Verdict::Answer(number as u16),
            1000.. => {
                let text = format!("{path}: returned {number}, which is no status");
                return Err(Failure(text));
            }
            _ => Verdict::GoOn,
        })
    }

    /// Bytes that the interpreter has now.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.lua.used_memory()
    }
}

/// Why a file could not be read.
pub(super) fn unread(path: &str, error: &io::Error) -> String {
    format!("read {path}: {error}")
}

/// The number that a text says.
fn whole(text: &LuaString) -> Option<i64> {
    str::from_utf8(&text.as_bytes()).ok()?.trim().parse().ok()
}

/// Has the interpreter give up after [`MOST_INSTRUCTIONS`].
fn limit(lua: &Lua, instructions: &Rc<Cell<u64>>) -> mlua::Result<()> {
    let too_long = || {
        mlua::Error::runtime(format!(
            "the script runs for too long: {MOST_INSTRUCTIONS} instructions, and the worker answers nobody else meanwhile"
        ))
    };
    let counted = instructions.clone();
    let count = move || {
        counted.set(counted.get() + u64::from(STEP));
        match counted.get() > MOST_INSTRUCTIONS {
            true => Err(too_long()),
            false => Ok(()),
        }
    };
    let of_hook = count.clone();
    let triggers = HookTriggers::new().every_nth_instruction(STEP);
    lua.set_global_hook(triggers, move |_, _| of_hook().map(|()| VmState::Continue))?;
    let count = lua.create_function(move |_, ()| count())?;
    let counted = instructions.clone();
    let check = lua.create_function(move |_, ()| match counted.get() > MOST_INSTRUCTIONS {
        true => Err(too_long()),
        false => Ok(()),
    })?;
    let traceback = lua.create_function(|lua, message: Option<LuaString>| {
        let message = message.map(|message| message.to_string_lossy());
        lua.traceback(message.as_deref(), 1)
    })?;
    lua.globals().raw_set("traceback", traceback)?;
    lua.load(GUARD).set_name("=guard").call((check, count))
}

/// What went wrong, and where.
fn explained(error: &mlua::Error) -> String {
    match error {
        mlua::Error::RuntimeError(message) | mlua::Error::MemoryError(message) => message.clone(),
        mlua::Error::SyntaxError { message, .. } => message.clone(),
        mlua::Error::CallbackError { traceback, cause } => {
            let cause = explained(cause);
            // Our own functions do not know where they were called.
            let places = traceback.lines().map(str::trim);
            let place = places
                .filter(|line| !line.starts_with('[') && !line.starts_with("guard:"))
                .find_map(|line| line.split_once(": in "));
            match place {
                Some((place, _)) if !cause.starts_with(place) => format!("{place}: {cause}"),
                _ => cause,
            }
        }
        mlua::Error::BadArgument { pos, cause, .. } => {
            format!("bad argument #{pos}: {}", explained(cause))
        }
        other => other.to_string(),
    }
}
