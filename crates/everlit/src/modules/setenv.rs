//! mod_setenv: adds header fields to requests and responses, and variables for backends.

use super::{Hooks, Module};
use crate::config::{Directive, Setter};
use crate::exchange::{Exchange, Flow};
use crate::settings;

/// Settings of mod_setenv: names and values. "Add" appends to what is there, "set" replaces it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `setenv.add-request-header`
    pub add_request_header: Vec<(String, String)>,
    /// `setenv.set-request-header`; an empty value removes.
    pub set_request_header: Vec<(String, String)>,
    /// `setenv.add-response-header`
    pub add_response_header: Vec<(String, String)>,
    /// `setenv.set-response-header`; an empty value removes.
    pub set_response_header: Vec<(String, String)>,
    /// `setenv.add-environment`
    pub add_environment: Vec<(String, String)>,
    /// `setenv.set-environment`
    pub set_environment: Vec<(String, String)>,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "setenv.add-request-header",
        Setter::Pairs(|settings, pairs| settings.setenv.add_request_header = pairs.to_vec()),
        "()",
        "Fields to add to the request; a value that the client sent stays before it.",
    ),
    Directive::request(
        "setenv.set-request-header",
        Setter::Pairs(|settings, pairs| settings.setenv.set_request_header = pairs.to_vec()),
        "()",
        "Fields of the request to replace; \"\" removes one.",
    ),
    Directive::request(
        "setenv.add-response-header",
        Setter::Pairs(|settings, pairs| settings.setenv.add_response_header = pairs.to_vec()),
        "()",
        "Fields to add to the response, whether or not it has such a field.",
    ),
    Directive::request(
        "setenv.set-response-header",
        Setter::Pairs(|settings, pairs| settings.setenv.set_response_header = pairs.to_vec()),
        "()",
        "Fields of the response to replace; \"\" removes one.",
    ),
    Directive::request(
        "setenv.add-environment",
        Setter::Pairs(|settings, pairs| settings.setenv.add_environment = pairs.to_vec()),
        "()",
        "Variables to add for backends and logs; a value that is there stays before it.",
    ),
    Directive::request(
        "setenv.set-environment",
        Setter::Pairs(|settings, pairs| settings.setenv.set_environment = pairs.to_vec()),
        "()",
        "Variables to set for backends and logs.",
    ),
];

/// `old, new`, as one field with several values is written (RFC 9110 section 5.3); cookies are pairs of one value (RFC 6265
/// section 4.2.1).
fn joined(name: &str, old: Option<&[u8]>, new: &[u8]) -> Vec<u8> {
    let between: &[u8] = match name.eq_ignore_ascii_case("Cookie") {
        true => b"; ",
        false => b", ",
    };
    match old {
        Some(old) if !old.is_empty() => [old, between, new].concat(),
        _ => new.to_vec(),
    }
}

/// Conditions count as they are when a request is first seen, before `url.rewrite-if-not-file`: as in lighttpd.
fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let setenv = &exchange.first.settings(settings).setenv;
    let request = &mut exchange.request;
    for (name, value) in &setenv.add_request_header {
        let value = joined(name, request.field(name), value.as_bytes());
        request.overrides.push((name.clone().into_bytes(), value));
    }
    for (name, value) in &setenv.set_request_header {
        let (name, value) = (name.clone().into_bytes(), value.clone().into_bytes());
        request.overrides.push((name, value));
    }
    add_environment(&mut request.environment, &setenv.add_environment);
    set_environment(&mut request.environment, &setenv.set_environment);
    Flow::GoOn
}

type Environment = Vec<(Vec<u8>, Vec<u8>)>;

fn add_environment(environment: &mut Environment, pairs: &[(String, String)]) {
    for (name, value) in pairs {
        let old = environment
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        match old {
            Some((_, old)) => *old = joined(name, Some(old), value.as_bytes()),
            None => environment.push((name.clone().into_bytes(), value.clone().into_bytes())),
        }
    }
}

fn set_environment(environment: &mut Environment, pairs: &[(String, String)]) {
    for (name, value) in pairs {
        environment.retain(|(known, _)| !known.eq_ignore_ascii_case(name.as_bytes()));
        environment.push((name.clone().into_bytes(), value.clone().into_bytes()));
    }
}

fn response_start(exchange: &mut Exchange<'_>, _: &settings::Settings) -> Flow {
    // What was refused before is answered as it is.
    let Some(first) = &exchange.first.settings else {
        return Flow::GoOn;
    };
    let setenv = &first.setenv;
    let headers = &mut exchange.response.headers;
    for (name, value) in &setenv.add_response_header {
        headers.add(name, value);
    }
    for (name, value) in &setenv.set_response_header {
        match value.as_str() {
            "" => headers.remove(name),
            value => headers.set(name, value),
        }
    }
    Flow::GoOn
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_setenv",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        response_start: Some(response_start),
        ..Hooks::NONE
    },
};
