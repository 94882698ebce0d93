//! mod_maxminddb: variables that tell where a client is, from a database of MaxMind's format (GeoIP2, GeoLite2).
//!
//! In: a client's address. Out: variables of the request. Must hold: a database is read once, when the server starts; what
//! is wrong in it makes a variable missing, and nothing else.
//!
//! It is looked up for each request, where lighttpd remembers it for the connection: an idle connection here remembers
//! nothing, and it is a walk down a tree in memory, below a microsecond with five variables.

mod database;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use lighttpd_conf::{Kind, Value};

use self::database::Database;
use super::{Hooks, Module};
use crate::config::{Change, Directive, Read, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::settings;

/// Settings of mod_maxminddb.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `maxminddb.activate`
    pub active: bool,
    /// `maxminddb.db`
    pub database: Option<Arc<Database>>,
    /// `maxminddb.env`: variables, and where in the database's record their values are.
    pub variables: Arc<[(String, Vec<String>)]>,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "maxminddb.activate",
        Setter::Bool(|settings, on| settings.maxminddb.active = on),
        "\"disable\"",
        "Whether the client's address is looked up.",
    ),
    Directive::request(
        "maxminddb.db",
        Setter::Own(Kind::String, database),
        "",
        "Database that tells the place of an address; read when the server starts or is reloaded.",
    ),
    Directive::request(
        "maxminddb.env",
        Setter::Own(Kind::KvString, variables),
        "()",
        "Variables, and where their values are in the database, as in \"country/iso_code\".",
    ),
];

fn database(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let path = value.to_str()?;
    let database = match path {
        "" => None,
        path => match Database::open(path) {
            Ok(database) => Some(Arc::new(database)),
            Err(problem) => {
                reader.error(
                    value.span,
                    format!("maxminddb.db: {path}: {problem}"),
                    "name a database in MaxMind's format (*.mmdb)",
                );
                None
            }
        },
    };
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.maxminddb.database = database.clone();
    }))
}

fn variables(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    let pairs = value.to_pairs()?;
    let is_bad = |(_, path): &(String, String)| path.split('/').any(str::is_empty);
    if pairs.iter().any(is_bad) {
        return Err(value.unfit("paths such as \"country/iso_code\", without \"/\" around them"));
    }
    let split = |path: String| path.split('/').map(str::to_owned).collect();
    let pairs = pairs.into_iter().map(|(name, path)| (name, split(path)));
    let variables: Arc<[_]> = pairs.collect();
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.maxminddb.variables = variables.clone();
    }))
}

fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let settings = &settings.maxminddb;
    let request = &mut exchange.request;
    if let (true, Some(database), Some(ip)) =
        (settings.active, &settings.database, request.remote_ip())
    {
        database.look_up(ip, &settings.variables, |name, value| {
            let environment = &mut request.environment;
            environment.retain(|(known, _)| known != name.as_bytes());
            environment.push((name.as_bytes().to_vec(), value));
        });
    }
    Flow::GoOn
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_maxminddb",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        ..Hooks::NONE
    },
};
