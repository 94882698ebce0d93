//! Files beside what is expected of them: `ok` and `newer` print as their `.print`, `bad` report as their `.txt`.
//! Run with `EXPECT=write` to write what is found, and read the difference before you keep it.

use crate::{configurations, corpus, masked};
use lighttpd_conf::{Conditions, Config, Report, load};
use std::{env, fs, path::Path};

fn expect(found: &str, expected: &Path) {
    if env::var_os("EXPECT").is_some_and(|value| value == "write") {
        fs::write(expected, found).unwrap();
        return;
    }
    let wanted = fs::read_to_string(expected).unwrap_or_default();
    assert!(
        found == wanted,
        "{}\n---- expected\n{wanted}\n---- found\n{found}\n----",
        expected.display()
    );
}

fn load_all(path: &Path) -> Result<Config, Report> {
    let config = load(path)?;
    Conditions::new(&config)?;
    Ok(config)
}

#[test]
fn what_is_right_prints() {
    for directory in ["ok", "newer"] {
        for path in configurations(&corpus(directory)) {
            let config = load_all(&path).unwrap_or_else(|report| panic!("{report}"));
            assert_eq!(config.warnings(), [], "{path:?}");
            expect(
                &masked(&config.print_canonical()),
                &path.with_extension("print"),
            );
        }
    }
}

#[test]
fn what_is_wrong_is_reported() {
    let root = format!("{}/", corpus("bad").display());
    for path in configurations(&corpus("bad")) {
        let report = load_all(&path).expect_err(&format!("{path:?}"));
        let text = format!("{report}\n").replace(&root, "");
        expect(&text, &path.with_extension("txt"));
    }
}

#[test]
fn a_print_loads_again() {
    for directory in ["ok", "newer"] {
        for path in configurations(&corpus(directory)) {
            let config = load_all(&path).unwrap_or_else(|report| panic!("{report}"));
            let source = config.to_source();
            let again = lighttpd_conf::load_text(&source, "again", Path::new("/"))
                .unwrap_or_else(|report| panic!("{report}\n{source}"));
            assert_eq!(again, config, "{source}");
        }
    }
}
