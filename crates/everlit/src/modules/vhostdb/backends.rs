//! mod_vhostdb_pgsql, mod_vhostdb_mysql, mod_vhostdb_ldap: where document roots come from.

use std::sync::Arc;

use lighttpd_conf::{Kind, Value};

use crate::config::{Change, Directive, Read, Reader, Setter};
use crate::modules::{Hooks, Module};
use crate::settings;

/// A database and what it is asked.
pub struct Source {
    /// The query, with `?` for the host.
    query: String,
    /// All of what was configured: for telling one from another.
    identity: String,
    place: Place,
}

enum Place {
    #[cfg(feature = "pgsql")]
    Pgsql(Box<crate::outside::pgsql::Database>),
    #[cfg(feature = "mysql")]
    Mysql(crate::outside::mysql::Database),
    #[cfg(feature = "ldap")]
    Ldap {
        directory: crate::outside::ldap::Directory,
        base: String,
        attribute: String,
    },
    /// This program was built without it.
    #[allow(dead_code, reason = "it depends on what is built in")]
    Nowhere,
}

impl Source {
    /// All of what was configured.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The document root of a host, whose name is plain. Takes its time.
    pub fn look_up(&self, host: &str) -> Result<Option<Vec<u8>>, String> {
        let query = self.query.replace('?', host);
        match &self.place {
            #[cfg(feature = "pgsql")]
            Place::Pgsql(database) => database
                .value(&query)
                .map(|value| value.map(String::into_bytes))
                .map_err(|error| crate::causes::with_causes(&error)),
            #[cfg(feature = "mysql")]
            Place::Mysql(database) => database.value(&query).map_err(|error| error.to_string()),
            #[cfg(feature = "ldap")]
            Place::Ldap {
                directory,
                base,
                attribute,
            } => directory
                .value(base, &query, attribute)
                .map(|value| value.map(String::into_bytes))
                .map_err(|error| error.to_string()),
            Place::Nowhere => Err(format!("{query}: not built in")),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({})", self.query)
    }
}

/// Options by name.
struct Options(Vec<(String, String)>);

impl Options {
    fn read(
        value: &Value,
        known: &[&str],
        reader: &mut Reader,
    ) -> Result<Options, lighttpd_conf::ValueError> {
        let mut pairs = value.to_pairs()?;
        for (name, _) in &mut pairs {
            name.make_ascii_lowercase();
            if !known.contains(&&name[..]) {
                reader.warn(
                    value.span,
                    format!("vhostdb: there is no option \"{name}\""),
                );
            }
        }
        Ok(Options(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| &value[..])
            .filter(|value| !value.is_empty())
    }

    fn identity(&self, kind: &str) -> String {
        let all = self
            .0
            .iter()
            .map(|(name, value)| format!("\n{name}={value}"));
        std::iter::once(kind.to_owned()).chain(all).collect()
    }

    /// The source, unless something that it needs is missing.
    fn source(&self, kind: &str, query: &str, place: Option<Place>) -> Option<Arc<Source>> {
        Some(Arc::new(Source {
            query: self.get(query)?.to_owned(),
            identity: self.identity(kind),
            place: place?,
        }))
    }
}

const SQL: [&str; 7] = ["sql", "dbname", "user", "password", "host", "port", "sock"];

fn missing(value: &Value, reader: &mut Reader, what: &str) {
    let message = format!("vhostdb: {what}");
    reader.error(value.span, message, "see doc/directives.md");
}

fn pgsql(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let options = Options::read(value, &SQL, reader)?;
    #[cfg(feature = "pgsql")]
    let place = pgsql_place(&options, value, reader);
    #[cfg(not(feature = "pgsql"))]
    let place = Some(Place::Nowhere);
    let source = options.source("pgsql", "sql", place);
    if source.is_none() && !options.0.is_empty() {
        missing(value, reader, "pgsql needs \"sql\" and \"dbname\"");
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.vhostdb.pgsql = source.clone();
    }))
}

#[cfg(feature = "pgsql")]
fn pgsql_place(options: &Options, value: &Value, reader: &mut Reader) -> Option<Place> {
    let name = options.get("dbname")?;
    // As for libpq: it may say how to connect, too.
    let mut config =
        match name.contains('=') || name.starts_with("postgres") && name.contains("://") {
            true => name.parse().ok()?,
            false => {
                let mut config = postgres::Config::new();
                config.dbname(name);
                config
            }
        };
    if let Some(user) = options.get("user") {
        config.user(user);
    }
    if let Some(password) = options.get("password") {
        config.password(password);
    }
    if let Some(port) = options.get("port") {
        match port.parse() {
            Ok(port) => drop(config.port(port)),
            Err(_) => missing(value, reader, "\"port\" is no number"),
        }
    }
    match options.get("host") {
        Some(host) => drop(config.host(host)),
        // Where Debian's server has its socket.
        None if config.get_hosts().is_empty() => drop(config.host("/var/run/postgresql")),
        None => {}
    }
    let database = crate::outside::pgsql::Database::new(config);
    Some(Place::Pgsql(Box::new(database)))
}

fn mysql(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let options = Options::read(value, &SQL, reader)?;
    #[cfg(feature = "mysql")]
    let place = mysql_place(&options, value, reader);
    #[cfg(not(feature = "mysql"))]
    let place = Some(Place::Nowhere);
    let source = options.source("mysql", "sql", place);
    if source.is_none() && !options.0.is_empty() {
        missing(
            value,
            reader,
            "mysql needs \"sql\", \"dbname\" and \"user\"",
        );
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.vhostdb.mysql = source.clone();
    }))
}

#[cfg(feature = "mysql")]
fn mysql_place(options: &Options, value: &Value, reader: &mut Reader) -> Option<Place> {
    let port = options.get("port").map(str::parse).transpose();
    if port.is_err() {
        missing(value, reader, "\"port\" is no number");
    }
    let opts = mysql::OptsBuilder::new()
        .db_name(Some(options.get("dbname")?))
        .user(Some(options.get("user")?))
        .pass(options.get("password"))
        .prefer_socket(false);
    // As libmysqlclient does: "localhost" is the socket, too, and 0 the usual port.
    let opts = match (options.get("host"), port) {
        (None | Some("localhost"), _) => {
            opts.socket(options.get("sock").or(Some("/run/mysqld/mysqld.sock")))
        }
        (host, Ok(Some(port @ 1..))) => opts.ip_or_hostname(host).tcp_port(port),
        (host, _) => opts.ip_or_hostname(host),
    };
    Some(Place::Mysql(crate::outside::mysql::Database::new(opts)))
}

const DIRECTORY: [&str; 8] = [
    "attr", "base-dn", "bind-dn", "bind-pw", "ca-file", "filter", "host", "starttls",
];

fn ldap(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let options = Options::read(value, &DIRECTORY, reader)?;
    #[cfg(feature = "ldap")]
    let place = ldap_place(&options);
    #[cfg(not(feature = "ldap"))]
    let place = Some(Place::Nowhere);
    let source = options.source("ldap", "filter", place);
    let filter = options.get("filter").unwrap_or_default();
    if !options.0.is_empty() && (source.is_none() || !filter.contains('?')) {
        missing(
            value,
            reader,
            "ldap needs \"host\", \"base-dn\" and \"filter\", with ? for the host in it",
        );
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.vhostdb.ldap = source.clone();
    }))
}

#[cfg(feature = "ldap")]
fn ldap_place(options: &Options) -> Option<Place> {
    let starttls = options.get("starttls").unwrap_or_default();
    Some(Place::Ldap {
        directory: crate::outside::ldap::Directory {
            urls: crate::modules::authn_ldap::urls(options.get("host")?),
            start_tls: matches!(&starttls.to_ascii_lowercase()[..], "enable" | "true" | "1"),
            ca_file: options.get("ca-file").map(Into::into),
            bind_dn: options.get("bind-dn").unwrap_or_default().to_owned(),
            bind_password: options.get("bind-pw").unwrap_or_default().to_owned().into(),
            timeout: std::time::Duration::from_secs(2),
        },
        base: options.get("base-dn")?.to_owned(),
        attribute: options.get("attr").unwrap_or("documentRoot").to_owned(),
    })
}

const fn module(name: &'static str, directives: &'static [Directive]) -> Module {
    Module {
        name,
        directives,
        hooks: Hooks::NONE,
    }
}

/// PostgreSQL.
pub static PGSQL: Module = module(
    "mod_vhostdb_pgsql",
    &[Directive::request(
        "vhostdb.pgsql",
        Setter::Own(Kind::KvString, pgsql),
        "()",
        "PostgreSQL database with document roots: sql (with ? for the host), dbname, user, password, host, port.",
    )],
);

/// MySQL.
pub static MYSQL: Module = module(
    "mod_vhostdb_mysql",
    &[Directive::request(
        "vhostdb.mysql",
        Setter::Own(Kind::KvString, mysql),
        "()",
        "MySQL or MariaDB database with document roots: sql (with ? for the host), dbname, user, password, host and port, or sock (without a host, or for \"localhost\").",
    )],
);

/// LDAP.
pub static LDAP: Module = module(
    "mod_vhostdb_ldap",
    &[Directive::request(
        "vhostdb.ldap",
        Setter::Own(Kind::KvString, ldap),
        "()",
        "LDAP directory with document roots: host, base-dn, filter (with ? for the host), attr, bind-dn, bind-pw, ca-file, starttls.",
    )],
);
