//! Pages for errors: the administrator's (`server.errorfile-prefix`), or a plain one.
//!
//! In: a response with an error status and no body. Out: the same with a body. Must hold: a page is made once and then
//! only pointed to; an error page cannot fail.

use std::rc::Rc;

use crate::clock::Now;
use crate::files::{EntryKind, FileCache, Rules};
use crate::http1::encode::reason;
use crate::response::{Body, FileRange, Response};
use crate::settings::Core;

/// The plain pages made so far.
#[derive(Debug, Default)]
pub struct Pages {
    made: Vec<(u16, Rc<[u8]>)>,
    /// Path of an error file; kept for its memory.
    path: Vec<u8>,
}

impl Pages {
    /// Gives an error without a body its page.
    pub fn fill(&mut self, response: &mut Response, core: &Core, files: &mut FileCache, now: Now) {
        if response.status < 400 || !matches!(response.body, Body::Empty) {
            return;
        }
        if !core.errorfile_prefix.is_empty() && self.file(response, core, files, now).is_some() {
            return;
        }
        response.headers.set("Content-Type", "text/html");
        response.body = Body::Cached(self.plain(response.status));
    }

    /// The administrator's page, if there is a file of this name: prefix, status, `.html`.
    fn file(
        &mut self,
        response: &mut Response,
        core: &Core,
        files: &mut FileCache,
        now: Now,
    ) -> Option<()> {
        self.path.clear();
        self.path.extend_from_slice(&core.errorfile_prefix);
        self.path
            .extend_from_slice(response.status.to_string().as_bytes());
        self.path.extend_from_slice(b".html");
        let rules = Rules::FollowLinks;
        let mut entry = files.look_up(&self.path, rules, now).ok()?;
        if entry.metadata.kind != EntryKind::File {
            return None;
        }
        if entry.content().is_err() {
            entry = files.renew(&self.path, rules, now).ok()?;
        }
        let body = match entry.content().ok()? {
            Some(content) if content.is_empty() => return None,
            Some(content) => Body::Cached(content),
            None => Body::File(FileRange {
                file: entry.open().ok()?,
                offset: 0,
                length: entry.metadata.size,
            }),
        };
        let media_type = core.mime.find(&self.path).unwrap_or("text/html");
        response.headers.set("Content-Type", media_type);
        response.body = body;
        Some(())
    }

    fn plain(&mut self, status: u16) -> Rc<[u8]> {
        if let Some((_, page)) = self.made.iter().find(|(made, _)| *made == status) {
            return page.clone();
        }
        let page: Rc<[u8]> = plain(status).into_bytes().into();
        self.made.push((status, page.clone()));
        page
    }
}

fn plain(status: u16) -> String {
    let reason = reason(status);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>{status} {reason}</title></head>\n\
         <body><h1>{status} {reason}</h1></body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StatCache;
    use std::os::unix::ffi::OsStrExt;

    fn fill(status: u16, body: Body, core: &Core) -> Response {
        let mut response = Response {
            status,
            body,
            ..Response::default()
        };
        let mut files = FileCache::new(StatCache::Simple);
        Pages::default().fill(&mut response, core, &mut files, Now::read());
        response
    }

    fn text(response: &Response) -> &[u8] {
        match &response.body {
            Body::Empty => b"",
            Body::Bytes(bytes) => bytes,
            Body::Cached(bytes) => bytes,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_an_error_without_a_body_gets_a_page() {
        let core = Core::default();
        let page = fill(404, Body::Empty, &core);
        assert!(text(&page).starts_with(b"<!DOCTYPE html>"));
        assert!(memchr::memmem::find(text(&page), b"<h1>404 Not Found</h1>").is_some());
        assert_eq!(page.headers.text(), b"Content-Type: text/html\r\n");
        assert_eq!(
            text(&fill(404, Body::Bytes(b"own".to_vec()), &core)),
            b"own"
        );
        assert_eq!(text(&fill(304, Body::Empty, &core)), b"");
    }

    #[test]
    fn the_administrators_page_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("e-404.html"), "lost").unwrap();
        std::fs::create_dir(dir.path().join("e-500.html")).unwrap();
        let core = Core {
            errorfile_prefix: dir.path().join("e-").as_os_str().as_bytes().to_vec(),
            ..Core::default()
        };
        assert_eq!(text(&fill(404, Body::Empty, &core)), b"lost");
        for status in [403, 500] {
            assert!(text(&fill(status, Body::Empty, &core)).starts_with(b"<!DOCTYPE"));
        }
    }
}
