//! br (RFC 7932).
//!
//! In: data. Out: a stream of it. Must hold: after a flush the output ends with a byte, and a stream that goes on from there
//! ([`Start::Midway`]) refers to nothing before, not even to distances that were used; so the decoder takes both for one.

#[cfg(feature = "brotli")]
pub(super) use here::Brotli;
#[cfg(not(feature = "brotli"))]
pub(super) use missing::Brotli;

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At its beginning.
    Fresh,
    /// Where another one was flushed.
    Midway,
}

#[cfg(feature = "brotli")]
mod here {
    use brotli::enc::StandardAlloc;
    use brotli::enc::encode::{
        BrotliEncoderOperation as Operation, BrotliEncoderParameter as Parameter,
        BrotliEncoderStateStruct,
    };

    use super::Start;
    use crate::pack::{Failed, Recipe};

    /// Bytes that the library writes at a time.
    const PIECE: usize = 8 * 1024;

    /// The last meta-block, empty, where the one before ends with a byte.
    const LAST: u8 = 3;

    pub(in crate::pack) struct Brotli {
        engine: Box<BrotliEncoderStateStruct<StandardAlloc>>,
        start: Start,
    }

    impl Brotli {
        pub(in crate::pack) fn new(recipe: &Recipe, start: Start) -> Result<Brotli, Failed> {
            let mut engine = Box::new(BrotliEncoderStateStruct::new(StandardAlloc::default()));
            let mut set = |parameter, value| {
                engine.set_parameter(parameter, value);
            };
            set(Parameter::BROTLI_PARAM_QUALITY, recipe.level.into());
            set(Parameter::BROTLI_PARAM_LGWIN, recipe.window.into());
            set(Parameter::BROTLI_PARAM_MODE, recipe.strategy.into());
            if start == Start::Midway {
                set(Parameter::BROTLI_PARAM_CATABLE, 1);
                set(Parameter::BROTLI_PARAM_BARE_STREAM, 1);
            }
            Ok(Brotli { engine, start })
        }

        pub(in crate::pack) fn write(
            &mut self,
            data: &[u8],
            out: &mut Vec<u8>,
        ) -> Result<(), Failed> {
            self.run(data, Operation::BROTLI_OPERATION_PROCESS, out)
        }

        pub(in crate::pack) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
            self.run(&[], Operation::BROTLI_OPERATION_FLUSH, out)
        }

        pub(in crate::pack) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
            match self.start {
                Start::Fresh => self.run(&[], Operation::BROTLI_OPERATION_FINISH, out),
                // The library leaves the end of such a stream open.
                Start::Midway => {
                    self.flush(out)?;
                    out.push(LAST);
                    Ok(())
                }
            }
        }

        fn run(
            &mut self,
            mut data: &[u8],
            operation: Operation,
            out: &mut Vec<u8>,
        ) -> Result<(), Failed> {
            let mut room = [0; PIECE];
            loop {
                let (mut left, mut used) = (data.len(), 0);
                let (mut free, mut made) = (room.len(), 0);
                let is_good = self.engine.compress_stream(
                    operation,
                    &mut left,
                    data,
                    &mut used,
                    &mut free,
                    &mut room,
                    &mut made,
                    &mut None,
                    &mut |_, _, _, _| (),
                );
                if !is_good {
                    return Err(Failed);
                }
                out.extend_from_slice(&room[..made]);
                data = &data[used..];
                if data.is_empty() && !self.engine.has_more_output() {
                    return Ok(());
                }
                if used == 0 && made == 0 {
                    return Err(Failed);
                }
            }
        }
    }
}

#[cfg(not(feature = "brotli"))]
mod missing {
    use super::Start;
    use crate::pack::{Failed, Recipe};

    pub(in crate::pack) enum Brotli {}

    impl Brotli {
        pub(in crate::pack) fn new(_: &Recipe, _: Start) -> Result<Brotli, Failed> {
            Err(Failed)
        }

        pub(in crate::pack) fn write(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Failed> {
            match *self {}
        }

        pub(in crate::pack) fn flush(&mut self, _: &mut Vec<u8>) -> Result<(), Failed> {
            match *self {}
        }

        pub(in crate::pack) fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), Failed> {
            match *self {}
        }
    }
}
