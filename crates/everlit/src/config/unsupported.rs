//! Directives of modules that this version does not have.
//!
//! In: nothing. Out: one entry each, so that a configuration that uses them is told. Must hold: where the absence of a
//! directive would show something to the wrong people, or program text instead of pages, the entry says `exposing`.

use super::directive::Kind::{Bool, KvAny, KvString, List, String};
use super::directive::{Directive, Kind, Lack, Risk, Scope};

/// All of them.
pub(super) static TABLES: &[&[Directive]] = &[AUTHENTICATION, CONTENT, HOSTS, REQUESTS, STATISTICS];

/// A module that is missing.
struct Of(&'static str);

impl Of {
    const fn missing(&self, name: &'static str, kind: Kind, doc: &'static str) -> Directive {
        let lack = Lack::Module(self.0);
        Directive::unsupported(name, kind, Scope::Connection, lack, Risk::Visible, doc)
    }

    const fn exposing(
        &self,
        name: &'static str,
        kind: Kind,
        harm: &'static str,
        doc: &'static str,
    ) -> Directive {
        let lack = Lack::Module(self.0);
        let risk = Risk::Exposes(harm);
        Directive::unsupported(name, kind, Scope::Connection, lack, risk, doc)
    }
}

const AUTHN_DBI: Of = Of("mod_authn_dbi");
const AUTHN_GSSAPI: Of = Of("mod_authn_gssapi");
const AUTHN_SASL: Of = Of("mod_authn_sasl");

static AUTHENTICATION: &[Directive] = &[
    AUTHN_DBI.missing("auth.backend.dbi", KvAny, "SQL database with passwords."),
    AUTHN_GSSAPI.missing(
        "auth.backend.gssapi.keytab",
        String,
        "File with the Kerberos keys of the server.",
    ),
    AUTHN_GSSAPI.missing(
        "auth.backend.gssapi.principal",
        String,
        "Kerberos name of the server.",
    ),
    AUTHN_GSSAPI.missing(
        "auth.backend.gssapi.store-creds",
        Bool,
        "Whether tickets of users are kept for backends.",
    ),
    AUTHN_SASL.missing(
        "auth.backend.sasl.opts",
        KvString,
        "Options of SASL, such as the service.",
    ),
];

const WEBDAV: Of = Of("mod_webdav");

static CONTENT: &[Directive] = &[
    WEBDAV.missing(
        "webdav.activate",
        Bool,
        "Whether files can be changed by way of WebDAV.",
    ),
    WEBDAV.missing("webdav.is-readonly", Bool, "Whether WebDAV may only read."),
    WEBDAV.missing(
        "webdav.sqlite-db-name",
        String,
        "File for properties and locks.",
    ),
    WEBDAV.missing("webdav.log-xml", Bool, "Whether XML bodies are logged."),
    WEBDAV.missing("webdav.opts", KvAny, "Switches of WebDAV by name."),
];

static HOSTS: &[Directive] =
    &[Of("mod_vhostdb_dbi").missing("vhostdb.dbi", KvAny, "SQL database with document roots.")];

const MAGNET: Of = Of("mod_magnet");

const UNSCRIPTED: &str = "what the script refuses would be served";

static REQUESTS: &[Directive] = &[
    MAGNET.exposing(
        "magnet.attract-raw-url-to",
        List,
        UNSCRIPTED,
        "Lua scripts that see the URL.",
    ),
    MAGNET.exposing(
        "magnet.attract-physical-path-to",
        List,
        UNSCRIPTED,
        "Lua scripts that see the path of the file.",
    ),
    MAGNET.exposing(
        "magnet.attract-response-start-to",
        List,
        UNSCRIPTED,
        "Lua scripts that see the response.",
    ),
];

/// A module that will not come, with the reason.
struct Without(&'static str);

impl Without {
    const fn missing(&self, name: &'static str, kind: Kind, doc: &'static str) -> Directive {
        let lack = Lack::Feature(self.0);
        Directive::unsupported(name, kind, Scope::Connection, lack, Risk::Visible, doc)
    }
}

const NO_RRDTOOL: Without = Without(
    "it would be a program that only feeds another one; whoever collects figures asks for status.status-url with ?json",
);

static STATISTICS: &[Directive] = &[
    NO_RRDTOOL.missing(
        "rrdtool.db-name",
        String,
        "File that figures are written to each minute.",
    ),
    NO_RRDTOOL
        .missing("rrdtool.binary", String, "The program that writes them.")
        .in_scope(Scope::Server),
];
