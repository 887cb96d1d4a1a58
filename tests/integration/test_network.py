"""Names that mean another address than they seem to: the real resolver asks a name server of the test's own, in a
network of its own where public and private addresses are both on this machine."""

import http.server
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import threading

import pytest

from test_daemon import CALL, FAST, feed, rss, titles
from test_disaster import faults  # noqa: F401 (a fixture)

PUBLIC, OTHER, PRIVATE, METADATA = "93.184.216.34", "8.8.8.8", "10.0.0.1", "169.254.169.254"
A, AAAA = 1, 28


class Names(threading.Thread):
    """The name server. `zone` says of a name which addresses each answer for it has; the last one goes on for ever."""

    def __init__(self, sock, zone):
        super().__init__(daemon=True)
        self.socket, self.zone = sock, zone
        self.start()

    def answer(self, name, kind):
        answers = self.zone.get(name, [[]])
        addresses = answers[0]
        if kind == AAAA and len(answers) > 1:  # the second question of each look-up
            answers.pop(0)
        family, size = (socket.AF_INET, 4) if kind == A else (socket.AF_INET6, 16)
        for a in addresses:
            if (":" in a) == (kind == AAAA):
                yield struct.pack(">HHHIH", 0xC00C, kind, 1, 0, size) + socket.inet_pton(family, a)

    def run(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(512)
            except OSError:
                return  # closed
            end, labels = 12, []
            while n := query[end]:
                labels.append(query[end + 1:end + 1 + n].decode())
                end += n + 1
            name, kind = ".".join(labels).lower(), int.from_bytes(query[end + 1:end + 3], "big")
            records = list(self.answer(name, kind)) if kind in (A, AAAA) else []
            rcode = 0 if name in self.zone else 3
            self.socket.sendto(query[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, len(records), 0, 0)
                               + query[12:end + 5] + b"".join(records), peer)


class Web(http.server.ThreadingHTTPServer):
    """Port 80 or, with a CONTEXT, 443 of all addresses. `asked` is (address, host, path); `paths` are redirects;
    `shown` is (host, path, was a certificate shown?)."""

    daemon_threads = True

    def __init__(self, sock, paths, context=None):
        web, self.asked, self.shown, self.paths, self.body, self.link = self, [], [], dict(paths), rss(CALL), None

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                address = self.connection.getsockname()[0].removeprefix("::ffff:")
                web.asked.append((address, self.headers["Host"], self.path))
                if context:
                    web.shown.append((self.headers["Host"], self.path, bool(self.connection.getpeercert())))
                to = web.paths.get(self.path)
                body = b"" if to else web.body.encode()
                self.send_response(307 if to else 200)
                for name, value in [("Location", to), ("Link", web.link)]:
                    if value:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *args):
                pass

        super().__init__(sock.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        if context:
            self.socket = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


    def handle_error(self, request, client_address):
        pass  # a client that does not trust us


class Network:
    def __init__(self, daemon):
        self.daemon, self.names, self.web, self.https = daemon, None, None, None

    def start(self, text, zone, env=None, options="", authorities="", context=None, paths=()):
        """The daemon with these feeds, in a network of its own; zone as of Names; context and paths as of Web."""
        self.close()
        here, there = socket.socketpair()
        d = self.daemon
        d.config.write_text(f"[daemon]\nstore = {d.store}\nsocket = {d.socket}\nhost-spacing = 0\n{options}\n{text}")
        own_net = pathlib.Path(__file__).with_name("own_net.py")
        d.start(wait=False, under=[sys.executable, own_net, str(there.fileno()),
                                   ",".join((PUBLIC, OTHER, PRIVATE, METADATA)), authorities], pass_fds=[there.fileno()], env=env)
        there.close()
        fds = socket.recv_fds(here, 1, 3)[1]
        here.close()
        if not fds and d.process.wait(20) == 77:
            pytest.skip("no network namespace can be made here")
        names, web, https = (socket.socket(fileno=fd) for fd in fds)
        self.names, self.web = Names(names, zone), Web(web, paths)
        self.https = Web(https, paths, context) if context else https
        d.wait_ready()

    def error(self, name):
        return self.daemon.wait_for(lambda: self.daemon.get(f"/v1/feeds/{name}").get("error"), what=f"{name} fails")

    def close(self):
        if self.names:
            self.daemon.kill()
            self.web.shutdown()
            self.web.server_close()
            if isinstance(self.https, Web):
                self.https.shutdown()
            (self.https.socket if isinstance(self.https, Web) else self.https).close()
            self.names.socket.close()


@pytest.fixture
def network(daemon):
    n = Network(daemon)
    yield n
    n.close()


def hosts(*names):
    return "".join(feed(n, f"http://{n}.example/{n}", **FAST) for n in names)


def test_what_is_judged_is_the_address_that_is_connected_to(network, daemon):
    zone = {"good.example": [[PUBLIC]], "private.example": [[PRIVATE]], "metadata.example": [[METADATA]],
            "loop.example": [["127.0.0.1", "::1"]], "mapped.example": [["::ffff:10.0.0.1"]],
            "embedded.example": [["64:ff9b::a00:1", "2002:a00:1::"]], "zero.example": [["0.0.0.0", "::"]],
            "both.example": [[PRIVATE, PUBLIC]], "six.example": [["::1", PUBLIC]],
            "hop.example": [[PUBLIC]]}
    refused = ("private", "metadata", "loop", "mapped", "embedded", "zero", "hop")
    network.start(hosts("good", "both", "six", *refused), zone, paths={"/hop": "http://private.example/private"})
    for name in refused:
        assert "allow-addresses does not name" in network.error(name), name
    daemon.wait_for(lambda: all(titles(daemon, f"&feed={n}") == [CALL[1]] for n in ("good", "both", "six")))
    assert {a for a, _, _ in network.web.asked} == {PUBLIC}


def test_a_name_that_is_bound_to_another_address_later(network, daemon, faults):
    """DNS rebinding: while its connection is open, when it is not any more, and after a restart."""
    zone = {"a.example": [[PUBLIC], [PRIVATE]], "b.example": [[PUBLIC], [PRIVATE, OTHER]]}
    network.start(hosts("a", "b"), zone, env=faults.env)
    daemon.wait_for(lambda: len(titles(daemon)) == 2)
    faults.set("mono", 130)  # what was known of a name is looked up anew
    assert PRIVATE in network.error("a")
    daemon.wait_for(lambda: any(r[0] == OTHER for r in network.web.asked))
    assert not any(r[0] == PRIVATE for r in network.web.asked)
    network.start(hosts("a", "b"), {"a.example": [[PRIVATE]], "b.example": [[PRIVATE]]})
    assert PRIVATE in network.error("b")
    assert not network.web.asked


def test_a_hub_may_not_send_us_where_feeds_may_not_go(network, daemon):
    network.start(hosts("a"), {n + ".example": [[PUBLIC]] for n in ("hub", "back")} | {
        "a.example": [[PUBLIC]], "private.example": [[PRIVATE]]},
        options="websub-callback = http://a.example/websub",
        paths={"/hub": "http://back.example/again", "/again": "http://private.example/hub"})
    network.web.link = '<http://hub.example/hub>; rel="hub", <http://a.example/a>; rel="self"'
    known = daemon.wait_for(lambda: (p := daemon.get("/v1/feeds/a").get("push", {})).get("error") and p)
    assert "private.example is at 10.0.0.1" in known["error"], known
    assert {a for a, _, _ in network.web.asked} == {PUBLIC}
    assert [p for _, _, p in network.web.asked if p != "/a"] == ["/hub", "/again"]


CERTIFICATES = """
for n in home other stranger client; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$n \\
        -addext subjectAltName=DNS:$n.example -keyout $n.key -out $n.pem
done
openssl x509 -in home.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64 > pin
"""


def sni_server(folder):
    """For home, other and stranger.example; asks for a certificate of the client's, and does not insist."""
    contexts = {}
    for name in ("home", "other", "stranger"):
        c = contexts[name + ".example"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        c.load_verify_locations(folder / "client.pem")
        c.verify_mode = ssl.CERT_OPTIONAL
    first = contexts["home.example"]
    first.sni_callback = lambda s, name, _: setattr(s, "context", contexts[name])
    return first


def test_certificates_and_pins_do_not_follow_a_redirect(network, daemon, tmp_path):
    """The system trusts `other` alone; `home` is trusted by its key."""
    subprocess.run(CERTIFICATES, shell=True, check=True, cwd=tmp_path, stderr=subprocess.DEVNULL)
    mine = {"tls_pin": "sha256//" + (tmp_path / "pin").read_text().strip(),
            "client_cert": tmp_path / "client.pem", "client_key": tmp_path / "client.key", **FAST}
    feeds = "".join(feed(n, f"https://home.example/{n}", **{**mine, "interval": "1h"})
                    for n in ("stays", "leaves", "returns", "strays"))
    zone = {n + ".example": [[PUBLIC]] for n in ("home", "other", "stranger")}
    network.start(feeds, zone, options="starts-per-second = 0", authorities=str(tmp_path / "other.pem"),
                  context=sni_server(tmp_path),
                  paths={"/leaves": "https://other.example/left", "/returns": "https://other.example/back",
                         "/back": "https://home.example/returned", "/strays": "https://stranger.example/strayed"})
    daemon.wait_for(lambda: "first round done" in daemon.text())
    assert sorted(network.https.shown) == sorted([
        ("home.example", "/stays", True), ("home.example", "/leaves", True), ("other.example", "/left", False),
        ("home.example", "/returns", True), ("other.example", "/back", False),
        ("home.example", "/returned", True), ("home.example", "/strays", True)])
    assert daemon.get("/v1/feeds/strays")["outcome"] == "tls"
    for n in ("stays", "leaves", "returns"):
        assert titles(daemon, f"&feed={n}") == [CALL[1]], n
