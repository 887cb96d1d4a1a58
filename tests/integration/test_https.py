"""https origins: redirects between https and http, certificates that are not right, HTTP/2."""

import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import Client, Origin
from test_daemon import CALL, FAST, events, feed, rss, titles
from test_push import NEWS, Hub, listen, live, push  # noqa: F401 (a fixture)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A folder with a certificate for localhost (cert.pem, key.pem), and one that nobody signed (bad-*.pem)."""
    folder = tmp_path_factory.mktemp("tls")
    for name, subject in (("", "localhost"), ("bad-", "elsewhere.example")):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-keyout", folder / f"{name}key.pem", "-out", folder / f"{name}cert.pem",
             "-days", "30", "-subj", f"/CN={subject}", "-addext", f"subjectAltName=DNS:{subject}"],
            check=True, capture_output=True)
    return folder


def secure(folder, name=""):
    """An origin at https://localhost."""
    o = Origin()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}cert.pem", folder / f"{name}key.pem")
    o.server.socket = context.wrap_socket(o.server.socket, server_side=True, do_handshake_on_connect=False)
    o.url = lambda path: f"https://localhost:{o.server.server_port}{path}"
    return o


@pytest.fixture
def https(tls):
    o = secure(tls)
    yield o
    o.close()


def asked(origin, path):
    return sum(r[1] == path for r in origin.requests)


QUICK = {**FAST, "move_after": "0"}


def test_a_redirect_over_https_is_adopted_with_its_own_validators(daemon, https, tls):
    https.set("/a", b"", status=301, etag='"hop"', headers={"Location": "/b"})
    https.set("/b", rss(CALL), etag='"real"')
    daemon.start(feed("a", https.url("/a"), ca_file=tls / "cert.pem", **QUICK), "host-spacing = 0\n")
    daemon.wait_for(lambda: "feed.moved" in [e["event"] for e in events(daemon)])
    assert asked(https, "/a") == 3 and titles(daemon) == [CALL[1]]
    https.wait("/b", 4)
    assert [r[2].get("If-None-Match") for r in https.requests if r[1] == "/b"][:4] == [None] + ['"real"'] * 3


def test_from_https_to_http_is_refused(daemon, https, origin, tls):
    origin.set("/plain", rss(CALL))
    for status in (301, 302, 307, 308):
        https.set(f"/{status}", b"", status=status, headers={"Location": origin.url("/plain")})
    daemon.start("".join(feed(f"f{s}", https.url(f"/{s}"), ca_file=tls / "cert.pem", **QUICK)
                         for s in (301, 302, 307, 308)), "host-spacing = 0\n")
    daemon.wait_for(lambda: "first round done" in daemon.text())
    assert origin.requests == [] and titles(daemon) == []
    for s in (301, 302, 307, 308):
        assert "unencrypted" in daemon.get(f"/v1/feeds/f{s}")["error"]


def test_no_trust_no_feed_and_never_plain_instead(daemon, origin, tls):
    bad = secure(tls, "bad-")
    try:
        bad.set("/a", rss(CALL))
        origin.set("/hop", b"", status=301, headers={"Location": bad.url("/a")})
        daemon.start(feed("name", bad.url("/a"), ca_file=tls / "bad-cert.pem", **QUICK)  # another name
                     + feed("signer", bad.url("/a").replace("/a", "/a?"), **QUICK)  # nobody signed it
                     + feed("hop", origin.url("/hop"), **QUICK), "host-spacing = 0\n")
        daemon.wait_for(lambda: "first round done" in daemon.text())
        for name in ("name", "signer", "hop"):
            known = daemon.get(f"/v1/feeds/{name}")
            assert known["outcome"] == "tls" and "moved_to" not in known, known
        assert bad.requests == [] and titles(daemon) == []
    finally:
        bad.close()


class Tunnel:
    """An http proxy that knows CONNECT alone, for who has the password; `asked` is what it was told."""

    def __init__(self):
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        self.asked.append(head.decode())
        host, port = head.split()[1].rsplit(b":", 1)
        if b"Proxy-Authorization: Basic cHU6cHJveHlwdw==" not in head:
            client.sendall(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", int(port)))  # every name is here
        client.sendall(b"HTTP/1.1 200 Connected\r\nETag: \"proxy\"\r\n\r\n")
        threading.Thread(target=self.copy, args=(server, client), daemon=True).start()
        self.copy(client, server)

    @staticmethod
    def copy(source, to):
        try:
            while part := source.recv(65536):
                to.sendall(part)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_https_through_a_proxy(daemon, tidings, https, tls):
    """The proxy gets its own password and nothing of the feed's; the certificate is the host's."""
    https.set("/a", rss(CALL), etag='"real"')
    tunnel = Tunnel()
    proxy = f"http://127.0.0.1:{tunnel.port}"
    daemon.start(feed("a", https.url("/a"), ca_file=tls / "cert.pem", bearer_token="t0psecret", proxy=proxy,
                      proxy_user="pu", proxy_password="proxypw", **FAST)
                 + feed("b", https.url("/a?b"), ca_file=tls / "cert.pem", proxy=proxy, **FAST)
                 + feed("c", "https://hidden.onion:" + https.url("/").split(":")[2].rstrip("/") + "/",
                        ca_file=tls / "cert.pem", proxy=proxy.replace("//", "//pu:proxypw@"), **FAST),
                 "host-spacing = 0\n")
    daemon.wait_for(lambda: titles(daemon) == [CALL[1]])
    daemon.wait_for(lambda: daemon.get("/v1/feeds/b")["outcome"] == "connect" and
                    daemon.get("/v1/feeds/c")["outcome"] == "tls")  # the tunnel's end has another name
    assert daemon.get("/v1/feeds/b")["error"].endswith(f"by the proxy {proxy}: CONNECT tunnel failed, response 407")
    https.wait("/a", 2)
    asked = [r[2] for r in https.requests if r[1] == "/a"][1]
    assert asked["If-None-Match"] == '"real"' and asked["Authorization"] == "Bearer t0psecret"
    assert "Proxy-Authorization" not in asked
    assert any(a.startswith("CONNECT hidden.onion:") for a in tunnel.asked)  # a name for the proxy, not for us
    assert not any("t0psecret" in a or "/a" in a for a in tunnel.asked)

    cli = Client(tidings, daemon.dir)
    shown = cli.run("fetch", "a", "--full", "--record", "a.warc").out
    assert "by the proxy at 127.0.0.1" in shown and "CONNECT" not in shown
    assert cli.run("fetch", "--replay", "a.warc").out == shown
    shown = cli.run("fetch", "b", "--record", "b.warc", code=1).out
    assert "> CONNECT localhost" in shown and "< HTTP/1.1 407" in shown
    assert cli.run("fetch", "--replay", "b.warc", code=1).out == shown
    for name in ("a.warc", "b.warc"):
        data = (daemon.dir / name).read_bytes()
        assert b"t0psecret" not in data and b"proxypw" not in data and b"cHU6cHJveHlwdw" not in data
    tunnel.listener.close()


@pytest.mark.skipif(not shutil.which("nghttpd"), reason="needs nghttpd (nghttp2-server)")
def test_an_http2_origin(daemon, tidings, tls, tmp_path):
    www = tmp_path / "www"
    www.mkdir()
    (www / "a.xml").write_text(rss(CALL))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    log = open(tmp_path / "nghttpd.log", "wb")
    server = subprocess.Popen(["nghttpd", "-v", "-d", www, "--address=127.0.0.1", str(port),
                               tls / "key.pem", tls / "cert.pem"], stdout=log, stderr=log)

    def said():
        return (tmp_path / "nghttpd.log").read_text(errors="replace")

    try:
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        # what it serves may be kept for an hour, it says
        daemon.start(feed("a", f"https://localhost:{port}/a.xml", ca_file=tls / "cert.pem", hints="ignore", **FAST)
                     + feed("b", f"https://localhost:{port}/none.xml", ca_file=tls / "cert.pem", **FAST),
                     "host-spacing = 0\n")
        daemon.wait_for(lambda: daemon.get("/v1/status")["since_start"]["fetches"].get("not-modified"))
        assert titles(daemon) == [CALL[1]]
        assert said().count(":path: /a.xml") >= 2 and "if-modified-since: " in said()
        assert daemon.get("/v1/feeds/b")["error"] == "HTTP 404 Not Found"
        cli = Client(tidings, daemon.dir)  # and it can be recorded and played back
        shown = cli.run("fetch", "a", "--full", "--record", "a.warc").out
        assert "   < HTTP/2 200" in shown and "1 item: 0 new, 0 changed, 1 known" in shown
        assert cli.run("fetch", "--replay", "a.warc").out == shown
        server.terminate()
        server.wait(10)
        daemon.wait_for(lambda: daemon.get("/v1/feeds/a")["failures"])
    finally:
        server.kill()
        server.wait(10)
        log.close()


STS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def plain(https, path):
    """The http address of a server that speaks TLS there: no answer can come but over https."""
    return https.url(path).replace("https://", "http://")


def test_a_host_that_wants_https_only_is_asked_so(daemon, tidings, https, tls):
    ca = {"ca_file": tls / "cert.pem", "backlog": "all", "interval": "1h"}
    https.set("/said", rss(CALL), headers=STS)
    https.set("/plain", rss(("p-1", "Under another address", "x")), etag='"p"')
    https.set("/back", b"", status=302, headers={"Location": plain(https, "/plain")})
    daemon.start(feed("said", https.url("/said"), **ca), "host-spacing = 0\n")
    daemon.wait_for(lambda: "first round done" in daemon.text())
    daemon.kill()
    daemon.start(feed("said", https.url("/said"), **ca) + feed("p", plain(https, "/plain"), **ca)
                 + feed("back", https.url("/back"), **ca), "host-spacing = 0\n")
    daemon.wait_for(lambda: "first round done: 2 feeds" in daemon.text())
    one = daemon.get("/v1/feeds/p")
    assert one["url"] == plain(https, "/plain") and not one.get("error")
    assert one["https"].startswith("localhost wants to be asked over https only (HSTS), until 20")
    assert "https" not in daemon.get("/v1/feeds/said")
    assert not daemon.get("/v1/feeds/back").get("error")  # sent to http, and that is https here
    assert asked(https, "/plain") == 2 and "Under another address" in titles(daemon)
    assert "feed.moved" not in [e["event"] for e in events(daemon)]
    assert "https: localhost wants" in Client(tidings, daemon.dir).run("why", "p").out
    for there in (https.url("/plain"), plain(https, "/said")):  # one address, however it is spelled
        assert daemon.request("POST", "/v1/feeds", {"url": there})[0] == 409


def test_a_hub_that_wants_https_only_is_asked_so(daemon, https, tls, listen):
    """And is given a secret then, as one that is named by its https address."""
    hub = Hub(https)
    https.set("/a", rss(CALL), headers={
        **STS, "Link": f'<{plain(https, hub.path)}>; rel="hub", <{https.url("/a")}>; rel="self"'})
    daemon.start(feed("a", https.url("/a"), ca_file=tls / "cert.pem", backlog="all", interval="1h"), listen)
    sub = hub.wait(1)
    live(daemon)
    assert len(sub["hub.secret"]) >= 32 and push(sub, rss(CALL, NEWS)) == 202
    daemon.wait_for(lambda: NEWS[1] in titles(daemon))


def test_what_a_host_said_of_https_ends_when_it_says_so(daemon, https, tls):
    https.set("/said", rss(CALL), headers=STS)
    https.set("/plain", rss(("p-1", "Under another address", "x")))
    daemon.start(feed("said", https.url("/said"), ca_file=tls / "cert.pem", **QUICK)
                 + feed("p", plain(https, "/plain"), ca_file=tls / "cert.pem", **QUICK), "host-spacing = 0\n")
    daemon.wait_for(lambda: asked(https, "/plain") >= 2)  # learned while it ran
    assert daemon.get("/v1/feeds/p")["https"]
    https.set("/said", rss(CALL), headers={"Strict-Transport-Security": "max-age=0"})
    daemon.wait_for(lambda: daemon.get("/v1/feeds/p").get("error"))
    assert "https" not in daemon.get("/v1/feeds/p")


def test_a_pinned_key_says_nothing_of_https(daemon, https, tls):
    """Nobody vouches for who holds it."""
    pin = subprocess.run(
        f"openssl x509 -in {tls}/cert.pem -pubkey -noout | openssl pkey -pubin -outform der |"
        " openssl dgst -sha256 -binary | base64", shell=True, check=True, capture_output=True, text=True).stdout.strip()
    https.set("/said", rss(CALL), headers=STS)
    https.set("/plain", rss(CALL))
    daemon.start(feed("said", https.url("/said"), tls_pin=f"sha256//{pin}", **QUICK)
                 + feed("p", plain(https, "/plain"), ca_file=tls / "cert.pem", **QUICK), "host-spacing = 0\n")
    daemon.wait_for(lambda: asked(https, "/said") >= 3)
    assert asked(https, "/plain") == 0 and "https" not in daemon.get("/v1/feeds/p")
