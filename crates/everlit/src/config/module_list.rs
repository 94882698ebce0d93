//! `server.modules`: which modules are asked, and in which order.
//!
//! In: names, and which directives are set. Out: a [`Pipeline`]. Must hold: a module that nothing was configured for is
//! not asked, so it costs nothing.

use lighttpd_conf::{Config, Value};

use super::draft::{CompatModules, Draft};
use super::nearest::nearest;
use super::reader::Reader;
use super::{Pipeline, Reach};
use crate::modules::{self, Module};

/// Modules of lighttpd that this version does not have.
pub(super) const MISSING: &[&str] = &[
    "mod_authn_dbi",
    "mod_authn_gssapi",
    "mod_authn_sasl",
    "mod_h2",
    "mod_vhostdb_dbi",
    "mod_wstunnel",
];

/// Answers requests without any directive.
const ALWAYS: &str = "mod_staticfile";

/// Names in `server.modules` that nobody knows are errors; those that lighttpd knows are warnings.
pub(super) fn check(value: &Value, reader: &mut Reader) {
    let Some(list) = value.as_array() else {
        return;
    };
    for entry in list.iter() {
        let Some(name) = entry.value.as_str() else {
            continue;
        };
        if find(name).is_some() {
            continue;
        }
        let span = entry.value.span;
        if MISSING.contains(&name) {
            reader.warn(span, format!("this version does not have {name}"));
            continue;
        }
        let known = modules::TABLE.iter().map(|module| module.name);
        let help = match nearest(name, known.chain(MISSING.iter().copied())) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "remove it from server.modules".to_owned(),
        };
        reader.error(span, format!("there is no module \"{name}\""), help);
    }
}

/// Modules in the order in which they are asked: those named, and those that old configurations take for granted.
pub(super) fn loaded(draft: &Draft) -> Vec<&'static str> {
    let known = |name: &str| {
        let own = modules::TABLE.iter().map(|module| module.name);
        own.chain(MISSING.iter().copied()).find(|own| *own == name)
    };
    let mut names: Vec<&'static str> = Vec::new();
    for name in draft.modules.iter().filter_map(|name| match find(name) {
        Some(module) => Some(module.name),
        None => known(name),
    }) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if draft.compat_modules == CompatModules::Added {
        if !names.contains(&"mod_indexfile") {
            names.insert(0, "mod_indexfile");
        }
        // lighttpd looks at auth.backend for that; without their directives these do nothing.
        for name in ["mod_authn_file", "mod_authn_ldap"] {
            if names.contains(&"mod_auth") && !names.contains(&name) {
                names.push(name);
            }
        }
        for name in ["mod_dirlisting", "mod_staticfile"] {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// The hooks of these modules, of those that are in use.
pub(super) fn pipeline(loaded: &[&str], config: &Config) -> Pipeline {
    let known = loaded.iter().filter_map(|name| find(name));
    let mut pipeline = Pipeline {
        modules: known.map(|module| module.name).collect(),
        ..Pipeline::default()
    };
    for module in loaded.iter().filter_map(|name| find(name)) {
        if is_in_use(module, config) {
            let hooks = &module.hooks;
            pipeline.connection_accept.extend(hooks.connection_accept);
            pipeline.uri_raw.extend(hooks.uri_raw);
            pipeline.uri_rewrite.extend(hooks.uri_rewrite);
            pipeline.uri_clean.extend(hooks.uri_clean);
            pipeline.docroot.extend(hooks.docroot);
            pipeline.physical.extend(hooks.physical);
            pipeline.subrequest_start.extend(hooks.subrequest_start);
            pipeline.response_start.extend(hooks.response_start);
            pipeline.request_done.extend(hooks.request_done);
            if modules::GATEWAYS.contains(&module.name) {
                pipeline.reach = Reach::Backends;
            }
        }
    }
    pipeline
}

fn find(name: &str) -> Option<&'static Module> {
    let name = match name {
        // What it was called until lighttpd 1.4.56.
        "mod_compress" => modules::deflate::MODULE.name,
        name if modules::openssl::ALIASES.contains(&name) => modules::openssl::MODULE.name,
        name => name,
    };
    modules::TABLE
        .iter()
        .find(|module| module.name == name)
        .copied()
}

fn is_in_use(module: &Module, config: &Config) -> bool {
    let is_set = |name: &str| {
        config
            .blocks()
            .iter()
            .any(|block| block.get(name).is_some())
    };
    module.name == ALWAYS || module.directives.iter().any(|own| is_set(own.name))
}
