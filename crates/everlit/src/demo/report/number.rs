//! Numbers for people.

use std::time::Duration;

/// Milliseconds with their fraction.
pub(in crate::demo) fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// `0.8 ms`, `41 ms`, `1,204 ms`.
pub(in crate::demo) fn ms(millis: f64) -> String {
    match millis {
        millis if millis < 9.95 => format!("{millis:.1} ms"),
        millis => format!("{} ms", grouped(millis.round() as u64)),
    }
}

/// `12,345`
pub(in crate::demo) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(ms(millis(Duration::from_micros(840))), "0.8 ms");
        assert_eq!(ms(9.96), "10 ms");
        assert_eq!(ms(1204.3), "1,204 ms");
    }
}
