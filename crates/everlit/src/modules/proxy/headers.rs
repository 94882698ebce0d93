//! `proxy.header` and `proxy.forwarded`, key by key.

use std::sync::Arc;

use lighttpd_conf::Value;

use crate::config::nearest::nearest;
use crate::config::{Change, Read, Reader};
use crate::gateway::header_map::{Forwarded, HeaderMap};
use crate::settings::Settings;

const HEADER_KEYS: &[&str] = &[
    "connect",
    "force-http10",
    "https-remap",
    "map-host-request",
    "map-host-response",
    "map-urlpath",
    "map-urlpath-resp-host-exclude",
    "map-urlpath-resp-host-include",
    "upgrade",
];

pub(super) fn header(value: &Value, reader: &mut Reader) -> Read<Settings> {
    let mut map = HeaderMap::default();
    for (key, setting) in value.to_map()? {
        match key {
            "https-remap" => map.https_remap = setting.to_bool()?,
            "force-http10" => map.force_http10 = setting.to_bool()?,
            "upgrade" => map.upgrade = setting.to_bool()?,
            "connect" => map.connect = setting.to_bool()?,
            "map-urlpath" => map.urlpath = setting.to_pairs()?,
            "map-host-request" => map.host_request = setting.to_pairs()?,
            "map-host-response" => map.host_response = setting.to_pairs()?,
            "map-urlpath-resp-host-include" => map.path_hosts = setting.to_list()?,
            "map-urlpath-resp-host-exclude" => map.no_path_hosts = setting.to_list()?,
            _ => unknown("proxy.header", key, setting, HEADER_KEYS, reader),
        }
    }
    let map = Arc::new(map);
    Ok(Change::new(move |settings: &mut Settings| {
        settings.proxy.header = map.clone();
    }))
}

const FORWARDED_KEYS: &[&str] = &["by", "for", "host", "proto", "remote_user"];

pub(super) fn forwarded(value: &Value, reader: &mut Reader) -> Read<Settings> {
    let mut forwarded = Forwarded::default();
    for (key, setting) in value.to_map()? {
        let on = setting.to_bool()?;
        match key {
            "by" => forwarded.by = on,
            "for" => forwarded.for_ = on,
            "host" => forwarded.host = on,
            "proto" => forwarded.proto = on,
            "remote_user" => forwarded.remote_user = on,
            _ => unknown("proxy.forwarded", key, setting, FORWARDED_KEYS, reader),
        }
    }
    Ok(Change::new(move |settings: &mut Settings| {
        settings.proxy.forwarded = forwarded;
    }))
}

/// An error, as in lighttpd.
fn unknown(directive: &str, key: &str, value: &Value, known: &[&str], reader: &mut Reader) {
    let help = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("keys are {}", known.join(", ")),
    };
    let message = format!("unknown key \"{key}\" in {directive}");
    reader.error(value.span, message, help);
}
