//! Bytes to lines.
//!
//! In: bytes as they arrive. Out: whole lines without their line feed. Must hold: never keeps more than the limit.

/// Collects bytes until a line is whole.
#[derive(Debug)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    limit: usize,
}

/// The other side sent a line longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTooLong;

impl LineBuffer {
    /// A buffer for lines of at most so many bytes.
    pub fn new(limit: usize) -> Self {
        Self::resume(Vec::new(), limit)
    }

    /// A buffer that already has some bytes.
    pub fn resume(bytes: Vec<u8>, limit: usize) -> Self {
        Self { bytes, limit }
    }

    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next whole line.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, LineTooLong> {
        match memchr::memchr(b'\n', &self.bytes) {
            Some(end) if end > self.limit => Err(LineTooLong),
            Some(end) => {
                let rest = self.bytes.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.bytes, rest);
                line.pop();
                Ok(Some(line))
            }
            None if self.bytes.len() > self.limit => Err(LineTooLong),
            None => Ok(None),
        }
    }

    /// What is no whole line yet.
    pub fn rest(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_and_in_order() {
        let mut buffer = LineBuffer::new(8);
        buffer.push(b"on");
        assert_eq!(buffer.next_line(), Ok(None));
        buffer.push(b"e\n\ntwo\nrest");
        assert_eq!(buffer.next_line(), Ok(Some(b"one".to_vec())));
        assert_eq!(buffer.next_line(), Ok(Some(Vec::new())));
        assert_eq!(buffer.next_line(), Ok(Some(b"two".to_vec())));
        assert_eq!(buffer.next_line(), Ok(None));
        assert_eq!(buffer.rest(), b"rest");
    }

    #[test]
    fn too_much_is_refused_with_and_without_an_end() {
        let mut buffer = LineBuffer::new(4);
        buffer.push(b"12345");
        assert_eq!(buffer.next_line(), Err(LineTooLong));
        let mut buffer = LineBuffer::new(4);
        buffer.push(b"12345\n");
        assert_eq!(buffer.next_line(), Err(LineTooLong));
        let mut buffer = LineBuffer::new(4);
        buffer.push(b"1234\n");
        assert_eq!(buffer.next_line(), Ok(Some(b"1234".to_vec())));
    }
}
