//! Digest (RFC 7616): proof of a password, bound to a nonce and a request.
//!
//! In: `Authorization`. Out: who it says it is, and whether that is so. Must hold: what is not understood proves nothing.

use zeroize::Zeroizing;

use super::algorithm::{Algorithm, is_same};
use super::require::Rule;

/// Longest name that is written otherwise than in plain text.
const NAME_MAX: usize = 255;

/// What a client says.
#[derive(Debug)]
pub(super) struct Proof<'f> {
    /// Its name; or the hash of it.
    pub(super) user: Vec<u8>,
    /// Whether it is the hash.
    pub(super) is_hashed: bool,
    /// With what it hashes.
    pub(super) algorithm: Algorithm,
    /// The nonce that it was given.
    pub(super) nonce: &'f [u8],
    session: bool,
    uri: &'f [u8],
    qop: &'f [u8],
    cnonce: &'f [u8],
    nc: &'f [u8],
    response: &'f [u8],
}

/// What is in a header field.
#[derive(Debug)]
pub(super) enum Said<'f> {
    /// Nothing, or not that.
    Nothing,
    /// Nonsense: why.
    Nonsense(&'static str),
    /// Something that this rule does not ask for: why.
    Elsewhere(&'static str),
    /// A proof, good or not.
    Proof(Box<Proof<'f>>),
}

#[derive(Default)]
struct Fields<'f> {
    username: Option<&'f [u8]>,
    realm: Option<&'f [u8]>,
    nonce: Option<&'f [u8]>,
    uri: Option<&'f [u8]>,
    algorithm: Option<&'f [u8]>,
    qop: Option<&'f [u8]>,
    cnonce: Option<&'f [u8]>,
    nc: Option<&'f [u8]>,
    response: Option<&'f [u8]>,
    username_star: Option<&'f [u8]>,
    userhash: Option<&'f [u8]>,
}

/// Reads `Authorization`. `targets`: what the client may have asked for, in its own words.
pub(super) fn read<'f>(field: Option<&'f [u8]>, rule: &Rule, targets: &[&[u8]]) -> Said<'f> {
    let rest = field.and_then(|field| {
        let (scheme, rest) = field.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"Digest ").then_some(rest)
    });
    let Some(rest) = rest else {
        return Said::Nothing;
    };
    match understand(&Fields::read(rest), rule, targets) {
        Ok(proof) => Said::Proof(Box::new(proof)),
        Err(said) => said,
    }
}

fn understand<'f>(
    fields: &Fields<'f>,
    rule: &Rule,
    targets: &[&[u8]],
) -> Result<Proof<'f>, Said<'f>> {
    const MISSING: Said<'static> = Said::Nonsense("digest: a field is missing");
    let is_hashed = fields.userhash.is_some_and(|value| value.len() == 4);
    let user = match (fields.username, fields.username_star) {
        (Some(name), None) if is_hashed => name.to_ascii_lowercase(),
        (Some(name), None) => name.to_vec(),
        (None, Some(_)) if is_hashed => {
            return Err(Said::Nonsense("digest: username* with userhash"));
        }
        (None, Some(name)) => extended(name).ok_or(Said::Nonsense("digest: a bad username*"))?,
        (Some(_), Some(_)) | (None, None) => return Err(MISSING),
    };
    let realm = fields.realm.ok_or(MISSING)?;
    let nonce = fields.nonce.ok_or(MISSING)?;
    let uri = fields.uri.ok_or(MISSING)?;
    let response = fields.response.ok_or(MISSING)?;
    if fields.qop.is_some() && (fields.nc.is_none() || fields.cnonce.is_none()) {
        return Err(MISSING);
    }
    if realm != rule.realm.as_bytes() {
        return Err(Said::Elsewhere("digest: another realm"));
    }
    let (algorithm, session) = algorithm(fields.algorithm.unwrap_or_default())
        .filter(|(algorithm, _)| rule.algorithms.contains(algorithm))
        .ok_or(Said::Elsewhere("digest: another algorithm"))?;
    if session && fields.cnonce.is_none() {
        return Err(MISSING);
    }
    if response.len() != algorithm.hex_length() || !response.iter().all(u8::is_ascii_hexdigit) {
        return Err(Said::Nonsense("digest: a response of another form"));
    }
    let qop = fields.qop.unwrap_or_default();
    if qop.eq_ignore_ascii_case(b"auth-int") {
        return Err(Said::Nonsense("digest: qop=auth-int is not offered"));
    }
    // Or a proof for one document would be good for another.
    if !targets.contains(&uri) {
        return Err(Said::Nonsense("digest: made for another URL"));
    }
    Ok(Proof {
        user,
        is_hashed,
        algorithm,
        nonce,
        session,
        uri,
        qop,
        cnonce: fields.cnonce.unwrap_or_default(),
        nc: fields.nc.unwrap_or_default(),
        response,
    })
}

impl Proof<'_> {
    /// Whether it proves that the client knows the password of which this is the hash, with name and realm, in hexadecimal
    /// digits.
    pub(super) fn is_good(&self, secret: &str, method: &[u8]) -> bool {
        let hash = |parts: &[&[u8]]| self.algorithm.hex(parts);
        let mut first = Zeroizing::new(secret.to_ascii_lowercase());
        if self.session {
            first = hash(&[first.as_bytes(), self.nonce, self.cnonce]);
        }
        let second = hash(&[method, self.uri]);
        let expected = match self.qop {
            b"" => hash(&[first.as_bytes(), self.nonce, second.as_bytes()]),
            qop => hash(&[
                first.as_bytes(),
                self.nonce,
                self.nc,
                self.cnonce,
                qop,
                second.as_bytes(),
            ]),
        };
        is_same(expected.as_bytes(), &self.response.to_ascii_lowercase())
    }
}

/// No name is the first that was ever offered. `-sess`: the nonces go into the hash of the password, too.
fn algorithm(name: &[u8]) -> Option<(Algorithm, bool)> {
    if name.is_empty() {
        return Some((Algorithm::Md5, false));
    }
    let plain = match name.len().checked_sub(5).map(|end| name.split_at(end)) {
        Some((plain, end)) if end.eq_ignore_ascii_case(b"-sess") => plain,
        _ => name,
    };
    Some((Algorithm::named(plain)?, plain.len() < name.len()))
}

impl<'f> Fields<'f> {
    /// Names and values, as far as they can be read. Values in quotes stay as they are written.
    fn read(mut rest: &'f [u8]) -> Fields<'f> {
        let mut fields = Fields::default();
        loop {
            let start = rest
                .iter()
                .position(|byte| !matches!(byte, b' ' | b'\t' | b','));
            rest = &rest[start.unwrap_or(rest.len())..];
            let Some(end) = rest
                .iter()
                .position(|byte| matches!(byte, b'=' | b' ' | b'\t' | b','))
            else {
                return fields;
            };
            let name = &rest[..end];
            rest = rest[end..].trim_ascii_start();
            let Some(value) = rest.strip_prefix(b"=") else {
                return fields;
            };
            rest = value.trim_ascii_start();
            let value;
            if let Some(quoted) = rest.strip_prefix(b"\"") {
                let Some(end) = end_of_quoted(quoted) else {
                    return fields;
                };
                value = &quoted[..end];
                rest = &quoted[end + 1..];
            } else {
                let end = rest
                    .iter()
                    .position(|byte| matches!(byte, b',' | b' ' | b'\t'));
                (value, rest) = rest.split_at(end.unwrap_or(rest.len()));
            }
            if let Some(place) = fields.place(name) {
                *place = Some(value);
            }
            // Whatever else stands before the next comma.
            let comma = memchr::memchr(b',', rest);
            rest = &rest[comma.unwrap_or(rest.len())..];
        }
    }

    fn place(&mut self, name: &[u8]) -> Option<&mut Option<&'f [u8]>> {
        Some(match name {
            b"username" => &mut self.username,
            b"realm" => &mut self.realm,
            b"nonce" => &mut self.nonce,
            b"uri" => &mut self.uri,
            b"algorithm" => &mut self.algorithm,
            b"qop" => &mut self.qop,
            b"cnonce" => &mut self.cnonce,
            b"nc" => &mut self.nc,
            b"response" => &mut self.response,
            b"username*" => &mut self.username_star,
            b"userhash" => &mut self.userhash,
            _ => return None,
        })
    }
}

fn end_of_quoted(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// `UTF-8''J%C3%A4s%C3%B8n` (RFC 8187).
fn extended(value: &[u8]) -> Option<Vec<u8>> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
    let is_utf8 = charset.eq_ignore_ascii_case(b"utf-8");
    if !is_utf8 && !charset.eq_ignore_ascii_case(b"iso-8859-1") {
        return None;
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut name = Vec::new();
    let mut rest = text;
    while let Some((byte, more)) = rest.split_first() {
        (*byte != b'%').then(|| name.push(*byte));
        rest = more;
        if *byte == b'%' {
            let (high, low) = (digit(more.first()?)?, digit(more.get(1)?)?);
            name.push((high * 16 + low) as u8);
            rest = &more[2..];
        }
    }
    let is_plain = !name.iter().any(u8::is_ascii_control);
    let is_text = !is_utf8 || str::from_utf8(&name).is_ok();
    (is_plain && is_text && name.len() <= NAME_MAX).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::require::{Admitted, Scheme};
    use super::*;

    fn rule(algorithms: &[Algorithm]) -> Rule {
        Rule {
            prefix: "/".to_owned(),
            scheme: Scheme::Digest,
            realm: "r".to_owned(),
            admitted: Admitted::ValidUser,
            algorithms: algorithms.to_vec(),
            nonce_secret: None,
            user_hash: false,
        }
    }

    fn said(fields: &str) -> String {
        let text = format!("Digest {fields}");
        let rule = rule(&[Algorithm::Md5]);
        match read(Some(text.as_bytes()), &rule, &[b"/u"]) {
            Said::Nothing => "nothing".to_owned(),
            Said::Nonsense(why) | Said::Elsewhere(why) => why.to_owned(),
            Said::Proof(proof) => String::from_utf8(proof.user).unwrap(),
        }
    }

    const REST: &str =
        r#"realm="r", nonce="n", uri="/u", response="0123456789abcdef0123456789ABCDEF""#;

    #[test]
    fn fields_are_read_as_they_are_written() {
        for (fields, expected) in [
            (format!(r#"username="joe", {REST}"#), "joe"),
            (format!(r#"username=joe,{REST}"#), "joe"),
            (format!("\t username =\t\"joe\" , {REST},,"), "joe"),
            (
                format!(r#"username="a, realm=\"x\"", {REST}"#),
                r#"a, realm=\"x\""#,
            ),
            (format!(r#"{REST}, opaque="o", username="joe""#), "joe"),
            (
                format!(r#"{REST}, qop=auth, nc=1, cnonce="c", username="joe""#),
                "joe",
            ),
            (format!("username*=UTF-8''J%C3%A4n, {REST}"), "Jän"),
            (format!(r#"username="ABC", userhash=true, {REST}"#), "abc"),
            (
                format!("username*=UTF-8''%0a, {REST}"),
                "digest: a bad username*",
            ),
            (
                format!("username*=UTF-8''%C3, {REST}"),
                "digest: a bad username*",
            ),
            (
                format!("username*=UTF-16''a, {REST}"),
                "digest: a bad username*",
            ),
            (
                format!("username*=UTF-8''%4, {REST}"),
                "digest: a bad username*",
            ),
            (
                format!("username*=UTF-8''a, username=a, {REST}"),
                "digest: a field is missing",
            ),
            (REST.to_owned(), "digest: a field is missing"),
            (
                format!(r#"username="joe", qop=auth, {REST}"#),
                "digest: a field is missing",
            ),
            (
                format!(r#"username="joe", algorithm=MD5-sess, {REST}"#),
                "digest: a field is missing",
            ),
            (
                format!(r#"username="joe", algorithm=SHA-256, {REST}"#),
                "digest: another algorithm",
            ),
            (
                format!(r#"{REST}, username="joe", realm="s""#),
                "digest: another realm",
            ),
            (
                format!(r#"{REST}, username="joe", uri="/v""#),
                "digest: made for another URL",
            ),
            (
                format!(r#"{REST}, username="joe", response="12""#),
                "digest: a response of another form",
            ),
            (
                format!(r#"{REST}, username="joe", qop=auth-int, nc=1, cnonce=c"#),
                "digest: qop=auth-int is not offered",
            ),
            ("username=\"joe".to_owned(), "digest: a field is missing"),
            ("username=\"joe\\".to_owned(), "digest: a field is missing"),
            ("=".to_owned(), "digest: a field is missing"),
        ] {
            assert_eq!(said(&fields), expected, "{fields}");
        }
    }

    #[test]
    fn proofs_are_checked() {
        // RFC 7616 section 3.9.1.
        let rule = Rule {
            realm: "http-auth@example.org".to_owned(),
            ..rule(&[Algorithm::Sha256, Algorithm::Md5])
        };
        let field = "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
                     algorithm=MD5, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
                     cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, \
                     response=\"8ca523f5e9506fed4657c9700eebdbec\"";
        let Said::Proof(proof) = read(Some(field.as_bytes()), &rule, &[b"/dir/index.html"]) else {
            panic!("it is a proof");
        };
        let secret =
            |password: &[u8]| Algorithm::Md5.hex(&[b"Mufasa", b"http-auth@example.org", password]);
        assert!(proof.is_good(&secret(b"Circle of Life"), b"GET"));
        assert!(proof.is_good(&secret(b"Circle of Life").to_uppercase(), b"GET"));
        assert!(!proof.is_good(&secret(b"Circle of Life"), b"POST"));
        assert!(!proof.is_good(&secret(b"circle of life"), b"GET"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_breaks_it(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let field = [&b"Digest "[..], &bytes].concat();
            let _ = read(Some(&field), &rule(&[Algorithm::Md5]), &[b"/"]);
            let _ = extended(&bytes);
        }
    }
}
