//! What a configuration uses, for those who come from lighttpd: what is the same here, what is not.
//!
//! In: a configuration, and the table of directives. Out: a [`Survey`]. Must hold: every directive that is set is counted
//! once, under the state that the table gives it; a difference that its value does not meet is none.

use std::collections::BTreeMap;
use std::fmt;

use lighttpd_conf::{Config, Setting, Span};
use serde::Serialize;

use super::caution;
use super::core::features;
use super::directive::{Apply, Counts, Directive, Lack, State, is_off};
use super::nearest::nearest;
use super::table;

/// What a configuration uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// How many directives it sets.
    pub directives: usize,
    /// How many of them do what they do in lighttpd.
    pub same: usize,
    /// The others, in the order of the text.
    pub notes: Vec<Note>,
    /// Directives and flags that it does not set, and whose defaults are not lighttpd's.
    pub defaults: Vec<OtherDefault>,
}

/// A directive that is not the same here, at the first place where it is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is here.
    pub state: Standing,
    /// Its name; a flag's is behind that of its directive.
    pub directive: String,
    /// In which way, or why.
    pub how: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The file, or what stands for one.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// A directive or flag that is not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OtherDefault {
    /// Its name.
    pub directive: &'static str,
    /// What the default is here.
    pub how: &'static str,
}

/// What a directive that is not the same is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It works, in another way.
    Different,
    /// It is kept for old configurations only.
    Obsolete,
    /// Left out on purpose.
    Refused,
    /// Not in this version.
    NotYet,
    /// Neither lighttpd nor Everlit has it.
    Unknown,
    /// It works as in lighttpd, and opens more than is probably meant.
    Unsafe,
}

impl Note {
    pub(super) fn new(
        config: &Config,
        span: Span,
        state: Standing,
        directive: &str,
        how: impl Into<String>,
        help: Option<String>,
    ) -> Note {
        let place = config.sources().place(span);
        Note {
            state,
            directive: directive.to_owned(),
            how: how.into(),
            help,
            file: place.file,
            line: place.line,
            column: place.column,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Different => "different",
            Self::Obsolete => "obsolete",
            Self::Refused => "refused",
            Self::NotYet => "not in this version",
            Self::Unknown => "unknown",
            Self::Unsafe => "unsafe",
        })
    }
}

/// Goes through all that is set.
pub(super) fn survey(config: &Config) -> Survey {
    let mut survey = Survey::default();
    let mut seen: BTreeMap<&str, bool> = BTreeMap::new();
    let settings = config.blocks().iter().flat_map(|block| &block.settings);
    for setting in settings.filter(|setting| !setting.is_variable()) {
        let is_noted = seen.entry(&setting.name).or_default();
        // Elsewhere its value may have been one that makes no difference.
        if *is_noted {
            continue;
        }
        let notes = notes(config, setting);
        *is_noted = !notes.is_empty();
        survey.notes.extend(notes);
    }
    survey.directives = seen.len();
    survey.same = seen.values().filter(|is_noted| !**is_noted).count();
    survey.notes.extend(caution::cautions(config));
    survey.notes.sort_by_key(|note| {
        let mut sources = config.sources().iter();
        let file = sources.position(|source| source.name() == note.file);
        (file, note.line, note.column)
    });
    let flags = config.global().get("server.feature-flags");
    let is_set = |name: &str| match flags.and_then(|value| value.as_array()) {
        Some(flags) => flags.get(name).is_some(),
        None => false,
    };
    let is_used = |own: &Directive| seen.contains_key(own.name.to_ascii_lowercase().as_str());
    let directives = table::all().filter(|own| !is_used(own));
    let of_directives = directives.map(|own| (own.name, own.differs));
    let of_flags = features::flags().filter(|(name, _)| !is_set(name));
    survey.defaults = of_directives
        .chain(of_flags)
        .filter_map(|(directive, differs)| match differs {
            Some(other) if other.counts == Counts::Unset => Some(OtherDefault {
                directive,
                how: other.how,
            }),
            _ => None,
        })
        .collect();
    survey
}

fn notes(config: &Config, setting: &Setting) -> Vec<Note> {
    let note = |state, directive: &str, span: Span, how: &str, help: Option<String>| {
        Note::new(config, span, state, directive, how, help)
    };
    let Some(directive) = table::find(&setting.name) else {
        let names = table::all().map(|own| own.name);
        let help = nearest(&setting.name, names).map(|near| format!("did you mean {near}?"));
        let how = "nobody knows it";
        return vec![note(
            Standing::Unknown,
            &setting.spelling,
            setting.span,
            how,
            help,
        )];
    };
    if directive.name == "server.feature-flags" {
        let entries = setting.value.as_array().into_iter().flat_map(|a| a.iter());
        let differing = entries.filter_map(|entry| {
            let mut flags = features::flags();
            let (name, differs) = flags.find(|(name, _)| Some(*name) == entry.key.as_deref())?;
            if is_off(&entry.value) {
                return None;
            }
            let how = differs.filter(|other| other.counts == Counts::Used)?.how;
            let name = format!("{}: {name}", directive.name);
            let state = Standing::Different;
            Some(note(state, &name, entry.value.span, how, None))
        });
        return differing.collect();
    }
    let (state, how) = match directive.state() {
        State::Different(other) if counts(directive, other.counts, setting) => {
            (Standing::Different, other.how.to_owned())
        }
        State::Refused(why) if !is_off(&setting.value) => (Standing::Refused, why.to_owned()),
        State::NotYet(lack) if !is_off(&setting.value) => {
            let why = match lack {
                Lack::Module(module) => format!("it belongs to {module}"),
                Lack::Feature(why) | Lack::Purpose(why) | Lack::Without { why, .. } => {
                    why.to_owned()
                }
            };
            (Standing::NotYet, why)
        }
        _ if directive.obsolete.is_some() => (
            Standing::Obsolete,
            "lighttpd keeps it for old configurations".to_owned(),
        ),
        _ => return Vec::new(),
    };
    let help = directive.obsolete.map(str::to_owned);
    vec![note(state, directive.name, setting.span, &how, help)]
}

/// Whether the difference is one for this value.
fn counts(directive: &Directive, counts: Counts, setting: &Setting) -> bool {
    let default_is_off = matches!(directive.default, "" | "0" | "()" | "\"disable\"");
    let is_server = matches!(directive.apply, Apply::Server(_));
    counts == Counts::Used && (is_server || !(default_is_off && is_off(&setting.value)))
}
