//! Which coding a client gets.
//!
//! In: the value of `Accept-Encoding`, and what is allowed, best first. Out: the first that both know. Must hold: weights
//! do not matter, as in lighttpd, but for `q=0`: what a client refuses it does not get.

use crate::pack::Coding;

/// The coding for a client that says this.
pub(super) fn choose(accepted: &[u8], allowed: &[Coding]) -> Option<Coding> {
    let mut known = Vec::new();
    for item in accepted.split(|byte| *byte == b',') {
        let mut parts = item.split(|byte| *byte == b';');
        // lighttpd takes several names between two commas, so we do.
        let names = parts.next().unwrap_or_default();
        if parts.any(is_zero) {
            continue;
        }
        let names = names.split(|byte| matches!(byte, b' ' | b'\t'));
        known.extend(names.filter_map(coding));
    }
    allowed.iter().find_map(|allowed| {
        let other = match allowed {
            Coding::Gzip => Coding::XGzip,
            other => *other,
        };
        [*allowed, other]
            .into_iter()
            .find(|coding| known.contains(coding))
    })
}

/// Whether a parameter is a weight of nothing (RFC 9110 section 12.4.2).
fn is_zero(parameter: &[u8]) -> bool {
    let parameter = parameter.trim_ascii();
    let Some(weight) = parameter
        .strip_prefix(b"q=")
        .or_else(|| parameter.strip_prefix(b"Q="))
    else {
        return false;
    };
    weight.first() == Some(&b'0') && weight[1..].iter().all(|byte| matches!(byte, b'.' | b'0'))
}

fn coding(name: &[u8]) -> Option<Coding> {
    const ALL: [Coding; 5] = [
        Coding::Gzip,
        Coding::XGzip,
        Coding::Deflate,
        Coding::Brotli,
        Coding::Zstd,
    ];
    ALL.into_iter()
        .find(|coding| name.eq_ignore_ascii_case(coding.label().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_allowed_one_that_the_client_knows() {
        use Coding::{Brotli, Deflate, Gzip, XGzip, Zstd};
        let all = [Zstd, Brotli, Gzip, Deflate];
        for (accepted, allowed, expected) in [
            ("gzip", &all[..], Some(Gzip)),
            ("gzip, deflate, br, zstd", &all, Some(Zstd)),
            ("gzip, deflate, br", &all, Some(Brotli)),
            ("deflate,gzip", &all, Some(Gzip)),
            ("gzip;q=0.1, deflate;q=0.9", &all, Some(Gzip)),
            ("gzip, br", &[Gzip, Brotli], Some(Gzip)),
            ("gzip, br", &[Deflate], None),
            ("gzip, deflate", &[Deflate, Gzip], Some(Deflate)),
            ("x-gzip", &all, Some(XGzip)),
            ("x-gzip, gzip", &all, Some(Gzip)),
            ("gzip x", &all, Some(Gzip)),
            (",,gzip", &all, Some(Gzip)),
            ("x,\tgzip", &all, Some(Gzip)),
            ("GZIP", &all, Some(Gzip)),
            ("xgzip", &all, None),
            ("*", &all, None),
            ("identity", &all, None),
            ("", &all, None),
            ("gzip;q=0", &all, None),
            ("gzip;q=0.000, deflate", &all, Some(Deflate)),
            ("gzip; q=0.01", &all, Some(Gzip)),
            ("gzip;q=1", &all, Some(Gzip)),
            ("x;gzip", &all, None),
            ("gzip", &[], None),
        ] {
            let found = choose(accepted.as_bytes(), allowed);
            assert_eq!(found, expected, "{accepted}");
        }
    }
}
