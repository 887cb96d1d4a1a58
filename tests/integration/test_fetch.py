"""`tidings fetch`: one fetch shown whole, recorded, and played back.

tests/recordings/NAME.warc are recordings of servers that are hard to get right, NAME.txt what is shown of them. A new one:
tidings fetch --config FILE URL --record NAME.warc, then TZ=UTC tidings fetch --replay NAME.warc >NAME.txt, and read it.
"""

import base64
import json
import os
import pathlib
import sqlite3
import subprocess
import threading

import pytest

from conftest import Client
from test_daemon import CALL, FAST, FERRY, feed, rss, titles

RECORDINGS = pathlib.Path(__file__).parents[1] / "recordings"
SLOW = {**FAST, "interval": "1h"}


@pytest.fixture
def cli(tidings, daemon):
    return Client(tidings, daemon.dir)


@pytest.mark.parametrize("name", sorted(p.stem for p in RECORDINGS.glob("*.warc")))
def test_recordings_give_what_they_gave(tidings, tmp_path, name):
    r = Client(tidings, tmp_path).run("fetch", "--replay", RECORDINGS / f"{name}.warc", code=None)
    assert r.out == (RECORDINGS / f"{name}.txt").read_text()
    good = "\nanswer   ok" in r.out or "\nanswer   not-modified" in r.out
    assert r.returncode == (0 if good else 1) and r.err == ""


def test_there_are_recordings():
    assert len(list(RECORDINGS.glob("*.warc"))) >= 15


def test_as_the_daemon_would_do_it(daemon, cli, origin):
    """The feed's validators and access; nothing is stored, and the feed's own turn stays."""
    origin.set("/old", "", status=301, headers={"Location": "/feed"})
    origin.set("/feed", rss(CALL), etag='"1"', headers={"Cache-Control": "max-age=7200", "Set-Cookie": "id=cook1e"})
    daemon.start(feed("a", origin.url("/old"), user="me", password="hunter2", **SLOW), daemon="host-spacing = 0")
    daemon.wait_for(lambda: titles(daemon) == [CALL[1]])
    due = daemon.get("/v1/feeds/a")["next_due_at"]

    shown = cli.run("fetch", "a").out  # conditional
    asked = [r[2] for r in origin.requests if r[1] == "/feed"][-1]
    assert asked["If-None-Match"] == '"1"'
    assert asked["Authorization"] == "Basic " + base64.b64encode(b"me:hunter2").decode()
    assert "\nanswer   not-modified" in shown and "If-None-Match: \"1\"" in shown
    assert "publisher's max-age 2 h" in shown and "last answer 304" in shown

    changed = ("call-1", "Army chief and minister speak", "Changed.")
    origin.set("/feed", rss(FERRY, changed), etag='"2"', headers={"Set-Cookie": "id=cook1e"})
    shown = cli.run("fetch", "a", "--full", "--record", "a.warc").out
    assert "If-None-Match" not in [r[2] for r in origin.requests if r[1] == "/feed"][-1]
    assert "2 items: 1 new, 1 changed, 0 known" in shown
    assert f"\nnew                        {FERRY[1]}\nchanged                    {changed[1]}\n" in shown
    assert "< HTTP/1.1 301" in shown and "moved    for good to " in shown
    assert shown.count("> Authorization: xxxx") == 2

    assert titles(daemon) == [CALL[1]] and daemon.get("/v1/feeds/a")["next_due_at"] == due
    db = sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True)
    assert db.execute("SELECT count(*) FROM v1_items").fetchone() == (1,)

    assert daemon.stop() == 0  # played back without daemon, origin and clock
    requests = len(origin.requests)
    assert cli.run("fetch", "--replay", "a.warc").out == shown
    assert "decided at that time" not in shown
    feed_json = json.loads(cli.run("parse", "a.warc").out)
    assert [i["title"] for i in feed_json["items"]] == [FERRY[1], changed[1]]
    assert len(origin.requests) == requests
    file = daemon.dir / "a.warc"
    assert file.stat().st_mode & 0o777 == 0o600
    data = file.read_bytes()
    assert data.startswith(b"WARC/1.1\r\n") and b"<title>" + FERRY[1].encode() in data
    for secret in (b"hunter2", b"cook1e", base64.b64encode(b"me:hunter2")):
        assert secret not in data and secret.decode() not in shown


def test_a_page_and_its_feed(daemon, cli, origin):
    origin.set("/feed", rss(CALL))
    origin.set("/", '<link rel="alternate" type="application/rss+xml" href="/feed">', content_type="text/html")
    daemon.start("", daemon="host-spacing = 0")
    shown = cli.run("fetch", origin.url("/"), "--record", "page.warc").out
    assert f"page     names the feed {origin.url('/feed')}\nfeed     rss20, 1 item" in shown
    assert cli.run("fetch", "--replay", "page.warc").out == shown
    assert daemon.get("/v1/feeds")["feeds"] == []


def test_what_fails(daemon, cli, origin):
    origin.set("/busy", "", status=429, headers={"Retry-After": "600"})
    daemon.start(feed("busy", origin.url("/busy"), **FAST))
    daemon.wait_for(lambda: daemon.get("/v1/feeds/busy")["outcome"] == "http")
    asked = len(origin.requests)
    assert "asked not to be called for another" in cli.run("fetch", "busy", code=75).err
    assert len(origin.requests) == asked
    assert "there is no feed nosuch" in cli.run("fetch", "nosuch", code=66).err
    assert "http or https" in cli.run("fetch", "ftp://h/x", code=64).err
    shown = cli.run("fetch", "http://10.1.2.3/", "--record", "r.warc", code=1).out
    assert "answer   refused: 10.1.2.3 is at 10.1.2.3, a private address" in shown
    assert cli.run("fetch", "--replay", "r.warc", code=1).out == shown
    assert "no document was recorded" in cli.run("parse", "r.warc", code=1).err
    status, answer = daemon.request("POST", "/v1/fetch", {"full": True})
    assert status == 400 and '"feed" is needed' in answer["error"]["reason"]


def test_who_waits_for_a_server_that_limits_all_is_told(daemon, cli, origin):
    """Two addresses were limited, so the host is left alone for ten minutes: nobody hangs for so long."""
    for path in ("/one", "/two"):
        origin.set(path, "", status=429, headers={"Retry-After": "600"})
    daemon.start(feed("one", origin.url("/one"), **FAST) + feed("two", origin.url("/two"), **FAST), "host-spacing = 0")
    daemon.wait_for(lambda: all(daemon.get(f"/v1/feeds/{n}").get("outcome") == "http" for n in ("one", "two")))
    told = "asked not to be called for another "
    assert told in cli.run("fetch", origin.url("/other"), code=75).err
    assert told in cli.run("add", origin.url("/other"), code=75).err
    assert daemon.get("/v1/status")["feeds"]["total"] == 2
    status, answer = daemon.request("POST", "/v1/feeds", {"url": origin.url("/other"), "name": "other",
                                                         "keep": True})
    assert status == 201 and daemon.get("/v1/feeds/other")["url"] == origin.url("/other")
    why = cli.run("why", "other").out
    assert "nothing is asked there for " in why
    daemon.kill()
    daemon.start()
    assert daemon.get("/v1/feeds/other")["feed_id"] == answer["feed_id"]
    assert {r[1] for r in origin.requests} == {"/one", "/two"}
    for _ in range(9):  # and none is under way
        assert told in cli.run("fetch", origin.url("/other"), code=75).err


def test_without_the_daemon(daemon, cli, origin):
    origin.set("/feed", rss(CALL), etag='"1"')
    daemon.configure(feed("a", origin.url("/feed"), bearer_token="t0psecret"))
    assert "--config FILE" in cli.run("fetch", "a", code=69).err
    shown = cli.run("fetch", "a", "--config", "feeds.conf").out
    assert "\nanswer   ok" in shown and f"\nitem                       {CALL[1]}\n" in shown
    assert origin.requests[-1][2]["Authorization"] == "Bearer t0psecret" and "t0psecret" not in shown
    assert "has no feed b" in cli.run("fetch", "b", "--config", "feeds.conf", code=64).err


def test_the_daemon_may_end_meanwhile(daemon, origin, tidings):
    gate = threading.Event()
    origin.set("/slow", lambda handler: gate.wait(20))
    daemon.start(feed("a", origin.url("/slow"), enabled="no"))
    p = subprocess.Popen([tidings, "fetch", "a"], cwd=daemon.dir, stderr=subprocess.PIPE, env={**os.environ})
    origin.wait("/slow")
    assert daemon.stop() == 0
    gate.set()
    assert "the daemon is stopping" in p.communicate(timeout=20)[1].decode() and p.returncode == 75


def test_files_that_are_no_recordings(cli):
    (cli.dir / "x").write_text("WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 50\r\n\r\nHTTP/1.1")
    assert "x: a record ends in the middle" in cli.run("fetch", "--replay", "x", code=65).err
    (cli.dir / "x").write_text("<rss/>")
    assert cli.run("fetch", "--replay", "x", code=65).err.startswith("tidings: x: ")
    assert "nothing" in cli.run("fetch", "--replay", "x", "--full", code=64).err
    assert "either" in cli.run("fetch", code=64).err
