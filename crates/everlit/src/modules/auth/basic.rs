//! Basic (RFC 7617): a name and a password, as they are.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Longest credentials, encoded.
const LONGEST: usize = 1363;

/// With the padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a client says of itself.
pub(super) struct Credentials {
    text: Zeroizing<Vec<u8>>,
    colon: usize,
}

/// What is in a header field.
pub(super) enum Said {
    /// Nothing, or not that.
    Nothing,
    /// Nonsense.
    Nonsense(&'static str),
    /// A name and a password.
    Credentials(Credentials),
}

impl Credentials {
    /// The name.
    pub(super) fn user(&self) -> &[u8] {
        &self.text[..self.colon]
    }

    /// The password.
    pub(super) fn password(&self) -> &[u8] {
        &self.text[self.colon + 1..]
    }
}

/// Reads `Authorization`.
pub(super) fn read(field: Option<&[u8]>) -> Said {
    let encoded = field.and_then(|field| {
        let (scheme, rest) = field.split_at_checked(6)?;
        scheme.eq_ignore_ascii_case(b"Basic ").then_some(rest)
    });
    // lighttpd too takes more blanks than there should be.
    let encoded = encoded.map(<[u8]>::trim_ascii);
    let Some(encoded) = encoded.filter(|encoded| encoded.len() <= LONGEST) else {
        return Said::Nothing;
    };
    // Room for all of it, so that it is not moved about.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST));
    if BASE64.decode_vec(encoded, &mut text).is_err() {
        return Said::Nonsense("credentials are not base64");
    }
    match memchr::memchr(b':', &text) {
        Some(colon) => Said::Credentials(Credentials { text, colon }),
        None => Said::Nonsense("credentials have no colon"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(field: &str) -> String {
        match read(Some(field.as_bytes())) {
            Said::Nothing => "nothing".to_owned(),
            Said::Nonsense(_) => "nonsense".to_owned(),
            Said::Credentials(credentials) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                format!(
                    "{} / {}",
                    text(credentials.user()),
                    text(credentials.password())
                )
            }
        }
    }

    #[test]
    fn a_name_and_a_password() {
        for (field, expected) in [
            ("Basic dTpw", "u / p"),
            ("bAsIc dTpwOnE=", "u / p:q"),
            ("Basic dTpwOnE", "u / p:q"),
            ("Basic Og==", " / "),
            ("Basic dXA=", "nonsense"),
            ("Basic !", "nonsense"),
            ("Basic ", "nonsense"),
            ("Basic", "nothing"),
            ("Digest dTpw", "nothing"),
            ("", "nothing"),
        ] {
            assert_eq!(said(field), expected, "{field}");
        }
        assert_eq!(said(&format!("Basic {}", "A".repeat(1364))), "nothing");
        assert!(matches!(read(None), Said::Nothing));
    }
}
