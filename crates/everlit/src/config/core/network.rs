//! Where the server listens, and how it moves bytes.

use lighttpd_conf::Value;

use crate::config::directive::{Change, Counts, Directive, Kind, Lack, Read, Risk, Scope, Setter};
use crate::config::draft::Draft;
use crate::config::listeners::SocketOptions;
use crate::config::reader::Reader;
use crate::settings::{Settings, Stream};

pub(super) static DIRECTIVES: &[Directive] = &[
    Directive::server(
        "server.port",
        Setter::Own(Kind::Short, port),
        "80",
        "TCP port for server.bind, and for addresses without one; 0: the kernel chooses.",
    )
    .differs(
        Counts::Warned,
        "a number above 65535 is an error; lighttpd takes 65535",
    ),
    Directive::server(
        "server.bind",
        Setter::Text(|draft, address| draft.bind = address.to_owned()),
        "\"0.0.0.0\"",
        "Address, host name or path of a Unix socket to listen on.",
    ),
    Directive::server(
        "server.network-backend",
        Setter::Own(Kind::String, network_backend),
        "\"sendfile\"",
        "How files are written to sockets; Everlit chooses by itself.",
    )
    .differs(
        Counts::Used,
        "any value that lighttpd takes means the same: Everlit chooses by itself",
    ),
    Directive::server(
        "server.event-handler",
        Setter::Own(Kind::String, event_handler),
        "\"epoll\"",
        "How the server waits for events; always epoll.",
    )
    .differs(
        Counts::Warned,
        "it is always epoll",
    ),
    Directive::socket(
        "server.listen-backlog",
        Setter::Int(|socket, n| socket.backlog = n),
        "1024",
        "Connections that may wait to be accepted.",
    ),
    Directive::socket(
        "server.socket-perms",
        Setter::Own(Kind::String, socket_permissions),
        "",
        "Mode of a Unix socket, in octal digits.",
    ),
    Directive::socket(
        "server.defer-accept",
        Setter::Bool(|socket, on| socket.defer_accept = on),
        "\"enable\"",
        "Whether a connection is accepted only when its first bytes are there, or after a second (TCP_DEFER_ACCEPT); lighttpd's default is \"disable\".",
    )
    .differs(
        Counts::Unset,
        "\"enable\", where lighttpd has \"disable\": a client that says nothing is let in after a second",
    ),
    Directive::socket(
        "server.use-ipv6",
        Setter::Bool(|socket, on| socket.use_ipv6 = on),
        "\"disable\"",
        "Whether, without server.bind, to listen on [::] instead of 0.0.0.0.",
    ),
    Directive::socket(
        "server.set-v6only",
        Setter::Bool(|socket, on| socket.v6_only = on),
        "\"enable\"",
        "Whether an IPv6 socket takes no IPv4 connections (IPV6_V6ONLY).",
    ),
    Directive::socket(
        "server.v4mapped",
        Setter::Bool(|socket, on| socket.v4_mapped = on),
        "\"disable\"",
        "Whether an IPv6 socket takes IPv4 connections too; the opposite of server.set-v6only.",
    ),
    Directive::nothing(
        "server.bsd-accept-filter",
        Kind::String,
        Scope::Socket,
        "",
        "Accept filter of FreeBSD; Linux has none.",
    ),
    Directive::socket(
        "server.ip-transparent",
        Setter::Bool(|socket, on| socket.transparent = on),
        "\"disable\"",
        "Whether to listen on addresses that are not this machine's (IP_TRANSPARENT).",
    ),
    Directive::request(
        "server.stream-request-body",
        Setter::Short(|settings, n| settings.core.stream_request_body = stream(n)),
        "0",
        "How request bodies reach backends: 0 when they are complete, 1 as they come, 2 as they come and no faster than they are taken.",
    ),
    Directive::request(
        "server.stream-response-body",
        Setter::Short(|settings, n| settings.core.stream_response_body = stream(n)),
        "0",
        "How response bodies of backends reach clients: 0 when they are complete, 1 as they come, 2 as they come and no faster than they are taken.",
    ),
    Directive::nothing(
        "server.chunkqueue-chunk-sz",
        Kind::Int,
        Scope::Server,
        "8192",
        "Size of buffers; Everlit chooses by itself.",
    )
    .differs(
        Counts::Used,
        "any value means the same: Everlit chooses by itself",
    ),
    Directive::request(
        "server.protocol-http11",
        Setter::Own(Kind::Bool, http11),
        "\"enable\"",
        "Whether responses are HTTP/1.1 instead of HTTP/1.0.",
    )
    .differs(Counts::Warned, "responses are always HTTP/1.1")
    .obsolete("leave it out: HTTP/1.1 is always spoken"),
    Directive::unsupported(
        "server.reject-expect-100-with-417",
        Kind::Bool,
        Scope::Server,
        Lack::Purpose("expectations of 100-continue are always met"),
        Risk::Visible,
        "Whether a request with \"Expect: 100-continue\" is refused.",
    )
    .obsolete("leave it out: \"Expect: 100-continue\" is answered"),
];

/// A port that does not exist is a mistake, where other numbers that are too large only mean "many".
fn port(value: &Value, reader: &mut Reader) -> Read<Draft> {
    let number = value.to_short()?;
    if value.to_int()? > u32::from(number) {
        reader.error(
            value.span,
            "there is no such port",
            "a port is an integer from 0 to 65535",
        );
    }
    Ok(Change::new(move |draft: &mut Draft| draft.port = number))
}

/// The bits of the number: 1 and 2.
fn stream(number: u16) -> Stream {
    match number & 3 {
        0 => Stream::Collected,
        1 => Stream::Eager,
        _ => Stream::Bounded,
    }
}

fn http11(value: &Value, reader: &mut Reader) -> Read<Settings> {
    if !value.to_bool()? {
        let message = "server.protocol-http11 has no effect: responses are always HTTP/1.1";
        reader.warn(value.span, message);
    }
    Ok(Change::none())
}

fn network_backend(value: &Value, _: &mut Reader) -> Read<Draft> {
    match value.to_str()? {
        "" | "sendfile" | "linux-sendfile" | "writev" | "write" => Ok(Change::none()),
        _ => Err(value.unfit("\"sendfile\", \"writev\" or \"write\"")),
    }
}

fn event_handler(value: &Value, reader: &mut Reader) -> Read<Draft> {
    match value.to_str()? {
        "epoll" | "linux-sysepoll" => {}
        "poll" | "select" | "kqueue" | "freebsd-kqueue" | "libev" => reader.warn(
            value.span,
            "server.event-handler has no effect: Everlit always uses epoll",
        ),
        _ => return Err(value.unfit("\"epoll\"")),
    }
    Ok(Change::none())
}

fn socket_permissions(value: &Value, _: &mut Reader) -> Read<SocketOptions> {
    let text = value.to_str()?;
    let mode = match text {
        "" | "0" => None,
        digits => match u32::from_str_radix(digits, 8) {
            Ok(mode) if mode <= 0o777 => Some(mode),
            _ => return Err(value.unfit("an octal mode such as \"0660\"")),
        },
    };
    Ok(Change::new(move |socket: &mut SocketOptions| {
        socket.permissions = mode;
    }))
}
