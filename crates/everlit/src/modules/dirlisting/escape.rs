//! Names and texts inside HTML.

/// Appends text that can be nothing but text, in an element or in a quoted attribute. Control characters, which have no
/// look, become U+FFFD's ASCII stand-in; tabs and line ends stay.
pub(super) fn html(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'\t' | b'\n' | b'\r' => out.push(byte),
            0..=31 | 127 => out.push(b'?'),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_text() {
        let mut out = Vec::new();
        html("<a href='x' title=\"y\">&\u{1b}ü".as_bytes(), &mut out);
        assert_eq!(
            out,
            "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;?ü".as_bytes()
        );
    }
}
