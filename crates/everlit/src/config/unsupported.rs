//! Directives of modules that this version does not have.
//!
//! In: nothing. Out: one entry each, so that a configuration that uses them is told. Must hold: where the absence of a
//! directive would show something to the wrong people, or program text instead of pages, the entry says `exposing`.

use super::directive::Kind::{Bool, Int, KvAny, KvArray, KvString, List, Short, String};
use super::directive::{Directive, Kind, Lack, Risk, Scope};

/// All of them.
pub(super) static TABLES: &[&[Directive]] = &[AUTHENTICATION, BACKENDS, CONTENT, HOSTS, STATISTICS];

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

const AUTH: Of = Of("mod_auth");
const AUTHN_DBI: Of = Of("mod_authn_dbi");
const AUTHN_FILE: Of = Of("mod_authn_file");
const AUTHN_GSSAPI: Of = Of("mod_authn_gssapi");
const AUTHN_LDAP: Of = Of("mod_authn_ldap");
const AUTHN_PAM: Of = Of("mod_authn_pam");
const AUTHN_SASL: Of = Of("mod_authn_sasl");

const UNPROTECTED: &str = "what it protects would be open to everybody";

static AUTHENTICATION: &[Directive] = &[
    AUTH.exposing(
        "auth.require",
        KvArray,
        UNPROTECTED,
        "Who may see what, and how they prove who they are.",
    ),
    AUTH.missing("auth.backend", String, "Where passwords are looked up."),
    AUTH.missing(
        "auth.extern-authn",
        Bool,
        "Whether a client certificate counts as a login.",
    ),
    AUTH.missing(
        "auth.cache",
        KvAny,
        "How long passwords that were right are remembered.",
    ),
    AUTHN_DBI.missing("auth.backend.dbi", KvAny, "SQL database with passwords."),
    AUTHN_FILE.missing(
        "auth.backend.plain.groupfile",
        String,
        "File with groups of users.",
    ),
    AUTHN_FILE.missing(
        "auth.backend.plain.userfile",
        String,
        "File with users and passwords as they are.",
    ),
    AUTHN_FILE.missing(
        "auth.backend.htdigest.userfile",
        String,
        "File with users and digests of their passwords.",
    ),
    AUTHN_FILE.missing(
        "auth.backend.htpasswd.userfile",
        String,
        "File with users and hashes of their passwords.",
    ),
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
    AUTHN_LDAP.missing("auth.backend.ldap.hostname", String, "LDAP server."),
    AUTHN_LDAP.missing(
        "auth.backend.ldap.base-dn",
        String,
        "Where in the directory users are looked for.",
    ),
    AUTHN_LDAP.missing(
        "auth.backend.ldap.filter",
        String,
        "Which entry is the user's.",
    ),
    AUTHN_LDAP.missing(
        "auth.backend.ldap.ca-file",
        String,
        "Certificates of authorities that vouch for the server.",
    ),
    AUTHN_LDAP.missing(
        "auth.backend.ldap.starttls",
        Bool,
        "Whether the server is spoken to through TLS.",
    ),
    AUTHN_LDAP.missing(
        "auth.backend.ldap.bind-dn",
        String,
        "Name under which the directory is searched.",
    ),
    AUTHN_LDAP.missing("auth.backend.ldap.bind-pw", String, "Its password."),
    AUTHN_LDAP.missing(
        "auth.backend.ldap.allow-empty-pw",
        Bool,
        "Whether users may have no password.",
    ),
    AUTHN_LDAP.missing(
        "auth.backend.ldap.groupmember",
        String,
        "Attribute with the members of a group.",
    ),
    AUTHN_LDAP.missing(
        "auth.backend.ldap.timeout",
        String,
        "Microseconds that an answer may take.",
    ),
    AUTHN_PAM.missing(
        "auth.backend.pam.opts",
        KvString,
        "Options of PAM, such as the service.",
    ),
    AUTHN_SASL.missing(
        "auth.backend.sasl.opts",
        KvString,
        "Options of SASL, such as the service.",
    ),
];

const AJP13: Of = Of("mod_ajp13");

const SOURCE: &str = "programs would be sent to the client instead of being run";

static BACKENDS: &[Directive] = &[
    AJP13.exposing(
        "ajp13.server",
        KvArray,
        SOURCE,
        "Servers that speak AJP 1.3, by prefix or suffix of the path.",
    ),
    AJP13.missing("ajp13.balance", String, "How servers are chosen."),
    AJP13.missing("ajp13.debug", Int, "What is logged about servers."),
    AJP13.missing(
        "ajp13.map-extensions",
        KvString,
        "Suffixes that are treated as others.",
    ),
];

const SSI: Of = Of("mod_ssi");
const WEBDAV: Of = Of("mod_webdav");

static CONTENT: &[Directive] = &[
    SSI.exposing(
        "ssi.extension",
        List,
        "pages would be sent with their instructions in them instead of what these give",
        "Suffixes of files with server-side includes.",
    ),
    SSI.missing("ssi.content-type", String, "Media type of such pages."),
    SSI.missing(
        "ssi.conditional-requests",
        Bool,
        "Whether such pages have an ETag.",
    ),
    SSI.missing("ssi.exec", Bool, "Whether they may run commands."),
    SSI.missing(
        "ssi.recursion-max",
        Short,
        "How deep they may include each other.",
    ),
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

const VHOSTDB: Of = Of("mod_vhostdb");

const WRONG_HOST: &str = "every host would be served from server.document-root";

static HOSTS: &[Directive] = &[
    VHOSTDB.exposing(
        "vhostdb.backend",
        String,
        WRONG_HOST,
        "Database with the document root of each host.",
    ),
    VHOSTDB.missing(
        "vhostdb.cache",
        KvAny,
        "How long document roots are remembered.",
    ),
    Of("mod_vhostdb_dbi").missing("vhostdb.dbi", KvAny, "SQL database with document roots."),
    Of("mod_vhostdb_ldap").missing(
        "vhostdb.ldap",
        KvString,
        "LDAP directory with document roots.",
    ),
    Of("mod_vhostdb_mysql").missing(
        "vhostdb.mysql",
        KvString,
        "MySQL database with document roots.",
    ),
    Of("mod_vhostdb_pgsql").missing(
        "vhostdb.pgsql",
        KvString,
        "PostgreSQL database with document roots.",
    ),
];

const MAXMINDDB: Of = Of("mod_maxminddb");
const RRDTOOL: Of = Of("mod_rrdtool");
const STATUS: Of = Of("mod_status");

static STATISTICS: &[Directive] = &[
    MAXMINDDB.missing(
        "maxminddb.activate",
        Bool,
        "Whether the client's address is looked up.",
    ),
    MAXMINDDB.missing(
        "maxminddb.db",
        String,
        "Database that tells the place of an address.",
    ),
    MAXMINDDB.missing(
        "maxminddb.env",
        KvString,
        "Variables that the place is written to.",
    ),
    RRDTOOL.missing(
        "rrdtool.db-name",
        String,
        "File that figures are written to each minute.",
    ),
    RRDTOOL
        .missing("rrdtool.binary", String, "The program that writes them.")
        .in_scope(Scope::Server),
    STATUS.missing(
        "status.status-url",
        String,
        "Path of a page with what the server is doing.",
    ),
    STATUS.missing(
        "status.config-url",
        String,
        "Path of a page with what the server is made of.",
    ),
    STATUS.missing(
        "status.statistics-url",
        String,
        "Path of a page with figures.",
    ),
    STATUS.missing(
        "status.enable-sort",
        Bool,
        "Whether the list of connections can be sorted.",
    ),
];
