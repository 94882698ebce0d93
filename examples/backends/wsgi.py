"""A WSGI application and its server: python3 wsgi.py PORT (0: any free one)."""

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server


def application(environ, start_response):
    """GET: a greeting. POST: what was sent comes back."""
    if environ["REQUEST_METHOD"] == "POST":
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
    else:
        body = f"Python says hello to {environ['PATH_INFO']}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each request."""

    daemon_threads = True


if __name__ == "__main__":
    with make_server("127.0.0.1", int(sys.argv[1]), application, Server) as server:
        print("listening on port", server.server_port, flush=True)
        server.serve_forever()
