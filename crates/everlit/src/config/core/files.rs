//! What is served: names, paths, media types, validators.

use std::sync::Arc;

use lighttpd_conf::Value;

use crate::config::StatCache;
use crate::config::directive::{Change, Counts, Directive, Kind, Read, Scope, Setter};
use crate::config::draft::Draft;
use crate::config::paths::{absolute, directory_prefix};
use crate::config::reader::Reader;
use crate::mime;
use crate::settings::Settings;

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "server.document-root",
        Setter::Text(|settings, path| settings.core.document_root = directory_prefix(path)),
        "",
        "Directory that URL paths start from. Must be set.",
    ),
    Directive::request(
        "server.name",
        Setter::Text(|settings, name| settings.core.name = name.to_owned()),
        "",
        "Name of the server in logs and in redirects it makes; empty: the host that the client asked for.",
    ),
    Directive::request(
        "server.tag",
        Setter::Text(|settings, tag| settings.core.tag = tag.to_owned()),
        "\"Everlit\"",
        "Value of the Server field; empty: there is no such field.",
    )
    .differs(
        Counts::Unset,
        "\"Everlit\"",
    ),
    Directive::request(
        "server.errorfile-prefix",
        Setter::Text(|settings, prefix| {
            settings.core.errorfile_prefix = match prefix {
                "" => Vec::new(),
                prefix => prefix.as_bytes().to_vec(),
            }
        }),
        "",
        "The body of an error response is the file of this path with the status and \".html\" after it.",
    ),
    Directive::request(
        "server.error-handler",
        Setter::Text(|settings, path| settings.core.error_handler = path.to_owned()),
        "",
        "URL path that answers instead of an error page, for every status from 400 on.",
    )
    .differs(
        Counts::Used,
        "conditions of a request (If-Match and so on) are not about the handler's page",
    ),
    Directive::request(
        "server.error-handler-404",
        Setter::Text(|settings, path| settings.core.error_handler_404 = path.to_owned()),
        "",
        "URL path that answers instead of the error pages 403 and 404.",
    )
    .differs(
        Counts::Used,
        "an error of the handler's own is not shown",
    ),
    Directive::request(
        "server.error-intercept",
        Setter::Bool(|settings, on| settings.core.error_intercept = on),
        "\"disable\"",
        "Whether errors of backends are answered like errors of the server, with its error pages and handlers.",
    ),
    Directive::request(
        "server.force-lowercase-filenames",
        Setter::Bool(|settings, on| settings.core.force_lowercase = on),
        "\"disable\"",
        "Whether paths are made lower case before files are looked for.",
    ),
    Directive::request(
        "server.follow-symlink",
        Setter::Bool(|settings, on| settings.core.follow_symlink = on),
        "\"enable\"",
        "Whether symbolic links are followed; if not, a path with one is answered with 403.",
    ),
    Directive::request(
        "server.range-requests",
        Setter::Bool(|settings, on| settings.core.range_requests = on),
        "\"enable\"",
        "Whether parts of files are sent on request (Range, RFC 9110 section 14).",
    ),
    Directive::request(
        "mimetype.assign",
        Setter::Own(Kind::KvString, media_types),
        "",
        "Media types by suffix of the file name; without it, a table of common ones.",
    ),
    Directive::request(
        "mimetype.use-xattr",
        Setter::Bool(|settings, on| settings.core.mime_attribute.is_read = on),
        "\"disable\"",
        "Whether the media type is read from an extended attribute of the file, if it has one.",
    ),
    Directive::request(
        "mimetype.xattr-name",
        Setter::Text(|settings, name| settings.core.mime_attribute.name = format!("user.{name}").into()),
        "\"Content-Type\"",
        "Name of the extended attribute with the media type, without \"user.\" before it.",
    )
    .in_scope(Scope::Server),
    Directive::request(
        "etag.use-inode",
        Setter::Bool(|settings, on| settings.core.etag.inode = on),
        "\"enable\"",
        "Whether the inode number is part of ETags.",
    ),
    Directive::request(
        "etag.use-mtime",
        Setter::Bool(|settings, on| settings.core.etag.mtime = on),
        "\"enable\"",
        "Whether the time of modification is part of ETags.",
    ),
    Directive::request(
        "etag.use-size",
        Setter::Bool(|settings, on| settings.core.etag.size = on),
        "\"enable\"",
        "Whether the size is part of ETags.",
    ),
    Directive::server(
        "server.stat-cache-engine",
        Setter::Own(Kind::String, stat_cache),
        "\"simple\"",
        "How long what is known of a file is believed: \"simple\" for up to a second, \"disable\" not at all.",
    )
    .differs(
        Counts::Used,
        "\"inotify\", \"fam\" and \"kqueue\" are the same as \"simple\"",
    ),
    Directive::request(
        "server.upload-dirs",
        Setter::List(|settings, paths| {
            settings.core.upload_dirs = paths.iter().map(absolute).collect();
        }),
        "( \"/var/tmp\" )",
        "Directories for bodies that wait for a backend, or for a client, and do not fit in memory.",
    )
    .in_scope(Scope::Server),
    Directive::nothing(
        "server.upload-temp-file-size",
        Kind::Int,
        Scope::Server,
        "16777216",
        "Size of the files that request bodies are put into; one file holds all of a body here.",
    )
    .differs(
        Counts::Used,
        "any value means the same: one file holds all of a body",
    ),
];

/// Read once and shared by all settings that have it.
fn media_types(value: &Value, _: &mut Reader) -> Read<Settings> {
    let table = Arc::new(mime::Table::new(value.to_pairs()?));
    Ok(Change::new(move |settings: &mut Settings| {
        settings.core.mime = table.clone();
    }))
}

fn stat_cache(value: &Value, _: &mut Reader) -> Read<Draft> {
    let engine = match value.to_str()? {
        "" | "simple" | "inotify" | "fam" | "kqueue" => StatCache::Simple,
        "disable" | "none" => StatCache::Disabled,
        _ => return Err(value.unfit("\"simple\", \"inotify\", \"fam\", \"kqueue\" or \"disable\"")),
    };
    Ok(Change::new(move |draft: &mut Draft| {
        draft.server.stat_cache = engine;
    }))
}
