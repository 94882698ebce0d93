//! The server as a process: modules, user, pid file.

use lighttpd_conf::Value;

use crate::config::CoreFiles;
use crate::config::directive::{Change, Counts, Directive, Kind, Read, Scope, Setter};
use crate::config::draft::{CompatModules, Draft};
use crate::config::module_list;
use crate::config::paths::absolute;
use crate::config::reader::Reader;

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::server(
        "server.modules",
        Setter::Own(Kind::List, modules),
        "()",
        "Modules to load; their order is the order in which they are asked.",
    ),
    Directive::server(
        "server.compat-module-load",
        Setter::Bool(|draft, on| {
            draft.compat_modules = match on {
                true => CompatModules::Added,
                false => CompatModules::AsNamed,
            }
        }),
        "\"enable\"",
        "Whether mod_indexfile, mod_dirlisting and mod_staticfile are loaded without being named.",
    ),
    Directive::server(
        "server.username",
        Setter::Text(|draft, name| draft.server.user = set(name)),
        "",
        "User to become after start, when started as root.",
    ),
    Directive::server(
        "server.groupname",
        Setter::Text(|draft, name| draft.server.group = set(name)),
        "",
        "Group to become after start, when started as root; empty: the user's.",
    ),
    Directive::server(
        "server.chroot",
        Setter::Text(|draft, path| draft.server.chroot = set(path).map(absolute)),
        "",
        "Directory that becomes the root directory after start.",
    ),
    Directive::server(
        "server.pid-file",
        Setter::Text(|draft, path| draft.pid_file = set(path).map(absolute)),
        "",
        "File with the process id of the supervisor, which reloads and upgrades do not change.",
    ),
    Directive::server(
        "server.core-files",
        Setter::Bool(|draft, on| {
            draft.server.core_files = match on {
                true => CoreFiles::Wanted,
                false => CoreFiles::AsStarted,
            }
        }),
        "\"disable\"",
        "Whether a crash leaves a core file, whatever the soft limit says. If not, and ssl.engine is on, there is none \
         whatever the limit says, and no debugger of the same user: keys would be seen.",
    )
    .differs(
        Counts::Unset,
        "with ssl.engine, there is no core file whatever the limit says: keys would be in it",
    ),
    Directive::nothing(
        "server.systemd-socket-activation",
        Kind::Bool,
        Scope::Server,
        "\"disable\"",
        "Whether to take sockets from systemd; those that are passed are always taken.",
    )
    .differs(
        Counts::Used,
        "sockets that systemd passes are always taken",
    ),
];

fn set(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn modules(value: &Value, reader: &mut Reader) -> Read<Draft> {
    let names = value.to_list()?;
    module_list::check(value, reader);
    Ok(Change::new(move |draft: &mut Draft| {
        draft.modules = names.clone();
    }))
}
