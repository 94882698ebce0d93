//! The directives of mod_deflate.

use std::sync::Arc;

use lighttpd_conf::{Kind, Value};

use super::{Params, Tuning};
use crate::config::{Change, Counts, Directive, Read, Reader, Setter};
use crate::pack::{Coding, Recipe};
use crate::settings::Settings;

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "deflate.mimetypes",
        Setter::List(mimetypes),
        "()",
        "Beginnings of the media types that are compressed; \"\" is all of them.",
    ),
    Directive::request(
        "deflate.allowed-encodings",
        Setter::Own(Kind::List, allowed),
        "",
        "Compressions that are offered, best first: gzip, deflate, br, zstd. Unset: none; empty: zstd, br, gzip, deflate.",
    )
    .differs(
        Counts::Warned,
        "bzip2 is not offered",
    ),
    Directive::request(
        "deflate.max-compress-size",
        Setter::Int(|settings, kib| settings.deflate.max_size = kib),
        "131072",
        "Longest body in KiB that is compressed; 0: no limit.",
    ),
    Directive::request(
        "deflate.min-compress-size",
        Setter::Short(|settings, bytes| settings.deflate.min_size = bytes),
        "256",
        "Longest body in bytes that is not compressed.",
    ),
    Directive::request(
        "deflate.compression-level",
        Setter::Own(Kind::Short, level),
        "0",
        "How hard to try, 1 to 9; 0: 6 for gzip and deflate, 5 for br, 3 for zstd.",
    ),
    Directive::nothing(
        "deflate.output-buffer-size",
        Kind::Short,
        lighttpd_conf::Scope::Connection,
        "0",
        "Size of a buffer; it has no effect in lighttpd either.",
    )
    .obsolete("leave it out: it has no effect"),
    Directive::nothing(
        "deflate.work-block-size",
        Kind::Short,
        lighttpd_conf::Scope::Connection,
        "0",
        "Size of a step; it has no effect in lighttpd either.",
    )
    .obsolete("leave it out: it has no effect"),
    Directive::request(
        "deflate.max-loadavg",
        Setter::Own(Kind::String, load),
        "",
        "Load of the machine (average of a minute) above which nothing is compressed.",
    ),
    Directive::request(
        "deflate.cache-dir",
        Setter::Text(cache_dir),
        "",
        "Directory for files that were compressed; they are used again until the original changes, and never removed.",
    ),
    Directive::request(
        "deflate.params",
        Setter::Own(Kind::KvAny, params),
        "()",
        "Parameters of each compression: gzip.level, .windowBits, .memLevel, .strategy, BROTLI_PARAM_QUALITY, _LGWIN, _MODE, ZSTD_c_compressionLevel, _windowLog, _strategy.",
    ),
    Directive::request(
        "compress.filetype",
        Setter::List(mimetypes),
        "()",
        "The same as deflate.mimetypes.",
    )
    .obsolete("write deflate.mimetypes"),
    Directive::request(
        "compress.allowed-encodings",
        Setter::Own(Kind::List, allowed),
        "",
        "The same as deflate.allowed-encodings.",
    )
    .differs(
        Counts::Warned,
        "bzip2 is not offered",
    )
    .obsolete("write deflate.allowed-encodings"),
    Directive::request(
        "compress.cache-dir",
        Setter::Text(cache_dir),
        "",
        "The same as deflate.cache-dir.",
    )
    .obsolete("write deflate.cache-dir"),
    Directive::request(
        "compress.max-filesize",
        Setter::Int(|settings, kib| settings.deflate.max_size = kib),
        "131072",
        "The same as deflate.max-compress-size.",
    )
    .obsolete("write deflate.max-compress-size"),
    Directive::request(
        "compress.max-loadavg",
        Setter::Own(Kind::String, load),
        "",
        "The same as deflate.max-loadavg.",
    )
    .obsolete("write deflate.max-loadavg"),
];

fn mimetypes(settings: &mut Settings, list: &[String]) {
    // A star at the end says what goes without saying.
    let prefix = |text: &String| match text.strip_suffix('*') {
        Some(prefix) if text.len() > 2 => prefix.to_owned(),
        _ => text.clone(),
    };
    settings.deflate.mimetypes = list.iter().map(prefix).collect();
}

/// What is meant by an empty list.
const ALL: [Coding; 4] = [Coding::Zstd, Coding::Brotli, Coding::Gzip, Coding::Deflate];

fn allowed(value: &Value, reader: &mut Reader) -> Read<Settings> {
    let names = value.to_list()?;
    let mut found = Vec::new();
    for name in &names {
        // lighttpd looks for these anywhere in the name: "x-gzip", "brotli".
        let known = [
            ("gzip", Coding::Gzip),
            ("deflate", Coding::Deflate),
            ("br", Coding::Brotli),
            ("zstd", Coding::Zstd),
        ];
        let known = known.iter().find(|(part, _)| name.contains(part));
        match known {
            Some((_, coding)) if coding.is_here() => found.push(*coding),
            Some(_) => reader.warn(value.span, format!("this program was built without {name}")),
            None if name.contains("bzip2") => reader.warn(
                value.span,
                "bzip2 is not offered: no browser reads it, and it is slower than the others",
            ),
            None => reader.warn(
                value.span,
                format!("there is no compression \"{name}\": there are gzip, deflate, br and zstd"),
            ),
        }
    }
    if names.is_empty() {
        found.extend(ALL.into_iter().filter(|coding| coding.is_here()));
    }
    let found: Arc<[Coding]> = found.into();
    Ok(Change::new(move |settings: &mut Settings| {
        settings.deflate.allowed = found.clone();
    }))
}

fn level(value: &Value, _: &mut Reader) -> Read<Settings> {
    let level = match value.to_short()? {
        level @ 0..=9 => level as u8,
        _ => return Err(value.unfit("a number from 1 to 9")),
    };
    Ok(Change::new(move |settings: &mut Settings| {
        settings.deflate.level = level;
    }))
}

fn load(value: &Value, _: &mut Reader) -> Read<Settings> {
    let text = value.to_str()?;
    let load = match text {
        "" => 0.0,
        text => match text.trim().parse::<f64>() {
            Ok(load) if load.is_finite() && load >= 0.0 => load,
            _ => return Err(value.unfit("a number such as \"3.50\"")),
        },
    };
    Ok(Change::new(move |settings: &mut Settings| {
        settings.deflate.max_load = load;
    }))
}

fn cache_dir(settings: &mut Settings, path: &str) {
    settings.deflate.cache_dir = path.trim_end_matches('/').as_bytes().into();
}

const KEYS: &str = "keys are gzip.level, gzip.windowBits, gzip.memLevel, gzip.strategy, BROTLI_PARAM_QUALITY, \
                    BROTLI_PARAM_LGWIN, BROTLI_PARAM_MODE, ZSTD_c_compressionLevel, ZSTD_c_windowLog and ZSTD_c_strategy";

fn params(value: &Value, reader: &mut Reader) -> Read<Settings> {
    let mut params = Params::default();
    for (key, setting) in value.to_map()? {
        let (slot, coding): (&mut Option<u8>, _) = match key {
            "gzip.level" => (&mut params.gzip.level, Coding::Gzip),
            "gzip.windowBits" => (&mut params.gzip.window, Coding::Gzip),
            "gzip.memLevel" => (&mut params.gzip.memory, Coding::Gzip),
            "gzip.strategy" => (&mut params.gzip.strategy, Coding::Gzip),
            "BROTLI_PARAM_QUALITY" => (&mut params.brotli.level, Coding::Brotli),
            "BROTLI_PARAM_LGWIN" => (&mut params.brotli.window, Coding::Brotli),
            "BROTLI_PARAM_MODE" => (&mut params.brotli.strategy, Coding::Brotli),
            "ZSTD_c_compressionLevel" => (&mut params.zstd.level, Coding::Zstd),
            "ZSTD_c_windowLog" => (&mut params.zstd.window, Coding::Zstd),
            "ZSTD_c_strategy" => (&mut params.zstd.strategy, Coding::Zstd),
            "bzip2.blockSize100k" => {
                reader.warn(setting.span, "bzip2 is not offered");
                continue;
            }
            _ => {
                let message = format!("unknown key \"{key}\" in deflate.params");
                reader.error(setting.span, message, KEYS);
                continue;
            }
        };
        *slot = Some(u8::try_from(setting.to_int()?).unwrap_or(u8::MAX));
        let tuning = match coding {
            Coding::Brotli => params.brotli,
            Coding::Zstd => params.zstd,
            _ => params.gzip,
        };
        if coding.is_here() && !is_possible(coding, tuning) {
            return Err(setting.unfit(format!("a number that {key} can have")));
        }
    }
    Ok(Change::new(move |settings: &mut Settings| {
        settings.deflate.params = params;
    }))
}

fn is_possible(coding: Coding, tuning: Tuning) -> bool {
    let own = Recipe::of(coding);
    let recipe = Recipe {
        coding,
        level: tuning.level.unwrap_or(own.level),
        window: tuning.window.unwrap_or(own.window),
        memory: tuning.memory.unwrap_or(own.memory),
        strategy: tuning.strategy.unwrap_or(own.strategy),
    };
    recipe.is_sane()
}
