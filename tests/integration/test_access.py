"""Feeds that are not open to everybody: what lets them in, and where it must never be seen."""

import base64
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import Daemon
from test_daemon import CALL, FAST, FERRY, feed, rss, titles

SECRETS = ["hunter2", "t0psecret", "c00kie", "pr0xypw", base64.b64encode(b"me:hunter2").decode()]


def guarded(body, authorization):
    """Answers 401 without the header it wants."""
    def answer(handler):
        let_in = handler.headers.get("Authorization") == authorization
        data = body.encode() if let_in else b"no"
        handler.send_response(200 if let_in else 401)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)
    return answer


def outcome(daemon, name):
    return daemon.get(f"/v1/feeds/{name}")["outcome"]


def test_no_secret_is_seen_anywhere(daemon, tidings, origin):
    """Not in the store, the log, the API, the client's output or the process list."""
    basic = "Basic " + base64.b64encode(b"me:hunter2").decode()
    origin.set("/basic", guarded(rss(CALL), basic))
    origin.set("/bearer", guarded(rss(FERRY), "Bearer t0psecret"))
    origin.set("/wrong", guarded(rss(FERRY), "no"))
    for name, text in (("pw", "hunter2"), ("token", "t0psecret"), ("key", "t0psecret")):
        (daemon.dir / name).write_text(text + "\n")
        (daemon.dir / name).chmod(0o600)
    (daemon.dir / "cookies").write_text(
        "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tc00kie\n")
    in_url = origin.url("/wrong").replace("http://", "http://me:hunter2@")
    daemon.start(
        feed("basic", origin.url("/basic"), user="me", password="file:pw", **FAST) +
        feed("bearer", origin.url("/bearer"), bearer_token="file:token", cookie_file="cookies", **FAST) +
        feed("wrong", in_url, header="X-Key: file:key", **FAST) +
        feed("off", origin.url("/basic").replace("127.0.0.1", "127.0.0.2") + "?x", password="hunter2",
             user="me", proxy="http://u:pr0xypw@127.0.0.1:9", **FAST), args=["--log-level", "debug"])
    daemon.wait_for(lambda: len(titles(daemon)) == 2)
    daemon.wait_for(lambda: outcome(daemon, "wrong") == "http" and outcome(daemon, "off") == "connect")
    assert [r[2].get("X-Key") for r in origin.requests if r[1] == "/wrong"][0] == "t0psecret"
    assert [r[2].get("Cookie") for r in origin.requests if r[1] == "/bearer"][0] == "session=c00kie"

    def client(*args):
        r = subprocess.run([tidings, *args], cwd=daemon.dir, capture_output=True, timeout=30)
        return (r.stdout + r.stderr).decode()
    seen = {"client": "".join(client(*a) for a in (["status"], ["feeds"], ["feeds", "--problems"],
                                                   ["why", "wrong"], ["why", "off"], ["opml", "export"]))}
    for path in ("/v1/status", "/v1/feeds", "/v1/feeds/wrong", "/v1/feeds/off", "/v1/items", "/metrics"):
        seen[path] = str(daemon.get(path))
    assert "with the feed's access settings" in seen["client"]
    assert "basic, header" in seen["client"] and "basic, proxy http://127.0.0.1:9" in seen["client"]
    proc = f"/proc/{daemon.process.pid}"
    for name in ("cmdline", "environ"):
        with open(f"{proc}/{name}", errors="replace") as f:
            seen[name] = f.read()
    assert daemon.stop() == 0
    seen["log"] = daemon.text()
    for path in daemon.dir.glob("tidings.db*"):
        seen[path.name] = path.read_bytes().decode("latin-1")
    assert "HTTP 401 Unauthorized" in seen["log"] and "Connection refused" in seen["log"]
    for where, text in seen.items():
        for secret in SECRETS:
            assert secret not in text, where


def owner_of_proc(tidingsd, folder, config):
    """Runs the daemon as nobody until it has stored an item: whose its environ is."""
    d = Daemon(tidingsd, folder)
    d.configure(config)
    with open(d.log, "ab") as log:
        d.process = subprocess.Popen(
            ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", tidingsd, "--config", d.config],
            cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        d.wait_ready()
        d.wait_for(lambda: titles(d) == [CALL[1]])
        return os.stat(f"/proc/{d.process.pid}/environ").st_uid
    finally:
        d.stop()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs another user")
def test_who_holds_a_secret_leaves_no_core(tidingsd, origin):
    """Not dumpable: the process' files in /proc belong to root. The parsers run all the same."""
    origin.set("/feed", rss(CALL))
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        os.chown(name, 65534, 65534)
        folder = pathlib.Path(name)
        owners = [owner_of_proc(tidingsd, folder, feed("a", origin.url("/feed"), **FAST, **more))
                  for more in ({}, {"bearer_token": "t0psecret"})]
    assert owners == [65534, 0]


def test_redirects_go_without_credentials(daemon, origin):
    """127.0.0.1 and localhost are two hosts."""
    elsewhere = origin.url("/elsewhere").replace("127.0.0.1", "localhost")
    origin.set("/feed", "", status=302, headers={"Location": elsewhere})
    origin.set("/elsewhere", guarded(rss(CALL), "Bearer t0psecret"))
    daemon.start(feed("a", origin.url("/feed"), bearer_token="t0psecret", header="X-Key: k", **FAST))
    daemon.wait_for(lambda: outcome(daemon, "a") == "http")
    asked = [r[2] for r in origin.requests if r[1] == "/elsewhere"][0]
    assert "Authorization" not in asked and "X-Key" not in asked
    error = daemon.get("/v1/feeds/a")["error"]
    assert error == ("HTTP 401 Unauthorized; the feed's access settings are those of another host "
                     "than this: " + origin.url("/feed"))


def test_a_password_that_was_corrected_is_tried_soon(daemon, origin):
    basic = "Basic " + base64.b64encode(b"me:right").decode()
    origin.set("/feed", guarded(rss(CALL), basic))
    daemon.start(feed("a", origin.url("/feed"), user="me", password="wrong", interval="1h", min_interval="1s"))
    daemon.wait_for(lambda: outcome(daemon, "a") == "http")  # the next try is an hour away
    daemon.config.write_text(daemon.config.read_text().replace("wrong", "right"))
    assert daemon.request("POST", "/v1/reload")[0] == 200
    daemon.wait_for(lambda: titles(daemon) == [CALL[1]])


def test_two_accounts_at_one_address(daemon, origin):
    """Each feed gets what its own credentials are given."""
    def answer(handler):
        mine = rss(CALL if handler.headers["Authorization"] == "Bearer a" else FERRY).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(mine)))
        handler.end_headers()
        handler.wfile.write(mine)
    origin.set("/feed", answer)
    daemon.start(feed("a", origin.url("/feed"), bearer_token="a", **FAST) +
                 feed("b", origin.url("/feed"), bearer_token="b", **FAST))
    daemon.wait_for(lambda: len(titles(daemon)) == 2)
    assert titles(daemon, "&feed=a") == [CALL[1]] and titles(daemon, "&feed=b") == [FERRY[1]]


def test_added_addresses_hold_no_password(daemon, origin):
    origin.set("/feed", rss(CALL))
    daemon.start()
    url = origin.url("/feed").replace("http://", "http://me:hunter2@")
    status, answer = daemon.request("POST", "/v1/feeds", {"url": url})
    assert status == 400 and "the store holds no secrets" in answer["error"]["reason"]
    assert "hunter2" not in str(answer) and not origin.requests


def test_addresses_of_one_feed(daemon, origin):
    """Its redirects may go there too; those of others may not."""
    origin.set("/in", rss(CALL))
    origin.set("/hop", "", status=302, headers={"Location": "/in"})
    daemon.configure(feed("mine", origin.url("/hop"), allow_addresses="127.0.0.1", **FAST) +
                     feed("other", origin.url("/in?"), **FAST), daemon="host-spacing = 0")
    daemon.config.write_text(daemon.config.read_text().replace("allow-addresses = 127.0.0.0/8\n", ""))
    daemon.start()
    daemon.wait_for(lambda: outcome(daemon, "mine") == "ok" and outcome(daemon, "other") == "refused")
    assert titles(daemon) == [CALL[1]] and not [r for r in origin.requests if r[1] == "/in?"]
