//! From a checked text to a site and a plan.
//!
//! In: a [`Config`], the table of directives. Out: [`Site`], [`Plan`], and everything that is to be said. Must hold: all
//! mistakes are found in one go; a directive without effect is said to have none.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use lighttpd_conf::{Block, BlockId, Conditions, Config, Diagnostic, Setting};

use super::directive::{Apply, Change, Directive, Lack, Risk, Setter, is_off};
use super::draft::{Draft, ErrorsGo};
use super::listeners::{SocketOptions, listeners};
use super::reader::Reader;
use super::resolve::Rules;
use super::{CoreFiles, LogPlace, RESERVED_DESCRIPTORS, Scope, Server, Site, module_list, table};
use crate::gateway::host::{Address, Spawn};
use crate::plan::{ListenAddress, Plan, ProgramSpec};
use crate::settings::Settings;
use crate::tls;
use crate::version::version;

/// `LOG_ERR` of syslog(3).
const LEVEL_ERR: u16 = 3;

/// What a configuration gives, if nothing in it is wrong.
pub(super) struct Built {
    pub(super) site: Site,
    /// Without its warnings.
    pub(super) plan: Plan,
}

/// Builds everything; mistakes and warnings go to `problems`. `None`: there are no conditions to build with.
pub(super) fn build(config: &Config, problems: &mut Vec<Diagnostic>) -> Option<Built> {
    problems.extend(config.warnings().iter().cloned());
    let shapes: Vec<_> = table::all().map(Directive::shape).collect();
    problems.extend(lighttpd_conf::check(config, &shapes));
    let conditions = match Conditions::new(config) {
        Ok(conditions) => Some(conditions),
        Err(report) => {
            problems.extend(report.diagnostics().iter().cloned());
            None
        }
    };

    let mut builder = Builder {
        config,
        problems,
        reader: Reader::default(),
        said: HashSet::new(),
    };
    let mut draft = builder.draft();
    let loaded = module_list::loaded(&draft);
    let changes = builder.changes(&loaded);
    builder.limits(&mut draft);
    builder.core_files(&draft);
    let root = config.global().get("server.document-root");
    if root.is_none_or(|root| root.as_str() == Some("")) {
        let missing = Diagnostic::error("server.document-root is not set");
        let missing = match root {
            Some(root) => missing.at(config.sources(), root.span),
            None => missing,
        };
        let help =
            "name the directory with the files to serve, as in server.document-root = \"/srv/www\"";
        builder.problems.push(missing.help(help));
    }
    let listeners = listeners(config, &draft, &changes.sockets, builder.problems);

    let mut server = draft.server.clone();
    server.programs = builder.reader.take_programs();
    server.limits = builder.reader.take_limits();
    (server.error_log, server.error_logs) = builder.reader.take_error_logs();
    if draft.errors == ErrorsGo::ToSystemLog {
        let priority = draft.syslog_facility * 8 + LEVEL_ERR;
        server.error_log = Some(LogPlace::Syslog(priority));
    }
    server.recording.databases = builder.reader.take_databases();
    server.access_logs = builder
        .reader
        .into_access_logs(draft.syslog_facility * 8 + draft.syslog_level);
    let plan = plan(&draft, &server, listeners);
    let site = Site {
        server,
        pipeline: module_list::pipeline(&loaded, config),
        rules: Rules::new(config, conditions?, changes.requests),
    };
    Some(Built {
        plan: Plan {
            certificates: tls::files(&site).into_iter().collect(),
            breakage_log: breakage_log(&site),
            ..plan
        },
        site,
    })
}

fn plan(draft: &Draft, server: &Server, listeners: Vec<crate::plan::ListenSpec>) -> Plan {
    Plan {
        version: version().to_owned(),
        listeners,
        pid_file: draft.pid_file.clone(),
        error_log: server.error_log.clone(),
        breakage_log: None,
        logs: server.log_files().into_iter().map(Path::to_owned).collect(),
        graceful_timeout: draft.graceful_timeout,
        linger: draft.linger,
        ready_timeout: draft.ready_timeout,
        certificates: Vec::new(),
        certificate_watch: Some(draft.certificate_watch),
        programs: programs(server),
        warnings: Vec::new(),
    }
}

/// What holds outside of conditions is for programs that no request has started.
fn breakage_log(site: &Site) -> Option<PathBuf> {
    let base = site.rules.settings([BlockId::GLOBAL]);
    let log = site
        .server
        .access_logs
        .get(usize::from(base.core.breakage_log?.0))?;
    log.file().map(Path::to_owned)
}

/// One for each process.
fn programs(server: &Server) -> Vec<ProgramSpec> {
    let of = |spawn: &Spawn, address: &Address| ProgramSpec {
        arguments: spawn.command.clone(),
        address: match address {
            Address::Tcp(address) => ListenAddress::Tcp(*address),
            Address::Unix(path) => ListenAddress::Unix(path.clone()),
        },
        backlog: spawn.backlog,
        environment: spawn.environment.clone(),
        copied_environment: spawn.copy_environment.clone(),
        kill_signal: i32::from(spawn.kill_signal),
        user: server.user.clone(),
        group: server.group.clone(),
        chroot: server.chroot.clone(),
    };
    let programs = server.programs.iter();
    programs
        .flat_map(|spawn| {
            spawn
                .addresses
                .iter()
                .map(move |address| of(spawn, address))
        })
        .collect()
}

struct Builder<'b> {
    config: &'b Config,
    problems: &'b mut Vec<Diagnostic>,
    reader: Reader,
    /// Directives of which it was said already that they have no effect.
    said: HashSet<&'static str>,
}

/// What each block changes, by its index.
struct Changes {
    requests: Vec<Vec<Change<Settings>>>,
    sockets: Vec<Vec<Change<SocketOptions>>>,
}

impl Builder<'_> {
    /// Settings of the whole server: the global block only.
    fn draft(&mut self) -> Draft {
        let mut draft = Draft::default();
        for (setting, directive) in known(self.config.global()) {
            if let Apply::Server(set) = directive.apply
                && let Some(change) = self.read(set, setting, directive)
            {
                change.apply(&mut draft);
            }
        }
        draft
    }

    /// Everything else.
    fn changes(&mut self, loaded: &[&str]) -> Changes {
        let mut changes = Changes {
            requests: Vec::new(),
            sockets: Vec::new(),
        };
        for block in self.config.blocks() {
            let (mut requests, mut sockets) = (Vec::new(), Vec::new());
            self.reader.enter(block.id);
            for (setting, directive) in known(block) {
                if !self.is_loaded(setting, directive, loaded) {
                    continue;
                }
                if let Some(instead) = directive.obsolete {
                    self.say_once(setting, directive, "is obsolete", Some(instead));
                }
                match directive.apply {
                    // The checker has said that it has no effect.
                    Apply::Request(_)
                        if directive.scope == Scope::Server && block.id != BlockId::GLOBAL => {}
                    Apply::Request(set) => requests.extend(self.read(set, setting, directive)),
                    Apply::Socket(set) if opens_listener(block) => {
                        sockets.extend(self.read(set, setting, directive));
                    }
                    Apply::Server(_) if block.id != BlockId::GLOBAL => {
                        self.only_global(setting, directive);
                    }
                    Apply::Unsupported { .. } => self.unsupported(setting, directive),
                    Apply::Server(_) | Apply::Socket(_) | Apply::Nothing(_) => {}
                }
            }
            changes.requests.push(requests);
            changes.sockets.push(sockets);
        }
        changes
    }

    fn read<T: 'static>(
        &mut self,
        set: Setter<T>,
        setting: &Setting,
        directive: &'static Directive,
    ) -> Option<Change<T>> {
        let read = set.read(&setting.value, &mut self.reader);
        let before = self.problems.len();
        self.reader.take_remarks(self.config, self.problems);
        for problem in self.problems.iter_mut().skip(before) {
            name_it(problem, directive);
        }
        read.map_err(|error| {
            let problem = self.config.unfit(directive.name, &error);
            // The checker may have found the same already.
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        })
        .ok()
    }

    /// lighttpd does not know the directives of a module that is not loaded.
    fn is_loaded(
        &mut self,
        setting: &Setting,
        directive: &'static Directive,
        loaded: &[&str],
    ) -> bool {
        let Some(module) = table::module_of(directive) else {
            return true;
        };
        // One module does for lighttpd's six that speak TLS, and is loaded as soon as it is asked for.
        if loaded.contains(&module) || module == "mod_openssl" {
            return true;
        }
        let why = format!("has no effect: {module} is not in server.modules");
        self.say_once(setting, directive, &why, None);
        false
    }

    /// A directive that lighttpd allows in conditions. The checker has reported those that it does not.
    fn only_global(&mut self, setting: &Setting, directive: &'static Directive) {
        if directive.scope == Scope::Connection {
            let why = "has no effect inside a condition in this version";
            self.say_once(
                setting,
                directive,
                why,
                Some("set it outside of all conditions"),
            );
        }
    }

    fn unsupported(&mut self, setting: &Setting, directive: &'static Directive) {
        let Apply::Unsupported { lack, risk, .. } = directive.apply else {
            return;
        };
        let why = match lack {
            Lack::Module(module) => {
                format!("it belongs to {module}, which this version does not have")
            }
            Lack::Feature(why) | Lack::Purpose(why) | Lack::Without { why, .. } => why.to_owned(),
        };
        if is_off(&setting.value) {
            return;
        }
        match risk {
            Risk::Exposes(harm) => {
                let message = format!("{} cannot be ignored: {harm}", directive.name);
                let help = format!("{why}; take it out only if that is what you want");
                self.problems
                    .push(self.config.error(setting.span, message).help(help));
            }
            Risk::Visible => {
                self.say_once(setting, directive, &format!("has no effect: {why}"), None)
            }
        }
    }

    /// A warning about a directive, at the first place where it is set.
    fn say_once(
        &mut self,
        setting: &Setting,
        directive: &'static Directive,
        what: &str,
        help: Option<&str>,
    ) {
        if self.said.insert(directive.name) {
            let message = format!("{} {what}", directive.name);
            let warning = self.config.warning(setting.span, message);
            self.problems.push(match help {
                Some(help) => warning.help(help),
                None => warning,
            });
        }
    }

    /// Each connection needs a descriptor, and some are needed otherwise. lighttpd keeps half of them back, because there a
    /// connection may need two.
    fn limits(&mut self, draft: &mut Draft) {
        let server = &mut draft.server;
        if let (Some(connections), Some(fds)) = (server.max_connections, server.max_fds)
            && connections > fds.saturating_sub(RESERVED_DESCRIPTORS)
            && let Some(value) = self.config.global().get("server.max-connections")
        {
            let most = fds.saturating_sub(RESERVED_DESCRIPTORS).max(1);
            let message = format!(
                "server.max-connections is {most}: server.max-fds, less {RESERVED_DESCRIPTORS}"
            );
            self.problems.push(self.config.warning(value.span, message));
            server.max_connections = Some(most);
        }
    }

    /// With keys in memory they are in core files, too.
    fn core_files(&mut self, draft: &Draft) {
        let has_keys = |block: &Block| {
            let engine = block.get("ssl.engine");
            engine.is_some_and(|value| !is_off(value))
        };
        if draft.server.core_files == CoreFiles::Wanted
            && self.config.blocks().iter().any(has_keys)
            && let Some(value) = self.config.global().get("server.core-files")
        {
            let message = "server.core-files: whoever reads a core file reads the keys of certificates and of \
                           connections (ssl.engine)";
            self.problems.push(self.config.warning(value.span, message));
        }
    }
}

/// Values do not know whose they are; whoever reads about one wants to.
fn name_it(problem: &mut Diagnostic, directive: &Directive) {
    let help = problem.help.as_deref().unwrap_or_default();
    if !problem.message.contains(directive.name) && !help.contains(directive.name) {
        problem.message = format!("{}: {}", directive.name, problem.message);
    }
}

/// The settings of a block that are directives we know. Others are variables, or reported by the checker.
fn known(block: &Block) -> impl Iterator<Item = (&Setting, &'static Directive)> {
    block
        .settings
        .iter()
        .filter_map(|setting| Some((setting, table::find(&setting.name)?)))
}

fn opens_listener(block: &Block) -> bool {
    block.id == BlockId::GLOBAL || block.condition.as_ref().is_some_and(|c| c.opens_listener())
}
