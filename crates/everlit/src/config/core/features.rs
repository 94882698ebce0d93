//! `server.feature-flags`

use std::time::Duration;

use lighttpd_conf::{Kind, Value};

use crate::config::directive::{Change, Counts, Difference, Directive, Read, Setter};
use crate::config::draft::Draft;
use crate::config::reader::Reader;

pub(super) static DIRECTIVES: &[Directive] = &[Directive::server(
    "server.feature-flags",
    Setter::Own(Kind::KvAny, feature_flags),
    "()",
    "Switches by name, among them the time limits of restarts.",
)
.differs(Counts::Warned, "flag by flag")];

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

/// Name, what it is here, and how it differs from lighttpd's flag of this name; `None`: not at all, or it is Everlit's own.
const FLAGS: &[(&str, Flag, Option<Difference>)] = &[
    (
        "server.graceful-shutdown-timeout",
        Flag::Seconds(|draft, time| draft.graceful_timeout = (!time.is_zero()).then_some(time)),
        Some(Difference {
            counts: Counts::Unset,
            how: "no limit, where lighttpd has 8 s: connections move, so nothing has to be cut",
        }),
    ),
    (
        "everlit.linger",
        Flag::Seconds(|draft, time| draft.linger = Some(time)),
        None,
    ),
    (
        "everlit.ready-timeout",
        Flag::Seconds(|draft, time| draft.ready_timeout = time),
        None,
    ),
    (
        "everlit.certificate-watch",
        Flag::Seconds(|draft, time| draft.certificate_watch = time),
        None,
    ),
    (
        "everlit.statistics-period",
        Flag::Seconds(|draft, time| draft.server.recording.period = time),
        None,
    ),
    (
        "server.h2proto",
        Flag::Nothing,
        used("HTTP/2 is not there yet"),
    ),
    ("server.h2c", Flag::Nothing, used("HTTP/2 is not there yet")),
    (
        "server.graceful-restart-bg",
        Flag::Nothing,
        used("any value means the same: while the new process starts, the old one serves"),
    ),
    (
        "server.graceful-unconfig-sock",
        Flag::Nothing,
        used("any value means the same: listeners that are no longer configured are closed"),
    ),
    (
        "server.clock-jump-restart",
        Flag::Nothing,
        used("any value means the same: the clock may jump"),
    ),
    (
        "server.absolute-dir-redirect",
        Flag::Switch(|draft, on| draft.server.flags.absolute_dir_redirect = on),
        None,
    ),
    (
        "server.http-pathinfo",
        Flag::Switch(|draft, on| draft.server.flags.path_info = on),
        None,
    ),
    (
        "server.metrics-high-precision",
        Flag::Nothing,
        used("any value means the same: it has no effect"),
    ),
    (
        "server.errorlog-high-precision",
        Flag::Nothing,
        used("any value means the same: it has no effect"),
    ),
    (
        "server.errorlog-utf8",
        Flag::Nothing,
        used("any value means the same: it has no effect"),
    ),
    (
        "server.pcre_jit",
        Flag::Nothing,
        used("any value means the same: expressions are compiled by another engine"),
    ),
    (
        "server.network-mptcp",
        Flag::AlwaysOff,
        used("it cannot be turned on"),
    ),
    (
        "server.discard-backend-1xx",
        Flag::Nothing,
        used("any value means the same: interim answers of backends are passed on, but for 100"),
    ),
    (
        "server.h1-discard-backend-1xx",
        Flag::Nothing,
        used("any value means the same: interim answers of backends are passed on, but for 100"),
    ),
    (
        "server.h2-discard-backend-1xx",
        Flag::Nothing,
        used("HTTP/2 is not there yet"),
    ),
    (
        "http10.range",
        Flag::Switch(|draft, on| draft.server.flags.http10_range = on),
        None,
    ),
    (
        "request.trailer-whitelist",
        Flag::Nothing,
        used("any value means the same: trailers are not passed on"),
    ),
    (
        "chunkqueue.splice",
        Flag::Nothing,
        used("any value means the same: Everlit chooses by itself"),
    ),
    (
        "cgi.tempfile-accum",
        Flag::Nothing,
        used("any value means the same: Everlit chooses by itself"),
    ),
    (
        "proxy.force-http10",
        Flag::Nothing,
        used("it has no effect: write proxy.header = ( \"force-http10\" => \"enable\" )"),
    ),
    (
        "auth.delay-invalid-creds",
        Flag::Switch(|draft, on| draft.server.auth.delay = on),
        None,
    ),
    (
        "auth.http-goaway-invalid-creds",
        Flag::Switch(|draft, on| draft.server.auth.go_away = on),
        None,
    ),
    (
        "ssl.session-cache",
        Flag::Nothing,
        used("any value means the same: clients come back with tickets"),
    ),
    (
        "ssl.refresh-certs",
        Flag::Nothing,
        used(
            "any value means the same: certificates are looked at once a minute, or as \"everlit.certificate-watch\" says",
        ),
    ),
    (
        "ssl.refresh-crls",
        Flag::Nothing,
        used("any value means the same: lists are looked at with the certificates"),
    ),
];

const fn used(how: &'static str) -> Option<Difference> {
    let counts = Counts::Used;
    Some(Difference { counts, how })
}

fn feature_flags(value: &Value, reader: &mut Reader) -> Read<Draft> {
    let mut changes: Vec<Change<Draft>> = Vec::new();
    for (name, setting) in value.to_map()? {
        let flag = FLAGS.iter().find(|(known, ..)| *known == name);
        match flag.map(|(_, flag, _)| *flag) {
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

/// Every flag, and how it differs from lighttpd's; `None`: not at all, or it is Everlit's own.
pub(in crate::config) fn flags() -> impl Iterator<Item = (&'static str, Option<Difference>)> {
    FLAGS.iter().map(|(name, _, differs)| (*name, *differs))
}
