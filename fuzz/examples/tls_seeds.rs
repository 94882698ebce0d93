//! Writes the seeds of the targets for TLS: `cargo run --example tls_seeds` in `fuzz/`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use everlit_fuzz::tls::{Version, image};
use portable_tls::Tickets;
use portable_tls::rustls::client::ClientConnection;
use portable_tls::rustls::version::{TLS12, TLS13};
use portable_tls::rustls::{ClientConfig, RootCertStore};

fn main() -> std::io::Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(seeds.join(target))?;
        fs::write(seeds.join(target).join(name), bytes)
    };
    for (name, versions) in [
        ("tls12", &[&TLS12][..]),
        ("tls13", &[&TLS13]),
        ("both", &[&TLS13, &TLS12]),
    ] {
        let mut config = ClientConfig::builder_with_protocol_versions(versions)
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let server = "example.org".try_into().expect("a name");
        let mut client = ClientConnection::new(Arc::new(config), server).expect("a client");
        let mut bytes = vec![99];
        client.write_tls(&mut bytes)?;
        write("tls_hello", name, &bytes)?;
    }
    write("tls_hello", "plain_http", b"\x07GET / HTTP/1.1\r\n\r\n")?;
    write(
        "tls_hello",
        "pieces",
        b"\x02\x16\x03\x01\x00\x03\x01\x00\x00\x16\x03\x01\x00\x02\x01\x00",
    )?;

    write("tls_image", "tls13", &image(Version::Tls13))?;
    write("tls_image", "tls12", &image(Version::Tls12))?;
    write(
        "tls_image",
        "full",
        include_bytes!("../../crates/portable-tls/src/frozen/golden/v1-tls13.cbor"),
    )?;
    let stek = [&[0; 8][..], &[255; 4], &[7; 80]].concat();
    let tickets = Tickets::from_stek(&stek, 1).expect("a file of keys");
    write("tls_image", "tickets", &tickets.export())?;

    for (name, script) in scripts() {
        write("tls_record", name, &script)?;
    }
    Ok(())
}

/// Version, size of pieces, records.
fn scripts() -> Vec<(&'static str, Vec<u8>)> {
    let script = |version: u8, size: u8, records: &[(u8, &[u8])]| {
        let mut bytes = vec![version, size];
        for (kind, content) in records {
            bytes.push(*kind);
            bytes.extend((content.len() as u16).to_be_bytes());
            bytes.extend(*content);
        }
        bytes
    };
    let update: &[u8] = &[24, 0, 0, 1, 1];
    vec![
        (
            "data",
            script(0, 8, &[(23, b"hello"), (23, b"world"), (21, &[1, 0])]),
        ),
        (
            "data12",
            script(1, 8, &[(23, b"hello"), (23, b""), (21, &[1, 0])]),
        ),
        (
            "updates",
            script(
                0,
                20,
                &[
                    (22, update),
                    (23, b"x"),
                    (22, &[24, 0, 0, 1, 0]),
                    (22, update),
                ],
            ),
        ),
        (
            "renegotiation",
            script(
                1,
                30,
                &[(22, &[1, 0, 0, 0]), (23, b"x"), (22, &[1, 0, 0, 0])],
            ),
        ),
        (
            "padding",
            script(0, 4, &[(0, b""), (23, b"a"), (23, b"\0\0"), (23, b"")]),
        ),
        ("alerts", script(0, 9, &[(21, &[1, 90]), (21, &[2, 20])])),
        (
            "raw",
            script(0, 1, &[(23, b"a"), (0, &[22, 3, 3, 0, 1, 1])]),
        ),
        ("too_long", script(1, 255, &[(0, &[23, 3, 3, 0x48, 1])])),
    ]
}
