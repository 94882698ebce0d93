//! Documents with server-side includes.
//!
//! Out: files below `/ssi`, one for each thing a document can say, and requests for them. Must hold: what they become does
//! not depend on the time or on ports.

use std::fs;
use std::path::Path;

use super::requests::{Request, get_with};

const DOCUMENTS: &[(&str, &str)] = &[
    ("plain", "plain"),
    (
        "name",
        "<!--#echo var=\"DOCUMENT_NAME\"-->|<!--#echo var=\"DOCUMENT_URI\" -->",
    ),
    ("none", "<!--#echo var=\"NOPE\"-->"),
    (
        "request",
        "<!--#echo var=\"QUERY_STRING\"-->|<!--#echo var=\"REQUEST_METHOD\"-->|<!--#echo var=\"SCRIPT_NAME\"-->|<!--#echo var=\"REQUEST_URI\"-->|<!--#echo var=\"SERVER_PROTOCOL\"-->|<!--#echo var=\"HTTP_X_FOO\"-->|<!--#echo var=\"HTTP_HOST\"-->|<!--#echo var=\"SERVER_NAME\"-->|<!--#echo var=\"SERVER_SOFTWARE\"-->|<!--#echo var=\"GATEWAY_INTERFACE\"-->|<!--#echo var=\"REDIRECT_STATUS\"-->|<!--#echo var=\"DOCUMENT_ROOT\"-->|<!--#echo var=\"SCRIPT_FILENAME\"-->|<!--#echo var=\"REMOTE_ADDR\"-->|<!--#echo var=\"REMOTE_USER\"-->",
    ),
    (
        "set",
        "<!--#set var=\"a\" value=\"b<&>\"--><!--#echo var=\"a\"-->|<!--#set value=\"$QUERY_STRING\" var=\"a\"--><!--#echo var='a'-->",
    ),
    (
        "file",
        "<!--#include file=\"../a.txt\"-->|<!--#include file=\"plain.shtml\"-->|<!--#include file=\"pl%61in.shtml\"-->|<!--#include file=\"nope\"-->",
    ),
    (
        "virtual",
        "<!--#include virtual=\"/a.txt\"-->|<!--#include virtual=\"plain.shtml\"-->|<!--#include virtual=\"../b.txt\"-->|<!--#include virtual=\"/../../outside/secret.txt\"-->|<!--#include virtual=\"/missing\"-->",
    ),
    (
        "nested",
        "[<!--#set var=\"v\" value=\"1\"--><!--#include virtual=\"inner.shtml\"--><!--#echo var=\"w\"-->]",
    ),
    (
        "inner",
        "(<!--#echo var=\"v\"--><!--#set var=\"w\" value=\"2\"--><!--#include virtual=\"deeper.shtml\"-->|<!--#include file=\"deeper.shtml\"-->)",
    ),
    ("deeper", "{<!--#echo var=\"w\"-->}"),
    (
        "itself",
        "<!--#include file=\"itself.shtml\"-->|<!--#include virtual=\"itself.shtml\"-->",
    ),
    (
        "size",
        "<!--#fsize file=\"../digits.txt\"-->|<!--#fsize virtual=\"/digits.txt\"-->|<!--#config sizefmt=\"abbrev\"--><!--#fsize virtual=\"/large.bin\"-->|<!--#fsize virtual=\"/digits.txt\"-->|<!--#config sizefmt=\"bytes\"--><!--#fsize virtual=\"/large.bin\"-->",
    ),
    (
        "changed",
        "<!--#config timefmt=\"%Y-%m-%d %H:%M\"--><!--#flastmod virtual=\"/a.txt\"-->|<!--#flastmod virtual=\"/missing\"-->",
    ),
    ("large", "before<!--#include virtual=\"/large.bin\"-->after"),
    (
        "if",
        "<!--#if expr=\"a\"-->1<!--#else-->2<!--#endif--><!--#if expr=\"\"-->1<!--#else-->2<!--#endif--><!--#if expr=\"$QUERY_STRING = 'q=1'\"-->1<!--#else-->2<!--#endif--><!--#if expr=\"!$NOPE && ${QUERY_STRING} != x\"-->1<!--#else-->2<!--#endif-->",
    ),
    (
        "compare",
        "<!--#if expr=\"10 > 9\"-->1<!--#else-->2<!--#endif--><!--#if expr=\"a <= b\"-->1<!--#else-->2<!--#endif--><!--#if expr=\"b >= a\"-->1<!--#else-->2<!--#endif--><!--#if expr=\"a || a && $N\"-->1<!--#else-->2<!--#endif--><!--#if expr=\"! a = b\"-->1<!--#else-->2<!--#endif--><!--#if expr=\"a b = 'a b'\"-->1<!--#else-->2<!--#endif--><!--#if expr=\"(a\"-->1<!--#else-->2<!--#endif-->",
    ),
    (
        "elif",
        "<!--#if expr=\"a = b\"-->1<!--#elif expr=\"a = a\"-->2<!--#elif expr=\"a\"-->3<!--#else-->4<!--#endif-->5",
    ),
    (
        "within",
        "<!--#if expr=\"x\"-->a<!--#if expr=\"$NO\"-->b<!--#else-->c<!--#endif-->d<!--#else-->e<!--#if expr=\"x\"-->f<!--#endif-->g<!--#endif-->h",
    ),
    (
        "hidden",
        "<!--#if expr=\"$NO\"--><!--#set var=\"a\" value=\"1\"--><!--#include file=\"plain.shtml\"--><!--#endif--><!--#echo var=\"a\"-->",
    ),
    (
        "odd",
        "<!--#nope x=\"y\"-->1<!--#echo-->2<!--# echo var=\"a\"-->3<!--#echo var = \"a\"-->4<!--#-->5<!--#comment x -->6<!-- x -->7<!--#ECHO var=\"a\"-->8<!--#if-->9<!--#endif-->10<!--#echo var=\"a\"",
    ),
    ("else", "1<!--#endif-->2<!--#else-->3"),
    ("empty", ""),
    (
        "exec",
        "<!--#exec cmd=\"echo one\"-->|<!--#exec cmd='printf two'-->|<!--#exec cmd=\"echo '<b>&'; exit 3\"-->|<!--#exec cmd=\"echo three | tr a-z A-Z\"-->",
    ),
    (
        "exec-between",
        "<!--#include virtual=\"/large.bin\"-->|<!--#exec cmd=\"echo one\"-->|<!--#include virtual=\"/a.txt\"-->",
    ),
    (
        "exec-fails",
        "[<!--#exec cmd=\"/nonexistent/program\"-->|<!--#exec cmd=\"false\"-->|<!--#exec cmd=\"echo a; kill -9 $$\"-->|<!--#exec cmd=\"echo out; echo err >&2\"-->|<!--#exec cmd=\"if\"-->]",
    ),
    (
        "exec-says-nothing",
        "[<!--#exec cmd=\"true\"-->|<!--#exec cmd=\"\"-->|<!--#exec-->|<!--#exec cgi=\"/a.txt\"-->|<!--#exec cmd=\"cat\"-->]",
    ),
    (
        "exec-knows-nothing",
        "<!--#set var=\"V\" value=\"set\"-->[<!--#exec cmd=\"echo ${V-none} ${QUERY_STRING-none} ${DOCUMENT_ROOT-none} ${REQUEST_METHOD-none} ${HTTP_HOST-none} ${LISTEN_FDS-none}\"-->|<!--#exec cmd=\"echo $0 $#\"-->]",
    ),
    (
        "exec-bytes",
        "[<!--#exec cmd=\"printf '\\000\\377\\r\\n'\"-->|<!--#exec cmd=\"head -c 300000 /dev/zero\"-->]",
    ),
    (
        "exec-twice",
        "[<!--#exec cmd=\"echo 1\" cmd=\"echo 2\"-->|<!--#EXEC cmd=\"echo 3\"-->|<!--#exec cmd=\"echo \\\"a  b\\\"\"-->]",
    ),
    (
        "exec-hidden",
        "[<!--#if expr=\"$NO\"--><!--#exec cmd=\"echo hidden\"--><!--#else--><!--#exec cmd=\"echo shown\"--><!--#endif-->]",
    ),
    (
        "exec-within",
        "[<!--#include virtual=\"exec.shtml\"-->|<!--#include file=\"exec.shtml\"-->]",
    ),
    (
        "exec-background",
        "[<!--#exec cmd=\"(exec >/dev/null; sleep 2) & echo now\"-->|<!--#exec cmd=\"sleep 2 & echo then\"-->]",
    ),
];

/// Puts them into a document root.
pub fn install(root: &Path) {
    fs::create_dir(root.join("ssi")).unwrap();
    for (name, text) in DOCUMENTS {
        fs::write(root.join("ssi").join(format!("{name}.shtml")), text).unwrap();
    }
}

/// Each of them, and some in other ways.
pub fn requests() -> Vec<Request> {
    let mut requests = Vec::new();
    for (name, _) in DOCUMENTS {
        for query in ["?q=1", "?deep", "?one"] {
            requests.push(get_with(
                &format!("/ssi/{name}.shtml{query}"),
                &["X-Foo: bar"],
            ));
        }
    }
    for line in ["HEAD /ssi/name.shtml", "OPTIONS /ssi/name.shtml"] {
        requests.push(Request::new(line, &[]));
    }
    requests.push(Request::new("POST /ssi/name.shtml", &["Content-Length: 0"]));
    requests.push(get_with("/ssi/name.shtml", &["Range: bytes=0-3"]));
    for line in [
        "HEAD /ssi/exec.shtml",
        "OPTIONS /ssi/exec.shtml",
        "GET /ssi/exec.shtml?off",
        "GET /ssi/exec.shtml/more",
        "GET /ssi/exec.shtml?type",
    ] {
        requests.push(Request::new(line, &[]));
    }
    requests.push(Request::new("POST /ssi/exec.shtml", &["Content-Length: 0"]));
    requests.push(get_with("/ssi/exec.shtml", &["Range: bytes=0-3"]));
    requests.push(get_with("/ssi/name.shtml/more", &[]));
    requests.push(get_with("/ssi/missing.shtml", &[]));
    requests.push(get_with("/ssi/plain.shtml?type", &[]));
    requests
}
