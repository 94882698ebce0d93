//! The directory of a demo: a small site, its configuration, and what the server writes.
//!
//! In: nothing but the system's directory for temporary files. Out: paths, and configurations as they are wanted. Must
//! hold: the directory is ours alone, and gone when [`Site`] is.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::pages::PAGES;

/// Header by which an answer tells the configuration that it was made under.
pub(super) const REVISION_HEADER: &str = "X-Demo-Configuration";

/// A temporary directory with a site. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Site(PathBuf);

impl Site {
    /// Makes the directory, and writes the pages.
    pub(super) fn write() -> io::Result<Self> {
        let site = Self(make_directory(&std::env::temp_dir())?);
        fs::create_dir(site.root())?;
        for page in PAGES {
            let mut file = BufWriter::new(File::create(site.root().join(page.file))?);
            page.write(&mut file)?;
            file.flush()?;
        }
        DirBuilder::new().mode(0o700).create(site.runtime())?;
        Ok(site)
    }

    /// The configuration's file.
    pub(super) fn config(&self) -> PathBuf {
        self.0.join("demo.conf")
    }

    /// Where the control socket goes (`EVERLIT_RUNTIME_DIR`).
    pub(super) fn runtime(&self) -> PathBuf {
        self.0.join("run")
    }

    /// Where the server tells that it is ready (`NOTIFY_SOCKET`).
    pub(super) fn notify(&self) -> PathBuf {
        self.0.join("notify")
    }

    /// What the server says.
    pub(super) fn log(&self) -> PathBuf {
        self.0.join("error.log")
    }

    /// Writes the configuration; `revision` shows in every answer.
    pub(super) fn configure(&self, revision: u32) -> io::Result<()> {
        fs::write(self.config(), self.text(revision))
    }

    /// Writes a configuration as somebody in a hurry does: the last line lacks its closing quote.
    pub(super) fn break_config(&self, revision: u32) -> io::Result<()> {
        let text = self.text(revision) + "server.tag = \"oops\n";
        fs::write(self.config(), text)
    }

    fn root(&self) -> PathBuf {
        self.0.join("site")
    }

    fn text(&self, revision: u32) -> String {
        format!(
            r#"# Written by `everlit demo`; gone when it ends.
server.modules = ( "mod_setenv" )
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = 0
server.errorlog = "{log}"
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html", ".txt" => "text/plain", "" => "application/octet-stream" )
# Clients of the demo stay, and say nothing for long.
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 3600
server.max-read-idle = 3600
server.max-write-idle = 3600
setenv.add-response-header = ( "{REVISION_HEADER}" => "{revision}" )
"#,
            root = quoted(&self.root()),
            log = quoted(&self.log()),
        )
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // It lies in the directory for temporary files; if it cannot be removed, somebody will one day.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a new directory, for us alone. What is there already is left alone, whoever made it.
fn make_directory(parent: &Path) -> io::Result<PathBuf> {
    let pid = std::process::id();
    for attempt in 0..100 {
        let path = std::path::absolute(parent.join(format!("everlit-demo-{pid}-{attempt}")))?;
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A path within a quoted string of the configuration.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_private_and_goes_with_the_site() {
        use std::os::unix::fs::MetadataExt;
        let parent = tempfile::tempdir().unwrap();
        let first = Site(make_directory(parent.path()).unwrap());
        let second = Site(make_directory(parent.path()).unwrap());
        assert_ne!(first.0, second.0);
        assert_eq!(fs::metadata(&first.0).unwrap().mode() & 0o777, 0o700);
        first.configure(1).unwrap();
        let path = first.0.clone();
        drop(first);
        assert!(!path.exists());
        assert!(second.0.exists());
    }

    #[test]
    fn the_broken_configuration_differs_by_one_line() {
        let parent = tempfile::tempdir().unwrap();
        let site = Site(make_directory(parent.path()).unwrap());
        site.configure(7).unwrap();
        let good = fs::read_to_string(site.config()).unwrap();
        site.break_config(7).unwrap();
        let broken = fs::read_to_string(site.config()).unwrap();
        assert!(good.contains("\"X-Demo-Configuration\" => \"7\""));
        assert_eq!(broken.strip_prefix(&good).unwrap().lines().count(), 1);
    }
}
