//! What comes out is what went in, however often a stream was carried elsewhere.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::files::OpenFile;
use crate::response::FileRange;
use crate::transport::outbox::{Flushed, Outbox, Segment};

const ALL: [Coding; 5] = [
    Coding::Gzip,
    Coding::XGzip,
    Coding::Deflate,
    Coding::Brotli,
    Coding::Zstd,
];

fn here() -> impl Iterator<Item = Coding> {
    ALL.into_iter().filter(|coding| coding.is_here())
}

/// By the rules of the coding, to its end and not further.
fn unpacked(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip | Coding::XGzip => inflated(bytes, 16 + 15),
        Coding::Deflate => inflated(bytes, 15),
        #[cfg(feature = "brotli")]
        Coding::Brotli => {
            let mut out = Vec::new();
            ::brotli::BrotliDecompress(&mut &bytes[..], &mut out).unwrap();
            out
        }
        #[cfg(feature = "zstd")]
        Coding::Zstd => ::zstd::stream::decode_all(bytes).unwrap(),
        #[allow(unreachable_patterns)]
        other => panic!("{other:?} is not here"),
    }
}

fn inflated(bytes: &[u8], window: u8) -> Vec<u8> {
    use zlib_rs::{Inflate, InflateFlush, Status};
    let mut engine = Inflate::new(true, window);
    let (mut out, mut room, mut at) = (Vec::new(), vec![0; 65536], 0);
    loop {
        let before = engine.total_out();
        let status = engine.decompress(&bytes[at..], &mut room, InflateFlush::NoFlush);
        let status = status.unwrap();
        at = engine.total_in() as usize;
        out.extend_from_slice(&room[..(engine.total_out() - before) as usize]);
        match status {
            Status::StreamEnd => break,
            Status::Ok => {}
            Status::BufError => panic!("it ends too early"),
        }
    }
    assert_eq!(at, bytes.len(), "more than one stream");
    out
}

/// Text that repeats itself, with something in it that does not.
fn text(length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 64);
    let mut number = 88_172_645_463_325_252_u64;
    while out.len() < length {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        // Writing to a Vec cannot fail.
        let _ = writeln!(out, "<p>line {} of the content, {number}</p>", out.len());
    }
    out.truncate(length);
    out
}

#[test]
fn what_is_packed_can_be_unpacked() {
    for coding in here() {
        for length in [0, 1, 300, 70_000, 1 << 20] {
            let data = text(length);
            let packed = Recipe::of(coding).pack(&data).unwrap();
            assert!(unpacked(coding, &packed) == data, "{coding:?} {length}");
            assert!(length < 300 || packed.len() < length * 4 / 5, "{coding:?}");
        }
    }
}

#[test]
fn every_parameter_works() {
    for coding in here() {
        let data = text(20_000);
        let mut tried = 0;
        for level in 0..=22 {
            for window in [9, 10, 15, 18, 23, 24] {
                for strategy in 0..=9 {
                    let recipe = Recipe {
                        coding,
                        level,
                        window,
                        memory: 1 + (level + strategy) % 9,
                        strategy,
                    };
                    // Only some of the many: the large ones take their time.
                    let is_sample = (level + window + strategy) % 7 == 0;
                    if recipe.is_sane() && is_sample && (level < 12 || window < 18) {
                        let packed = recipe.pack(&data).unwrap();
                        assert!(unpacked(coding, &packed) == data, "{recipe:?}");
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried > 10, "{coding:?}: {tried}");
    }
}

#[test]
fn after_a_flush_everything_can_be_read() {
    for coding in here() {
        let mut encoder = Paused::ahead(Recipe::of(coding)).resume().unwrap();
        let mut packed = Vec::new();
        encoder.write(b"data: one\n\n", &mut packed).unwrap();
        encoder.flush(&mut packed).unwrap();
        let mut readable = match coding {
            Coding::Gzip | Coding::XGzip | Coding::Deflate => {
                let mut engine = zlib_rs::Inflate::new(true, 32 + 15);
                let mut room = vec![0; 100];
                engine
                    .decompress(&packed, &mut room, zlib_rs::InflateFlush::NoFlush)
                    .unwrap();
                room.truncate(engine.total_out() as usize);
                room
            }
            #[cfg(feature = "brotli")]
            Coding::Brotli => {
                let mut out = [0; 11];
                let mut reader = ::brotli::Decompressor::new(&packed[..], 4096);
                reader.read_exact(&mut out).unwrap();
                out.to_vec()
            }
            #[cfg(feature = "zstd")]
            Coding::Zstd => {
                let mut out = [0; 11];
                let mut reader = ::zstd::stream::read::Decoder::new(&packed[..]).unwrap();
                reader.read_exact(&mut out).unwrap();
                out.to_vec()
            }
            #[allow(unreachable_patterns)]
            _ => continue,
        };
        readable.truncate(11);
        assert_eq!(readable, b"data: one\n\n", "{coding:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The decoder sees one stream. Each piece is written by another encoder that knows only what `Paused` says.
    #[test]
    fn a_stream_goes_on_elsewhere(
        pieces in proptest::collection::vec((0_usize..30_000, any::<bool>()), 1..6),
        level in 0_u8..=11,
        which in 0_usize..5,
    ) {
        let coding = ALL[which];
        let own = Recipe::of(coding);
        let recipe = Recipe { level, ..own };
        let recipe = if recipe.is_sane() { recipe } else { own };
        prop_assume!(coding.is_here());
        let data = text(pieces.iter().map(|(length, _)| length).sum());
        let mut rest = &data[..];
        let mut paused = Paused::ahead(recipe);
        let mut out = Vec::new();
        for (length, stays) in &pieces {
            let mut encoder = paused.resume().unwrap();
            let (piece, more) = rest.split_at(*length);
            rest = more;
            encoder.write(piece, &mut out).unwrap();
            paused = encoder.pause(&mut out).unwrap();
            if *stays {
                // Nobody took it: it goes on where it was.
                encoder.write(b"", &mut out).unwrap();
                paused = encoder.pause(&mut out).unwrap();
            }
            // As it travels.
            let bytes = minicbor::to_vec(&paused).unwrap();
            paused = minicbor::decode(&bytes).unwrap();
        }
        paused.resume().unwrap().finish(&mut out).unwrap();
        prop_assert!(unpacked(coding, &out) == data);
    }
}

/// What is owed for a file of so many bytes, and the file.
fn packing(coding: Coding, content: &[u8]) -> Outbox {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    let mut source = Outbox::default();
    source.push(Segment::File(FileRange {
        file: Rc::new(OpenFile::from(std::os::fd::OwnedFd::from(file))),
        offset: 0,
        length: content.len() as u64,
    }));
    let packing = Packing::new(source, Paused::ahead(Recipe::of(coding)), None);
    let mut outbox = Outbox::default();
    outbox.append(b"head");
    outbox.push(Segment::Packed(Box::new(packing)));
    outbox
}

/// Takes the chunks apart.
fn dechunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let end = memchr::memmem::find(bytes, b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16);
        let length = length.unwrap();
        bytes = &bytes[end + 2..];
        if length == 0 {
            assert_eq!(bytes, b"\r\n");
            return out;
        }
        out.extend_from_slice(&bytes[..length]);
        bytes = bytes[length..].strip_prefix(b"\r\n").unwrap();
    }
}

/// Data that cannot be made smaller: as much is owed as is read.
fn noise(length: usize) -> Vec<u8> {
    let mut number = 1_u64;
    let mut next = || {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        number as u8
    };
    (0..length).map(|_| next()).collect()
}

/// An encoder may hand out all of its window at once, and keeps room for a piece more.
const PENDING_MAX: usize = 320 * 1024;

#[test]
fn nothing_is_compressed_ahead_of_its_reader() {
    const LENGTH: usize = 8 << 20;
    for coding in here() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut outbox = packing(coding, &noise(LENGTH));
        let mut sent = 0;
        // The reader does not read; we are told again and again that it might.
        for _ in 0..100 {
            while outbox.flush(&ours, &mut sent).unwrap() == Flushed::Yielded {}
        }
        let left = outbox.files().next().unwrap().length;
        let read = LENGTH as u64 - left;
        assert!(sent < 1 << 20, "{coding:?}: {sent}");
        // What was read is sent, or waits here, or is in the encoder: no more than a window and a piece.
        assert!(
            outbox.memory() <= PENDING_MAX,
            "{coding:?}: {}",
            outbox.memory()
        );
        assert!(read < sent + (1 << 20), "{coding:?}: {read}");

        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).unwrap();
            all
        });
        while outbox.flush(&ours, &mut sent).unwrap() != Flushed::All {
            assert!(
                outbox.memory() <= PENDING_MAX,
                "{coding:?}: {}",
                outbox.memory()
            );
        }
        drop(ours);
        let all = reader.join().unwrap();
        assert_eq!(all.len() as u64, sent);
        let body = dechunked(all.strip_prefix(b"head").unwrap());
        assert!(unpacked(coding, &body) == noise(LENGTH), "{coding:?}");
    }
}

#[test]
fn what_gets_very_small_still_lets_others_have_their_turn() {
    for coding in here() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut outbox = packing(coding, &vec![b'a'; 16 << 20]);
        let mut turns = 0;
        while outbox.flush(&ours, &mut 0).unwrap() == Flushed::Yielded {
            turns += 1;
        }
        assert!(turns >= 30, "{coding:?}: {turns}");
    }
}

#[test]
fn a_body_moves_between_any_two_writes() {
    let data = text(3 << 20);
    for coding in here() {
        for room in [1500, 100_000] {
            let mut outbox = packing(coding, &data);
            let (mut all, mut into, mut moves) = (Vec::new(), vec![0; room], 0);
            while !outbox.is_empty() {
                let taken = outbox.take(&mut into).unwrap();
                assert!(taken > 0);
                all.extend_from_slice(&into[..taken]);
                moves += 1;
                if moves % 3 == 0 {
                    outbox.settle().unwrap();
                    outbox = Outbox::from_left(outbox.into_left());
                }
            }
            let body = dechunked(all.strip_prefix(b"head").unwrap());
            assert!(unpacked(coding, &body) == data, "{coding:?} {room} {moves}");
        }
    }
}

#[test]
fn a_file_that_has_become_shorter_is_an_error() {
    let mut outbox = packing(Coding::Gzip, b"short");
    let Some(Segment::Packed(_)) = outbox.into_segments().pop() else {
        panic!("it is packed")
    };
    let mut source = Outbox::default();
    source.push(Segment::File(FileRange {
        file: Rc::new(OpenFile::from(std::os::fd::OwnedFd::from(
            tempfile::tempfile().unwrap(),
        ))),
        offset: 0,
        length: 10,
    }));
    let paused = Paused::ahead(Recipe::of(Coding::Gzip));
    outbox = Outbox::default();
    outbox.push(Segment::Packed(Box::new(Packing::new(
        source, paused, None,
    ))));
    assert!(outbox.take(&mut [0; 100]).is_err());
}

#[test]
fn what_is_kept_is_complete_or_gone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/file.txt-1-gzip");
    let name = path.as_os_str().as_encoded_bytes();
    let data = text(1 << 20);
    let new = || {
        let mut source = Outbox::default();
        source.push(Segment::Bytes(data.clone()));
        let keep = Keep::begin(name).unwrap();
        let paused = Paused::ahead(Recipe::of(Coding::Gzip));
        Packing::new(source, paused, Some(keep))
    };
    let files = || std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    let (mut first, mut second, mut third) = (new(), new(), new());
    let mut out = Vec::new();
    assert!(matches!(first.fill(&mut out).unwrap(), Progress::More(_)));
    assert_eq!(files(), 3);
    // One is given up, one goes to another process, one is read to its end.
    drop(first);
    assert!(matches!(second.fill(&mut out).unwrap(), Progress::More(_)));
    second.pause(&mut out).unwrap();
    drop(second.into_left());
    assert_eq!(files(), 1);
    out.clear();
    while third.fill(&mut out).unwrap() != Progress::Over {}
    let kept = std::fs::read(&path).unwrap();
    assert_eq!(kept, dechunked(&out));
    assert!(unpacked(Coding::Gzip, &kept) == data);
    assert_eq!(files(), 1);
}
