//! gzip and deflate: DEFLATE (RFC 1951) between a head and a sum.
//!
//! In: data. Out: RFC 1952 or RFC 1950. Must hold: head and sum are written here and not by the library, so that another
//! process can go on: after a full flush all that is to be known is the sum and the length so far.

use zlib_rs::adler32::adler32;
use zlib_rs::crc32::crc32;
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Method, Status, Strategy};

use super::{Coding, Failed, Recipe};

/// Bytes that the library writes at a time.
const PIECE: usize = 8 * 1024;

/// What stands before and after.
#[derive(Clone, Copy, Debug)]
enum Wrapper {
    Gzip,
    Zlib,
}

/// A stream of it.
pub(super) struct Deflating {
    engine: Deflate,
    wrapper: Wrapper,
    level: u8,
    window: u8,
    /// CRC-32 or Adler-32 of all data so far.
    pub(super) sum: u32,
    /// Length of all data so far.
    pub(super) length: u64,
}

impl Deflating {
    /// One that has seen no data.
    pub(super) fn new(recipe: &Recipe) -> Deflating {
        let wrapper = match recipe.coding {
            Coding::Deflate => Wrapper::Zlib,
            _ => Wrapper::Gzip,
        };
        let strategy = match recipe.strategy {
            1 => Strategy::Filtered,
            2 => Strategy::HuffmanOnly,
            3 => Strategy::Rle,
            4 => Strategy::Fixed,
            _ => Strategy::Default,
        };
        // A window of 256 bytes is one that zlib itself cannot do without its own head.
        let window = recipe.window.clamp(9, 15);
        let engine = Deflate::new_with_config(DeflateConfig {
            level: i32::from(recipe.level),
            method: Method::Deflated,
            // Negative: without a head of its own.
            window_bits: -i32::from(window),
            mem_level: i32::from(recipe.memory),
            strategy,
        });
        let sum = match wrapper {
            Wrapper::Gzip => 0,
            Wrapper::Zlib => 1,
        };
        Deflating {
            engine,
            wrapper,
            level: recipe.level,
            window,
            sum,
            length: 0,
        }
    }

    /// What stands before the data.
    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        match self.wrapper {
            // No name, no time; made by Unix.
            Wrapper::Gzip => out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
            Wrapper::Zlib => {
                let method = u16::from(self.window - 8) << 4 | 8;
                let effort = match self.level {
                    0 | 1 => 0_u16,
                    2..=5 => 1,
                    6 => 2,
                    _ => 3,
                };
                let head = method << 8 | effort << 6;
                // Both bytes together are a multiple of 31.
                let head = head + (31 - head % 31) % 31;
                out.extend_from_slice(&head.to_be_bytes());
            }
        }
    }

    pub(super) fn write(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Failed> {
        self.sum = match self.wrapper {
            Wrapper::Gzip => crc32(self.sum, data),
            Wrapper::Zlib => adler32(self.sum, data),
        };
        self.length += data.len() as u64;
        self.run(data, DeflateFlush::NoFlush, out)
    }

    /// Afterwards all data so far can be read.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
        self.run(&[], DeflateFlush::SyncFlush, out)
    }

    /// The same, and nothing that follows refers to what came before.
    pub(super) fn part(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
        self.run(&[], DeflateFlush::FullFlush, out)
    }

    /// The end of the data, and what stands behind it.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
        self.run(&[], DeflateFlush::Finish, out)?;
        match self.wrapper {
            Wrapper::Gzip => {
                out.extend_from_slice(&self.sum.to_le_bytes());
                // By the rules modulo 2^32.
                out.extend_from_slice(&(self.length as u32).to_le_bytes());
            }
            Wrapper::Zlib => out.extend_from_slice(&self.sum.to_be_bytes()),
        }
        Ok(())
    }

    fn run(&mut self, data: &[u8], flush: DeflateFlush, out: &mut Vec<u8>) -> Result<(), Failed> {
        let mut room = [0; PIECE];
        let mut data = data;
        loop {
            let (before_in, before_out) = (self.engine.total_in(), self.engine.total_out());
            let status = self
                .engine
                .compress(data, &mut room, flush)
                .map_err(|_| Failed)?;
            let used = (self.engine.total_in() - before_in) as usize;
            let made = (self.engine.total_out() - before_out) as usize;
            out.extend_from_slice(&room[..made]);
            data = &data[used..];
            // Room that is left over: there is nothing more to say.
            let is_over = match flush {
                DeflateFlush::Finish => status == Status::StreamEnd,
                _ => data.is_empty() && made < room.len(),
            };
            if is_over {
                return Ok(());
            }
            if used == 0 && made == 0 {
                return Err(Failed);
            }
        }
    }
}
