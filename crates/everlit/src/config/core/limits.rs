//! How much and how long.

use lighttpd_conf::Value;

use crate::config::directive::{Change, Counts, Directive, Kind, Read, Setter};
use crate::config::reader::Reader;
use crate::settings::Settings;

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::server(
        "server.max-connections",
        Setter::Short(|draft, n| draft.server.max_connections = (n > 0).then_some(n.into())),
        "0",
        "Most connections open at once; 0: as many as there are descriptors, less 64.",
    )
    .differs(
        Counts::Unset,
        "as many as server.max-fds, less 64; lighttpd has fewer, at most half of them",
    ),
    Directive::server(
        "server.max-fds",
        Setter::Int(|draft, n| draft.server.max_fds = (n > 0).then_some(n)),
        "0",
        "Most descriptors open at once (RLIMIT_NOFILE); 0: all that the system allows.",
    )
    .differs(
        Counts::Unset,
        "all that the system allows (the hard limit); lighttpd takes 4096, if the soft limit is lower",
    ),
    Directive::server(
        "server.max-worker",
        Setter::Short(|draft, n| draft.server.workers = (n > 0).then_some(n)),
        "0",
        "Worker threads; 0: one for each processor. lighttpd starts processes.",
    )
    .differs(
        Counts::Used,
        "these are threads of one process, where lighttpd starts processes; 0 is one for each processor",
    ),
    Directive::server(
        "server.max-request-field-size",
        Setter::Short(|draft, n| draft.server.max_head_bytes = n.into()),
        "8192",
        "Longest request head in bytes; a longer one is answered with 431.",
    ),
    Directive::request(
        "server.max-request-size",
        Setter::Int(|settings, kib| settings.core.max_request_size = u64::from(kib) * 1024),
        "0",
        "Longest request body in KiB; a longer one is answered with 413; 0: no limit.",
    ),
    Directive::request(
        "server.max-keep-alive-requests",
        Setter::Short(|settings, n| settings.core.max_keep_alive_requests = n.into()),
        "1000",
        "Requests on one connection before it is closed; 0: it is closed after the first.",
    )
    .differs(
        Counts::Used,
        "all requests count; lighttpd answers one more",
    ),
    Directive::request(
        "server.max-keep-alive-idle",
        Setter::Short(|settings, n| settings.core.max_keep_alive_idle = n),
        "5",
        "Seconds that a connection may wait for its next request.",
    ),
    Directive::request(
        "server.max-read-idle",
        Setter::Short(|settings, n| settings.core.max_read_idle = n),
        "60",
        "Seconds without a byte of a request that has begun.",
    ),
    Directive::request(
        "server.max-write-idle",
        Setter::Short(|settings, n| settings.core.max_write_idle = n),
        "360",
        "Seconds without a byte of a response being taken.",
    ),
    Directive::request(
        "server.kbytes-per-second",
        Setter::Own(Kind::Short, shared_limit),
        "0",
        "Most KiB a second for all connections under the same conditions; 0: no limit.",
    ),
    Directive::request(
        "connection.kbytes-per-second",
        Setter::Short(|settings, rate| settings.core.limits.each = rate),
        "0",
        "Most KiB a second for each connection; 0: no limit.",
    ),
];

fn shared_limit(value: &Value, reader: &mut Reader) -> Read<Settings> {
    let rate = value.to_short()?;
    let shared = (rate > 0).then(|| reader.shared_limit(rate));
    Ok(Change::new(move |settings: &mut Settings| {
        settings.core.limits.shared.clone_from(&shared);
    }))
}
