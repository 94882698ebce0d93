//! What works as in lighttpd, and opens more than is probably meant.
//!
//! In: a configuration, and the files that it names. Out: notes. Must hold: only what is certain is said, and nothing is
//! said of what somebody else may have closed.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use lighttpd_conf::{BlockId, Config, Setting, Value};

use super::paths::absolute;
use super::survey::{Note, Standing};

/// Files that are nobody's business.
const SECRET: &[&str] = &[
    "accesslog.filename",
    "auth.backend.htdigest.userfile",
    "auth.backend.htpasswd.userfile",
    "auth.backend.plain.groupfile",
    "auth.backend.plain.userfile",
    "server.errorlog",
    "ssl.pemfile",
    "ssl.privkey",
    "ssl.stek-file",
    "webdav.sqlite-db-name",
];

/// Files that nobody but the server should read.
const KEYS: &[&str] = &["ssl.privkey", "ssl.stek-file"];

/// Options without which requests are guessed at.
const STRICT: &[&str] = &["host-strict", "url-ctrls-reject", "url-invalid-utf8-reject"];

/// Looks at all settings.
pub(super) fn cautions(config: &Config) -> Vec<Note> {
    let mut cautions = Cautions {
        config,
        roots: document_roots(config),
        notes: Vec::new(),
    };
    for block in config.blocks() {
        for setting in &block.settings {
            cautions.look(block.id, setting);
        }
    }
    cautions.notes
}

struct Cautions<'c> {
    config: &'c Config,
    roots: Vec<PathBuf>,
    notes: Vec<Note>,
}

impl Cautions<'_> {
    fn look(&mut self, block: BlockId, setting: &Setting) {
        let name = setting.name.as_str();
        if SECRET.contains(&name) {
            self.within_reach(setting);
        }
        if KEYS.contains(&name) {
            self.readable_by_all(setting);
        }
        match name {
            "extforward.forwarder" => {
                if let Some(all) =
                    entry(setting, "all").filter(|trust| trust.as_str() == Some("trust"))
                {
                    let how = "every client can say that it is somebody else, at an address of its choice";
                    self.note(setting, all, how, "name the addresses of your proxies");
                }
            }
            "server.http-parseopts" => {
                for key in STRICT {
                    if let Some(off) = entry(setting, key).filter(|on| on.to_bool() == Ok(false)) {
                        let how = format!(
                            "without \"{key}\", requests are read that a proxy before this server, or an application behind it, may read otherwise"
                        );
                        self.note(setting, off, how, "leave it on, as it is by default");
                    }
                }
            }
            "cgi.assign" if block == BlockId::GLOBAL => {
                if let Some(any) = entry(setting, "") {
                    let how = "\"\" makes a program of every file of the site, those that visitors have uploaded too";
                    let help = "put it into $HTTP[\"url\"] =^ \"/cgi-bin/\" { }";
                    self.note(setting, any, how, help);
                }
            }
            _ => {}
        }
    }

    /// A file below a document root can be asked for, unless its ending is denied.
    fn within_reach(&mut self, setting: &Setting) {
        let Some(path) = path(&setting.value) else {
            return;
        };
        let root = self.roots.iter().find(|root| path.starts_with(root));
        let (Some(root), false) = (root, self.is_denied(&path)) else {
            return;
        };
        let how = format!(
            "{} is below {}, from where it can be fetched",
            path.display(),
            root.display()
        );
        let help = "put it elsewhere, or name its ending in url.access-deny";
        self.note(setting, &setting.value, how, help);
    }

    fn is_denied(&self, path: &Path) -> bool {
        let denied = self.config.global().get("url.access-deny");
        let denied = denied.and_then(|value| value.to_list().ok());
        let path = path.to_string_lossy();
        denied.is_some_and(|endings| endings.iter().any(|ending| path.ends_with(ending)))
    }

    fn readable_by_all(&mut self, setting: &Setting) {
        let Some(path) = path(&setting.value) else {
            return;
        };
        let is_open = path
            .metadata()
            .is_ok_and(|metadata| metadata.mode() & 0o004 != 0);
        if is_open {
            let how = format!("every user of this machine can read {}", path.display());
            let help = format!("chmod o= {}", path.display());
            self.note(setting, &setting.value, how, help);
        }
    }

    fn note(
        &mut self,
        setting: &Setting,
        at: &Value,
        how: impl Into<String>,
        help: impl Into<String>,
    ) {
        let state = Standing::Unsafe;
        let help = Some(help.into());
        self.notes.push(Note::new(
            self.config,
            at.span,
            state,
            &setting.spelling,
            how,
            help,
        ));
    }
}

fn entry<'s>(setting: &'s Setting, key: &str) -> Option<&'s Value> {
    setting.value.as_array()?.get(key)
}

/// The file that a value names; a command is none.
fn path(value: &Value) -> Option<PathBuf> {
    let text = value.as_str()?;
    (!text.is_empty() && !text.starts_with('|')).then(|| absolute(text))
}

/// Of all blocks; inside `server.chroot`, files are not below them by their names.
fn document_roots(config: &Config) -> Vec<PathBuf> {
    if config.global().get("server.chroot").is_some() {
        return Vec::new();
    }
    let roots = config.blocks().iter();
    let roots = roots.filter_map(|block| block.get("server.document-root"));
    // All that there is would be below it.
    roots
        .filter_map(path)
        .filter(|root| root != Path::new("/"))
        .collect()
}
