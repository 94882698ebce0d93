//! A directory as a page.
//!
//! In: its path and entries, settings, the texts around the list. Out: HTML. Must hold: every name goes through
//! [`escape`] or [`percent`]; what settings call HTML is taken as it is.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::entries::{Item, ItemKind};
use super::{Insert, Settings, escape};
use crate::mime::Table;
use crate::route::percent::{self, Part};
use crate::sys::clock::LocalTime;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page is made of.
pub(super) struct Listing<'l> {
    /// Decoded URL path.
    pub(super) path: &'l [u8],
    pub(super) entries: &'l [Item],
    pub(super) settings: &'l Settings,
    pub(super) mime: &'l Table,
    /// Content of the file above the list.
    pub(super) header: Option<&'l [u8]>,
    /// Content of the file below the list.
    pub(super) readme: Option<&'l [u8]>,
    /// The server, for the footer.
    pub(super) tag: &'l str,
}

/// The page; without auto-layout, the part of it from header to readme.
pub(super) fn page(listing: &Listing<'_>) -> Vec<u8> {
    let settings = listing.settings;
    let mut out =
        Vec::with_capacity(listing.entries.len() * 256 + STYLE.len() + SCRIPT.len() + 1024);
    if settings.auto_layout {
        top(listing, &mut out);
    }
    insert(&settings.header, listing.header, "header", &mut out);
    list(listing, &mut out);
    insert(&settings.readme, listing.readme, "readme", &mut out);
    if settings.auto_layout {
        bottom(listing, &mut out);
    }
    out
}

fn top(listing: &Listing<'_>, out: &mut Vec<u8>) {
    let settings = listing.settings;
    out.extend_from_slice(b"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n");
    if !settings.encoding.is_empty() {
        out.extend_from_slice(b"<meta charset=\"");
        escape::html(settings.encoding.as_bytes(), out);
        out.extend_from_slice(b"\">\n");
    }
    out.extend_from_slice(
        b"<meta name=\"viewport\" content=\"width=device-width\">\n<title>Index of ",
    );
    escape::html(listing.path, out);
    out.extend_from_slice(b"</title>\n");
    if settings.external_css.is_empty() {
        out.extend_from_slice(b"<style>\n");
        out.extend_from_slice(STYLE.as_bytes());
        out.extend_from_slice(b"</style>\n");
    } else {
        out.extend_from_slice(b"<link rel=\"stylesheet\" href=\"");
        escape::html(settings.external_css.as_bytes(), out);
        out.extend_from_slice(b"\">\n");
    }
    out.extend_from_slice(b"</head>\n<body>\n");
}

fn bottom(listing: &Listing<'_>, out: &mut Vec<u8>) {
    let settings = listing.settings;
    out.extend_from_slice(b"<footer>");
    match &settings.footer {
        Some(html) => out.extend_from_slice(html.as_bytes()),
        None => escape::html(listing.tag.as_bytes(), out),
    }
    out.extend_from_slice(b"</footer>\n");
    if settings.external_js.is_empty() {
        out.extend_from_slice(b"<script>\n");
        out.extend_from_slice(SCRIPT.as_bytes());
        out.extend_from_slice(b"</script>\n");
    } else {
        out.extend_from_slice(b"<script src=\"");
        escape::html(settings.external_js.as_bytes(), out);
        out.extend_from_slice(b"\"></script>\n");
    }
    out.extend_from_slice(b"</body>\n</html>\n");
}

fn insert(insert: &Insert, content: Option<&[u8]>, class: &str, out: &mut Vec<u8>) {
    let Some(content) = content else { return };
    if insert.encode {
        out.extend_from_slice(format!("<pre class=\"{class}\">").as_bytes());
        escape::html(content, out);
        out.extend_from_slice(b"</pre>\n");
    } else {
        out.extend_from_slice(content);
    }
}

fn list(listing: &Listing<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<h1>Index of ");
    escape::html(listing.path, out);
    out.extend_from_slice(
        b"</h1>\n<table class=\"listing\">\n<thead><tr><th>Name</th><th>Changed</th><th>Size</th><th>Type</th></tr></thead>\n<tbody>\n",
    );
    if listing.path != b"/" {
        out.extend_from_slice(
            b"<tr class=\"up\"><td><a href=\"../\">..</a>/</td><td></td><td></td><td>directory</td></tr>\n",
        );
    }
    for item in listing.entries {
        row(item, listing.mime, out);
    }
    out.extend_from_slice(b"</tbody>\n</table>\n");
}

fn row(item: &Item, mime: &Table, out: &mut Vec<u8>) {
    let slash: &[u8] = match item.kind {
        ItemKind::Directory => b"/",
        ItemKind::File { .. } => b"",
    };
    out.extend_from_slice(match item.kind {
        ItemKind::Directory => b"<tr class=\"d\"><td><a href=\"",
        ItemKind::File { .. } => b"<tr class=\"f\"><td><a href=\"",
    });
    percent::encode(&item.name, Part::Segment, out);
    out.extend_from_slice(slash);
    out.extend_from_slice(b"\">");
    escape::html(&item.name, out);
    out.extend_from_slice(b"</a>");
    out.extend_from_slice(slash);
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "</td><td data-value=\"{}\">{}</td>",
        item.mtime,
        LocalTime::of(time(item.mtime))
    );
    let _ = match item.kind {
        ItemKind::Directory => writeln!(out, "<td data-value=\"-1\"></td><td>directory</td></tr>"),
        ItemKind::File { size } => {
            let _ = write!(out, "<td data-value=\"{size}\">{}</td><td>", Size(size));
            let media_type = mime.find(&item.name).unwrap_or("application/octet-stream");
            escape::html(media_type.as_bytes(), out);
            writeln!(out, "</td></tr>")
        }
    };
}

/// A size as people read it.
struct Size(u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64;
        let mut unit = "B";
        for larger in ["K", "M", "G", "T", "P", "E"] {
            if value < 999.95 {
                break;
            }
            value /= 1024.0;
            unit = larger;
        }
        write!(f, "{value:.1} {unit}")
    }
}

/// The time; the nearest one of the years 1970 to 9999.
fn time(mtime: i64) -> SystemTime {
    const LAST: u64 = 253_402_300_799;
    UNIX_EPOCH + Duration::from_secs(u64::try_from(mtime).unwrap_or(0).min(LAST))
}

/// A date as in HTTP.
pub(super) fn http_date(mtime: i64) -> httpdate::HttpDate {
    time(mtime).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, kind: ItemKind) -> Item {
        Item {
            name: name.into(),
            kind,
            mtime: 1_700_000_000,
        }
    }

    fn show(path: &str, items: &[Item], settings: &Settings) -> String {
        let mime = Table::new(vec![(".txt".to_owned(), "text/plain".to_owned())]);
        String::from_utf8(page(&Listing {
            path: path.as_bytes(),
            entries: items,
            settings,
            mime: &mime,
            header: Some(b"over <b>\n"),
            readme: Some(b"under &\n"),
            tag: "Tag<",
        }))
        .unwrap()
    }

    #[test]
    fn names_are_linked_and_shown_as_names() {
        let items = [
            item("sub", ItemKind::Directory),
            item("a b?#%:\"'<&>;.txt", ItemKind::File { size: 2048 }),
            item("javascript:alert(1)", ItemKind::File { size: 5 }),
        ];
        let page = show("/<x>/", &items, &Settings::default());
        for part in [
            "<title>Index of /&lt;x&gt;/</title>",
            "<h1>Index of /&lt;x&gt;/</h1>",
            "<a href=\"../\">..</a>/",
            "<a href=\"sub/\">sub</a>/</td>",
            "<a href=\"a%20b%3F%23%25%3A%22%27%3C%26%3E%3B.txt\">a b?#%:&quot;&#39;&lt;&amp;&gt;;.txt</a></td>",
            "<td data-value=\"2048\">2.0 K</td><td>text/plain</td>",
            "<a href=\"javascript%3Aalert%281%29\">",
            "<td data-value=\"5\">5 B</td><td>application/octet-stream</td>",
            "<pre class=\"header\">over &lt;b&gt;\n</pre>",
            "<pre class=\"readme\">under &amp;\n</pre>",
            "<footer>Tag&lt;</footer>",
            "<meta charset=\"utf-8\">",
        ] {
            assert!(page.contains(part), "{part} in\n{page}");
        }
        assert!(!show("/", &items, &Settings::default()).contains("\"../\""));
    }

    #[test]
    fn what_settings_call_html_is_html() {
        let mut settings = Settings {
            footer: Some("<i>foot</i>".to_owned()),
            external_css: "/x.css?a&b".to_owned(),
            external_js: "/x.js".to_owned(),
            encoding: String::new(),
            ..Settings::default()
        };
        settings.header.encode = false;
        let page = show("/", &[], &settings);
        for part in [
            "<footer><i>foot</i></footer>",
            "<link rel=\"stylesheet\" href=\"/x.css?a&amp;b\">",
            "<script src=\"/x.js\"></script>",
            "<body>\nover <b>\n<h1>",
        ] {
            assert!(page.contains(part), "{part} in\n{page}");
        }
        for part in ["<style>", "<meta charset"] {
            assert!(!page.contains(part), "{part}");
        }
    }

    #[test]
    fn without_layout_header_and_readme_are_the_rest_of_the_page() {
        let settings = Settings {
            auto_layout: false,
            ..Settings::default()
        };
        let page = show("/", &[], &settings);
        assert!(page.starts_with("<pre class=\"header\">"));
        assert!(page.ends_with("</pre>\n"));
        assert!(!page.contains("<html") && !page.contains("<script"));
    }

    #[test]
    fn any_time_can_be_shown() {
        for mtime in [i64::MIN, -1, 0, i64::MAX] {
            assert!(http_date(mtime).to_string().ends_with("GMT"));
        }
    }

    #[test]
    fn sizes() {
        for (size, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 K"),
            (1024 * 1000, "1.0 M"),
            (1_500_000_000, "1.4 G"),
            (u64::MAX, "16.0 E"),
        ] {
            assert_eq!(Size(size).to_string(), expected);
        }
    }
}
