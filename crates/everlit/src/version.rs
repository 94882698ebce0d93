//! Which release this is.
//!
//! In: the package's version. Out: [`version`]. Must hold: the text stands in the program only behind [`MARK`], so that it
//! can be found in a file without running it, and a test can make another release of a copy of the program.

/// What stands before the version in the program: `strings everlit | grep everlit-version=`.
pub const MARK: &str = "everlit-version=";

/// The version of this program, such as `1.2.3`.
pub fn version() -> &'static str {
    // The compiler must not know it, or it would write the version wherever it is used.
    let stamp = std::hint::black_box(concat!("everlit-version=", env!("CARGO_PKG_VERSION")));
    stamp.strip_prefix(MARK).unwrap_or(stamp)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_the_package_s() {
        assert_eq!(super::version(), env!("CARGO_PKG_VERSION"));
    }
}
