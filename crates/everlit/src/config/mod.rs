//! The whole configuration: the only place that sees all of it.
//!
//! In: a [`Source`]. Out: a [`Site`], which generations serve, and a [`Plan`], which supervisors need. Must hold:
//! everything that can be wrong with a configuration is found here, with its place, before anything is served.

use crate::exchange::Exchange;
use crate::logline::{LogId, PendingLine};
use crate::modules::auth::require::Scheme;
use crate::modules::rrdtool::DatabaseId;
use crate::modules::{AcceptHook, Hook};
use crate::plan::Plan;
use crate::settings::Settings;
use crate::source::Source;

// What a directive is, and all there are.
pub mod directive;
pub mod reader;

mod core;
mod unsupported;

pub mod table;

// What they write into.
pub mod draft;
mod server;

// From text to a site.
pub(crate) mod nearest;
pub(crate) mod paths;

pub mod listeners;

mod module_list;

mod build;

mod caution;
mod error;
mod preflight;
mod survey;

// While serving.
mod resolve;

pub use directive::{
    Apply, Change, Counts, Difference, Directive, Kind, Lack, Read, Risk, Scope, Setter, State,
};
pub use draft::Draft;
pub use error::{ConfigError, Message};
pub use lighttpd_conf::Style;
pub use reader::Reader;
pub use resolve::{MAX_KNOWN, Resolver, Rules};
pub use server::{CoreFiles, LogPlace, RESERVED_DESCRIPTORS, Server, StatCache};
pub use survey::{Note, OtherDefault, Standing, Survey};

use error::render;
use lighttpd_conf::{Config, Diagnostic};

#[cfg(test)]
pub(crate) mod tests;

/// A configuration, checked and ready to serve; shared by the worker threads.
#[derive(Debug, Default)]
pub struct Site {
    /// Settings of the whole server.
    pub server: Server,
    /// Hooks of the modules in use, in the order of `server.modules`.
    pub pipeline: Pipeline,
    /// Settings of requests, and their conditions.
    pub rules: Rules,
}

impl Site {
    /// Whether anybody is asked for proofs whose nonces are made with secrets of the process.
    pub fn asks_for_digests(&self) -> bool {
        self.rules.each().any(|(_, settings)| {
            let mut rules = settings.auth.require.iter();
            rules.any(|rule| rule.scheme == Scheme::Digest && rule.nonce_secret.is_none())
        })
    }

    /// What a frozen connection calls an access log.
    pub fn access_log_name(&self, id: LogId) -> String {
        let log = self.server.access_logs.get(usize::from(id.0));
        log.map(ToString::to_string).unwrap_or_default()
    }

    /// The database with this file.
    pub fn database_named(&self, name: &str) -> Option<DatabaseId> {
        let mut databases = self.server.recording.databases.iter();
        let index = databases.position(|database| database == name)?;
        Some(DatabaseId(u16::try_from(index).ok()?))
    }

    /// The access log of this name.
    pub fn access_log_named(&self, name: &str) -> Option<LogId> {
        let mut logs = self.server.access_logs.iter();
        let index = logs.position(|log| log.to_string() == name)?;
        Some(LogId(u16::try_from(index).ok()?))
    }
}

/// Hooks of the modules in use, by moment.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Pipeline {
    /// Names of all modules, used or not.
    pub modules: Vec<&'static str>,
    pub connection_accept: Vec<AcceptHook>,
    pub uri_raw: Vec<Hook>,
    pub uri_rewrite: Vec<Hook>,
    pub uri_clean: Vec<Hook>,
    pub docroot: Vec<Hook>,
    pub physical: Vec<Hook>,
    pub subrequest_start: Vec<Hook>,
    pub response_start: Vec<Hook>,
    pub request_done: Vec<fn(&Exchange<'_>, &Settings, &mut PendingLine)>,
    /// Whether any of them gives requests to backends.
    pub reach: Reach,
}

/// How far a request may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// It is answered here: its connection needs one descriptor.
    #[default]
    Here,
    /// To a backend: its connection needs two.
    Backends,
}

/// Loads and checks a configuration. Nothing is opened but its text; host names are resolved.
pub fn load(source: &Source) -> Result<(Site, Plan), ConfigError> {
    examine(&read(source)?, Depth::Text).map(|(_, site, plan)| (site, plan))
}

/// The same, and looks whether the files, directories, users and groups that it names are there (`-tt`).
pub fn plan(source: &Source) -> Result<Plan, ConfigError> {
    examine(&read(source)?, Depth::System).map(|(_, _, plan)| plan)
}

/// Everything there is to say about a configuration (`everlit check`).
#[derive(Debug)]
pub struct Checked {
    /// Its plan, or why it cannot be used.
    pub outcome: Result<Plan, ConfigError>,
    /// Errors and warnings.
    pub messages: Vec<Message>,
    /// What it uses; `None` if it cannot even be read.
    pub survey: Option<Survey>,
}

/// Looks at a configuration, and at what it names on this machine.
pub fn check(source: &Source) -> Checked {
    let config = match read(source) {
        Ok(config) => config,
        Err(error) => {
            return Checked {
                messages: error.messages(),
                outcome: Err(error),
                survey: None,
            };
        }
    };
    let survey = Some(survey::survey(&config));
    match examine(&config, Depth::System) {
        Ok((warnings, _, plan)) => Checked {
            outcome: Ok(plan),
            messages: warnings.iter().map(Message::from).collect(),
            survey,
        },
        Err(error) => Checked {
            messages: error.messages(),
            outcome: Err(error),
            survey,
        },
    }
}

/// The text that `lighttpd -p` prints.
pub fn print(source: &Source) -> Result<String, ConfigError> {
    read(source).map(|config| config.print_canonical())
}

/// How deep to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// At the text.
    Text,
    /// At the text, and at what it names on this machine.
    System,
}

fn examine(config: &Config, depth: Depth) -> Result<(Vec<Diagnostic>, Site, Plan), ConfigError> {
    let mut problems = Vec::new();
    let built = build::build(config, &mut problems);
    if depth == Depth::System {
        preflight::look(config, &mut problems);
        if let Some(built) = &built {
            crate::tls::look(config, &built.site, &mut problems);
        }
    }
    error::sort(&mut problems, config.sources());
    let warnings = match ConfigError::new(problems) {
        Ok(error) => return Err(error),
        Err(warnings) => warnings,
    };
    let mut built = built.expect("without conditions there is an error");
    built.plan.warnings = render(&warnings, Style::Plain);
    Ok((warnings, built.site, built.plan))
}

fn read(source: &Source) -> Result<Config, ConfigError> {
    let read = match source {
        Source::File(path) => lighttpd_conf::load(path),
        Source::Text {
            name,
            text,
            directory,
        } => lighttpd_conf::load_text(text, name, directory),
    };
    read.map_err(|report| ConfigError::from(&report))
}
