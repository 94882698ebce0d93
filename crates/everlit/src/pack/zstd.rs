//! zstd (RFC 8878).
//!
//! In: data. Out: frames of it. Must hold: whoever goes on elsewhere ends its frame; frames that follow each other are one
//! body (RFC 8878 section 3).

#[cfg(feature = "zstd")]
pub(super) use here::Zstd;
#[cfg(not(feature = "zstd"))]
pub(super) use missing::Zstd;

#[cfg(feature = "zstd")]
mod here {
    use zstd::stream::raw::{CParameter, Encoder, Operation, OutBuffer};
    use zstd::zstd_safe::Strategy;

    use crate::pack::{Failed, Recipe};

    /// Bytes that the library writes at a time.
    const PIECE: usize = 8 * 1024;

    pub(in crate::pack) struct Zstd(Encoder<'static>);

    impl Zstd {
        pub(in crate::pack) fn new(recipe: &Recipe) -> Result<Zstd, Failed> {
            let mut encoder = Encoder::new(recipe.level.into()).map_err(|_| Failed)?;
            let strategy = match recipe.strategy {
                1 => Some(Strategy::ZSTD_fast),
                2 => Some(Strategy::ZSTD_dfast),
                3 => Some(Strategy::ZSTD_greedy),
                4 => Some(Strategy::ZSTD_lazy),
                5 => Some(Strategy::ZSTD_lazy2),
                6 => Some(Strategy::ZSTD_btlazy2),
                7 => Some(Strategy::ZSTD_btopt),
                8 => Some(Strategy::ZSTD_btultra),
                9 => Some(Strategy::ZSTD_btultra2),
                _ => None,
            };
            let window = CParameter::WindowLog(recipe.window.into());
            for parameter in strategy
                .map(CParameter::Strategy)
                .into_iter()
                .chain([window])
            {
                encoder.set_parameter(parameter).map_err(|_| Failed)?;
            }
            Ok(Zstd(encoder))
        }

        pub(in crate::pack) fn write(
            &mut self,
            mut data: &[u8],
            out: &mut Vec<u8>,
        ) -> Result<(), Failed> {
            let mut room = [0; PIECE];
            while !data.is_empty() {
                let status = self.0.run_on_buffers(data, &mut room).map_err(|_| Failed)?;
                out.extend_from_slice(&room[..status.bytes_written]);
                data = &data[status.bytes_read..];
            }
            Ok(())
        }

        pub(in crate::pack) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
            self.drain(out, |encoder, room| encoder.flush(room))
        }

        /// Ends the frame. What is written afterwards begins another one.
        pub(in crate::pack) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Failed> {
            self.drain(out, |encoder, room| encoder.finish(room, true))
        }

        fn drain(
            &mut self,
            out: &mut Vec<u8>,
            step: impl Fn(&mut Encoder<'static>, &mut OutBuffer<'_, [u8]>) -> std::io::Result<usize>,
        ) -> Result<(), Failed> {
            let mut room = [0; PIECE];
            loop {
                let mut buffer = OutBuffer::around(&mut room[..]);
                let left = step(&mut self.0, &mut buffer).map_err(|_| Failed)?;
                out.extend_from_slice(buffer.as_slice());
                if left == 0 {
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(not(feature = "zstd"))]
mod missing {
    use crate::pack::{Failed, Recipe};

    pub(in crate::pack) enum Zstd {}

    impl Zstd {
        pub(in crate::pack) fn new(_: &Recipe) -> Result<Zstd, Failed> {
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
