//! mod_authn_ldap: users in a directory.

use std::time::Duration;

use lighttpd_conf::{Kind, Value};

#[cfg(feature = "ldap")]
use super::auth::{Knows, Verdict, require::Rule};
use super::{Hooks, Module};
use crate::config::{Change, Directive, Read, Reader, Setter};
#[cfg(feature = "ldap")]
use crate::exchange::Exchange;
use crate::settings;

/// Settings of mod_authn_ldap.
#[derive(Clone)]
pub struct Settings {
    /// `auth.backend.ldap.hostname`, as URLs.
    pub urls: Vec<String>,
    /// `auth.backend.ldap.base-dn`
    pub base: String,
    /// `auth.backend.ldap.filter`, with `?` for the name; empty: none.
    pub filter: String,
    /// `auth.backend.ldap.ca-file`; empty: none.
    pub ca_file: String,
    /// `auth.backend.ldap.starttls`
    pub start_tls: bool,
    /// `auth.backend.ldap.bind-dn`
    pub bind_dn: String,
    /// `auth.backend.ldap.bind-pw`
    pub bind_password: zeroize::Zeroizing<String>,
    /// `auth.backend.ldap.allow-empty-pw`
    pub allow_empty: bool,
    /// `auth.backend.ldap.groupmember`, default `memberUid`.
    pub member: String,
    /// `auth.backend.ldap.timeout` (there in microseconds), default 2 s.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            urls: Vec::new(),
            base: String::new(),
            filter: String::new(),
            ca_file: String::new(),
            start_tls: false,
            bind_dn: String::new(),
            bind_password: String::new().into(),
            allow_empty: false,
            member: "memberUid".to_owned(),
            timeout: Duration::from_secs(2),
        }
    }
}

impl Settings {
    /// All that decides what a directory says of somebody, and whether it can be believed.
    #[cfg(feature = "ldap")]
    pub fn identity(&self) -> String {
        let start_tls = if self.start_tls { "starttls" } else { "" };
        let urls = self.urls.join(" ");
        let parts = [
            &urls,
            start_tls,
            &self.ca_file,
            &self.bind_dn,
            &self.base,
            &self.filter,
            &self.member,
        ];
        parts.join("\n")
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Settings({:?})", self.urls)
    }
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "auth.backend.ldap.hostname",
        Setter::Text(|settings, hosts| settings.authn_ldap.urls = urls(hosts)),
        "",
        "LDAP servers: names or URLs, with commas or blanks between them; the first that is there.",
    )
    .differs(
        crate::config::Counts::Used,
        "while no directory answers, whoever says a password gets 503 instead of 401",
    ),
    Directive::request(
        "auth.backend.ldap.base-dn",
        Setter::Text(|settings, base| settings.authn_ldap.base = base.to_owned()),
        "",
        "Where in the directory users are looked for.",
    ),
    Directive::request(
        "auth.backend.ldap.filter",
        Setter::Own(Kind::String, filter),
        "",
        "Which entry is the user's, with ? for its name; with a comma first, what follows uid=name in its DN.",
    ),
    Directive::request(
        "auth.backend.ldap.ca-file",
        Setter::Text(|settings, path| settings.authn_ldap.ca_file = path.to_owned()),
        "",
        "Certificates of authorities that vouch for the server; default those of the system.",
    ),
    Directive::request(
        "auth.backend.ldap.starttls",
        Setter::Bool(|settings, on| settings.authn_ldap.start_tls = on),
        "\"disable\"",
        "Whether TLS is begun on a connection without it.",
    ),
    Directive::request(
        "auth.backend.ldap.bind-dn",
        Setter::Text(|settings, dn| settings.authn_ldap.bind_dn = dn.to_owned()),
        "",
        "Name under which the directory is searched.",
    ),
    Directive::request(
        "auth.backend.ldap.bind-pw",
        Setter::Text(|settings, password| {
            settings.authn_ldap.bind_password = password.to_owned().into();
        }),
        "",
        "Its password.",
    ),
    Directive::request(
        "auth.backend.ldap.allow-empty-pw",
        Setter::Bool(|settings, on| settings.authn_ldap.allow_empty = on),
        "\"disable\"",
        "Whether the directory is asked about empty passwords; many say yes to them, whoever it is.",
    ),
    Directive::request(
        "auth.backend.ldap.groupmember",
        Setter::Text(|settings, name| settings.authn_ldap.member = name.to_owned()),
        "\"memberUid\"",
        "Attribute with the members of a group; \"member\" has their DNs, others their names.",
    ),
    Directive::request(
        "auth.backend.ldap.timeout",
        Setter::Own(Kind::String, timeout),
        "\"2000000\"",
        "Microseconds that each answer may take.",
    ),
];

/// Hosts as URLs.
pub(super) fn urls(hosts: &str) -> Vec<String> {
    let known = ["ldap://", "ldaps://", "ldapi://"];
    let is_url = |host: &str| {
        known.iter().any(|scheme| {
            let start = host.as_bytes().get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
        })
    };
    hosts
        .split([' ', '\t', ',', '\r', '\n'])
        .filter(|host| !host.is_empty())
        .map(|host| match is_url(host) {
            true => host.to_owned(),
            false => format!("ldap://{host}"),
        })
        .collect()
}

fn filter(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    // $ is what it was in old configurations.
    let mut filter = value.to_str()?.to_owned();
    if !filter.starts_with(',') {
        filter = filter.replace('$', "?");
    }
    if !filter.is_empty() && !filter.starts_with(',') && !filter.contains('?') {
        reader.error(
            value.span,
            "auth.backend.ldap.filter: there is no place for the name",
            "write ? where it belongs, as in \"(uid=?)\"",
        );
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.authn_ldap.filter = filter.clone();
    }))
}

fn timeout(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let Ok(micros) = value.to_str()?.parse::<u64>() else {
        let help = "write microseconds, as in \"2000000\"";
        reader.error(
            value.span,
            "auth.backend.ldap.timeout: this is no number",
            help,
        );
        return Ok(Change::none());
    };
    let timeout = match micros {
        0 => Settings::default().timeout,
        micros => Duration::from_micros(micros),
    };
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.authn_ldap.timeout = timeout;
    }))
}

/// Whether a password is right, and the rule lets its owner in.
#[cfg(feature = "ldap")]
pub fn check(
    exchange: &mut Exchange<'_>,
    settings: &Settings,
    rule: &Rule,
    knows: &Knows<'_>,
) -> Verdict {
    use crate::inquiry::{Answer, Question, Work};
    use crate::outside::ldap::{Directory, Login};
    use zeroize::Zeroizing;

    if settings.filter.is_empty() || (knows.password.is_empty() && !settings.allow_empty) {
        return Verdict::No;
    }
    let (Ok(user), Ok(password)) = (str::from_utf8(knows.user), str::from_utf8(knows.password))
    else {
        return Verdict::No;
    };
    // What can be said without the directory.
    let groups = match rule.admits(knows.user, |_| false) {
        true => None,
        false if rule.groups().is_empty() => return Verdict::No,
        false => Some(rule.groups().to_vec()),
    };
    let identity = settings.identity();
    let wanted = groups
        .as_ref()
        .map_or(String::new(), |groups| groups.join("|"));
    let parts: [&[u8]; 4] = [
        identity.as_bytes(),
        wanted.as_bytes(),
        knows.user,
        knows.password,
    ];
    let key = exchange.knowledge.answers.key("ldap", &parts);
    let directory = Directory {
        urls: settings.urls.clone(),
        start_tls: settings.start_tls,
        ca_file: (!settings.ca_file.is_empty()).then(|| settings.ca_file.clone().into()),
        bind_dn: settings.bind_dn.clone(),
        bind_password: settings.bind_password.clone(),
        timeout: settings.timeout,
    };
    let login = Login {
        user: user.to_owned(),
        password: Zeroizing::new(password.to_owned()),
        base: settings.base.clone(),
        filter: settings.filter.clone(),
        groups,
        member: settings.member.clone(),
    };
    let errors = knows.errors.clone();
    let question = Question {
        key,
        work: Work::Job(Box::new(move || {
            directory.login(&login).unwrap_or_else(|failure| {
                errors.say("mod_authn_ldap", failure);
                Answer::Unavailable
            })
        })),
        lives: knows.lives,
    };
    let now = exchange.now.monotonic;
    Verdict::from(exchange.knowledge.ask(question, now))
}

/// The module: only its settings; mod_auth asks.
pub static MODULE: Module = Module {
    name: "mod_authn_ldap",
    directives: DIRECTIVES,
    hooks: Hooks::NONE,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_become_urls() {
        let expected = ["ldap://a", "ldaps://b:1", "LDAPI://%2frun", "ldap://c:389"];
        assert_eq!(urls("a, ldaps://b:1\tLDAPI://%2frun c:389,"), expected);
        assert!(urls(" ").is_empty());
    }
}
