//! Compressed bodies, as a client sees them.
//!
//! In: a response with `Content-Encoding`. Out: its body as it was before. Must hold: what is no complete stream, or more
//! than one, is a failure.

use super::http::Response;

/// The body before it was compressed.
pub fn unpacked(response: &Response) -> Vec<u8> {
    let body = &response.body[..];
    match response.text("Content-Encoding").as_deref() {
        None => body.to_vec(),
        Some("gzip" | "x-gzip") => inflated(body, 16 + 15),
        Some("deflate") => inflated(body, 15),
        #[cfg(feature = "brotli")]
        Some("br") => {
            let mut out = Vec::new();
            brotli::BrotliDecompress(&mut &*body, &mut out).expect("a stream of br");
            out
        }
        #[cfg(feature = "zstd")]
        Some("zstd") => zstd::stream::decode_all(body).expect("a stream of zstd"),
        Some(other) => panic!("nobody asked for {other}"),
    }
}

fn inflated(bytes: &[u8], window: u8) -> Vec<u8> {
    use zlib_rs::{Inflate, InflateFlush, Status};
    let mut engine = Inflate::new(true, window);
    let (mut out, mut room, mut at) = (Vec::new(), vec![0; 1 << 16], 0);
    loop {
        let before = engine.total_out();
        let status = engine.decompress(&bytes[at..], &mut room, InflateFlush::NoFlush);
        at = engine.total_in() as usize;
        out.extend_from_slice(&room[..(engine.total_out() - before) as usize]);
        match status.expect("a stream of gzip or deflate") {
            Status::StreamEnd => break,
            Status::Ok => {}
            Status::BufError => panic!("it ends too early"),
        }
    }
    assert_eq!(at, bytes.len(), "more than one stream");
    out
}
