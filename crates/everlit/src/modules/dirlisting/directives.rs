//! The directives of mod_dirlisting.

use std::sync::Arc;

use lighttpd_conf::{Kind, Pattern, Scope, Value};

use crate::config::{Change, Counts, Directive, Read, Reader, Setter};
use crate::settings::Settings;

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "dir-listing.activate",
        Setter::Bool(|settings, on| settings.dirlisting.activate = on),
        "\"disable\"",
        "Whether directories without an index file are listed.",
    )
    .differs(
        Counts::Used,
        "the page has looks of its own; names, sizes, times and their order are the same",
    ),
    Directive::request(
        "server.dir-listing",
        Setter::Bool(|settings, on| settings.dirlisting.activate = on),
        "\"disable\"",
        "The same as dir-listing.activate.",
    )
    .differs(
        Counts::Used,
        "the page has looks of its own; names, sizes, times and their order are the same",
    )
    .obsolete("write dir-listing.activate"),
    Directive::request(
        "dir-listing.exclude",
        Setter::Own(Kind::List, exclude),
        "()",
        "Expressions: names that one of them matches are not listed.",
    ),
    Directive::request(
        "dir-listing.hide-dotfiles",
        Setter::Bool(|settings, on| settings.dirlisting.hide_dotfiles = on),
        "\"enable\"",
        "Whether names that begin with a dot are not listed.",
    ),
    Directive::request(
        "dir-listing.external-css",
        Setter::Text(|settings, url| settings.dirlisting.external_css = url.to_owned()),
        "",
        "URL of a style sheet, instead of the style that is in the page.",
    )
    .differs(
        Counts::Used,
        "the style has to know this page: it finds a table of the class \"listing\"",
    ),
    Directive::request(
        "dir-listing.external-js",
        Setter::Text(|settings, url| settings.dirlisting.external_js = url.to_owned()),
        "",
        "URL of a script, instead of the one that is in the page and sorts it. It finds a table of the class \"listing\".",
    )
    .differs(
        Counts::Used,
        "the script has to know this page: it finds a table of the class \"listing\"",
    ),
    Directive::request(
        "dir-listing.encoding",
        Setter::Text(|settings, name| settings.dirlisting.encoding = name.to_owned()),
        "\"utf-8\"",
        "Encoding of names; \"\" leaves it to the browser.",
    ),
    Directive::request(
        "dir-listing.show-readme",
        Setter::Text(|settings, value| settings.dirlisting.readme.show(value, "README.txt")),
        "\"disable\"",
        "A file that is shown below the list; \"enable\" means README.txt. At most 256 KiB.",
    )
    .differs(
        Counts::Used,
        "a file that is outside of the directory is shown, too; at most 256 KiB",
    ),
    Directive::request(
        "dir-listing.hide-readme-file",
        Setter::Bool(|settings, on| settings.dirlisting.readme.hide = on),
        "\"disable\"",
        "Whether that file itself is not listed.",
    ),
    Directive::request(
        "dir-listing.encode-readme",
        Setter::Bool(|settings, on| settings.dirlisting.readme.encode = on),
        "\"enable\"",
        "Whether that file is text; if not, it is HTML.",
    ),
    Directive::request(
        "dir-listing.show-header",
        Setter::Text(|settings, value| settings.dirlisting.header.show(value, "HEADER.txt")),
        "\"disable\"",
        "A file that is shown above the list; \"enable\" means HEADER.txt. At most 256 KiB.",
    )
    .differs(
        Counts::Used,
        "a file that is outside of the directory is shown, too; at most 256 KiB",
    ),
    Directive::request(
        "dir-listing.hide-header-file",
        Setter::Bool(|settings, on| settings.dirlisting.header.hide = on),
        "\"disable\"",
        "Whether that file itself is not listed.",
    ),
    Directive::request(
        "dir-listing.encode-header",
        Setter::Bool(|settings, on| settings.dirlisting.header.encode = on),
        "\"enable\"",
        "Whether that file is text; if not, it is HTML.",
    ),
    Directive::request(
        "dir-listing.set-footer",
        Setter::Text(|settings, html| settings.dirlisting.footer = Some(html.to_owned())),
        "",
        "HTML at the end of the page, instead of the server's name.",
    ),
    Directive::request(
        "dir-listing.auto-layout",
        Setter::Bool(|settings, on| settings.dirlisting.auto_layout = on),
        "\"enable\"",
        "Whether the list is a whole page; if not, header and readme files have to be the rest of it.",
    ),
    Directive::request(
        "dir-listing.sort",
        Setter::Bool(|settings, on| settings.dirlisting.sort = on),
        "\"enable\"",
        "Whether the list is sorted by name, directories first.",
    ),
    Directive::nothing(
        "dir-listing.cache",
        Kind::KvAny,
        Scope::Connection,
        "()",
        "No list is kept: each is made when it is asked for.",
    )
    .differs(
        Counts::Used,
        "no list is kept: each is made when it is asked for",
    ),
];

fn exclude(value: &Value, reader: &mut Reader) -> Read<Settings> {
    let mut patterns = Vec::new();
    for source in value.to_list()? {
        match Pattern::new(&source) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => reader.error(
                value.span,
                format!("dir-listing.exclude: \"{source}\": {error}"),
                error
                    .help()
                    .unwrap_or("write an expression as PCRE has them"),
            ),
        }
    }
    let patterns: Arc<[Pattern]> = patterns.into();
    Ok(Change::new(move |settings: &mut Settings| {
        settings.dirlisting.exclude = patterns.clone();
    }))
}
