"""The pipeline as a user sees it: the real daemon against a real origin on loopback."""

import contextlib
import gzip
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import threading

from conftest import program


def rss(*items, title="A feed"):
    entries = "".join(
        f"<item><title>{t}</title><guid isPermaLink='false'>{g}</guid>"
        f"<link>http://example.org/{g}</link><description>{d}</description></item>"
        for g, t, d in items)
    return (f"<?xml version='1.0'?><rss version='2.0'><channel><title>{title}</title>"
            f"<link>http://example.org/</link><description>d</description>{entries}</channel></rss>")


CALL = ("call-1", "Army chief and foreign defence secretary speak by phone", "About the war next door.")
FERRY = ("ferry-1", "Night ferry sails again", "From Monday.")


def feed(name, url, **keys):
    lines = "".join(f"{k.replace('_', '-')} = {v}\n" for k, v in keys.items())
    return f"[feed {name}]\nurl = {url}\n{lines}\n"


FAST = {"interval": "1s", "min_interval": "1s", "backlog": "all"}


def titles(daemon, query=""):
    return [i.get("title") for i in daemon.get("/v1/items?limit=1000" + query)["items"]]


def events(daemon, after=0):
    import json
    status, text = daemon.request("GET", f"/v1/events?after={after}&follow=0&format=jsonl")
    assert status == 200, text
    return [json.loads(line) for line in text.splitlines()]


def test_first_round_is_told_feed_by_feed(daemon, origin, source_dir):
    origin.set("/a", rss(CALL, FERRY))
    sample = source_dir / "docs/samples/meridian-wire.atom.xml"
    daemon.start(feed("by-http", origin.url("/a"))
                 + feed("by-file", f"file:{sample}")
                 + feed("by-exec", f"exec:{sys.executable} -c \"print(open('{sample}').read())\"")
                 + feed("broken", origin.url("/missing")))
    daemon.wait_for(lambda: "first round done" in daemon.text(), what="the end of the first round")
    log = daemon.text()
    for name in ("by-http", "by-file", "by-exec"):
        assert len(re.findall(rf"feed {name}: 2 new items", log)) == 1, log
    assert len(re.findall(r"feed broken: .*404", log)) == 1, log
    assert re.search(r"first round done: 4 feeds in .*, 3 read, 1 failed, 6 new items", log), log
    assert CALL[1] in titles(daemon)
    assert daemon.stop() == 0


def test_an_item_that_is_taken_out_is_told_of(daemon, origin):
    """The hour that it must be missing for is written into the store."""
    items = [f"<item><guid>{i}</guid><title>item {i}</title><pubDate>Mon, {20 - i:02} Nov 2026 08:00:00 GMT"
             f"</pubDate></item>" for i in range(8)]

    def document(without=None):
        return ("<rss version='2.0'><channel><title>t</title>"
                + "".join(x for i, x in enumerate(items) if i != without) + "</channel></rss>")

    def window():
        with contextlib.closing(sqlite3.connect(daemon.store)) as db:
            row = db.execute("SELECT missing, entries FROM shown JOIN poll USING(feed_id)").fetchone()
            return row and (row[0], list(struct.iter_unpack("=qq", row[1])))

    origin.set("/a", document())
    daemon.start(feed("a", origin.url("/a"), **FAST))
    daemon.wait_for(lambda: len((window() or [0, []])[1]) == 8, what="the window")
    origin.set("/a", document(without=2))
    daemon.wait_for(lambda: window()[0] == 1, what="the one that is missing")
    assert [e["event"] for e in events(daemon)] == ["item.new"] * 8
    daemon.stop()
    missing, entries = window()
    aged = b"".join(struct.pack("=qq", i, at and at - 3600_000) for i, at in entries)
    with contextlib.closing(sqlite3.connect(daemon.store)) as db:
        db.execute("UPDATE shown SET entries = ?", (aged,))
        db.execute("UPDATE poll SET next_due_at = 0")
        db.commit()
    daemon.start()
    daemon.wait_for(lambda: len(events(daemon)) == 9, what="the event")
    last = events(daemon)[-1]
    assert last["event"] == "item.vanished" and last["item"]["title"] == "item 2"
    ids = [e["id"] for e in events(daemon)]
    assert re.fullmatch(r"[0-9a-f]{16}-\d+", last["id"]) and len(set(ids)) == 9
    assert len(window()[1]) == 7 and window()[0] == 0


def test_validators_are_echoed_byte_for_byte(daemon, origin):
    etag, date = 'W/"a, b;c"', "Mon, 02 Jan 2006 15:04:05 GMT"
    origin.set("/a", rss(CALL), etag=etag, last_modified=date)
    daemon.start(feed("a", origin.url("/a"), **FAST), "contact = https://example.org/reader\n")
    origin.wait("/a", 2)
    first, second = [r[2] for r in origin.requests if r[1] == "/a"][:2]
    assert "If-None-Match" not in first and "If-Modified-Since" not in first
    assert second["If-None-Match"] == etag and second["If-Modified-Since"] == date
    assert re.fullmatch(r"tidings/\S+ \(\+https://example.org/reader\)", first["User-Agent"])
    daemon.wait_for(lambda: daemon.get("/v1/status")["since_start"]["fetches"].get("not-modified"))
    assert titles(daemon) == [CALL[1]]
    assert [e["event"] for e in events(daemon)] == ["item.new"]


def test_restart_asks_nothing_before_its_time(daemon, origin):
    origin.set("/a", rss(CALL), etag='"1"')
    origin.set("/marker", rss(FERRY))
    config = feed("a", origin.url("/a"), interval="1h")
    daemon.start(config)
    daemon.wait_for(lambda: titles(daemon))
    daemon.kill()
    daemon.start(config + feed("marker", origin.url("/marker")))
    daemon.wait_for(lambda: "first round done" in daemon.text().split("ready:")[-1])
    assert FERRY[1] in titles(daemon)
    assert sum(r[1] == "/a" for r in origin.requests) == 1


def test_a_changed_item_is_a_revision_and_noise_is_not(daemon, origin):
    origin.set("/a", rss(CALL), etag='"1"')
    daemon.start(feed("a", origin.url("/a"), **FAST))
    daemon.wait_for(lambda: len(events(daemon)) == 1)
    origin.set("/a", rss(CALL, title="A feed, renamed").replace("speak by", "speak  by"), etag='"2"')
    seen = len(origin.requests)
    origin.wait("/a", seen + 2)
    assert len(events(daemon)) == 1
    origin.set("/a", rss((CALL[0], "Army chief and defence secretary speak again", CALL[2])), etag='"3"')
    changed = daemon.wait_for(lambda: events(daemon)[1:])
    assert [e["event"] for e in changed] == ["item.changed"]
    item_id = changed[0]["item"]["_tidings"]["item_id"]
    answer = daemon.get(f"/v1/items/{item_id}?revisions=1")
    revisions = answer["revisions"]
    assert [r["title"] for r in revisions] == ["Army chief and defence secretary speak again", CALL[1]]


def test_old_items_of_a_first_import_are_backlog(daemon, origin):
    origin.set("/a", rss(CALL, FERRY).replace(
        "</title><guid isPermaLink='false'>ferry",
        "</title><pubDate>Mon, 02 Jan 2006 15:04:05 GMT</pubDate><guid isPermaLink='false'>ferry"))
    daemon.start(feed("a", origin.url("/a"), interval="1s", min_interval="1s"))
    daemon.wait_for(lambda: len(titles(daemon)) == 2)
    assert FERRY[1] not in [e["item"]["title"] for e in events(daemon)]
    origin.set("/a", rss(CALL, FERRY, ("new-1", "Fresh", "today")))
    daemon.wait_for(lambda: [e for e in events(daemon) if e["item"]["title"] == "Fresh"])


def test_redirects_and_compression(daemon, origin):
    origin.set("/moved", b"", status=302, headers={"Location": "/real", "ETag": '"hop"'})
    origin.set("/real", gzip.compress(rss(CALL).encode()), etag='"real"',
               headers={"Content-Encoding": "gzip"})
    daemon.start(feed("a", origin.url("/moved"), **FAST))
    daemon.wait_for(lambda: titles(daemon) == [CALL[1]])
    origin.wait("/real", 2)
    assert [r[2].get("If-None-Match") for r in origin.requests if r[1] == "/real"][1] == '"real"'


def test_broken_xml_is_read_and_html_is_not(daemon, origin):
    origin.set("/cut", rss(CALL, FERRY)[:-60], etag='"cut"', last_modified="Mon, 02 Jan 2006 15:04:05 GMT")
    origin.set("/whole", rss(FERRY), etag='"whole"')
    origin.set("/page", "<!DOCTYPE html><html><body>no feed</body></html>", content_type="text/html")
    daemon.start(feed("cut", origin.url("/cut")) + feed("page", origin.url("/page"))
                 + feed("whole", origin.url("/whole")))
    daemon.wait_for(lambda: "first round done" in daemon.text())
    assert CALL[1] in titles(daemon)
    assert daemon.get("/v1/feeds/page")["error"]
    with contextlib.closing(sqlite3.connect(daemon.store)) as db:
        kept = db.execute("SELECT name, CAST(etag AS TEXT), last_modified FROM feed JOIN poll USING(feed_id) ORDER BY name").fetchall()
    # with its validators the rest of the cut document would never be asked for
    assert kept == [("cut", None, None), ("page", None, None), ("whole", '"whole"', None)]


def test_a_private_address_is_refused_unless_allowed(daemon, origin):
    origin.set("/a", rss(CALL))
    daemon.configure(feed("a", origin.url("/a")))
    daemon.config.write_text(daemon.config.read_text().replace("allow-addresses = 127.0.0.0/8\n", ""))
    daemon.start()
    daemon.wait_for(lambda: "first round done" in daemon.text())
    assert re.search(r"feed a: .*127\.0\.0\.1", daemon.text())
    assert origin.requests == []


def test_add_finds_the_feed_of_a_page_and_remove_forgets_it(daemon, origin):
    origin.set("/", "<html><head><title>t</title><link rel=alternate type='application/rss+xml' "
               "href='/feed'></head><body>hello</body></html>", content_type="text/html")
    origin.set("/feed", rss(CALL))
    origin.set("/page", "<html><body>nothing</body></html>", content_type="text/html")
    daemon.start()
    status, answer = daemon.request("POST", "/v1/feeds", {"url": origin.url("/"), "name": "added"})
    assert status in (200, 201), answer
    assert answer["name"] == "added" and answer["url"] == origin.url("/feed")
    assert titles(daemon) == [CALL[1]]
    assert [r[1] for r in origin.requests] == ["/", "/feed"]
    status, answer = daemon.request("POST", "/v1/feeds", {"url": origin.url("/feed")})
    assert status == 409 and "added" in answer["error"]["reason"]
    status, answer = daemon.request("POST", "/v1/feeds", {"url": origin.url("/page")})
    assert status >= 400 and answer["error"]["reason"]
    status, answer = daemon.request("POST", "/v1/feeds", {"url": "ftp://example.org/"})
    assert status == 400
    daemon.kill()
    daemon.start()
    assert [f["name"] for f in daemon.get("/v1/feeds")["feeds"]] == ["added"]
    status, _ = daemon.request("DELETE", "/v1/feeds/added")
    assert status in (200, 204)
    daemon.wait_for(lambda: titles(daemon) == [])
    assert daemon.get("/v1/feeds")["feeds"] == []


def test_reload_applies_all_or_nothing(daemon, origin):
    for path in "abc":
        origin.set("/" + path, rss((path, "Title " + path, "text")))
    daemon.start(feed("a", origin.url("/a")) + feed("b", origin.url("/b")))
    daemon.wait_for(lambda: "first round done" in daemon.text())
    good = daemon.config.read_text()
    daemon.config.write_text(good + feed("c", origin.url("/c")) + "intervall = 3h\n[feed d]\n")
    status, answer = daemon.request("POST", "/v1/reload")
    assert status == 400, answer
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for(lambda: len(re.findall(r"feeds\.conf:\d+: .*intervall", daemon.text())) == 2)
    assert "interval" in daemon.text() and not any(r[1] == "/c" for r in origin.requests)
    daemon.config.write_text(good.replace("[feed b]", "[feed c]").replace("/b", "/c"))
    status, answer = daemon.request("POST", "/v1/reload")
    assert status == 200 and (answer["added"], answer["removed"]) == (1, 1), answer
    daemon.wait_for(lambda: "Title c" in titles(daemon))
    assert sorted(r[1] for r in origin.requests) == ["/a", "/b", "/c"]
    assert "Title b" in titles(daemon)


def test_sigterm_ends_in_time_with_a_hanging_origin(daemon, origin):
    release = threading.Event()

    def hang(handler):
        release.wait(30)

    origin.set("/hang", hang)
    daemon.start(feed("hang", origin.url("/hang")))
    origin.wait("/hang")
    assert daemon.stop(timeout=5) == 0
    release.set()
    assert not daemon.socket.exists()


def test_refresh_is_never_below_the_floor(daemon, origin):
    origin.set("/a", rss(CALL))
    daemon.start(feed("a", origin.url("/a")))
    daemon.wait_for(lambda: titles(daemon))
    status, answer = daemon.request("POST", "/v1/refresh", {"feed": "a"})
    assert status == 200 and answer["due_now"] == 0, answer
    assert sum(r[1] == "/a" for r in origin.requests) == 1


def test_a_second_daemon_is_refused(daemon, tidingsd):
    daemon.start()
    second = subprocess.run([tidingsd, "--config", daemon.config], capture_output=True, text=True,
                            timeout=20)
    assert second.returncode == 75, second.stderr
    assert daemon.get("/v1/status")["ready"] is True


def test_a_config_with_mistakes_starts_nothing(daemon, tidingsd):
    daemon.configure("[feed x]\nurl = gopher://example.org/\n[defaults]\ntimout = 3s\n")
    r = subprocess.run([tidingsd, "--config", daemon.config], capture_output=True, text=True, timeout=20)
    assert r.returncode == 78
    assert re.search(r"feeds\.conf:\d+: .*gopher", r.stderr) and "timeout" in r.stderr
    assert not daemon.store.exists()


def test_the_parser_is_of_the_daemons_version_and_its_alone(build_dir):
    parser = program(build_dir, "tidings-parser")
    other = subprocess.run([parser, "--parser-child", "0.0.1"], capture_output=True, text=True, timeout=20)
    assert other.returncode == 76
    assert "tidingsd of version 0.0.1: install both from one" in other.stderr
    by_hand = subprocess.run([parser, "feed.xml"], capture_output=True, text=True, timeout=20)
    assert by_hand.returncode == 64
    assert "tidings parse FILE" in by_hand.stderr
