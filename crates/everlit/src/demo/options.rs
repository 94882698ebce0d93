//! What the command line asks for.
//!
//! In: arguments. Out: [`Options`], within bounds. Must hold: the load that they describe is bounded, whatever is asked.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::clients::{Kind, Pace};
use super::pages::LARGE;

/// `everlit demo --help`
pub(super) const HELP: &str = "\
everlit demo: shows what clients see while the server restarts

Writes a small site into a temporary directory, serves it on a free port of this machine,
restarts the server several times under load, and reports what the clients saw. Everything
is gone at the end.

Usage: everlit demo [OPTIONS]

      --restarts N      how often to restart, 1 to 1000 [default: 5]
                        (the second time with a broken configuration, to show that it is refused)
      --seconds S       from one restart to the next, 0.2 to 600 [default: 1.5]
      --connections N   connections that stay open, half of them busy, 2 to 10000 [default: 200]
      --json            print the result as one JSON object, and nothing else
  -h, --help            print this

Exit status: 0 if nothing was lost, 1 if anything was or the demo could not run,
2 for a wrong command line.
";

/// Requests a second of all busy connections together, at most.
const BUSY_PER_SECOND: u32 = 400;
/// From one request of a busy connection to the next, at least.
const BUSY_EVERY_MIN: Duration = Duration::from_millis(250);
/// Bytes a second of each download, at most and at least.
const DOWNLOAD_RATES: (u64, u64) = (256 << 10, 8 << 20);
/// New connections a second.
pub(super) const FRESH_PER_SECOND: u32 = 200;
/// Slow downloads, and requests cut in two.
const FEW: usize = 4;
/// Time without a restart, at the beginning.
pub(super) const CALM: Duration = Duration::from_secs(1);

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Options {
    /// How often to restart.
    pub(super) restarts: u32,
    /// From one restart to the next.
    pub(super) every: Duration,
    /// Connections that stay, without the few special ones.
    pub(super) connections: usize,
    /// How to report.
    pub(super) format: Format,
}

/// How to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One object, at the end.
    Json,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    /// The demo.
    Demo(Options),
    /// [`HELP`]
    Help,
}

/// A number is none, or out of these bounds.
#[derive(Debug)]
struct OutOfBounds(&'static str);

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number from {} is wanted", self.0)
    }
}

impl std::error::Error for OutOfBounds {}

impl Default for Options {
    fn default() -> Self {
        Self {
            restarts: 5,
            every: Duration::from_millis(1500),
            connections: 200,
            format: Format::Text,
        }
    }
}

impl Wanted {
    /// Reads what follows `everlit demo`.
    pub(super) fn parse(arguments: &mut lexopt::Parser) -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;
        let mut options = Options::default();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("restarts") => {
                    options.restarts = number(arguments, "1 to 1000", 1.0..=1000.0)? as u32;
                }
                Long("seconds") => {
                    let seconds = number(arguments, "0.2 to 600", 0.2..=600.0)?;
                    options.every = Duration::from_secs_f64(seconds);
                }
                Long("connections") => {
                    let count = number(arguments, "2 to 10000", 2.0..=10_000.0)?;
                    options.connections = count as usize;
                }
                Long("json") => options.format = Format::Json,
                Long("help") | Short('h') => return Ok(Self::Help),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Self::Demo(options))
    }
}

fn number(
    arguments: &mut lexopt::Parser,
    bounds: &'static str,
    range: RangeInclusive<f64>,
) -> Result<f64, lexopt::Error> {
    let value = arguments.value()?.to_string_lossy().into_owned();
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(lexopt::Error::ParsingFailed {
            value,
            error: Box::new(OutOfBounds(bounds)),
        }),
    }
}

impl Options {
    /// Who stays, how many of each kind.
    pub(super) fn staying(&self) -> Vec<(Kind, usize)> {
        let busy = self.connections / 2;
        vec![
            (Kind::Busy, busy),
            (Kind::Idle, self.connections - busy),
            (Kind::Half, FEW),
            (Kind::Download, FEW),
        ]
    }

    /// How fast they are: a download should outlast all restarts, so that each of them meets it half done.
    pub(super) fn pace(&self) -> Pace {
        let all = CALM + self.every * self.restarts;
        let (least, most) = DOWNLOAD_RATES;
        let rate = LARGE.length() as f64 / (all.as_secs_f64() * 1.2);
        let busy = u32::try_from(self.connections / 2).unwrap_or(u32::MAX);
        Pace {
            busy_every: BUSY_EVERY_MIN.max(Duration::from_secs(1) * busy / BUSY_PER_SECOND),
            download_rate: (rate as u64).clamp(least, most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Wanted, String> {
        let mut parser = lexopt::Parser::from_args(arguments.iter().copied());
        Wanted::parse(&mut parser).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_understood() {
        assert_eq!(parse(&[]), Ok(Wanted::Demo(Options::default())));
        assert_eq!(
            parse(&[
                "--restarts",
                "2",
                "--seconds=0.5",
                "--connections",
                "10",
                "--json"
            ]),
            Ok(Wanted::Demo(Options {
                restarts: 2,
                every: Duration::from_millis(500),
                connections: 10,
                format: Format::Json,
            }))
        );
        assert_eq!(parse(&["--restarts", "2", "-h"]), Ok(Wanted::Help));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_with_the_bounds() {
        assert_eq!(
            parse(&["--restarts", "0"]).unwrap_err(),
            "cannot parse argument \"0\": a number from 1 to 1000 is wanted"
        );
        for arguments in [
            ["--seconds", "0"],
            ["--seconds", "NaN"],
            ["--connections", "10001"],
            ["--connections", "many"],
            ["--restart", "2"],
        ] {
            assert!(parse(&arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn the_load_is_bounded() {
        for (connections, restarts, every) in [(2, 1, 0.2), (200, 5, 1.5), (10_000, 1000, 600.0)] {
            let options = Options {
                restarts,
                every: Duration::from_secs_f64(every),
                connections,
                format: Format::Text,
            };
            let pace = options.pace();
            let busy = connections as f64 / 2.0 / pace.busy_every.as_secs_f64();
            assert!(busy <= f64::from(BUSY_PER_SECOND) + 1.0, "{busy}");
            assert!(pace.download_rate <= DOWNLOAD_RATES.1);
            let total: usize = options.staying().iter().map(|(_, count)| count).sum();
            assert_eq!(total, connections + 2 * FEW);
        }
    }

    #[test]
    fn by_default_downloads_outlast_all_restarts() {
        let options = Options::default();
        let all = CALM + options.every * options.restarts;
        let takes = LARGE.length() / options.pace().download_rate;
        assert!(takes >= all.as_secs());
    }
}
