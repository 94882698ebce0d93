//! Configurations: any text loads or is explained; what was loaded can be printed, and what was printed loads again.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use lighttpd_conf::{Conditions, Facts, Field, Matches, Style, load_bytes};

struct Request;

impl Facts for Request {
    fn bytes(&self, field: &Field) -> Option<&[u8]> {
        match field {
            Field::Host => Some(b"www.example.org:8080"),
            Field::UserAgent => None,
            _ => Some(b"/a/b.html"),
        }
    }

    fn remote_ip(&self) -> Option<IpAddr> {
        Some(Ipv4Addr::LOCALHOST.into())
    }
}

fuzz_target!(|text: &[u8]| {
    // Nothing is read and, above all, nothing is run.
    if text
        .to_ascii_lowercase()
        .windows(7)
        .any(|window| window == b"include")
    {
        return;
    }
    let directory = Path::new("/nonexistent");
    let config = match load_bytes(text, "fuzz", directory) {
        Ok(config) => config,
        Err(report) => {
            assert!(!report.diagnostics().is_empty());
            assert!(!report.render(Style::Plain).is_empty());
            return;
        }
    };
    let canonical = config.print_canonical();
    let source = config.to_source();
    let again = load_bytes(source.as_bytes(), "again", directory)
        .unwrap_or_else(|report| panic!("{source}\n{}", report.render(Style::Plain)));
    assert_eq!(again.print_canonical(), canonical, "{source}");

    let (Ok(conditions), Ok(same)) = (Conditions::new(&config), Conditions::new(&again)) else {
        return;
    };
    let (mut matches, mut of_same) = (Matches::default(), Matches::default());
    conditions.evaluate(&Request, &mut matches);
    same.evaluate(&Request, &mut of_same);
    assert!(matches.blocks().iter().eq(of_same.blocks().iter()));
});
