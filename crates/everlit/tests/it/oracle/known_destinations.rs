//! Where we differ from lighttpd 1.4.69 in where a request goes, and why.
//!
//! Must hold: a difference that is not in here is a mistake; so is a row that no difference fits.

use super::known::{Known, known};

pub const OF_DESTINATIONS: &[Known] = &[
    known(
        "redirect*",
        "HEAD *",
        "content-length",
        "none",
        "0",
        "HEAD has the fields of GET (RFC 9110 9.3.2)",
    ),
    known(
        "redirect",
        "GET /b64/DQpYOiB5",
        "*",
        "*",
        "*",
        "what was decoded to line ends is another header field in lighttpd; here it is spaces",
    ),
    known(
        "redirect, letters",
        "*",
        "location",
        "*",
        "*",
        "${tolower:1} is the text in lower case, ${toupper:..} in upper case; lighttpd 1.4.69 gives nothing for the one without another word, and lower case for the other",
    ),
    known(
        "redirect, conditions",
        "* at equal.example:99",
        "status",
        "*",
        "301",
        "a missing port means any, whether or not the block has a %0 in it",
    ),
    known(
        "redirect, before and after setenv",
        "GET /r",
        "x-added",
        "none",
        "y",
        "fields of mod_setenv are on every answer, whichever module gave it",
    ),
    known(
        "rewrite",
        "GET /ctl",
        "connection",
        "close",
        "none",
        "the request was good, what was made of it was not: the connection may stay",
    ),
    known(
        "rewrite",
        "GET /ctl",
        "log",
        "400|*|/a%00b||-",
        "400|*|/ctl||-",
        "a target that was refused was never the request's",
    ),
    known(
        "rewrite, what is wrong",
        "*",
        "status",
        "none",
        "500",
        "a rule that makes no URL, or circles, is answered with an error; lighttpd closes the connection",
    ),
    known(
        "hosts*",
        "*",
        "log",
        "403|*|-*",
        "403|*|/*",
        "%f is what was found, also if it is not sent",
    ),
    known(
        "rewrite*",
        "*",
        "log",
        "403|*|-*",
        "403|*|/*",
        "%f is what was found, also if it is not sent",
    ),
    known("*", "*", "log", "501|*|-", "501|*|/*", "the same"),
    known(
        "rewrite, to a backend*",
        "*",
        "accept-ranges",
        "bytes",
        "none",
        "whether there are parts of it is for the backend to say",
    ),
];
