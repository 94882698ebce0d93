//! mod_authn_pam: the users of the system.

use lighttpd_conf::{Kind, Value};

#[cfg(feature = "pam")]
use super::auth::{Knows, Verdict};
use super::{Hooks, Module};
use crate::config::{Change, Directive, Read, Reader, Setter};
#[cfg(feature = "pam")]
use crate::exchange::Exchange;
use crate::settings;

/// Settings of mod_authn_pam.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `auth.backend.pam.opts`, "service", default `http`.
    pub service: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            service: "http".to_owned(),
        }
    }
}

static DIRECTIVES: &[Directive] = &[Directive::request(
    "auth.backend.pam.opts",
    Setter::Own(Kind::KvString, options),
    "( \"service\" => \"http\" )",
    "Options of PAM: \"service\", the name of its file in /etc/pam.d.",
)];

fn options(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let mut service = "http".to_owned();
    for (name, setting) in value.to_pairs()? {
        match &name[..] {
            "service" => service = setting,
            _ => reader.warn(
                value.span,
                format!("auth.backend.pam.opts: there is no \"{name}\""),
            ),
        }
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.authn_pam.service = service.clone();
    }))
}

/// Whether a password is right.
#[cfg(feature = "pam")]
pub fn check(exchange: &mut Exchange<'_>, settings: &Settings, knows: &Knows<'_>) -> Verdict {
    use crate::inquiry::{Answer, Question, Work};
    use crate::sys::pam::{self, Login};
    use std::ffi::CString;
    use zeroize::Zeroizing;

    let texts = (CString::new(knows.user), CString::new(&*settings.service));
    let (Ok(user), Ok(service)) = texts else {
        return Verdict::No;
    };
    if knows.password.contains(&0) {
        return Verdict::No;
    }
    let mut password = Zeroizing::new(Vec::with_capacity(knows.password.len() + 1));
    password.extend_from_slice(knows.password);
    password.push(0);
    let from = exchange.request.remote_ip().map(|ip| ip.to_string());
    let from = CString::new(from.unwrap_or_default()).unwrap_or_default();
    let answers = &exchange.knowledge.answers;
    // Its rules may be different for different places (pam_access).
    let parts = [
        settings.service.as_bytes(),
        knows.user,
        knows.password,
        from.as_bytes(),
    ];
    let key = answers.key("pam", &parts);
    let errors = knows.errors.clone();
    let question = Question {
        key,
        work: Work::Job(Box::new(move || {
            match pam::login(&service, &user, &password, &from) {
                Ok(Login::Granted) => Answer::Yes(Vec::new()),
                Ok(Login::Denied(why)) => {
                    let user = user.to_string_lossy();
                    errors.say("mod_authn_pam", format_args!("{user} is not let in: {why}"));
                    Answer::No
                }
                Err(error) => {
                    errors.say("mod_authn_pam", error);
                    Answer::Unavailable
                }
            }
        })),
        lives: knows.lives,
    };
    let now = exchange.now.monotonic;
    Verdict::from(exchange.knowledge.ask(question, now))
}

/// The module: only its settings; mod_auth asks.
pub static MODULE: Module = Module {
    name: "mod_authn_pam",
    directives: DIRECTIVES,
    hooks: Hooks::NONE,
};
