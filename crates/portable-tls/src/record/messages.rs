//! What is not data: alerts, KeyUpdates, attempts to renegotiate.
//!
//! In: their content, opened. Out: what they mean, and answers. Must hold: an answer to a KeyUpdate goes out under the old
//! key; nobody keeps us busy with messages that move no data.

use rustls::AlertDescription;

use super::header::{TYPE_ALERT, TYPE_DATA, TYPE_HANDSHAKE};
use super::open::Step;
use super::{Input, Output, Session};
use crate::error::{Flood, SealError, SessionError, Violation};
use crate::suite::Version;

const WARNING: u8 = 1;
const FATAL: u8 = 2;
const CLIENT_HELLO: u8 = 1;
const KEY_UPDATE: u8 = 24;

/// What the client shall do with its own key when we update ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKey {
    /// Keep it.
    Keep,
    /// Update it too.
    Update,
}

/// How much of something is still borne. Data restores the first two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    pub(crate) key_updates: u8,
    pub(crate) empty_records: u8,
    pub(crate) warnings: u8,
    pub(crate) renegotiations: u8,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            key_updates: 32,
            empty_records: 32,
            warnings: 4,
            renegotiations: 1,
        }
    }
}

impl Patience {
    /// Whether nothing is above what it begins with.
    pub(crate) fn is_possible(&self) -> bool {
        let most = Patience::default();
        self.key_updates <= most.key_updates
            && self.empty_records <= most.empty_records
            && self.warnings <= most.warnings
            && self.renegotiations <= most.renegotiations
    }

    /// Data came.
    pub(super) fn restore(&mut self) {
        let Patience {
            key_updates,
            empty_records,
            ..
        } = Patience::default();
        *self = Patience {
            key_updates,
            empty_records,
            ..*self
        };
    }
}

impl Session {
    /// Closes our direction with a `close_notify`. What was sealed before is sent before it; the client may go on sending.
    /// The second time nothing happens.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        if self.output == Output::Open {
            self.send_alert(WARNING, AlertDescription::CloseNotify, out);
            self.output = Output::Closed;
        }
    }

    /// Updates our key (RFC 8446 section 4.6.3) and, if asked to, has the client update its own. The message is appended to
    /// `out`; what is sealed afterwards must be sent after it.
    ///
    /// # Errors
    ///
    /// [`SealError::Closed`], [`SealError::NoKeyUpdate`].
    pub fn update_key(&mut self, client: ClientKey, out: &mut Vec<u8>) -> Result<(), SealError> {
        match (self.output, self.suite.version()) {
            (Output::Closed, _) => Err(SealError::Closed),
            (_, Version::Tls12) => Err(SealError::NoKeyUpdate),
            (Output::Open, Version::Tls13) => {
                self.update_own_key(client, out);
                Ok(())
            }
        }
    }

    pub(super) fn update_own_key(&mut self, client: ClientKey, out: &mut Vec<u8>) {
        let message = [KEY_UPDATE, 0, 0, 1, client as u8];
        self.seal_message(TYPE_HANDSHAKE, &message, out);
        self.tx.advance(self.suite);
    }

    /// The session is over, because of the client: tells it why.
    pub(super) fn fail(&mut self, violation: Violation, reply: &mut Vec<u8>) -> SessionError {
        if self.output == Output::Open {
            self.send_alert(FATAL, violation.alert(), reply);
        }
        self.give_up();
        violation.into()
    }

    fn give_up(&mut self) {
        self.input = Input::Failed;
        self.output = Output::Closed;
        self.held = super::Held::default();
        self.rest();
    }

    fn send_alert(&mut self, level: u8, alert: AlertDescription, out: &mut Vec<u8>) {
        self.seal_message(TYPE_ALERT, &[level, u8::from(alert)], out);
    }

    /// Does what a message asks for.
    pub(super) fn take(
        &mut self,
        kind: u8,
        content: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Step, SessionError> {
        let result = match (kind, content) {
            (TYPE_DATA, []) => {
                spend(&mut self.patience.empty_records, Flood::EmptyRecords).map(|()| Step::Nothing)
            }
            (TYPE_ALERT, &[level, code]) => return self.take_alert(level, code.into(), reply),
            (TYPE_ALERT, [_, ..]) => Err(Violation::Malformed),
            (TYPE_HANDSHAKE, [_, ..]) => match self.suite.version() {
                Version::Tls13 => self.take_key_update(content, reply),
                Version::Tls12 => self.take_renegotiation(content, reply),
            },
            _ => Err(Violation::UnexpectedRecord),
        };
        result.map_err(|violation| self.fail(violation, reply))
    }

    fn take_alert(
        &mut self,
        level: u8,
        alert: AlertDescription,
        reply: &mut Vec<u8>,
    ) -> Result<Step, SessionError> {
        match (self.suite.version(), alert, level) {
            (_, AlertDescription::CloseNotify, _) => {
                self.input = Input::Ended;
                self.rx.rest();
                Ok(Step::Closed)
            }
            // TLS 1.3 has no other warnings (RFC 8446 section 6).
            (Version::Tls13, AlertDescription::UserCanceled, _) | (Version::Tls12, _, WARNING) => {
                spend(&mut self.patience.warnings, Flood::Warnings)
                    .map(|()| Step::Nothing)
                    .map_err(|violation| self.fail(violation, reply))
            }
            _ => {
                self.give_up();
                Err(SessionError::Alert(alert))
            }
        }
    }

    /// The only message that a client of TLS 1.3 may send: we ask for no certificate after the handshake. It must end its
    /// record, as the next one has another key (RFC 8446 section 5.1); nobody cuts its five bytes into several records.
    fn take_key_update(&mut self, message: &[u8], reply: &mut Vec<u8>) -> Result<Step, Violation> {
        let wants_ours = match message {
            [KEY_UPDATE, 0, 0, 1, 0] => false,
            [KEY_UPDATE, 0, 0, 1, 1] => true,
            [KEY_UPDATE, 0, 0, 1, _] => return Err(Violation::IllegalValue),
            _ => return Err(Violation::UnexpectedMessage),
        };
        spend(&mut self.patience.key_updates, Flood::KeyUpdates)?;
        self.rx.advance(self.suite);
        if wants_ours && self.output == Output::Open {
            self.update_own_key(ClientKey::Keep, reply);
        }
        Ok(Step::Nothing)
    }

    /// The only message that a client of TLS 1.2 may send, and we need not follow it (RFC 5246 section 7.2.2).
    fn take_renegotiation(
        &mut self,
        message: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Step, Violation> {
        if message.first() != Some(&CLIENT_HELLO) {
            return Err(Violation::UnexpectedMessage);
        }
        spend(&mut self.patience.renegotiations, Flood::Renegotiation)?;
        if self.output == Output::Open {
            self.send_alert(WARNING, AlertDescription::NoRenegotiation, reply);
        }
        Ok(Step::Nothing)
    }
}

fn spend(left: &mut u8, flood: Flood) -> Result<(), Violation> {
    *left = left.checked_sub(1).ok_or(Violation::Flood(flood))?;
    Ok(())
}
