//! Which blocks of a configuration are in force for a request, and what they set.
//!
//! ```text
//! cargo run --example explain -- lighttpd.conf host=blog.example.com url=/a.php remote-ip=192.0.2.1
//! cargo run --example explain -- lighttpd.conf --print
//! ```

use lighttpd_conf::{BlockId, Conditions, Facts, Field, Matches, Style};
use std::{collections::HashMap, env, net::IpAddr, path::Path, process::ExitCode};

/// Facts as given on the command line, by the names that conditions use.
struct Given(HashMap<String, String>);

impl Facts for Given {
    fn bytes(&self, field: &Field) -> Option<&[u8]> {
        let name = match field {
            Field::ServerSocket => "socket",
            Field::Url => "url",
            Field::Host => "host",
            Field::Scheme => "scheme",
            Field::QueryString => "query-string",
            Field::RequestMethod => "request-method",
            Field::RemoteIp => "remote-ip",
            Field::UserAgent => "user-agent",
            Field::Language => "language",
            Field::Referer => "referer",
            Field::Cookie => "cookie",
            Field::RequestHeader(name) => name,
        };
        self.0.get(name).map(|text| text.as_bytes())
    }

    fn remote_ip(&self) -> Option<IpAddr> {
        self.0.get("remote-ip")?.parse().ok()
    }
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(path) = arguments.next() else {
        eprintln!("usage: explain FILE [--print] [field=value]...");
        return ExitCode::FAILURE;
    };
    let rest: Vec<String> = arguments.collect();
    let config = match lighttpd_conf::load(Path::new(&path)) {
        Ok(config) => config,
        Err(report) => {
            eprint!("{}", report.render(Style::Plain));
            return ExitCode::FAILURE;
        }
    };
    for warning in config.warnings() {
        eprintln!("{warning}");
    }
    if rest.iter().any(|argument| argument == "--print") {
        print!("{}", config.print_canonical());
        return ExitCode::SUCCESS;
    }
    let conditions = match Conditions::new(&config) {
        Ok(conditions) => conditions,
        Err(report) => {
            eprint!("{}", report.render(Style::Plain));
            return ExitCode::FAILURE;
        }
    };
    let facts = rest
        .iter()
        .filter_map(|fact| fact.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut matches = Matches::default();
    conditions.evaluate(&Given(facts), &mut matches);
    for id in matches.blocks().iter() {
        let block = config.block(id);
        match &block.condition {
            Some(condition) => println!("{condition}"),
            None if id == BlockId::GLOBAL => println!("outside all conditions"),
            None => println!("else"),
        }
        if let Some(whole) = matches.captured().of(id).and_then(|c| c.get(0)) {
            println!("    %0 is {:?}", String::from_utf8_lossy(whole));
        }
        for setting in block.settings.iter().filter(|s| !s.is_variable()) {
            println!("    {}", setting.name);
        }
    }
    ExitCode::SUCCESS
}
