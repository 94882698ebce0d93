//! Directives of modules that are left out for good.
//!
//! In: nothing. Out: one entry each, so that a configuration that uses them is told, with the reason. Must hold: the absence of none
//! of them shows something to the wrong people.

use super::directive::Kind::{Bool, KvAny, KvString, String};
use super::directive::{Directive, Kind, Lack, Risk, Scope};

/// All of them.
pub(super) static TABLES: &[&[Directive]] = &[AUTHENTICATION, HOSTS];

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
