//! Request bodies as backends want them.
//!
//! In: data of a body. Out: the same, framed. Must hold: what is framed can be sent as it is, at any time later.

use std::io::Write;

use minicbor::{Decode, Encode};

use super::Protocol;
use super::records;

/// How a request's body is framed for a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Framing {
    /// Not at all: its length was told, or the backend sees its end.
    #[n(0)]
    Plain,
    /// In chunks (RFC 9112 section 7.1).
    #[n(1)]
    Chunked,
    /// In STDIN records of FastCGI.
    #[n(2)]
    Records,
}

impl Framing {
    /// The one for a body whose length is known before it is sent.
    pub fn of(protocol: Protocol) -> Framing {
        match protocol {
            Protocol::FastCgi => Framing::Records,
            Protocol::Http
            | Protocol::Scgi
            | Protocol::Uwsgi
            | Protocol::Cgi
            | Protocol::Raw
            | Protocol::Chore
            | Protocol::WebSocket => Framing::Plain,
        }
    }

    /// Appends data. Nothing is appended for no data, because that would mean the end.
    pub fn data(self, data: &[u8], out: &mut Vec<u8>) {
        if data.is_empty() {
            return;
        }
        match self {
            Framing::Plain => out.extend_from_slice(data),
            Framing::Chunked => {
                // Writing to a Vec cannot fail.
                let _ = write!(out, "{:x}\r\n", data.len());
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
            Framing::Records => records::write(records::STDIN, data, out),
        }
    }

    /// Appends the end of the body.
    pub fn end(self, out: &mut Vec<u8>) {
        match self {
            Framing::Plain => {}
            Framing::Chunked => out.extend_from_slice(b"0\r\n\r\n"),
            Framing::Records => records::write_end(records::STDIN, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http1::body;

    fn framed(framing: Framing, pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in pieces {
            framing.data(piece, &mut out);
        }
        framing.end(&mut out);
        out
    }

    #[test]
    fn bodies_are_framed() {
        let pieces: [&[u8]; 3] = [b"hello", b"", b"more than fifteen bytes"];
        assert_eq!(
            framed(Framing::Plain, &pieces),
            b"hellomore than fifteen bytes"
        );
        assert_eq!(
            framed(Framing::Chunked, &pieces),
            b"5\r\nhello\r\n17\r\nmore than fifteen bytes\r\n0\r\n\r\n"
        );
        assert_eq!(
            framed(Framing::Records, &[b"hello"]),
            b"\x01\x05\x00\x01\x00\x05\x00\x00hello\x01\x05\x00\x01\x00\x00\x00\x00"
        );
    }

    #[test]
    fn long_data_take_several_records() {
        let data = vec![b'x'; 2 * 65535 + 1];
        let out = framed(Framing::Records, &[&data]);
        assert_eq!(out.len(), data.len() + 4 * 8);
        for (at, length) in [(0, 65535), (65543, 65535), (2 * 65543, 1)] {
            let [high, low] = u16::to_be_bytes(length);
            assert_eq!(&out[at..at + 8], [1, 5, 0, 1, high, low, 0, 0]);
        }
    }

    #[test]
    fn framings_travel() {
        for (framing, golden) in [
            (Framing::Plain, b"\x82\x00\x80"),
            (Framing::Chunked, b"\x82\x01\x80"),
            (Framing::Records, b"\x82\x02\x80"),
        ] {
            assert_eq!(minicbor::to_vec(framing).unwrap(), golden);
            assert_eq!(minicbor::decode::<Framing>(golden).unwrap(), framing);
        }
    }

    proptest! {
        #[test]
        fn chunks_are_what_our_own_decoder_reads(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10),
        ) {
            let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let out = framed(Framing::Chunked, &slices);
            let (mut decoder, mut data, mut rest) = (body::Framing::chunked(), Vec::new(), &out[..]);
            while !decoder.is_over() {
                let step = decoder.decode(rest).unwrap();
                prop_assert!(step.consumed > 0);
                data.extend_from_slice(&rest[step.consumed - step.data..step.consumed]);
                rest = &rest[step.consumed..];
            }
            prop_assert_eq!(data, pieces.concat());
            prop_assert!(rest.is_empty());
        }
    }
}
