//! A directory as JSON: an array of objects with `name`, `type` (`file` or `directory`), `mtime` (a date as in HTTP) and,
//! for files, `size`. The same form as nginx's `autoindex_format json`, so that its readers can read it.

use std::io::Write;

use super::entries::{Item, ItemKind};

/// The list. Names that are not UTF-8 are shown with U+FFFD in place of what is not.
pub(super) fn list(items: &[Item]) -> Vec<u8> {
    let mut out = Vec::with_capacity(items.len() * 100 + 4);
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"\n" } else { b",\n" });
        let name = String::from_utf8_lossy(&item.name);
        out.extend_from_slice(b"{\"name\":");
        // Neither a string nor a Vec can fail.
        let _ = serde_json::to_writer(&mut out, &name);
        let _ = match item.kind {
            ItemKind::File { size } => write!(out, ",\"type\":\"file\",\"size\":{size}"),
            ItemKind::Directory => write!(out, ",\"type\":\"directory\""),
        };
        let _ = write!(
            out,
            ",\"mtime\":\"{}\"}}",
            super::html::http_date(item.mtime)
        );
    }
    out.extend_from_slice(b"\n]\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_read_again() {
        let item = |name: &[u8], kind| Item {
            name: name.to_vec(),
            kind,
            mtime: 1_700_000_000,
        };
        let items = [
            item(b"sub", ItemKind::Directory),
            item(b"a \"quoted\" \\ \n name", ItemKind::File { size: 7 }),
            item(b"\xff", ItemKind::File { size: 0 }),
        ];
        let value: serde_json::Value = serde_json::from_slice(&list(&items)).unwrap();
        let date = "Tue, 14 Nov 2023 22:13:20 GMT";
        assert_eq!(
            value,
            serde_json::json!([
                { "name": "sub", "type": "directory", "mtime": date },
                { "name": "a \"quoted\" \\ \n name", "type": "file", "size": 7, "mtime": date },
                { "name": "\u{fffd}", "type": "file", "size": 0, "mtime": date },
            ])
        );
        assert_eq!(list(&[]), b"[\n]\n");
    }
}
