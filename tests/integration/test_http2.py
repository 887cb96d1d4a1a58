"""HTTP/2 servers that end streams and connections in every way they may, and in some they may not.

Each has a port of its own and answers each request by frames that are written out here, so that no HTTP/2 library
stands between them and the daemon.
"""

import socket
import ssl
import struct
import threading

from test_daemon import CALL, FAST, feed, rss, titles
from test_https import tls  # noqa: F401 (a fixture)

BODY = rss(CALL).encode()
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def block(*headers):
    """HPACK, each field literal and not indexed."""
    return b"".join(b"\x00" + b"".join(bytes([len(x)]) + x.encode() for x in h) for h in headers)


def head(stream, *headers, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, block((":status", "200"), ("etag", '"x"'), *headers))


def good(stream, *headers):
    return head(stream, *headers) + frame(DATA, END_STREAM, stream, BODY)


def reset(stream, code):
    return frame(RST, 0, stream, struct.pack(">I", code))


def goaway(last, code=0):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code))


# name: (the answer to the nth request on any connection, by stream; the feed is read; validators are taken)
SERVERS = {
    "refused-once": (lambda s, n: reset(s, 7) if n == 1 else good(s), True),
    "refused-always": (lambda s, n: reset(s, 7), False),
    "goaway-first": (lambda s, n: goaway(0) if n == 1 else good(s), True),
    "goaway-always": (lambda s, n: goaway(0), False),
    "goaway-meanwhile": (lambda s, n: head(s) + goaway(s) + frame(DATA, END_STREAM, s, BODY), True),
    "calm-down": (lambda s, n: goaway(0, 11), False),
    "reset-in-the-body": (lambda s, n: head(s) + frame(DATA, 0, s, BODY[:90]) + reset(s, 2), False),
    "ended-in-the-body": (lambda s, n: head(s) + frame(DATA, 0, s, BODY[:90]) + reset(s, 0), False),
    "too-short": (lambda s, n: good(s, ("content-length", str(len(BODY) + 9))), False),
    "hints": (lambda s, n: frame(HEADERS, END_HEADERS, s, block((":status", "103"), ("etag", '"hint"'))) + good(s), True),
    "trailers": (lambda s, n: head(s) + frame(DATA, 0, s, BODY)
                 + frame(HEADERS, END_HEADERS | END_STREAM, s, block(("etag", '"trailer"'))), True),
    "pings": (lambda s, n: frame(PING, 0, 0, b"12345678") * 900 + good(s), True),
    "settings": (lambda s, n: frame(SETTINGS, 0, 0) * 3000 + good(s), False),
    "endless-head": (lambda s, n: head(s, flags=0) + frame(CONTINUATION, 0, s, block(("x", "y" * 100)) * 90) * 60, False),
    "many-lines": (lambda s, n: good(s, *[(f"x-{i}", "y") for i in range(400)]), False),
    "wrong-case": (lambda s, n: good(s, ("Content-Type", "text/xml")), False),
}


class Server:
    def __init__(self, folder, answer):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.context.set_alpn_protocols(["h2"])
        self.answer, self.n = answer, 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.url = f"https://localhost:{self.socket.getsockname()[1]}/feed"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return  # closed
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            with self.context.wrap_socket(client, server_side=True) as c, c.makefile("rb") as f:
                f.read(24)  # the preface
                c.sendall(frame(SETTINGS, 0, 0))
                while len(start := f.read(9)) == 9:
                    f.read(int.from_bytes(start[:3], "big"))
                    if start[3] == SETTINGS and not start[4] & ACK:
                        c.sendall(frame(SETTINGS, ACK, 0))
                    if start[3] == HEADERS:
                        self.n += 1
                        c.sendall(self.answer(int.from_bytes(start[5:], "big"), self.n))
        except OSError:
            pass


def test_servers_that_end_it_in_every_way(daemon, tls):  # noqa: F811
    servers = {name: Server(tls, answer) for name, (answer, _) in SERVERS.items()}
    daemon.start("".join(feed(name, s.url, ca_file=tls / "cert.pem", timeout="10s", **{**FAST, "interval": "1h"})
                         for name, s in servers.items()), "host-spacing = 0\nstarts-per-second = 0\n")
    daemon.wait_for(lambda: "first round done" in daemon.text(), timeout=30)
    for name, (_, read) in SERVERS.items():
        shown = daemon.get(f"/v1/feeds/{name}")
        assert bool(shown.get("error")) != read, (name, shown.get("error"))
        assert servers[name].n <= 2, (name, "asked again and again")
        assert titles(daemon, f"&feed={name}") == ([CALL[1]] if read else []), name
    assert "each time it was asked" in daemon.get("/v1/feeds/refused-always")["error"]
    import sqlite3
    with sqlite3.connect(daemon.store) as db:
        kept = dict(db.execute("SELECT name, etag FROM feed JOIN poll USING(feed_id)"))
    db.close()
    assert kept == {name: b'"x"' if read else None for name, (_, read) in SERVERS.items()}
    for s in servers.values():
        s.socket.close()


# The server has not looked at the first request, or not at those after the second.
SHARED = {
    "goaway-all": lambda s, n: goaway(0) if n == 1 else good(s),
    "goaway-some": lambda s, n: goaway(s) + good(s) if n == 2 else good(s),
}


def test_feeds_that_share_a_connection_that_ends(daemon, tls):  # noqa: F811
    """What the server has not looked at is asked once more, over another connection (RFC 9113 6.8)."""
    servers = {name: Server(tls, answer) for name, answer in SHARED.items()}
    daemon.start("".join(feed(f"{name}-{i}", f"{s.url}/{i}", ca_file=tls / "cert.pem", **{**FAST, "interval": "1h"})
                         for name, s in servers.items() for i in range(8)),
                 "host-spacing = 0\nstarts-per-second = 0\n")
    daemon.wait_for(lambda: "first round done" in daemon.text(), timeout=30)
    for name in servers:
        for i in range(8):
            shown = daemon.get(f"/v1/feeds/{name}-{i}")
            assert not shown.get("error"), (f"{name}-{i}", shown["error"])
    for s in servers.values():
        assert s.n <= 12
        s.socket.close()
