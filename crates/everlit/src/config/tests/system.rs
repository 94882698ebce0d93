//! What is looked for on the machine (`-tt`).

use std::path::Path;

use super::support::*;
use crate::config::{self};

fn remarks_at(text: &str) -> Vec<String> {
    config::check(&source(text))
        .messages
        .iter()
        .map(short)
        .collect()
}

#[test]
fn what_is_there_is_not_mentioned() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().display();
    let text = format!(
        "server.modules = ( \"mod_accesslog\" )\nserver.document-root = \"{path}\"\nserver.errorlog = \"{path}/error.log\"\n\
         accesslog.filename = \"{path}/access.log\"\nserver.pid-file = \"{path}/pid\"\nserver.username = \"root\"\n\
         server.groupname = \"root\"\n"
    );
    assert_eq!(remarks_at(&text), Vec::<String>::new());
    assert!(config::plan(&source(&text)).is_ok());
    assert!(!Path::new(&format!("{path}/error.log")).exists());
}

#[test]
fn what_is_missing_is_said() {
    let text = "server.modules = ( \"mod_accesslog\" )\nserver.document-root = \"/no/such\"\n\
                server.errorlog = \"/no/such/error.log\"\naccesslog.filename = \"/\"\nserver.username = \"no-such-user\"\n\
                server.groupname = \"no-such-group\"\nserver.pid-file = \"/no/pid\"";
    let expected = [
        "2:24 warning: server.document-root: /no/such is not a directory",
        "3:19 error: server.errorlog: there is no directory /no/such",
        "4:22 error: accesslog.filename: / is a directory",
        "5:19 error: server.username: there is no user \"no-such-user\"",
        "6:20 error: server.groupname: there is no group \"no-such-group\"",
        "7:19 error: server.pid-file: there is no directory /no",
    ];
    assert_eq!(remarks_at(text), expected);
    // Reading it is another matter.
    assert!(try_load(text).is_ok());
    assert!(config::plan(&source(text)).is_err());
}

#[test]
fn a_document_root_is_looked_for_inside_the_new_root() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("www")).unwrap();
    let path = directory.path().display();
    let text = format!("server.chroot = \"{path}\"\nserver.document-root = \"/www\"");
    assert_eq!(remarks_at(&text), Vec::<String>::new());
    assert_eq!(
        remarks_at("server.chroot = \"/no/such\"")[0],
        "1:17 error: server.chroot: /no/such is not a directory"
    );
}
