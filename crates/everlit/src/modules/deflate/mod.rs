//! mod_deflate: bodies are compressed for clients that can read that.
//!
//! In: a response whose head is there. Out: the same with a compressed body, made at once if it is short, and otherwise as
//! it is sent; for a backend's body, which is still to come, a plan. Must hold: fields and body agree; a response to HEAD
//! is left as it is, as in lighttpd.

mod cache;
mod choose;
mod directives;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::staticfile::validators;
use super::{Hooks, Module};
use crate::exchange::{Exchange, Flow};
use crate::http1::encode::is_bodiless;
use crate::http1::head::{Method, Version};
use crate::pack::{AT_ONCE, Coding, Keep, Outcome, Packing, Paused, Plan, Recipe, tagged};
use crate::response::{Body, Headers};
use crate::settings;
use crate::transport::outbox::{Outbox, Segment};

/// Settings of mod_deflate.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `deflate.mimetypes`: beginnings of media types; an empty one at the first place is also for bodies without any.
    pub mimetypes: Arc<[String]>,
    /// `deflate.allowed-encodings`, best first; unset: none.
    pub allowed: Arc<[Coding]>,
    /// `deflate.min-compress-size`: the longest body in bytes that is left as it is; default 256.
    pub min_size: u16,
    /// `deflate.max-compress-size` in KiB, default 128 MiB; 0: no limit.
    pub max_size: u32,
    /// `deflate.compression-level`, 1 to 9; 0: each coding's own.
    pub level: u8,
    /// `deflate.params`
    pub params: Params,
    /// `deflate.max-loadavg`; 0: no limit.
    pub max_load: f64,
    /// `deflate.cache-dir`, without a slash at the end; empty: none.
    pub cache_dir: Arc<[u8]>,
}

/// `deflate.params`: what is not said is the coding's own default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params {
    /// gzip and deflate.
    pub gzip: Tuning,
    /// br.
    pub brotli: Tuning,
    /// zstd.
    pub zstd: Tuning,
}

/// Parameters of one coding; see [`Recipe`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// How hard to try.
    pub level: Option<u8>,
    /// Logarithm of the window's size.
    pub window: Option<u8>,
    /// `memLevel`
    pub memory: Option<u8>,
    /// Strategy or mode.
    pub strategy: Option<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            mimetypes: Arc::default(),
            allowed: Arc::default(),
            min_size: 256,
            max_size: 128 * 1024,
            level: 0,
            params: Params::default(),
            max_load: 0.0,
            cache_dir: Arc::default(),
        }
    }
}

impl Settings {
    fn recipe(&self, coding: Coding) -> Recipe {
        let own = Recipe::of(coding);
        let tuning = match coding {
            Coding::Gzip | Coding::XGzip | Coding::Deflate => self.params.gzip,
            Coding::Brotli => self.params.brotli,
            Coding::Zstd => self.params.zstd,
        };
        let general = (self.level != 0).then_some(self.level);
        Recipe {
            coding,
            level: tuning.level.or(general).unwrap_or(own.level),
            window: tuning.window.unwrap_or(own.window),
            memory: tuning.memory.unwrap_or(own.memory),
            strategy: tuning.strategy.unwrap_or(own.strategy),
        }
    }

    /// Whether bodies of this type are compressed.
    fn takes_type(&self, media_type: Option<&[u8]>) -> bool {
        match media_type {
            Some(media_type) => self
                .mimetypes
                .iter()
                .any(|prefix| media_type.starts_with(prefix.as_bytes())),
            None => self.mimetypes.first().is_some_and(String::is_empty),
        }
    }
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_deflate",
    directives: directives::DIRECTIVES,
    hooks: Hooks {
        response_start: Some(response_start),
        ..Hooks::NONE
    },
};

fn response_start(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let deflate = &settings.deflate;
    if let Some(plan) = plan(exchange, deflate) {
        match exchange.response.body {
            Body::Coming => exchange.response.plan = Some(Box::new(plan)),
            _ => carry_out(exchange, deflate, &plan),
        }
    }
    Flow::GoOn
}

/// What is to become of this response; nothing, if it is not for us.
fn plan(exchange: &Exchange<'_>, deflate: &Settings) -> Option<Plan> {
    let (request, response) = (&exchange.request, &*exchange.response);
    let method = request.head.method;
    if deflate.mimetypes.is_empty()
        || deflate.allowed.is_empty()
        || method == Method::Head
        || is_bodiless(response.status)
        // Part of a body is not part of a compressed one.
        || matches!(response.status, 205 | 206)
    {
        return None;
    }
    let coding = choose::choose(request.field("Accept-Encoding")?, &deflate.allowed)?;
    let headers = &response.headers;
    if headers.get("Content-Encoding").is_some() || !deflate.takes_type(headers.get("Content-Type"))
    {
        return None;
    }
    let plan = Plan {
        recipe: deflate.recipe(coding),
        above: deflate.min_size.into(),
        up_to: match deflate.max_size {
            0 => u64::MAX,
            kib => u64::from(kib) * 1024,
        },
        outcome: match (is_known(exchange, coding), method) {
            (true, Method::Get) => Outcome::Unchanged,
            (true, _) => Outcome::Refused,
            (false, _) if is_busy(deflate.max_load) => Outcome::Plain,
            (false, _) => Outcome::Packed,
        },
    };
    let is_meant = match &response.body {
        Body::Coming => true,
        Body::Bytes(_) | Body::Cached(_) | Body::File(_) => response
            .body
            .length()
            .is_some_and(|length| plan.takes(length)),
        Body::Empty | Body::Parts(_) | Body::Packed(_) => false,
    };
    is_meant.then_some(plan)
}

/// Whether the client has the same body compressed in the same way: `If-None-Match` names its tag.
fn is_known(exchange: &Exchange<'_>, coding: Coding) -> bool {
    let (request, response) = (&exchange.request, &*exchange.response);
    if response.status >= 300 {
        return false;
    }
    let (Some(list), Some(tag)) = (request.field("If-None-Match"), response.headers.get("ETag"))
    else {
        return false;
    };
    let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
    tagged(tag, coding.label()).is_some_and(|tag| validators::names(list, &tag))
}

/// Whether the machine has more to do than this.
fn is_busy(max_load: f64) -> bool {
    // What one is multiplied by in the kernel's figures.
    const ONE: f64 = 65536.0;
    max_load > 0.0 && rustix::system::sysinfo().loads[0] as f64 / ONE > max_load
}

/// Does what is planned, for a body that is here.
fn carry_out(exchange: &mut Exchange<'_>, deflate: &Settings, plan: &Plan) {
    let had_vary = exchange.response.headers.get("Vary").is_some();
    let response = &mut *exchange.response;
    match plan.outcome {
        Outcome::Plain => plan.announce(&mut response.headers),
        Outcome::Unchanged | Outcome::Refused => {
            plan.announce(&mut response.headers);
            response.body = Body::Empty;
            response.status = match plan.outcome {
                Outcome::Unchanged => 304,
                _ => 412,
            };
        }
        Outcome::Packed => {
            let place = match had_vary {
                // It depends on more than the file and the coding.
                true => None,
                false => cache::place(exchange, &deflate.cache_dir, plan),
            };
            let kept = place
                .as_ref()
                .and_then(|place| cache::find(exchange.files, place, exchange.now));
            let response = &mut *exchange.response;
            let body = std::mem::take(&mut response.body);
            let version = exchange.request.head.version;
            match kept.map_or_else(|| packed(body, plan, version, place), Ok) {
                Ok(body) => {
                    plan.announce(&mut response.headers);
                    response.body = body;
                }
                Err(body) => {
                    vary_only(plan, &mut response.headers);
                    response.body = body;
                }
            }
        }
    }
}

/// It is left as it is, although another client would get it compressed.
fn vary_only(plan: &Plan, headers: &mut Headers) {
    let plain = Plan {
        outcome: Outcome::Plain,
        ..plan.clone()
    };
    plain.announce(headers);
}

/// A body, compressed, or to be compressed as it is sent; or as it was, if that cannot be. `place`: where it is kept.
fn packed(body: Body, plan: &Plan, version: Version, place: Option<Vec<u8>>) -> Result<Body, Body> {
    let length = body.length().unwrap_or(u64::MAX);
    if length > AT_ONCE && version != Version::Http11 {
        // Nobody could tell it where the body ends.
        return Err(body);
    }
    let keep = place.and_then(|place| Keep::begin(&place).ok());
    if length > AT_ONCE {
        let mut source = Outbox::default();
        source.push(match body {
            Body::Bytes(bytes) => Segment::Bytes(bytes),
            Body::File(range) => Segment::File(range),
            other => return Err(other),
        });
        let packing = Packing::new(source, Paused::ahead(plan.recipe), keep);
        return Ok(Body::Packed(Box::new(packing)));
    }
    let made = match &body {
        Body::Bytes(bytes) => plan.recipe.pack(bytes),
        Body::Cached(bytes) => plan.recipe.pack(bytes),
        Body::File(range) => {
            let mut source = Outbox::default();
            source.push(Segment::File(range.clone()));
            match source.drain() {
                Ok(bytes) => plan.recipe.pack(&bytes),
                // Whoever sends it will see the same.
                Err(_) => return Err(body),
            }
        }
        _ => return Err(body),
    };
    let Ok(made) = made else {
        return Err(body);
    };
    if let Some(mut keep) = keep
        && keep.write(&made).is_ok()
    {
        // Without it the next one is compressed again.
        let _ = keep.complete();
    }
    Ok(Body::Bytes(made))
}
