//! What becomes of targets and hosts. The tables are lighttpd 1.4.69's answers, except where a row says "oracle".

use proptest::prelude::*;

use super::ParseOption::*;
use super::*;

/// A target, and what becomes of it: normal target, decoded path, query (empty if there is none); or a 400.
type Row = (
    &'static [u8],
    Option<(&'static [u8], &'static [u8], &'static [u8])>,
);

fn check(options: ParseOptions, rows: &[Row]) {
    for &(target, expected) in rows {
        let got = match parse(target, &options) {
            Ok(uri) => Some(uri),
            Err(reject) => {
                assert_eq!(reject.status, 400);
                None
            }
        };
        let got = got.as_ref().map(|uri| {
            (
                &*uri.target,
                &*uri.path,
                uri.query.as_deref().unwrap_or_default(),
            )
        });
        let show = |(target, path, query): (&[u8], &[u8], &[u8])| {
            format!(
                "target {} path {} query {}",
                target.escape_ascii(),
                path.escape_ascii(),
                query.escape_ascii()
            )
        };
        assert_eq!(
            got.map(show),
            expected.map(show),
            "{} {options:?}",
            target.escape_ascii()
        );
    }
}

#[test]
fn targets() {
    check(ParseOptions::default(), TARGETS);
}

/// With one option changed, the rows that change.
#[test]
fn targets_under_other_options() {
    let default = ParseOptions::default();
    check(default.with(UrlNormalizeRequired), URL_NORMALIZE_REQUIRED);
    check(default.without(UrlNormalize), NO_URL_NORMALIZE);
    check(default.without(UrlCtrlsReject), NO_URL_CTRLS_REJECT);
    check(
        default.without(UrlInvalidUtf8Reject),
        NO_URL_INVALID_UTF8_REJECT,
    );
    check(default.without(UrlPath2fDecode), NO_URL_PATH2F_DECODE);
    check(
        default.without(UrlPath2fDecode).with(UrlPath2fReject),
        URL_PATH2F_REJECT,
    );
    check(
        default.without(UrlPathDotsegRemove),
        NO_URL_PATH_DOTSEG_REMOVE,
    );
    check(
        default
            .without(UrlPathDotsegRemove)
            .with(UrlPathDotsegReject),
        URL_PATH_DOTSEG_REJECT,
    );
    check(default.with(UrlQuery20Plus), URL_QUERY20_PLUS);
    for same in [
        default.with(UrlPathBackslashTrans),
        default.without(UrlNormalizeUnreserved),
        default.without(HeaderStrict),
    ] {
        check(same, TARGETS);
    }
}

#[test]
fn control_characters_never_reach_a_path() {
    let options = ParseOptions::default().without(UrlNormalize);
    check(options, &[(b"/a\0b", Some((b"/a\0b", b"/a_b", b"")))]);
}

#[test]
fn only_the_default_reading_of_a_second_question_mark() {
    // oracle: with url-normalize-required, the path is "/a?b"
    let options = ParseOptions::default().with(UrlNormalizeRequired);
    check(options, &[(b"/a?b?c", Some((b"/a?b?c", b"/a", b"b?c")))]);
}

#[test]
fn forms() {
    let absolute = |authority: &'static [u8], path_and_query: &'static [u8]| {
        Some(Form::Absolute {
            authority,
            path_and_query,
        })
    };
    for (target, expected) in [
        (&b"/a"[..], Some(Form::Origin(b"/a"))),
        (b"//a/b", Some(Form::Origin(b"//a/b"))),
        (b"*", Some(Form::Asterisk)),
        (b"*/a", None),
        (b"http://a:1/b?c", absolute(b"a:1", b"/b?c")),
        (b"HTTPS://[::1]?c/d", absolute(b"[::1]", b"?c/d")),
        (b"http://a", absolute(b"a", b"")),
        (b"http://a#b", absolute(b"a", b"#b")),
        (b"http:///a", None),
        (b"http://u@a/", None),
        (b"http:/a", None),
        (b"ftp://a/", None),
        (b"a:1", Some(Form::Authority(b"a:1"))),
        (b"[::1]:1", Some(Form::Authority(b"[::1]:1"))),
        (b"a", None),
        (b"a:", None),
        (b":1", None),
        (b"a/b:1", None),
        (b"u@a:1", None),
        (b"", None),
    ] {
        assert_eq!(split(target), expected, "{}", target.escape_ascii());
    }
}

#[test]
fn absolute_and_asterisk_targets() {
    check(
        ParseOptions::default(),
        &[
            (b"http://a/b/../c?d", Some((b"/c?d", b"/c", b"d"))),
            (b"http://a", Some((b"/", b"/", b""))),
            (b"http://a?b", Some((b"/?b", b"/", b"b"))),
            (b"http://a#b", Some((b"/", b"/", b""))),
            (b"*", Some((b"*", b"*", b""))),
            (b"a:1", Some((b"a:1", b"a:1", b""))),
            (b"a", None),
            (b"", None),
        ],
    );
}

#[test]
fn a_normal_target_is_not_copied() {
    let borrowed = |target: &'static [u8]| {
        let uri = parse(target, &ParseOptions::default()).unwrap();
        let is_borrowed = |part: &Cow<'_, [u8]>| matches!(part, Cow::Borrowed(_));
        (
            is_borrowed(&uri.target),
            is_borrowed(&uri.path),
            uri.query.as_ref().is_none_or(is_borrowed),
        )
    };
    assert_eq!(
        borrowed(b"/.well-known/a.b/..c/?d=/../e&f"),
        (true, true, true)
    );
    assert_eq!(borrowed(b"/a?b=%20"), (true, true, true));
    assert_eq!(borrowed(b"/a%20b?c"), (true, false, true));
    assert_eq!(borrowed(b"/a/../b"), (false, false, true));
    assert_eq!(
        parse(b"/a?", &ParseOptions::default())
            .unwrap()
            .query
            .as_deref(),
        Some(&b""[..])
    );
    assert_eq!(parse(b"/a", &ParseOptions::default()).unwrap().query, None);
}

/// Bytes that are often nearly a target.
fn nearly_a_target() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec!["/", ".", "..", "%2e", "%2F", "%", "%5c", "%25", "%00", "a", "?", "#", "+", "%20", "\\", "http://", "é", "*", ":"])
            .prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..3),
    ];
    let start = prop::sample::select(vec!["/", "/", "/", "http://a/", ""]);
    (start, prop::collection::vec(piece, 0..12))
        .prop_map(|(start, pieces)| [start.as_bytes(), &pieces.concat()].concat())
}

fn any_options() -> impl Strategy<Value = ParseOptions> {
    prop::collection::vec((prop::sample::select(KEYS.to_vec()), any::<bool>()), 0..8).prop_map(
        |changes| {
            let mut options = ParseOptions::default();
            for (key, on) in changes {
                options.set(key, on).unwrap();
            }
            options
        },
    )
}

const KEYS: &[&str] = &[
    "host-strict",
    "host-normalize",
    "url-normalize",
    "url-normalize-required",
    "url-ctrls-reject",
    "url-path-2f-decode",
    "url-path-2f-reject",
    "url-path-dotseg-remove",
    "url-path-dotseg-reject",
    "url-query-20-plus",
    "url-invalid-utf8-reject",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn paths_stay_below_the_root(target in nearly_a_target(), options in any_options()) {
        let has_path = !matches!(split(&target), Some(Form::Asterisk | Form::Authority(_)));
        if let Ok(uri) = parse(&target, &options) && has_path {
            prop_assert_eq!(uri.path.first(), Some(&b'/'));
            prop_assert!(!uri.path.iter().any(u8::is_ascii_control));
            let mut segments: Vec<_> = uri.path[1..].split(|&byte| byte == b'/').collect();
            segments.pop_if(|last| last.is_empty());
            prop_assert!(!segments.iter().any(|segment| segment.is_empty() || *segment == b"." || *segment == b".."));
        }
    }

    /// A front server that normalises, and one behind it that does so again, see the same.
    #[test]
    fn a_normal_target_is_normal(target in nearly_a_target(), options in any_options()) {
        if let Ok(uri) = parse(&target, &options) {
            prop_assert_eq!(parse(&uri.target, &options), Ok(uri.clone()));
        }
    }

    #[test]
    fn a_normal_host_is_normal(sent in "[a-cA-C0-9.:\\[\\]/-]{0,12}|\\PC*", options in any_options()) {
        if let Ok(normal) = host(sent.as_bytes(), &options) {
            let again = host(&normal, &options);
            prop_assert_eq!(again.as_deref(), Ok(&*normal));
            prop_assert!(!normal.contains(&b'/') && normal != &b".."[..]);
        }
    }
}

/// A host, and what becomes of it; or a 400.
type HostRow = (&'static [u8], Option<&'static [u8]>);

fn check_hosts(options: ParseOptions, rows: &[HostRow]) {
    for &(sent, expected) in rows {
        let got = host(sent, &options).ok();
        // The tables were made at port 80.
        let got = got.as_deref().map(|host| {
            match options.has(HostStrict) || options.has(HostNormalize) {
                true => without_port(host, "http"),
                false => host,
            }
        });
        let show = |host: &[u8]| host.escape_ascii().to_string();
        assert_eq!(
            got.map(show),
            expected.map(show),
            "{} {options:?}",
            sent.escape_ascii()
        );
    }
}

#[test]
fn hosts() {
    let strict = ParseOptions::default();
    let lax = strict.without(HostStrict);
    check_hosts(strict, STRICT_HOSTS);
    check_hosts(lax.with(HostNormalize), NORMALIZED_HOSTS);
    check_hosts(lax, LAX_HOSTS);
}

#[rustfmt::skip]
const TARGETS: &[Row] = &[
    (b"/", Some((b"/", b"/", b""))),
    (b"/a/../b", Some((b"/b", b"/b", b""))),
    (b"/a//b", Some((b"/a/b", b"/a/b", b""))),
    (b"//a/b", Some((b"/a/b", b"/a/b", b""))),
    (b"/a/./b/", Some((b"/a/b/", b"/a/b/", b""))),
    (b"/..", Some((b"/", b"/", b""))),
    (b"/%2e%2e/x", Some((b"/x", b"/x", b""))),
    (b"/a%2fb", Some((b"/a/b", b"/a/b", b""))),
    (b"/a%2Fb?x=%2f", Some((b"/a/b?x=%2F", b"/a/b", b"x=%2F"))),
    (b"/%41%7e%7E", Some((b"/A~~", b"/A~~", b""))),
    (b"/%zz", Some((b"/%25zz", b"/%zz", b""))),
    (b"/%", Some((b"/%25", b"/%", b""))),
    (b"/%4", Some((b"/%254", b"/%4", b""))),
    (b"/a%?41", Some((b"/a%25?41", b"/a%", b"41"))),
    (b"/a%00b", None),
    (b"/a%0ab", None),
    (b"/a%7fb", None),
    (b"/a%80b", Some((b"/a%80b", b"/a\x80b", b""))),
    (b"/\xc3\xa9", Some((b"/%C3%A9", b"/\xc3\xa9", b""))),
    (b"/%c3%a9", Some((b"/%C3%A9", b"/\xc3\xa9", b""))),
    (b"/%c3", Some((b"/%C3", b"/\xc3", b""))),
    (b"/a#frag", Some((b"/a", b"/a", b""))),
    (b"/a?b#frag", Some((b"/a?b", b"/a", b"b"))),
    (b"/a#f?b", Some((b"/a", b"/a", b""))),
    (b"/a?b?c", Some((b"/a?b?c", b"/a", b"b?c"))),
    (b"/a?", Some((b"/a?", b"/a", b""))),
    (b"/?", Some((b"/?", b"/", b""))),
    (b"/%3f", Some((b"/%3F", b"/?", b""))),
    (b"/%3F?a=%41+%20", Some((b"/%3F?a=A+%20", b"/?", b"a=A+%20"))),
    (b"/a%20b+c", Some((b"/a%20b+c", b"/a b+c", b""))),
    (b"/a?%zz", Some((b"/a?%25zz", b"/a", b"%25zz"))),
    (b"/a?%", Some((b"/a?%25", b"/a", b"%25"))),
    (b"/a?%00", None),
    (b"/a?%c0", None),
    (b"/a\\b", Some((b"/a%5Cb", b"/a\\b", b""))),
    (b"/a%5c..%5cb", Some((b"/a%5C..%5Cb", b"/a\\..\\b", b""))),
    (b"/a\"<>^`{|}b", Some((b"/a%22%3C%3E%5E%60%7B%7C%7Db", b"/a\"<>^`{|}b", b""))),
    (b"/a?\"<>^`{|}b", Some((b"/a?%22%3C%3E%5E%60%7B%7C%7Db", b"/a", b"%22%3C%3E%5E%60%7B%7C%7Db"))),
    (b"/a?x[0]=1", Some((b"/a?x%5B0%5D=1", b"/a", b"x%5B0%5D=1"))),
    (b"/a;b=1/../c", Some((b"/c", b"/c", b""))),
    (b"/a/..;/b", Some((b"/a/..;/b", b"/a/..;/b", b""))),
    (b"/a/...", Some((b"/a/...", b"/a/...", b""))),
    (b"/a/.b", Some((b"/a/.b", b"/a/.b", b""))),
    (b"/a/..b", Some((b"/a/..b", b"/a/..b", b""))),
    (b"/a/b.", Some((b"/a/b.", b"/a/b.", b""))),
    (b"/.", Some((b"/", b"/", b""))),
    (b"/a/.", Some((b"/a/", b"/a/", b""))),
    (b"/a/..", Some((b"/", b"/", b""))),
    (b"/a/../?x", Some((b"/?x", b"/", b"x"))),
    (b"/a/b/../../../c", Some((b"/c", b"/c", b""))),
    (b"/%25", Some((b"/%25", b"/%", b""))),
    (b"/%2541", Some((b"/%2541", b"/%41", b""))),
    (b"/!$&'()*+,;=:@-._~", Some((b"/!$&'()*+,;=:@-._~", b"/!$&'()*+,;=:@-._~", b""))),
    (b"/%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40%2d%2e%5f", Some((b"/%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40-._", b"/!$&'()*+,;=:@-._", b""))),
    (b"/?%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40%2d%2e%5f%2f%3f%23%25%20", Some((b"/?%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40-._%2F%3F%23%25%20", b"/", b"%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40-._%2F%3F%23%25%20"))),
    (b"/%23", Some((b"/%23", b"/#", b""))),
    (b"/[]", Some((b"/%5B%5D", b"/[]", b""))),
    (b"/%1f", None),
    (b"/a?%7f", None),
    (b"/%f4%90%80%80", Some((b"/%F4%90%80%80", b"/\xf4\x90\x80\x80", b""))),
    (b"/%ed%a0%80", Some((b"/%ED%A0%80", b"/\xed\xa0\x80", b""))),
    (b"/%c0%af", None),
    (b"/%f5", None),
    (b"/a/%2e/b", Some((b"/a/b", b"/a/b", b""))),
    (b"/a/%2e%2e", Some((b"/", b"/", b""))),
    (b"/a?b=../c/./d", Some((b"/a?b=../c/./d", b"/a", b"b=../c/./d"))),
    (b"//", Some((b"/", b"/", b""))),
    (b"///", Some((b"/", b"/", b""))),
    (b"//..//a", Some((b"/a", b"/a", b""))),
    (b"/a//../b", Some((b"/b", b"/b", b""))),
    (b"/a%2f../b", Some((b"/b", b"/b", b""))),
    (b"/a%2f..%2fb", Some((b"/b", b"/b", b""))),
    (b"/%2f/x", Some((b"/x", b"/x", b""))),
    (b"/%2E%2e/", Some((b"/", b"/", b""))),
    (b"/a?x+y%20z", Some((b"/a?x+y%20z", b"/a", b"x+y%20z"))),
    (b"/a?x%2by", Some((b"/a?x%2By", b"/a", b"x%2By"))),
];

#[rustfmt::skip]
const URL_NORMALIZE_REQUIRED: &[Row] = &[
    (b"/a%2Fb?x=%2f", Some((b"/a/b?x=/", b"/a/b", b"x=/"))),
    (b"/%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40%2d%2e%5f", Some((b"/!$&'()*+,;=:@-._", b"/!$&'()*+,;=:@-._", b""))),
    (b"/?%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40%2d%2e%5f%2f%3f%23%25%20", Some((b"/?!$%26'()*%2B,%3B%3D:@-._/?%23%25%20", b"/", b"!$%26'()*%2B,%3B%3D:@-._/?%23%25%20"))),
];

#[rustfmt::skip]
const NO_URL_NORMALIZE: &[Row] = &[
    (b"/a/../b", Some((b"/a/../b", b"/b", b""))),
    (b"/a//b", Some((b"/a//b", b"/a/b", b""))),
    (b"//a/b", Some((b"//a/b", b"/a/b", b""))),
    (b"/a/./b/", Some((b"/a/./b/", b"/a/b/", b""))),
    (b"/..", Some((b"/..", b"/", b""))),
    (b"/%2e%2e/x", Some((b"/%2e%2e/x", b"/x", b""))),
    (b"/a%2fb", Some((b"/a%2fb", b"/a/b", b""))),
    (b"/a%2Fb?x=%2f", Some((b"/a%2Fb?x=%2f", b"/a/b", b"x=%2f"))),
    (b"/%41%7e%7E", Some((b"/%41%7e%7E", b"/A~~", b""))),
    (b"/%zz", Some((b"/%zz", b"/%zz", b""))),
    (b"/%", Some((b"/%", b"/%", b""))),
    (b"/%4", Some((b"/%4", b"/%4", b""))),
    (b"/a%?41", Some((b"/a%?41", b"/a%", b"41"))),
    (b"/a%00b", Some((b"/a%00b", b"/a_b", b""))),
    (b"/a%0ab", Some((b"/a%0ab", b"/a_b", b""))),
    (b"/a%7fb", Some((b"/a%7fb", b"/a_b", b""))),
    (b"/\xc3\xa9", Some((b"/\xc3\xa9", b"/\xc3\xa9", b""))),
    (b"/%c3%a9", Some((b"/%c3%a9", b"/\xc3\xa9", b""))),
    (b"/%c3", Some((b"/%c3", b"/\xc3", b""))),
    (b"/%3f", Some((b"/%3f", b"/?", b""))),
    (b"/%3F?a=%41+%20", Some((b"/%3F?a=%41+%20", b"/?", b"a=%41+%20"))),
    (b"/a?%zz", Some((b"/a?%zz", b"/a", b"%zz"))),
    (b"/a?%", Some((b"/a?%", b"/a", b"%"))),
    (b"/a?%00", Some((b"/a?%00", b"/a", b"%00"))),
    (b"/a?%c0", Some((b"/a?%c0", b"/a", b"%c0"))),
    (b"/a\\b", Some((b"/a\\b", b"/a\\b", b""))),
    (b"/a%5c..%5cb", Some((b"/a%5c..%5cb", b"/a\\..\\b", b""))),
    (b"/a\"<>^`{|}b", Some((b"/a\"<>^`{|}b", b"/a\"<>^`{|}b", b""))),
    (b"/a?\"<>^`{|}b", Some((b"/a?\"<>^`{|}b", b"/a", b"\"<>^`{|}b"))),
    (b"/a?x[0]=1", Some((b"/a?x[0]=1", b"/a", b"x[0]=1"))),
    (b"/a;b=1/../c", Some((b"/a;b=1/../c", b"/c", b""))),
    (b"/.", Some((b"/.", b"/", b""))),
    (b"/a/.", Some((b"/a/.", b"/a/", b""))),
    (b"/a/..", Some((b"/a/..", b"/", b""))),
    (b"/a/../?x", Some((b"/a/../?x", b"/", b"x"))),
    (b"/a/b/../../../c", Some((b"/a/b/../../../c", b"/c", b""))),
    (b"/%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40%2d%2e%5f", Some((b"/%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40%2d%2e%5f", b"/!$&'()*+,;=:@-._", b""))),
    (b"/?%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40%2d%2e%5f%2f%3f%23%25%20", Some((b"/?%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40%2d%2e%5f%2f%3f%23%25%20", b"/", b"%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40%2d%2e%5f%2f%3f%23%25%20"))),
    (b"/[]", Some((b"/[]", b"/[]", b""))),
    (b"/%1f", Some((b"/%1f", b"/_", b""))),
    (b"/a?%7f", Some((b"/a?%7f", b"/a", b"%7f"))),
    (b"/%f4%90%80%80", Some((b"/%f4%90%80%80", b"/\xf4\x90\x80\x80", b""))),
    (b"/%ed%a0%80", Some((b"/%ed%a0%80", b"/\xed\xa0\x80", b""))),
    (b"/%c0%af", Some((b"/%c0%af", b"/\xc0\xaf", b""))),
    (b"/%f5", Some((b"/%f5", b"/\xf5", b""))),
    (b"/a/%2e/b", Some((b"/a/%2e/b", b"/a/b", b""))),
    (b"/a/%2e%2e", Some((b"/a/%2e%2e", b"/", b""))),
    (b"//", Some((b"//", b"/", b""))),
    (b"///", Some((b"///", b"/", b""))),
    (b"//..//a", Some((b"//..//a", b"/a", b""))),
    (b"/a//../b", Some((b"/a//../b", b"/b", b""))),
    (b"/a%2f../b", Some((b"/a%2f../b", b"/b", b""))),
    (b"/a%2f..%2fb", Some((b"/a%2f..%2fb", b"/b", b""))),
    (b"/%2f/x", Some((b"/%2f/x", b"/x", b""))),
    (b"/%2E%2e/", Some((b"/%2E%2e/", b"/", b""))),
    (b"/a?x%2by", Some((b"/a?x%2by", b"/a", b"x%2by"))),
];

#[rustfmt::skip]
const NO_URL_CTRLS_REJECT: &[Row] = &[
    (b"/a%00b", Some((b"/a%00b", b"/a_b", b""))),
    (b"/a%0ab", Some((b"/a%0Ab", b"/a_b", b""))),
    (b"/a%7fb", Some((b"/a%7Fb", b"/a_b", b""))),
    (b"/a?%00", Some((b"/a?%00", b"/a", b"%00"))),
    (b"/%1f", Some((b"/%1F", b"/_", b""))),
    (b"/a?%7f", Some((b"/a?%7F", b"/a", b"%7F"))),
];

#[rustfmt::skip]
const NO_URL_INVALID_UTF8_REJECT: &[Row] = &[
    (b"/a?%c0", Some((b"/a?%C0", b"/a", b"%C0"))),
    (b"/%c0%af", Some((b"/%C0%AF", b"/\xc0\xaf", b""))),
    (b"/%f5", Some((b"/%F5", b"/\xf5", b""))),
];

#[rustfmt::skip]
const NO_URL_PATH2F_DECODE: &[Row] = &[
    (b"/a%2fb", Some((b"/a%2Fb", b"/a/b", b""))),
    (b"/a%2Fb?x=%2f", Some((b"/a%2Fb?x=%2F", b"/a/b", b"x=%2F"))),
    (b"/a%2f../b", Some((b"/a%2F../b", b"/b", b""))),
    (b"/a%2f..%2fb", Some((b"/a%2F..%2Fb", b"/b", b""))),
    (b"/%2f/x", Some((b"/%2F/x", b"/x", b""))),
];

#[rustfmt::skip]
const URL_PATH2F_REJECT: &[Row] = &[
    (b"/a%2fb", None),
    (b"/a%2Fb?x=%2f", None),
    (b"/a%2f../b", None),
    (b"/a%2f..%2fb", None),
    (b"/%2f/x", None),
];

#[rustfmt::skip]
const NO_URL_PATH_DOTSEG_REMOVE: &[Row] = &[
    (b"/a/../b", Some((b"/a/../b", b"/b", b""))),
    (b"/a//b", Some((b"/a//b", b"/a/b", b""))),
    (b"//a/b", Some((b"//a/b", b"/a/b", b""))),
    (b"/a/./b/", Some((b"/a/./b/", b"/a/b/", b""))),
    (b"/..", Some((b"/..", b"/", b""))),
    (b"/%2e%2e/x", Some((b"/../x", b"/x", b""))),
    (b"/a;b=1/../c", Some((b"/a;b=1/../c", b"/c", b""))),
    (b"/.", Some((b"/.", b"/", b""))),
    (b"/a/.", Some((b"/a/.", b"/a/", b""))),
    (b"/a/..", Some((b"/a/..", b"/", b""))),
    (b"/a/../?x", Some((b"/a/../?x", b"/", b"x"))),
    (b"/a/b/../../../c", Some((b"/a/b/../../../c", b"/c", b""))),
    (b"/a/%2e/b", Some((b"/a/./b", b"/a/b", b""))),
    (b"/a/%2e%2e", Some((b"/a/..", b"/", b""))),
    (b"//", Some((b"//", b"/", b""))),
    (b"///", Some((b"///", b"/", b""))),
    (b"//..//a", Some((b"//..//a", b"/a", b""))),
    (b"/a//../b", Some((b"/a//../b", b"/b", b""))),
    (b"/a%2f../b", Some((b"/a/../b", b"/b", b""))),
    (b"/a%2f..%2fb", Some((b"/a/../b", b"/b", b""))),
    (b"/%2f/x", Some((b"///x", b"/x", b""))),
    (b"/%2E%2e/", Some((b"/../", b"/", b""))),
];

#[rustfmt::skip]
const URL_PATH_DOTSEG_REJECT: &[Row] = &[
    (b"/a/../b", None),
    (b"/a//b", None),
    (b"//a/b", None),
    (b"/a/./b/", None),
    (b"/..", None),
    (b"/%2e%2e/x", None),
    (b"/a;b=1/../c", None),
    (b"/.", None),
    (b"/a/.", None),
    (b"/a/..", None),
    (b"/a/../?x", None),
    (b"/a/b/../../../c", None),
    (b"/a/%2e/b", None),
    (b"/a/%2e%2e", None),
    (b"//", None),
    (b"///", None),
    (b"//..//a", None),
    (b"/a//../b", None),
    (b"/a%2f../b", None),
    (b"/a%2f..%2fb", None),
    (b"/%2f/x", None),
    (b"/%2E%2e/", None),
];

#[rustfmt::skip]
const URL_QUERY20_PLUS: &[Row] = &[
    (b"/%3F?a=%41+%20", Some((b"/%3F?a=A++", b"/?", b"a=A++"))),
    (b"/?%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40%2d%2e%5f%2f%3f%23%25%20", Some((b"/?%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40-._%2F%3F%23%25+", b"/", b"%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40-._%2F%3F%23%25+"))),
    (b"/a?x+y%20z", Some((b"/a?x+y+z", b"/a", b"x+y+z"))),
];

#[rustfmt::skip]
const STRICT_HOSTS: &[HostRow] = &[
    (b"a", Some(b"a")),
    (b"A.Example.COM", Some(b"a.example.com")),
    (b"a.", Some(b"a")),
    (b"a..", None),
    (b".a", None),
    (b"a..b", None),
    (b"a:80", Some(b"a")),
    (b"a:8080", Some(b"a:8080")),
    (b"a:", Some(b"a")),
    (b"a:0", None),
    (b"a:65535", Some(b"a:65535")),
    (b"a:65536", None),
    (b"a:99999999", None),
    (b"a:8a", None),
    (b"a:080", None),
    (b"a:-1", None),
    (b"a.:80", Some(b"a")),
    (b"a.:8080", Some(b"a:8080")),
    (b"A.:", Some(b"a")),
    (b"a_b", None),
    (b"-a", None),
    (b"a-", Some(b"a-")),
    (b"a-.b", Some(b"a-.b")),
    (b"a.-b", None),
    (b"a--b", Some(b"a--b")),
    (b"127.0.0.1", Some(b"127.0.0.1")),
    (b"127.1", None),
    (b"1.2.3", None),
    (b"1.2.3.4.", Some(b"1.2.3.4")),
    (b"1.2.3.4.5", None),
    // oracle: accepts addresses that are none
    (b"256.1.1.1", None),
    (b"01.2.3.4", None),
    (b"0x7f.1", None),
    (b"12345", None),
    (b"[::1]", Some(b"[::1]")),
    (b"[::1]:", Some(b"[::1]")),
    (b"[::1]:80", Some(b"[::1]")),
    (b"[::1]:8080", Some(b"[::1]:8080")),
    (b"[::1", None),
    (b"[::1]x", None),
    (b"[::1].", None),
    (b"::1", None),
    (b"[::1%25eth0]", None),
    (b"[1:0:0:0:0:0:0:1]", Some(b"[1::1]")),
    (b"[::FFFF:1.2.3.4]", Some(b"[::ffff:1.2.3.4]")),
    (b"[2001:DB8::1]:1", Some(b"[2001:db8::1]:1")),
    (b"[g::]", None),
    (b"[]", None),
    (b"[v1.x]", None),
    (b"[1:2]", None),
    (b"a b", None),
    (b"a,b", None),
    (b"a/b", None),
    (b"u@a", None),
    (b"a?b", None),
    (b"a#b", None),
    (b"a\\b", None),
    (b"a%41", None),
    (b"\xc3\xa9", None),
    (b"*", None),
    (b"a;b", None),
    (b"a\"b", None),
    (b"a~b", None),
    (b"xn--bcher-kva.ch", Some(b"xn--bcher-kva.ch")),
    (b"1a.2b", Some(b"1a.2b")),
    (b"a.1", None),
    (b"a.1b", Some(b"a.1b")),
    (b"1.2.3.4a", Some(b"1.2.3.4a")),
    (b".", None),
    (b"..", None),
    (b":80", None),
    (b"a:b:c", None),
    (b"[fe80::1]:65536", None),
    (b"a:443", Some(b"a:443")),
];

#[rustfmt::skip]
const NORMALIZED_HOSTS: &[HostRow] = &[
    (b"a", Some(b"a")),
    (b"A.Example.COM", Some(b"a.example.com")),
    (b"a.", Some(b"a.")),
    (b"a..", Some(b"a..")),
    // oracle: accepts hosts that lead out of a directory of hosts (".a", "a/b", ".", "..")
    (b".a", None),
    (b"a..b", Some(b"a..b")),
    (b"a:80", Some(b"a")),
    (b"a:8080", Some(b"a:8080")),
    (b"a:", Some(b"a")),
    (b"a:0", None),
    (b"a:65535", Some(b"a:65535")),
    (b"a:65536", None),
    (b"a:99999999", None),
    (b"a:8a", None),
    (b"a:080", None),
    (b"a:-1", None),
    (b"a.:80", Some(b"a.")),
    (b"a.:8080", Some(b"a.:8080")),
    (b"A.:", Some(b"a.")),
    (b"a_b", Some(b"a_b")),
    (b"-a", Some(b"-a")),
    (b"a-", Some(b"a-")),
    (b"a-.b", Some(b"a-.b")),
    (b"a.-b", Some(b"a.-b")),
    (b"a--b", Some(b"a--b")),
    (b"127.0.0.1", Some(b"127.0.0.1")),
    (b"127.1", Some(b"127.1")),
    (b"1.2.3", Some(b"1.2.3")),
    (b"1.2.3.4.", Some(b"1.2.3.4.")),
    (b"1.2.3.4.5", Some(b"1.2.3.4.5")),
    (b"256.1.1.1", Some(b"256.1.1.1")),
    (b"01.2.3.4", Some(b"01.2.3.4")),
    (b"0x7f.1", Some(b"0x7f.1")),
    (b"12345", Some(b"12345")),
    (b"[::1]", Some(b"[::1]")),
    (b"[::1]:", Some(b"[::1]")),
    (b"[::1]:80", Some(b"[::1]")),
    (b"[::1]:8080", Some(b"[::1]:8080")),
    (b"[::1", None),
    (b"[::1]x", None),
    (b"[::1].", None),
    (b"::1", None),
    // oracle: accepts zones
    (b"[::1%25eth0]", None),
    (b"[1:0:0:0:0:0:0:1]", Some(b"[1::1]")),
    (b"[::FFFF:1.2.3.4]", Some(b"[::ffff:1.2.3.4]")),
    (b"[2001:DB8::1]:1", Some(b"[2001:db8::1]:1")),
    (b"[g::]", None),
    (b"[]", None),
    (b"[v1.x]", None),
    (b"[1:2]", None),
    (b"a b", Some(b"a b")),
    (b"a,b", Some(b"a,b")),
    (b"a/b", None),
    (b"u@a", Some(b"u@a")),
    (b"a?b", Some(b"a?b")),
    (b"a#b", Some(b"a#b")),
    (b"a\\b", Some(b"a\\b")),
    (b"a%41", Some(b"a%41")),
    (b"\xc3\xa9", Some(b"\xc3\xa9")),
    (b"*", Some(b"*")),
    (b"a;b", Some(b"a;b")),
    (b"a\"b", Some(b"a\"b")),
    (b"a~b", Some(b"a~b")),
    (b"xn--bcher-kva.ch", Some(b"xn--bcher-kva.ch")),
    (b"1a.2b", Some(b"1a.2b")),
    (b"a.1", Some(b"a.1")),
    (b"a.1b", Some(b"a.1b")),
    (b"1.2.3.4a", Some(b"1.2.3.4a")),
    (b".", None),
    (b"..", None),
    (b":80", None),
    (b"a:b:c", None),
    (b"[fe80::1]:65536", None),
    (b"a:443", Some(b"a:443")),
];

#[rustfmt::skip]
const LAX_HOSTS: &[HostRow] = &[
    (b"a", Some(b"a")),
    (b"A.Example.COM", Some(b"a.example.com")),
    (b"a.", Some(b"a.")),
    (b"a..", Some(b"a..")),
    // oracle: accepts hosts that lead out of a directory of hosts (".a", "a/b", ".", "..")
    (b".a", None),
    (b"a..b", Some(b"a..b")),
    (b"a:80", Some(b"a:80")),
    (b"a:8080", Some(b"a:8080")),
    (b"a:", Some(b"a:")),
    (b"a:0", Some(b"a:0")),
    (b"a:65535", Some(b"a:65535")),
    (b"a:65536", Some(b"a:65536")),
    (b"a:99999999", Some(b"a:99999999")),
    (b"a:8a", Some(b"a:8a")),
    (b"a:080", Some(b"a:080")),
    (b"a:-1", Some(b"a:-1")),
    (b"a.:80", Some(b"a.:80")),
    (b"a.:8080", Some(b"a.:8080")),
    (b"A.:", Some(b"a.:")),
    (b"a_b", Some(b"a_b")),
    (b"-a", Some(b"-a")),
    (b"a-", Some(b"a-")),
    (b"a-.b", Some(b"a-.b")),
    (b"a.-b", Some(b"a.-b")),
    (b"a--b", Some(b"a--b")),
    (b"127.0.0.1", Some(b"127.0.0.1")),
    (b"127.1", Some(b"127.1")),
    (b"1.2.3", Some(b"1.2.3")),
    (b"1.2.3.4.", Some(b"1.2.3.4.")),
    (b"1.2.3.4.5", Some(b"1.2.3.4.5")),
    (b"256.1.1.1", Some(b"256.1.1.1")),
    (b"01.2.3.4", Some(b"01.2.3.4")),
    (b"0x7f.1", Some(b"0x7f.1")),
    (b"12345", Some(b"12345")),
    (b"[::1]", Some(b"[::1]")),
    (b"[::1]:", Some(b"[::1]:")),
    (b"[::1]:80", Some(b"[::1]:80")),
    (b"[::1]:8080", Some(b"[::1]:8080")),
    (b"[::1", Some(b"[::1")),
    (b"[::1]x", Some(b"[::1]x")),
    (b"[::1].", Some(b"[::1].")),
    (b"::1", Some(b"::1")),
    (b"[::1%25eth0]", Some(b"[::1%25eth0]")),
    (b"[1:0:0:0:0:0:0:1]", Some(b"[1:0:0:0:0:0:0:1]")),
    (b"[::FFFF:1.2.3.4]", Some(b"[::ffff:1.2.3.4]")),
    (b"[2001:DB8::1]:1", Some(b"[2001:db8::1]:1")),
    (b"[g::]", Some(b"[g::]")),
    (b"[]", Some(b"[]")),
    (b"[v1.x]", Some(b"[v1.x]")),
    (b"[1:2]", Some(b"[1:2]")),
    (b"a b", Some(b"a b")),
    (b"a,b", Some(b"a,b")),
    (b"a/b", None),
    (b"u@a", Some(b"u@a")),
    (b"a?b", Some(b"a?b")),
    (b"a#b", Some(b"a#b")),
    (b"a\\b", Some(b"a\\b")),
    (b"a%41", Some(b"a%41")),
    (b"\xc3\xa9", Some(b"\xc3\xa9")),
    (b"*", Some(b"*")),
    (b"a;b", Some(b"a;b")),
    (b"a\"b", Some(b"a\"b")),
    (b"a~b", Some(b"a~b")),
    (b"xn--bcher-kva.ch", Some(b"xn--bcher-kva.ch")),
    (b"1a.2b", Some(b"1a.2b")),
    (b"a.1", Some(b"a.1")),
    (b"a.1b", Some(b"a.1b")),
    (b"1.2.3.4a", Some(b"1.2.3.4a")),
    (b".", None),
    (b"..", None),
    (b":80", Some(b":80")),
    (b"a:b:c", Some(b"a:b:c")),
    (b"[fe80::1]:65536", Some(b"[fe80::1]:65536")),
    (b"a:443", Some(b"a:443")),
];
