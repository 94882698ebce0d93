use proptest::prelude::*;

use super::*;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(from, to): &(&str, &str)| ((*from).to_owned(), (*to).to_owned());
    pairs.iter().map(owned).collect()
}

fn map() -> HeaderMap {
    HeaderMap {
        urlpath: pairs(&[("/app/", "/"), ("/b", "/backend/b"), ("/c", "/backend/b")]),
        host_request: pairs(&[
            ("www.example", "inner:8080"),
            ("keep.example", ""),
            ("me.example", "-"),
        ]),
        host_response: pairs(&[("-", "-"), ("static.inner", "static.example"), ("stay", "")]),
        ..HeaderMap::default()
    }
}

fn text(value: Cow<'_, [u8]>) -> String {
    String::from_utf8(value.into_owned()).unwrap()
}

#[test]
fn requests_are_mapped() {
    let map = map();
    let way = Way::of(&map, b"WWW.example", b"/app/x", "http");
    for (target, expected) in [
        ("/app/x?q", "/x?q"),
        ("/app", "/app"),
        ("/b", "/backend/b"),
        ("/bc", "/backend/bc"),
        ("/x/app/", "/x/app/"),
        ("*", "*"),
        ("http://www.example/app/x", "http://inner:8080/x"),
    ] {
        assert_eq!(text(map.request_target(&way, target.as_bytes())), expected);
    }
    for (host, expected) in [
        ("www.EXAMPLE", "inner:8080"),
        ("keep.example", "keep.example"),
        ("me.example", "WWW.example"),
        ("other", "other"),
        ("", ""),
    ] {
        assert_eq!(text(map.request_host(&way, host.as_bytes())), expected);
    }
    for (url, expected) in [
        ("https://www.example/app/y", "https://inner:8080/y"),
        ("/app/y", "/y"),
        ("y", "y"),
    ] {
        assert_eq!(text(map.request_url(&way, url.as_bytes())), expected);
    }
    assert_eq!(way.mapped_host, b"inner:8080");
}

#[test]
fn responses_are_mapped_back() {
    let map = map();
    let way = Way::of(&map, b"www.example", b"/c/x", "http");
    for (location, expected) in [
        ("/backend/b/y", "/c/y"),
        ("/y", "/app/y"),
        ("y", "y"),
        ("?y", "?y"),
        ("", ""),
        ("http://inner:8080/backend/b/y", "http://www.example/c/y"),
        ("http://INNER:8080", "http://www.example/app/"),
        ("http://inner:8080?q", "http://www.example?q"),
        ("//inner:8080/y", "//www.example/app/y"),
        ("https://static.inner/y", "https://static.example/app/y"),
        ("http://stay/y", "http://stay/app/y"),
        ("mailto:a@b", "mailto:a@b"),
        ("http:///y", "http:///y"),
        ("y://", "y://"),
        ("///y", "///y"),
    ] {
        for name in ["Location", "content-location"] {
            let found = map.response_field(&way, name.as_bytes(), location.as_bytes());
            assert_eq!(text(found), expected, "{location}");
        }
    }
    let other = map.response_field(&way, b"Link", b"/backend/b/y");
    assert_eq!(text(other), "/backend/b/y");

    // Without the pair that was used: the first one that fits.
    let direct = Way::of(&map, b"www.example", b"/x", "http");
    let found = map.response_field(&direct, b"Location", b"/backend/b/y");
    assert_eq!(text(found), "/app/backend/b/y");
}

#[test]
fn cookies_are_mapped_back() {
    let map = map();
    let way = Way::of(&map, b"www.example", b"/app/x", "http");
    let way = Way {
        mapped_host: b"inner".to_vec(),
        ..way
    };
    for (cookie, expected) in [
        ("a=b", "a=b"),
        ("path=/x", "path=/x"),
        ("a=b; Path=/x; Secure", "a=b; Path=/app/x; Secure"),
        ("a=b;path=\"/x\" ;x", "a=b;path=\"/app/x\" ;x"),
        ("a=b; path=x", "a=b; path=x"),
        ("a=b; PATH = /x", "a=b; PATH = /x"),
        (
            "a=b; Domain=.inner; path=/",
            "a=b; Domain=.www.example; path=/app/",
        ),
        ("a=b; domain=INNER", "a=b; domain=www.example"),
        ("a=b; domain=other; HttpOnly", "a=b; domain=other; HttpOnly"),
        ("a=b; domain=; path", "a=b; domain=; path"),
        ("a=b;;", "a=b;;"),
    ] {
        let found = map.response_field(&way, b"set-cookie", cookie.as_bytes());
        assert_eq!(text(found), expected);
    }
}

#[test]
fn schemes_are_mapped_with_their_hosts() {
    let map = HeaderMap {
        https_remap: true,
        ..map()
    };
    let way = Way::of(&map, b"www.example", b"/", "https");
    let destination = map.request_url(&way, b"https://www.example/app/y");
    assert_eq!(text(destination), "http://inner:8080/y");
    for (location, expected) in [
        ("http://inner:8080/y", "https://www.example/app/y"),
        ("https://inner:8080/y", "https://www.example/app/y"),
        ("http://other/y", "http://other/app/y"),
        ("//inner:8080/y", "//www.example/app/y"),
    ] {
        let found = map.response_field(&way, b"Location", location.as_bytes());
        assert_eq!(text(found), expected);
    }
    let plain = Way::of(&map, b"www.example", b"/", "http");
    let found = map.response_field(&plain, b"Location", b"http://inner:8080/y");
    assert_eq!(text(found), "http://www.example/app/y");
}

#[test]
fn paths_of_some_hosts_are_left_alone() {
    let location = |map: &HeaderMap, value: &str| {
        let way = Way::of(map, b"www.example", b"/", "http");
        text(map.response_field(&way, b"Location", value.as_bytes()))
    };
    let excluding = HeaderMap {
        no_path_hosts: vec!["other".to_owned()],
        ..map()
    };
    assert_eq!(location(&excluding, "http://OTHER/y"), "http://OTHER/y");
    assert_eq!(
        location(&excluding, "http://another/y"),
        "http://another/app/y"
    );
    assert_eq!(location(&excluding, "/y"), "/app/y");
    let including = HeaderMap {
        path_hosts: vec!["inner:8080".to_owned()],
        ..map()
    };
    assert_eq!(
        location(&including, "http://inner:8080/y"),
        "http://www.example/app/y"
    );
    assert_eq!(location(&including, "http://another/y"), "http://another/y");
    assert_eq!(location(&including, "/y"), "/app/y");
}

proptest! {
    #[test]
    fn nothing_breaks_and_nothing_changes_without_a_map(value in "[ -~]{0,40}") {
        let nothing = HeaderMap::default();
        let way = Way::of(&nothing, b"h", value.as_bytes(), "https");
        for name in [&b"Location"[..], b"Set-Cookie"] {
            let found = nothing.response_field(&way, name, value.as_bytes());
            prop_assert_eq!(text(found), value.as_str());
        }
        let map = map();
        let way = Way::of(&map, b"www.example", value.as_bytes(), "http");
        map.response_field(&way, b"Location", value.as_bytes());
        map.response_field(&way, b"Set-Cookie", value.as_bytes());
        map.request_target(&way, value.as_bytes());
    }

    #[test]
    fn a_path_comes_back_as_it_went(rest in "[a-z/]{0,10}") {
        let map = map();
        for start in ["/app/", "/b", "/c"] {
            let target = format!("{start}{rest}");
            let way = Way::of(&map, b"h", target.as_bytes(), "http");
            let there = map.request_target(&way, target.as_bytes()).into_owned();
            // `//` would be a host.
            prop_assume!(!there.starts_with(b"//") && !target.starts_with("//"));
            prop_assert_eq!(text(map.response_field(&way, b"Location", &there)), target);
        }
    }
}
