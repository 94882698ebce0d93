//! How strictly requests are read.

use lighttpd_conf::{Kind, Value};

use crate::config::directive::{Change, Directive, Read, Setter};
use crate::config::draft::Draft;
use crate::config::reader::Reader;
use crate::route::uri::{ParseOption, ParseOptions};

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::server(
        "server.http-parseopts",
        Setter::Own(Kind::KvString, parse_options),
        "()",
        "How strictly requests are read, and how URLs are normalised, key by key.",
    ),
    Directive::server(
        "server.http-parseopt-header-strict",
        Setter::Bool(|draft, on| toggle(draft, ParseOption::HeaderStrict, on)),
        "\"enable\"",
        "Whether heads with control characters are refused.",
    )
    .obsolete("write server.http-parseopts += ( \"header-strict\" => \"...\" )"),
    Directive::server(
        "server.http-parseopt-host-strict",
        Setter::Bool(|draft, on| toggle(draft, ParseOption::HostStrict, on)),
        "\"enable\"",
        "Whether strange host names are refused.",
    )
    .obsolete("write server.http-parseopts += ( \"host-strict\" => \"...\" )"),
    Directive::server(
        "server.http-parseopt-host-normalize",
        Setter::Bool(|draft, on| toggle(draft, ParseOption::HostNormalize, on)),
        "\"disable\"",
        "Whether host names are normalised.",
    )
    .obsolete("write server.http-parseopts += ( \"host-normalize\" => \"...\" )"),
];

fn toggle(draft: &mut Draft, option: ParseOption, on: bool) {
    let options = draft.server.parse;
    draft.server.parse = match on {
        true => options.with(option),
        false => options.without(option),
    };
}

/// Keys that are not named keep their defaults.
fn parse_options(value: &Value, reader: &mut Reader) -> Read<Draft> {
    let mut toggles: Vec<(String, bool)> = Vec::new();
    let mut result = ParseOptions::default();
    for (key, setting) in value.to_map()? {
        let on = setting.to_bool()?;
        match result.set(key, on) {
            Ok(()) => toggles.push((key.to_owned(), on)),
            Err(unknown) => reader.error(
                setting.span,
                unknown.to_string(),
                "keys are \"header-strict\", \"host-strict\", \"host-normalize\", \"method-get-body\", and those that \
                 begin with \"url-\"",
            ),
        }
    }
    if let Err(conflict) = result.check() {
        let [one, other] = conflict.keys.map(ParseOption::key);
        reader.error(
            value.span,
            conflict.to_string(),
            format!("turn \"{one}\" off, which is on by default, or \"{other}\""),
        );
    }
    Ok(Change::new(move |draft: &mut Draft| {
        for (key, on) in &toggles {
            // The key was known above.
            let _ = draft.server.parse.set(key, *on);
        }
    }))
}
