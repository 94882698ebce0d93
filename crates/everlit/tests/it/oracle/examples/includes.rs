//! Configurations of several files, and of what a program says.

use std::fs;
use std::path::Path;

use super::super::configurations::Case;
use super::super::destinations::at;
use super::super::known::Known;
use super::case;

/// Below `conf` beside the document root.
const FILES: &[(&str, &str)] = &[
    (
        "conf.d/10-one.conf",
        "setenv.set-response-header += ( \"X-One\" => \"1\" )\n",
    ),
    (
        "conf.d/20-two.conf",
        "# two\nserver.modules += ( \"mod_expire\" )\nexpire.url = ( \"/sub/\" => \"access 1 hours\" )\n",
    ),
    (
        "conf.d/30-three.conf",
        "server.tag := server.tag + \" three\"",
    ),
    ("conf.d/README", "this is no configuration\n"),
    (
        "base.conf",
        "server.document-root = basedir + \"/\" + server.name\nsetenv.add-response-header = ( \"X-Base\" => server.name )\n",
    ),
    (
        "script.conf",
        "global {\n  server.modules += ( \"mod_cgi\" )\n  static-file.exclude-extensions += ( \".php\" )\n}\ncgi.assign = ( \".sh\" => \"/bin/sh\" )\n",
    ),
    (
        "hosts/a.conf",
        "$HTTP[\"host\"] == \"a.example\" { server.tag = \"a\" include \"@CONF@/base-tag.conf\" }\n",
    ),
    (
        "hosts/b.conf",
        "$HTTP[\"host\"] == \"b.example\" { server.tag = \"b\" }\n",
    ),
    (
        "base-tag.conf",
        "setenv.add-response-header = ( \"X-Tag\" => \"in a\" )\n",
    ),
    ("empty.conf", ""),
    (
        "types.conf",
        "mimetype.assign := (\n  \".txt\" => \"text/included\",\n  \".html\" => \"text/html\",\n)\n",
    ),
];

pub fn install(outside: &Path) {
    let directory = outside.join("conf");
    let place = directory.to_str().expect("a path in UTF-8");
    for (name, text) in FILES {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().expect("a file has a parent")).unwrap();
        fs::write(path, text.replace("@CONF@", place)).unwrap();
    }
}

pub const CASES: &[Case] = &[case(
    "includes",
    r#"
        var.basedir = "@ROOT@"
        var.conf_dir = "@OUTSIDE@/conf"
        include conf_dir + "/types.conf"
        include conf_dir + "/conf.d/*.conf"
        include conf_dir + "/none/*.conf"
        include conf_dir + "/empty.conf"
        include conf_dir + "/hosts/{a,b}.conf"
        static-file.exclude-extensions = (".inc")
        $HTTP["host"] == "sub" {
            server.name = "sub"
            include conf_dir + "/base.conf"
        }
        $HTTP["host"] == "names" {
            server.name = "names"
            include conf_dir + "/base.conf"
        }
        $HTTP["url"] =^ "/cgi/" { include conf_dir + "/script.conf" }
        include_shell "cat @OUTSIDE@/conf/empty.conf; echo 'setenv.set-response-header += ( \"X-Shell\" => \"'$((6 * 7))'\" )'"
        include_shell "echo server.max-keep-alive-requests = " + 50
        include_shell "echo 'setenv.set-response-header += ( \"X-Relative\" => \"y\" )' > relative.conf"
        include "relative.conf"
    "#,
    || {
        at(
            &["oracle.example", "sub", "names", "a.example", "b.example"],
            &[
                "/a.txt",
                "/page.html",
                "/sub/page.html",
                "/plus+plus.txt",
                "/cgi/tell.sh",
                "/program.php",
                "/file.inc",
            ],
        )
    },
)];

pub const KNOWN: &[Known] = &[];
