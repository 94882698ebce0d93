//! What a backend sends, without its protocol's framing.
//!
//! In: bytes from a backend. Out: what of them is its answer, and what it says besides. Must hold: AJP's head becomes text
//! that is read as any other, once it is complete.

use std::io::Write;

use super::{Relay, Stage};
use crate::gateway::Protocol;
use crate::gateway::packets::{self, Reuse};
use crate::gateway::records;
use crate::gateway::reply::{MAX_HEAD_BYTES, Persistence};

/// A piece of what a backend sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece {
    /// Nothing for anybody else.
    Nothing,
    /// So many bytes of an answer, the last ones consumed.
    Output(usize),
    /// The end of an answer's head, which is kept already.
    HeadEnd(&'static [u8]),
    /// So many bytes for the error log, the last ones consumed.
    Complaint(usize),
    /// The exchange is over.
    End(Persistence),
}

impl Relay {
    /// Takes the framing of the protocol off what a backend sent, if it has any. Returns how many bytes were consumed, and
    /// what they were. Fails, with the reason, at what is not that protocol.
    pub(crate) fn unframe(&mut self, input: &[u8]) -> Result<(usize, Piece), &'static str> {
        match self.protocol {
            Protocol::FastCgi => {
                let step = self.records.decode(input)?;
                let piece = match step.what {
                    records::What::Nothing => Piece::Nothing,
                    records::What::Output(length) => Piece::Output(length),
                    records::What::Complaint(length) => Piece::Complaint(length),
                    records::What::End(_) => Piece::End(Persistence::Close),
                };
                Ok((step.consumed, piece))
            }
            Protocol::Ajp => {
                let step = self.packets.decode(input)?;
                let piece = self.packet(step.what, &input[..step.consumed])?;
                Ok((step.consumed, piece))
            }
            Protocol::Http
            | Protocol::Scgi
            | Protocol::Uwsgi
            | Protocol::Cgi
            | Protocol::Raw
            | Protocol::WebSocket
            | Protocol::Chore => Ok((input.len(), Piece::Output(input.len()))),
        }
    }

    /// A part of a packet; its data are the last bytes that were consumed.
    fn packet(&mut self, what: packets::What, consumed: &[u8]) -> Result<Piece, &'static str> {
        use packets::What;
        let is_asking = matches!(self.stage, Stage::Asking { .. });
        match what {
            What::Nothing => {}
            What::Status(status) => {
                let head = self.head_so_far()?;
                // Writing to a Vec cannot fail.
                let _ = write!(head, "HTTP/1.1 {status} ");
            }
            What::Field => self.head_so_far()?.extend_from_slice(b"\r\n"),
            What::Name(name) => {
                let head = self.head_so_far()?;
                head.extend_from_slice(b"\r\n");
                head.extend_from_slice(name.as_bytes());
                head.extend_from_slice(b": ");
            }
            What::Value => self.head_so_far()?.extend_from_slice(b": "),
            What::Text(length) => {
                let text = &consumed[consumed.len() - length..];
                self.head_so_far()?.extend_from_slice(text);
            }
            What::HeadOver => {
                self.head_so_far()?;
                return Ok(Piece::HeadEnd(b"\r\n\r\n"));
            }
            What::Body(_) if is_asking => return Err("body before the head"),
            What::Body(length) => return Ok(Piece::Output(length)),
            What::Wanted(size) => self.upload.wanted.add(size),
            What::Over(reuse) => {
                // What it has not read of a body could be taken for the next request.
                let persistence = match reuse {
                    Reuse::Possible if self.upload.length == 0 => Persistence::Keep,
                    Reuse::Possible | Reuse::Impossible => Persistence::Close,
                };
                return Ok(Piece::End(persistence));
            }
        }
        Ok(Piece::Nothing)
    }

    /// The head of an answer, to be continued.
    fn head_so_far(&mut self) -> Result<&mut Vec<u8>, &'static str> {
        match &mut self.stage {
            Stage::Asking { head } if head.len() < MAX_HEAD_BYTES => Ok(head),
            Stage::Asking { .. } => Err("head too long"),
            _ => Err("a second head"),
        }
    }
}
