"""https origins: redirects between https and http, certificates that are not right, HTTP/2."""

import shutil
import socket
import ssl
import subprocess
import time

import pytest

from conftest import Client, Origin
from test_daemon import CALL, FAST, events, feed, rss, titles


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
