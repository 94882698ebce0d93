//! One stream of compressed data, whatever its coding.
//!
//! In: data, piece by piece. Out: bytes. Must hold: [`Encoder::pause`] leaves nothing behind but what [`Paused`] says, and
//! [`Paused::resume`] goes on from there with the very next byte: the decoder does not notice.
//!
//! ```text
//!           write, flush               pause
//!   Ahead ----------------> Midway <-----------> Paused (data)
//!     |                       |        resume
//!     +-------- finish -------+-------> nothing more
//! ```

use std::fmt;

use minicbor::{Decode, Encode};

use super::brotli::{Brotli, Start};
use super::deflate::Deflating;
use super::zstd::Zstd;
use super::{Coding, Recipe};

/// A library could not go on: memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("compress a body: out of memory")
    }
}

impl std::error::Error for Failed {}

/// A stream.
pub struct Encoder {
    recipe: Recipe,
    engine: Engine,
    place: Place,
}

enum Engine {
    Deflate(Box<Deflating>),
    Brotli(Brotli),
    Zstd(Zstd),
}

/// Whether anything of it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum Place {
    #[n(0)]
    Ahead,
    #[n(1)]
    Midway,
}

/// A stream that goes on elsewhere: all there is to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Paused {
    #[n(0)]
    recipe: Recipe,
    #[n(1)]
    place: Place,
    /// gzip, deflate: sum of the data so far.
    #[n(2)]
    sum: u32,
    /// gzip, deflate: its length.
    #[n(3)]
    length: u64,
}

impl Encoder {
    fn at(recipe: Recipe, start: Start, place: Place) -> Result<Encoder, Failed> {
        let engine = match recipe.coding {
            Coding::Gzip | Coding::XGzip | Coding::Deflate => {
                Engine::Deflate(Box::new(Deflating::new(&recipe)))
            }
            Coding::Brotli => Engine::Brotli(Brotli::new(&recipe, start)?),
            Coding::Zstd => Engine::Zstd(Zstd::new(&recipe)?),
        };
        Ok(Encoder {
            recipe,
            engine,
            place,
        })
    }

    /// Takes data; some of it, or none, comes out at once.
    pub fn write(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Failed> {
        self.begin(out);
        match &mut self.engine {
            Engine::Deflate(engine) => engine.write(data, out),
            Engine::Brotli(engine) => engine.write(data, out),
            Engine::Zstd(engine) => engine.write(data, out),
        }
    }

    /// Has all data come out that was taken: who receives it need not wait for more.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
        self.begin(out);
        match &mut self.engine {
            Engine::Deflate(engine) => engine.flush(out),
            Engine::Brotli(engine) => engine.flush(out),
            Engine::Zstd(engine) => engine.flush(out),
        }
    }

    /// Ends the stream. Nothing is to be written afterwards.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
        self.begin(out);
        match &mut self.engine {
            Engine::Deflate(engine) => engine.finish(out),
            Engine::Brotli(engine) => engine.finish(out),
            Engine::Zstd(engine) => engine.finish(out),
        }
    }

    /// Has all data come out, so that the stream can go on here or elsewhere, without what this one knows of it.
    pub fn pause(&mut self, out: &mut Vec<u8>) -> Result<Paused, Failed> {
        let mut paused = Paused {
            place: self.place,
            ..Paused::ahead(self.recipe)
        };
        if self.place == Place::Ahead {
            return Ok(paused);
        }
        match &mut self.engine {
            Engine::Deflate(engine) => {
                engine.part(out)?;
                (paused.sum, paused.length) = (engine.sum, engine.length);
            }
            Engine::Brotli(engine) => engine.flush(out)?,
            Engine::Zstd(engine) => engine.finish(out)?,
        }
        Ok(paused)
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.place == Place::Ahead {
            self.place = Place::Midway;
            if let Engine::Deflate(engine) = &self.engine {
                engine.begin(out);
            }
        }
    }
}

impl Paused {
    /// Whether this program can go on with it.
    pub fn is_sane(&self) -> bool {
        self.recipe.is_sane()
    }

    /// Nothing was written yet.
    pub fn ahead(recipe: Recipe) -> Paused {
        Paused {
            recipe,
            place: Place::Ahead,
            sum: 0,
            length: 0,
        }
    }

    /// Goes on.
    pub fn resume(&self) -> Result<Encoder, Failed> {
        let start = match self.place {
            Place::Ahead => Start::Fresh,
            Place::Midway => Start::Midway,
        };
        let mut encoder = Encoder::at(self.recipe, start, self.place)?;
        if let (Engine::Deflate(engine), Place::Midway) = (&mut encoder.engine, self.place) {
            (engine.sum, engine.length) = (self.sum, self.length);
        }
        Ok(encoder)
    }
}

/// A stream that may go elsewhere.
#[derive(Debug)]
pub enum Stream {
    /// It needs no encoder before more is to be written.
    Still(Paused),
    /// It has one.
    Running(Encoder),
}

impl Stream {
    /// The encoder, made if there is none.
    pub fn run(&mut self) -> Result<&mut Encoder, Failed> {
        if let Stream::Still(paused) = self {
            *self = Stream::Running(paused.resume()?);
        }
        match self {
            Stream::Running(encoder) => Ok(encoder),
            Stream::Still(_) => Err(Failed),
        }
    }

    /// Has all data come out and gives the encoder up.
    pub fn pause(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
        if let Stream::Running(encoder) = self {
            *self = Stream::Still(encoder.pause(out)?);
        }
        Ok(())
    }

    /// How to go on with it; nothing if it was not paused.
    pub fn into_paused(self) -> Option<Paused> {
        match self {
            Stream::Still(paused) => Some(paused),
            Stream::Running(_) => None,
        }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoder({:?}, {:?})", self.recipe, self.place)
    }
}
