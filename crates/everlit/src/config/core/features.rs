//! `server.feature-flags`

use std::time::Duration;

use lighttpd_conf::{Kind, Value};

use crate::config::directive::{Change, Directive, Read, Setter};
use crate::config::draft::Draft;
use crate::config::reader::Reader;

pub(super) static DIRECTIVES: &[Directive] = &[Directive::server(
    "server.feature-flags",
    Setter::Own(Kind::KvAny, feature_flags),
    "()",
    "Switches by name, among them the time limits of restarts.",
)];

/// What a flag is to us.
#[derive(Clone, Copy)]
enum Flag {
    /// Seconds for something; 0 may have a meaning of its own.
    Seconds(fn(&mut Draft, Duration)),
    /// On or off.
    Switch(fn(&mut Draft, bool)),
    /// lighttpd has it, and nothing here depends on it.
    Nothing,
    /// lighttpd has it, and it cannot be turned on here.
    AlwaysOff,
}

const FLAGS: &[(&str, Flag)] = &[
    (
        "server.graceful-shutdown-timeout",
        Flag::Seconds(|draft, time| draft.graceful_timeout = (!time.is_zero()).then_some(time)),
    ),
    (
        "everlit.linger",
        Flag::Seconds(|draft, time| draft.linger = Some(time)),
    ),
    (
        "everlit.ready-timeout",
        Flag::Seconds(|draft, time| draft.ready_timeout = time),
    ),
    (
        "everlit.certificate-watch",
        Flag::Seconds(|draft, time| draft.certificate_watch = time),
    ),
    ("server.h2proto", Flag::Nothing),
    ("server.h2c", Flag::Nothing),
    ("server.graceful-restart-bg", Flag::Nothing),
    ("server.graceful-unconfig-sock", Flag::Nothing),
    ("server.clock-jump-restart", Flag::Nothing),
    (
        "server.absolute-dir-redirect",
        Flag::Switch(|draft, on| draft.server.flags.absolute_dir_redirect = on),
    ),
    (
        "server.http-pathinfo",
        Flag::Switch(|draft, on| draft.server.flags.path_info = on),
    ),
    ("server.metrics-high-precision", Flag::Nothing),
    ("server.errorlog-high-precision", Flag::Nothing),
    ("server.errorlog-utf8", Flag::Nothing),
    ("server.pcre_jit", Flag::Nothing),
    ("server.network-mptcp", Flag::AlwaysOff),
    ("server.discard-backend-1xx", Flag::Nothing),
    ("server.h1-discard-backend-1xx", Flag::Nothing),
    ("server.h2-discard-backend-1xx", Flag::Nothing),
    (
        "http10.range",
        Flag::Switch(|draft, on| draft.server.flags.http10_range = on),
    ),
    ("request.trailer-whitelist", Flag::Nothing),
    ("chunkqueue.splice", Flag::Nothing),
    ("cgi.tempfile-accum", Flag::Nothing),
    ("proxy.force-http10", Flag::Nothing),
    (
        "auth.delay-invalid-creds",
        Flag::Switch(|draft, on| draft.server.auth.delay = on),
    ),
    (
        "auth.http-goaway-invalid-creds",
        Flag::Switch(|draft, on| draft.server.auth.go_away = on),
    ),
    ("ssl.session-cache", Flag::Nothing),
    ("ssl.refresh-certs", Flag::Nothing),
    ("ssl.refresh-crls", Flag::Nothing),
];

fn feature_flags(value: &Value, reader: &mut Reader) -> Read<Draft> {
    let mut changes: Vec<Change<Draft>> = Vec::new();
    for (name, setting) in value.to_map()? {
        let flag = FLAGS.iter().find(|(known, _)| *known == name);
        match flag.map(|(_, flag)| *flag) {
            Some(Flag::Seconds(set)) => {
                let time = Duration::from_secs(setting.to_int()?.into());
                changes.push(Change::new(move |draft| set(draft, time)));
            }
            Some(Flag::Switch(set)) => {
                let on = setting.to_bool()?;
                changes.push(Change::new(move |draft| set(draft, on)));
            }
            Some(Flag::Nothing) => {}
            Some(Flag::AlwaysOff) => {
                if setting.to_bool()? {
                    reader.warn(
                        setting.span,
                        format!("server.feature-flags: this version does not support \"{name}\""),
                    );
                }
            }
            None => reader.warn(
                setting.span,
                format!("server.feature-flags: unknown flag \"{name}\""),
            ),
        }
    }
    Ok(Change::new(move |draft: &mut Draft| {
        changes.iter().for_each(|change| change.apply(draft));
    }))
}
