//! How strictly requests are read.

use lighttpd_conf::{Kind, Value};

use crate::config::directive::{Change, Counts, Directive, Read, Setter};
use crate::config::draft::Draft;
use crate::config::reader::Reader;
use crate::route::uri::{ParseOption, ParseOptions};

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::server(
        "server.http-parseopts",
        Setter::Own(Kind::KvString, parse_options),
        "()",
        "How strictly requests are read, and how URLs are normalised, key by key.",
    )
    .differs(Counts::Warned, "\"header-strict\" cannot be turned off"),
    Directive::server(
        "server.http-parseopt-header-strict",
        Setter::Own(Kind::Bool, header_strict),
        "\"enable\"",
        "Whether heads with control characters are refused.",
    )
    .differs(Counts::Warned, "it cannot be turned off")
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

fn header_strict(value: &Value, reader: &mut Reader) -> Read<Draft> {
    let on = value.to_bool()?;
    if !on {
        unalterable(ParseOption::HeaderStrict, value, reader);
    }
    Ok(Change::new(move |draft: &mut Draft| {
        toggle(draft, ParseOption::HeaderStrict, on);
    }))
}

/// Says so, where an option is turned off that does not do in lighttpd's way what it does then.
fn unalterable(option: ParseOption, value: &Value, reader: &mut Reader) {
    if let Some(how) = option.differs() {
        reader.warn(value.span, format!("\"{}\": {how}", option.key()));
    }
}

/// Keys that are not named keep their defaults.
fn parse_options(value: &Value, reader: &mut Reader) -> Read<Draft> {
    let mut toggles: Vec<(String, bool)> = Vec::new();
    let mut result = ParseOptions::default();
    for (key, setting) in value.to_map()? {
        let on = setting.to_bool()?;
        match result.set(key, on) {
            Ok(()) => {
                let mut options = ParseOption::all().filter(|option| option.key() == key);
                if let (false, Some(option)) = (on, options.next()) {
                    unalterable(option, setting, reader);
                }
                toggles.push((key.to_owned(), on));
            }
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
