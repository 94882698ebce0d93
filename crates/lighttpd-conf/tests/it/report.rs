//! What a caller can learn from a report besides its text.

use lighttpd_conf::{Severity, Style, load, load_text};
use std::{fs, path::Path};

#[test]
fn fields_are_there_for_other_forms() {
    let report = load_text(
        "a = 1\n\tserver.name = nmae",
        "standard input",
        Path::new("/"),
    )
    .unwrap_err();
    let [diagnostic] = report.diagnostics() else {
        panic!("{report}");
    };
    let place = diagnostic.place.as_ref().unwrap();
    assert_eq!(diagnostic.severity, Severity::Error);
    assert_eq!(diagnostic.message, "var.nmae has no value here");
    assert_eq!(place.file, "standard input");
    assert_eq!((place.line, place.column, place.width), (2, 16, 4));
    assert_eq!(place.text, "\tserver.name = nmae");
}

#[test]
fn colour_only_when_asked_for() {
    let report = load_text("a = ", "t", Path::new("/")).unwrap_err();
    assert!(!report.render(Style::Plain).contains('\x1b'));
    assert!(
        report
            .render(Style::Coloured)
            .contains("\x1b[1;31merror\x1b[0m")
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nothing.conf");
    let report = load(&path).unwrap_err();
    let text = report.to_string();
    assert!(
        text.contains("nothing.conf") && text.contains("No such file"),
        "{text}"
    );
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.conf");
    let file = fs::File::create(&path).unwrap();
    file.set_len((32 << 20) + 1).unwrap();
    let report = load(&path).unwrap_err();
    assert!(report.to_string().contains("larger than 32 MB"), "{report}");
}

#[test]
fn limits_of_names_and_conditions() {
    let fits = format!("{} = 1", "a".repeat(255));
    assert!(load_text(&fits, "t", Path::new("/")).is_ok());
    let long = format!("{} = 1", "a".repeat(256));
    let report = load_text(&long, "t", Path::new("/")).unwrap_err();
    assert!(report.to_string().contains("longer than 255"), "{report}");

    let conditions = |n: usize| -> String {
        (0..n)
            .map(|i| format!("$HTTP[\"url\"] == \"/{i}\" {{ }}\n"))
            .collect()
    };
    assert!(load_text(&conditions(16384), "t", Path::new("/")).is_ok());
    let report = load_text(&conditions(16385), "t", Path::new("/")).unwrap_err();
    assert!(
        report.to_string().contains("more than 16384 conditions"),
        "{report}"
    );
}

#[test]
fn deep_nesting_is_refused_and_not_fatal() {
    for text in [
        "a = ".to_owned() + &"(".repeat(100_000),
        "$HTTP[\"url\"] == \"a\" { ".repeat(20_000),
    ] {
        let report = load_text(&text, "t", Path::new("/")).unwrap_err();
        assert!(report.to_string().contains("within each other"), "{report}");
    }
}

#[test]
fn includes_by_command_end_somewhere() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.conf");
    fs::write(&path, "include_shell \"cat main.conf\"").unwrap();
    let report = load(&path).unwrap_err();
    assert!(
        report.to_string().contains("includes within each other"),
        "{report}"
    );
}

#[test]
fn files_that_took_part_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("main.conf");
    fs::write(
        &main,
        "include \"parts/*.conf\"\ninclude_shell \"echo a = 1\"",
    )
    .unwrap();
    fs::create_dir(dir.path().join("parts")).unwrap();
    fs::write(dir.path().join("parts/x.conf"), "x = 1").unwrap();
    let config = load(&main).unwrap();
    let files: Vec<&Path> = config.sources().files().collect();
    assert_eq!(files, [main, dir.path().join("parts/x.conf")]);
}

#[test]
fn a_host_in_capitals_is_a_warning() {
    let config = load_text(
        "$HTTP[\"host\"] == \"Example.org\" { }",
        "t",
        Path::new("/"),
    )
    .unwrap();
    let [warning] = config.warnings() else {
        panic!("{:?}", config.warnings());
    };
    assert_eq!(warning.severity, Severity::Warning);
    assert_eq!(warning.help.as_deref(), Some("write \"example.org\""));
}
