//! lighttpd's own command line: `everlit -f FILE`.
//!
//! In: flags as `getopt` of lighttpd takes them. Out: a server in the background or the foreground, or an answer. Must
//! hold: lighttpd's texts and exit codes; what cannot be done here is refused, not ignored.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use super::{code, source, words};
use crate::causes::with_causes;
use crate::config::{self, ConfigError};
use crate::generation::{Caller, serve_one};
use crate::inherit::Inherited;
use crate::source::Source;
use crate::supervisor::Ground;
use crate::supervisor::binary::Binary;
use crate::supervisor::start::{self, Greeting, Start};
use crate::sys::daemon::{Side, to_background};
use crate::version::version;

/// What the flags ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Flags {
    file: Option<OsString>,
    test: Test,
    print: bool,
    place: Place,
    modules: bool,
    idle_limit: Option<Duration>,
}

/// Where to serve.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Background,
    /// `-D`
    Foreground,
    /// `-1`: only the client there.
    StandardInput,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Test {
    #[default]
    No,
    /// `-t`
    Syntax,
    /// `-tt`
    Everything,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Run(Flags),
    /// Print to standard output and exit with 0.
    Say(String),
    /// Print to standard error and exit with 255.
    Refuse(String),
}

pub(super) fn run(parser: Parser) -> ExitCode {
    let flags = match parse(parser) {
        Wish::Run(flags) => flags,
        Wish::Say(text) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Wish::Refuse(text) => return refuse(&text),
    };
    let Some(file) = flags.file else {
        return refuse("No configuration available. Try using -f option.");
    };
    if flags.place == Place::StandardInput && file == "-" {
        return refuse(
            "-1 serves a client on standard input: the configuration (-f) cannot be there",
        );
    }
    let source = match source(file) {
        Ok(source) => source,
        Err(error) => return refuse(&with_causes(&error)),
    };
    if flags.print {
        return print(&source);
    }
    match flags.test {
        Test::No => {}
        depth @ (Test::Syntax | Test::Everything) => return test(&source, &depth),
    }
    // Before anything is said: standard error may be the client.
    let caller = match flags.place {
        Place::StandardInput => match Caller::take() {
            Ok(caller) => Some(caller),
            Err(error) => return refuse(&with_causes(&error)),
        },
        Place::Background | Place::Foreground => None,
    };
    if flags.modules {
        eprintln!("everlit: -m is ignored: all modules are built in");
    }
    match caller {
        Some(caller) => serve_one(&source, caller),
        None => serve(source, flags.place, flags.idle_limit),
    }
}

fn parse(mut parser: Parser) -> Wish {
    let mut flags = Flags::default();
    loop {
        match parser.next() {
            Ok(None) => return Wish::Run(flags),
            Ok(Some(Arg::Short('f'))) => match parser.value() {
                Ok(_) if flags.file.is_some() => {
                    return Wish::Refuse(
                        "Can only read one config file. Use the include command to use multiple config files."
                            .to_owned(),
                    );
                }
                Ok(value) => flags.file = Some(value),
                Err(error) => return misuse(&error),
            },
            Ok(Some(Arg::Short('m'))) => match parser.value() {
                Ok(_) => flags.modules = true,
                Err(error) => return misuse(&error),
            },
            Ok(Some(Arg::Short('t'))) => {
                flags.test = match flags.test {
                    Test::No => Test::Syntax,
                    Test::Syntax | Test::Everything => Test::Everything,
                }
            }
            Ok(Some(Arg::Short('p'))) => flags.print = true,
            Ok(Some(Arg::Short('D'))) => {
                // Which `-1` implies.
                if flags.place == Place::Background {
                    flags.place = Place::Foreground;
                }
            }
            Ok(Some(Arg::Short('1'))) => flags.place = Place::StandardInput,
            Ok(Some(Arg::Short('i'))) => match parser.value().and_then(|value| value.parse()) {
                Ok(0) => flags.idle_limit = None,
                Ok(seconds) => flags.idle_limit = Some(Duration::from_secs(u32::into(seconds))),
                Err(error) => return misuse(&error),
            },
            Ok(Some(Arg::Short('v'))) => return Wish::Say(release()),
            Ok(Some(Arg::Short('V'))) => return Wish::Say(features()),
            Ok(Some(Arg::Short('h'))) => {
                return Wish::Say(format!("{}{}\n", release(), words::USAGE));
            }
            Ok(Some(argument)) => return misuse(&argument.unexpected()),
            Err(error) => return misuse(&error),
        }
    }
}

fn misuse(error: &lexopt::Error) -> Wish {
    Wish::Refuse(format!("{error}\n{}", words::USAGE))
}

fn release() -> String {
    format!("everlit/{}\n", version())
}

fn features() -> String {
    format!(
        "{}
Event Handlers:

\t+ epoll

Network handler:

\t+ linux-sendfile
\t+ writev
\t+ write

Features:

\t+ IPv6 support
\t+ live connection handover
\t+ systemd socket activation and readiness

",
        release()
    )
}

fn refuse(text: &str) -> ExitCode {
    eprintln!("everlit: {}", text.trim_end());
    ExitCode::from(code::SETUP)
}

/// `-t` and `-tt`.
fn test(source: &Source, depth: &Test) -> ExitCode {
    let (plan, success) = match depth {
        Test::Everything => (config::plan(source), ""),
        Test::Syntax | Test::No => (config::load(source).map(|(_, plan)| plan), "Syntax OK\n"),
    };
    match plan {
        Ok(plan) => {
            for warning in plan.warnings {
                eprintln!("{}", warning.trim_end());
            }
            answer(success)
        }
        Err(error) => wrong(&error),
    }
}

/// `-p`
fn print(source: &Source) -> ExitCode {
    match config::print(source) {
        Ok(text) => answer(&text),
        Err(error) => wrong(&error),
    }
}

fn answer(text: &str) -> ExitCode {
    // A closed standard output is no mistake in the configuration.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn wrong(error: &ConfigError) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(code::SETUP)
}

fn serve(source: Source, place: Place, idle_limit: Option<Duration>) -> ExitCode {
    // Before anything opens a descriptor, and before the working directory changes.
    let inherited = match Inherited::take() {
        Ok(inherited) => inherited,
        Err(error) => return refuse(&with_causes(&error)),
    };
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(error) => return refuse(&format!("find the binary: {error}")),
    };
    let directory = working_directory();
    let (ground, outcome) = match place {
        Place::Foreground | Place::StandardInput => (foreground(), None),
        Place::Background => match to_background() {
            Ok(Side::Front(code)) => return ExitCode::from(code),
            Ok(Side::Background(outcome)) => (Ground::Background, Some(outcome)),
            Err(error) => return refuse(&format!("go to the background: {error}")),
        },
    };
    start::run(Start {
        binary,
        source,
        directory,
        ground,
        idle_limit,
        outcome,
        inherited,
        greeting: Greeting::Nothing,
    })
}

/// In the foreground: for a person, or for another program.
pub(super) fn foreground() -> Ground {
    if std::io::stdin().is_terminal() {
        Ground::Terminal
    } else {
        Ground::Foreground
    }
}

/// Where the command was given; `/` if that cannot be told.
pub(super) fn working_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(arguments: &[&str]) -> Wish {
        parse(Parser::from_args(arguments.iter().map(OsString::from)))
    }

    #[test]
    fn flags_are_read_as_getopt_reads_them() {
        let Wish::Run(flags) = wish(&["-Dtf", "x.conf", "-m", "/usr/lib", "-t"]) else {
            panic!("these flags are right");
        };
        assert_eq!(
            flags,
            Flags {
                file: Some("x.conf".into()),
                test: Test::Everything,
                print: false,
                place: Place::Foreground,
                modules: true,
                idle_limit: None,
            }
        );
    }

    #[test]
    fn idle_time_is_in_seconds_and_0_is_none() {
        for (arguments, seconds) in [(&["-i", "5"][..], 5), (&["-Di5"], 5), (&["-i", "0"], 0)] {
            let Wish::Run(flags) = wish(arguments) else {
                panic!("{arguments:?} is right");
            };
            let limit = flags.idle_limit.unwrap_or_default();
            assert_eq!(limit, Duration::from_secs(seconds), "{arguments:?}");
        }
    }

    #[test]
    fn a_single_connection_is_never_served_in_the_background() {
        for arguments in [["-1", "-D"], ["-D", "-1"]] {
            let Wish::Run(flags) = wish(&arguments) else {
                panic!("{arguments:?} is right");
            };
            assert_eq!(flags.place, Place::StandardInput);
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for arguments in [
            &["-i", "-5"][..],
            &["-i", "soon"],
            &["-i"],
            &["-Z"],
            &["x.conf"],
            &["-f"],
            &["-f", "a", "-f", "b"],
        ] {
            assert!(matches!(wish(arguments), Wish::Refuse(_)), "{arguments:?}");
        }
    }

    #[test]
    fn the_first_question_is_answered() {
        assert_eq!(wish(&["-v", "-Z"]), Wish::Say(release()));
        assert!(matches!(wish(&["-V"]), Wish::Say(text) if text.contains("\t+ IPv6 support")));
        assert!(matches!(wish(&["-h"]), Wish::Say(text) if text.contains("-f <name>")));
    }
}
