//! Directives of modules that this version does not have.
//!
//! In: nothing. Out: one entry each, so that a configuration that uses them is told. Must hold: where the absence of a
//! directive would show something to the wrong people, or program text instead of pages, the entry says `exposing`.

use super::directive::Kind::{Bool, KvAny, KvString, List, String};
use super::directive::{Directive, Kind, Lack, Risk, Scope};

/// All of them.
pub(super) static TABLES: &[&[Directive]] = &[AUTHENTICATION, HOSTS, REQUESTS, STATISTICS];

/// A module that is missing.
struct Of(&'static str);

impl Of {
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

/// A module that is left out for good, with the reason.
struct Without(&'static str, &'static str);

impl Without {
    const fn refused(&self, name: &'static str, kind: Kind, doc: &'static str) -> Directive {
        let Without(module, why) = *self;
        let lack = Lack::Without { module, why };
        Directive::unsupported(name, kind, Scope::Connection, lack, Risk::Visible, doc)
    }
}

const AUTHN_DBI: Without = Without(
    "mod_authn_dbi",
    "libdbi is C code with a driver for each database, and is hardly kept; write an htpasswd file from the database, or ask LDAP",
);
const AUTHN_GSSAPI: Without = Without(
    "mod_authn_gssapi",
    "Kerberos is C code; an authorizer (fastcgi.server with mode) can ask for it",
);
const AUTHN_SASL: Without = Without(
    "mod_authn_sasl",
    "Cyrus SASL is C code; most of what it asks has a backend here: PAM, LDAP, files",
);

static AUTHENTICATION: &[Directive] = &[
    AUTHN_DBI.refused("auth.backend.dbi", KvAny, "SQL database with passwords."),
    AUTHN_GSSAPI.refused(
        "auth.backend.gssapi.keytab",
        String,
        "File with the Kerberos keys of the server.",
    ),
    AUTHN_GSSAPI.refused(
        "auth.backend.gssapi.principal",
        String,
        "Kerberos name of the server.",
    ),
    AUTHN_GSSAPI.refused(
        "auth.backend.gssapi.store-creds",
        Bool,
        "Whether tickets of users are kept for backends.",
    ),
    AUTHN_SASL.refused(
        "auth.backend.sasl.opts",
        KvString,
        "Options of SASL, such as the service.",
    ),
];

const VHOSTDB_DBI: Without = Without(
    "mod_vhostdb_dbi",
    "libdbi is C code with a driver for each database, and is hardly kept; PostgreSQL, MySQL and LDAP have backends of their own",
);

static HOSTS: &[Directive] =
    &[VHOSTDB_DBI.refused("vhostdb.dbi", KvAny, "SQL database with document roots.")];

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

const RRDTOOL: Without = Without(
    "mod_rrdtool",
    "it would be a program that only feeds another one; whoever collects figures asks for status.status-url with ?json",
);

static STATISTICS: &[Directive] = &[
    RRDTOOL.refused(
        "rrdtool.db-name",
        String,
        "File that figures are written to each minute.",
    ),
    RRDTOOL
        .refused("rrdtool.binary", String, "The program that writes them.")
        .in_scope(Scope::Server),
];
