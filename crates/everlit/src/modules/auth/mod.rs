//! mod_auth: who may see what, and how they prove who they are.
//!
//! In: a request. Out: it goes on, with `REMOTE_USER`, or is refused, or waits until it is known whether a password is right.
//! Must hold: whatever goes wrong, nobody is let in by that.

pub mod algorithm;
mod basic;
mod digest;
pub mod nonce;
pub mod require;

use std::sync::Arc;
use std::time::Duration;

use lighttpd_conf::{Kind, Value};

#[cfg(feature = "ldap")]
use super::authn_ldap;
#[cfg(feature = "pam")]
use super::authn_pam;
use super::{Hooks, Module, authn_file};
use crate::config::{Change, Counts, Directive, Read, Reader, Setter};
use crate::errorlog::Errors;
use crate::exchange::{Exchange, Flow};
use crate::inquiry::{Answer, Lives, Question, Work};
use crate::route::Trust;
use crate::settings;
use authn_file::{Named, Source};
use nonce::Judgement;
use require::{Rule, Scheme, rule_for};

/// Settings of mod_auth.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `auth.backend`
    pub backend: Option<Backend>,
    /// `auth.require`
    pub require: Arc<[Rule]>,
    /// `auth.extern-authn`: whether `REMOTE_USER` counts that somebody else has set.
    pub extern_authn: bool,
    /// `auth.cache`: how long a password that was right is not asked for again.
    pub cache: Option<Duration>,
}

/// Where passwords are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `auth.backend.plain.userfile`
    Plain,
    /// `auth.backend.htpasswd.userfile`
    Htpasswd,
    /// `auth.backend.htdigest.userfile`
    Htdigest,
    /// `auth.backend.ldap.*`
    #[cfg(feature = "ldap")]
    Ldap,
    /// `auth.backend.pam.opts`
    #[cfg(feature = "pam")]
    Pam,
}

/// `server.feature-flags`, those of mod_auth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// `auth.delay-invalid-creds`: whoever says something wrong waits for the answer; default on.
    pub delay: bool,
    /// `auth.http-goaway-invalid-creds`: its connection ends with that answer; default on.
    pub go_away: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Flags {
            delay: true,
            go_away: true,
        }
    }
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "auth.backend",
        Setter::Own(Kind::String, backend),
        "",
        "Where passwords are looked up: htpasswd, htdigest, plain, ldap or pam.",
    )
    .differs(
        Counts::Warned,
        "a backend that this version does not have is an error",
    ),
    Directive::request(
        "auth.require",
        Setter::Own(Kind::KvArray, require::read),
        "()",
        "Who may see what, by beginning of the path, and how they prove who they are.",
    ),
    Directive::request(
        "auth.extern-authn",
        Setter::Bool(|settings, on| settings.auth.extern_authn = on),
        "\"disable\"",
        "Whether a user that is known already, such as by a client certificate, need not prove anything more.",
    ),
    Directive::request(
        "auth.cache",
        Setter::Own(Kind::KvAny, cache),
        "()",
        "How long passwords that were right are remembered, in seconds: \"max-age\", default 600.",
    ),
];

fn backend(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let name = value.to_str()?;
    let found = match name {
        "" => return Ok(Change::none()),
        "plain" => Some(Backend::Plain),
        "htpasswd" => Some(Backend::Htpasswd),
        "htdigest" => Some(Backend::Htdigest),
        #[cfg(feature = "ldap")]
        "ldap" => Some(Backend::Ldap),
        #[cfg(feature = "pam")]
        "pam" => Some(Backend::Pam),
        _ => None,
    };
    if found.is_none() {
        let message = format!("auth.backend: there is no backend \"{name}\"");
        reader.error(value.span, message, help_with(name));
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.auth.backend = found;
    }))
}

/// What to write in place of a backend that there is not.
fn help_with(name: &str) -> &'static str {
    match name {
        "dbi" => {
            "this version does not have mod_authn_dbi: libdbi is C code with a driver for each database; write an htpasswd \
             file from the database"
        }
        "gssapi" => "this version does not have mod_authn_gssapi: Kerberos is C code",
        "sasl" => {
            "this version does not have mod_authn_sasl: Cyrus SASL is C code; most of what it asks has a backend here"
        }
        "ldap" | "pam" => "this program was built without it",
        _ => "write \"htpasswd\", \"htdigest\", \"plain\", \"ldap\" or \"pam\"",
    }
}

/// Seconds that passwords are remembered for where `auth.cache` does not say.
const MAX_AGE: u32 = 600;

fn cache(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let mut seconds = MAX_AGE;
    for (name, setting) in value.to_map()? {
        match name {
            "max-age" => seconds = setting.to_int()?,
            _ => reader.warn(setting.span, format!("auth.cache: there is no \"{name}\"")),
        }
    }
    let age = Duration::from_secs(seconds.into());
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.auth.cache = Some(age);
    }))
}

/// What somebody says to know.
pub struct Knows<'k> {
    /// Its name.
    pub user: &'k [u8],
    /// Its password.
    pub password: &'k [u8],
    /// How long it is believed, if finding out takes long.
    pub lives: Lives,
    /// Where it is said what goes wrong.
    pub errors: &'k Errors,
}

/// Whether somebody is who it says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It is being found out: the request is to be put off.
    Wait,
    /// It cannot be found out.
    Unavailable,
}

impl From<bool> for Verdict {
    fn from(yes: bool) -> Verdict {
        if yes { Verdict::Yes } else { Verdict::No }
    }
}

impl From<Option<&Answer>> for Verdict {
    fn from(answer: Option<&Answer>) -> Verdict {
        match answer {
            None => Verdict::Wait,
            Some(Answer::Yes(_)) => Verdict::Yes,
            Some(Answer::No) => Verdict::No,
            Some(Answer::Unavailable) => Verdict::Unavailable,
        }
    }
}

fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let auth = &settings.auth;
    let path = &exchange.request.uri.path;
    let Some(rule) = rule_for(&auth.require, path, settings.core.force_lowercase) else {
        return Flow::GoOn;
    };
    if (auth.extern_authn || rule.scheme == Scheme::Extern)
        && let Some(user) = known_user(exchange)
        && admits(exchange, settings, rule, &user)
    {
        return Flow::GoOn;
    }
    match rule.scheme {
        Scheme::Extern => status(exchange, 401),
        Scheme::Basic => check_basic(exchange, settings, rule),
        Scheme::Digest => check_digest(exchange, settings, rule),
    }
}

/// Who the client is, by what was found out before.
fn known_user(exchange: &Exchange<'_>) -> Option<Vec<u8>> {
    let mut environment = exchange.request.environment.iter().rev();
    let found = environment.find(|(name, _)| name == b"REMOTE_USER");
    found.map(|(_, value)| value.clone())
}

fn admits(
    exchange: &mut Exchange<'_>,
    settings: &settings::Settings,
    rule: &Rule,
    user: &[u8],
) -> bool {
    rule.admits(user, |group| {
        authn_file::is_member(exchange, settings, user, group)
    })
}

fn check_basic(exchange: &mut Exchange<'_>, settings: &settings::Settings, rule: &Rule) -> Flow {
    let Some(backend) = settings.auth.backend else {
        return misconfigured(exchange, settings, "auth.backend is not set");
    };
    let credentials = match basic::read(exchange.request.field("authorization")) {
        basic::Said::Credentials(credentials) => credentials,
        basic::Said::Nonsense(why) => return nonsense(exchange, settings, why),
        basic::Said::Nothing => return challenge_basic(exchange, rule),
    };
    let (user, password) = (credentials.user(), credentials.password());
    let refused = refusal(exchange, settings, rule);
    if exchange
        .knowledge
        .answers
        .find(&refused, exchange.now.monotonic)
        .is_some()
    {
        return refuse(exchange, settings, rule, user);
    }
    let knows = Knows {
        errors: &settings.core.errors,
        user,
        password,
        lives: match settings.auth.cache {
            Some(yes) => Lives {
                yes,
                ..Lives::SHORT
            },
            None => Lives::SHORT,
        },
    };
    let verdict = match backend {
        Backend::Plain => authn_file::plain(exchange, settings, &knows),
        Backend::Htpasswd => authn_file::htpasswd(exchange, settings, &knows),
        Backend::Htdigest => match rule.algorithms[..] {
            [algorithm] => {
                authn_file::htdigest(exchange, settings, &knows, (&rule.realm, algorithm))
            }
            _ => {
                return misconfigured(
                    exchange,
                    settings,
                    "Basic with htdigest needs one \"algorithm\"",
                );
            }
        },
        #[cfg(feature = "ldap")]
        Backend::Ldap => authn_ldap::check(exchange, &settings.authn_ldap, rule, &knows),
        #[cfg(feature = "pam")]
        Backend::Pam => authn_pam::check(exchange, &settings.authn_pam, &knows),
    };
    // A directory has said whether it lets somebody in, too.
    #[cfg(feature = "ldap")]
    let is_admitted = backend == Backend::Ldap;
    #[cfg(not(feature = "ldap"))]
    let is_admitted = false;
    match verdict {
        Verdict::Yes if is_admitted || admits(exchange, settings, rule, user) => {
            let user = user.to_vec();
            let_in(exchange, user, b"Basic")
        }
        Verdict::Yes | Verdict::No => invalid(exchange, settings, rule, refused, user),
        Verdict::Wait => Flow::Wait,
        Verdict::Unavailable => status(exchange, 503),
    }
}

fn check_digest(exchange: &mut Exchange<'_>, settings: &settings::Settings, rule: &Rule) -> Flow {
    let source = match settings.auth.backend {
        Some(Backend::Plain) => Source::Plain,
        Some(Backend::Htdigest) => Source::Htdigest,
        Some(_) => {
            return misconfigured(
                exchange,
                settings,
                "the backend has no digests: use \"basic\"",
            );
        }
        None => return misconfigured(exchange, settings, "auth.backend is not set"),
    };
    let head = exchange.request.head;
    let field = exchange.request.field("authorization").map(<[u8]>::to_vec);
    let targets = [head.target, &exchange.request.uri.target];
    let proof = match digest::read(field.as_deref(), rule, &targets) {
        digest::Said::Proof(proof) => proof,
        digest::Said::Nonsense(why) => return nonsense(exchange, settings, why),
        digest::Said::Elsewhere(why) => {
            settings.core.errors.say("mod_auth", why);
            return challenge_digest(exchange, rule, None);
        }
        digest::Said::Nothing => return challenge_digest(exchange, rule, None),
    };
    let secret = rule.nonce_secret.as_deref();
    let nonces = &exchange.knowledge.nonces;
    let mut judgement = nonces.judge(proof.nonce, &rule.realm, secret, exchange.now);
    if judgement == Judgement::Unclear {
        let key = heirlooms(exchange);
        let question = Question {
            key,
            work: Work::Time(2, Answer::No),
            lives: Lives::SHORT,
        };
        let now = exchange.now.monotonic;
        if exchange.knowledge.ask(question, now).is_none() {
            return Flow::Wait;
        }
        judgement = Judgement::Stale;
    }
    if judgement == Judgement::Stale {
        return challenge_digest(exchange, rule, Some(proof.algorithm));
    }
    let refused = refusal(exchange, settings, rule);
    if exchange
        .knowledge
        .answers
        .find(&refused, exchange.now.monotonic)
        .is_some()
    {
        return refuse(exchange, settings, rule, &proof.user);
    }
    let named = match proof.is_hashed {
        true => Named::Hashed,
        false => Named::Plainly,
    };
    let found = authn_file::digest_of(
        exchange,
        settings,
        source,
        (&proof.user, named),
        (&rule.realm, proof.algorithm),
    );
    let user = match found {
        Some((user, secret)) if proof.is_good(&secret, head.method_name) => user,
        _ => return invalid(exchange, settings, rule, refused, &proof.user),
    };
    if !admits(exchange, settings, rule, &user) {
        return challenge_digest(exchange, rule, None);
    }
    let_in(exchange, user, b"Digest")
}

/// A nonce that is good for a short while only: the client is given the next one, whoever answers.
fn response_start(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let request = &exchange.request;
    let mut environment = request.environment.iter();
    if !environment.any(|(name, value)| name == b"AUTH_TYPE" && value == b"Digest") {
        return Flow::GoOn;
    }
    let (path, force_lowercase) = (&request.uri.path, settings.core.force_lowercase);
    let Some(rule) = rule_for(&settings.auth.require, path, force_lowercase) else {
        return Flow::GoOn;
    };
    let targets = [request.head.target, &request.uri.target];
    let field = request.field("authorization");
    if let digest::Said::Proof(proof) = digest::read(field, rule, &targets) {
        let (nonces, secret) = (&exchange.knowledge.nonces, rule.nonce_secret.as_deref());
        let judgement = nonces.judge(proof.nonce, &rule.realm, secret, exchange.now);
        if judgement == Judgement::Ageing {
            let next = nonces.make(&rule.realm, secret, exchange.now);
            let value = format!("nextnonce=\"{next}\"");
            exchange.response.headers.set("Authentication-Info", value);
        }
    }
    Flow::GoOn
}

/// The question whether a predecessor has handed its secrets on.
fn heirlooms(exchange: &Exchange<'_>) -> crate::inquiry::Key {
    exchange.knowledge.answers.key(HEIRLOOMS, &[])
}

/// Its kind.
pub const HEIRLOOMS: &str = "heirlooms";

/// The question whether this was found invalid a moment ago, of this client and by those who are asked here.
fn refusal(
    exchange: &Exchange<'_>,
    settings: &settings::Settings,
    rule: &Rule,
) -> crate::inquiry::Key {
    let request = &exchange.request;
    let (files, backend) = (&settings.authn_file, settings.auth.backend);
    let place = match backend {
        None => String::new(),
        Some(Backend::Plain) => files.plain.clone(),
        Some(Backend::Htpasswd) => files.htpasswd.clone(),
        Some(Backend::Htdigest) => files.htdigest.clone(),
        #[cfg(feature = "ldap")]
        Some(Backend::Ldap) => settings.authn_ldap.identity(),
        #[cfg(feature = "pam")]
        Some(Backend::Pam) => settings.authn_pam.service.clone(),
    };
    let backend = format!("{backend:?}");
    let from = request.remote_ip().map(|ip| ip.to_string());
    // Rules stay where they are as long as the configuration does.
    let rule = std::ptr::from_ref(rule).addr().to_ne_bytes();
    let parts: [&[u8]; 7] = [
        &rule,
        backend.as_bytes(),
        place.as_bytes(),
        files.groups.as_bytes(),
        from.as_deref().unwrap_or_default().as_bytes(),
        request.head.method_name,
        request.field("authorization").unwrap_or_default(),
    ];
    exchange.knowledge.answers.key("refused", &parts)
}

/// Somebody has said something wrong: it is told so, but not at once.
fn invalid(
    exchange: &mut Exchange<'_>,
    settings: &settings::Settings,
    rule: &Rule,
    refused: crate::inquiry::Key,
    user: &[u8],
) -> Flow {
    if !exchange.knowledge.auth.delay {
        return refuse(exchange, settings, rule, user);
    }
    exchange.knowledge.question = Some(Question {
        key: refused,
        work: Work::Time(1, Answer::No),
        lives: Lives::SHORT,
    });
    Flow::Wait
}

fn refuse(
    exchange: &mut Exchange<'_>,
    settings: &settings::Settings,
    rule: &Rule,
    user: &[u8],
) -> Flow {
    let (path, peer) = (&exchange.request.uri.path, &exchange.request.peer);
    let (path, user) = (String::from_utf8_lossy(path), String::from_utf8_lossy(user));
    settings.core.errors.say(
        "mod_auth",
        format_args!("{path}: wrong user or password for {user}, from {peer}"),
    );
    if exchange.knowledge.auth.go_away {
        exchange.trust = Trust::Lost;
    }
    match rule.scheme {
        Scheme::Digest => challenge_digest(exchange, rule, None),
        Scheme::Basic | Scheme::Extern => challenge_basic(exchange, rule),
    }
}

fn challenge_basic(exchange: &mut Exchange<'_>, rule: &Rule) -> Flow {
    let challenge = format!("Basic realm=\"{}\", charset=\"UTF-8\"", rule.realm);
    exchange.response.headers.set("WWW-Authenticate", challenge);
    status(exchange, 401)
}

/// `stale`: what the client has used with a nonce that is not good any more; it may try again with another one.
fn challenge_digest(
    exchange: &mut Exchange<'_>,
    rule: &Rule,
    stale: Option<algorithm::Algorithm>,
) -> Flow {
    let secret = rule.nonce_secret.as_deref();
    let offered = rule.algorithms.iter();
    for algorithm in offered.filter(|offered| stale.is_none_or(|stale| stale == **offered)) {
        let nonce = exchange
            .knowledge
            .nonces
            .make(&rule.realm, secret, exchange.now);
        let mut challenge = format!(
            "Digest realm=\"{}\", charset=\"UTF-8\", algorithm={}, nonce=\"{nonce}\", qop=\"auth\"",
            rule.realm,
            algorithm.name(),
        );
        if rule.user_hash {
            challenge.push_str(", userhash=true");
        }
        if stale.is_some() {
            challenge.push_str(", stale=true");
        }
        exchange.response.headers.add("WWW-Authenticate", challenge);
    }
    status(exchange, 401)
}

fn let_in(exchange: &mut Exchange<'_>, user: Vec<u8>, scheme: &[u8]) -> Flow {
    let environment = &mut exchange.request.environment;
    environment.retain(|(name, _)| name != b"REMOTE_USER" && name != b"AUTH_TYPE");
    environment.push((b"REMOTE_USER".to_vec(), user));
    environment.push((b"AUTH_TYPE".to_vec(), scheme.to_vec()));
    Flow::GoOn
}

fn nonsense(exchange: &mut Exchange<'_>, settings: &settings::Settings, why: &str) -> Flow {
    settings.core.errors.say("mod_auth", why);
    status(exchange, 400)
}

fn misconfigured(exchange: &mut Exchange<'_>, settings: &settings::Settings, why: &str) -> Flow {
    let path = String::from_utf8_lossy(&exchange.request.uri.path);
    settings
        .core
        .errors
        .say("mod_auth", format_args!("{path}: {why}"));
    status(exchange, 500)
}

fn status(exchange: &mut Exchange<'_>, status: u16) -> Flow {
    exchange.response.status = status;
    Flow::Done
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_auth",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        response_start: Some(response_start),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests;
