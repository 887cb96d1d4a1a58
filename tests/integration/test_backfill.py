"""`tidings backfill`: the archives of a feed (RFC 5005), backwards."""

import threading

import pytest

from conftest import Client
from test_daemon import FAST, events, feed, titles

SLOW = {**FAST, "interval": "1h"}
FREE = "host-spacing = 0"


@pytest.fixture
def cli(tidings, daemon):
    return Client(tidings, daemon.dir)


def atom(numbers, prev=None, rel="prev-archive"):
    link = f'<link rel="{rel}" href="{prev}"/>' if prev else ""
    entries = "".join(f"<entry><id>urn:{n}</id><title>Item {n}</title><updated>2026-01-01T00:00:00Z</updated></entry>"
                      for n in numbers)
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><id>urn:f</id>{link}{entries}</feed>'


def archive(origin, last, size=3):
    """/feed with items LAST-2.. LAST, and an archive of SIZE for each before it, which it overlaps."""
    numbers = list(range(last, 0, -1))
    chunks = [numbers[i:i + size] for i in range(0, last, size)]
    for i, chunk in enumerate(chunks):
        older = f"/a{i + 1}" if i + 1 < len(chunks) else None
        origin.set(f"/a{i}", atom(chunk, older))
    origin.set("/feed", atom(numbers[:3], "/a0"), etag='"1"')  # the newest archive holds them too


def asked(origin, path):
    return [r for r in origin.requests if r[1] == path]


def test_to_the_end(daemon, cli, origin):
    archive(origin, 12)
    daemon.start(feed("a", origin.url("/feed"), bearer_token="t0p", **SLOW), daemon=FREE)
    daemon.wait_for(lambda: len(titles(daemon)) == 3)
    state = daemon.get("/v1/feeds/a")
    told = len(events(daemon))
    out = cli.run("backfill", "a").out
    assert out == "a: 4 documents, 9 items, 9 new; no older document is named\n"
    assert sorted(titles(daemon)) == sorted(f"Item {n}" for n in range(1, 13))
    assert len(events(daemon)) == told  # nobody is told
    after = daemon.get("/v1/feeds/a")
    for key in ("next_due_at", "last_fetch_at", "last_new_at", "etag", "history"):
        assert after[key] == state[key], key
    for i in range(4):
        request, = asked(origin, f"/a{i}")
        assert request[2]["Authorization"] == "Bearer t0p" and "If-None-Match" not in request[2]
    assert "Item 5" in cli.run("search", "title:5").out or daemon.wait_for(
        lambda: "Item 5" in cli.run("search", "title:5", code=None).out)

    out = cli.run("backfill", "a").out  # the overlap with the feed's own document does not count
    assert out.startswith("a: 2 documents, 3 items, 0 new; an item was known before\nto go on: ")
    assert cli.run("backfill", "a", "--all").out == "a: 4 documents, 9 items, 0 new; no older document is named\n"
    last = daemon.get("/v1/backfill")["backfills"]
    assert daemon.stop() == 0
    assert [(b["feed"], b["state"], b["stopped"]) for b in last] == [("a", "done", "end")]


def test_the_daemon_may_end_meanwhile(daemon, origin):
    gate, answers = threading.Event(), []
    archive(origin, 9)
    origin.set("/a1", lambda handler: gate.wait(20))
    daemon.start(feed("a", origin.url("/feed"), **SLOW), daemon=FREE)
    daemon.wait_for(lambda: len(titles(daemon)) == 3)

    def ask():
        answers.append(daemon.request("POST", "/v1/backfill", {"feed": "a"}))
    thread = threading.Thread(target=ask)
    thread.start()
    origin.wait("/a1")
    running, = daemon.get("/v1/backfill")["backfills"]
    assert running["state"] == "running" and running["documents"] == 1
    status, answer = daemon.request("POST", "/v1/backfill", {"feed": "a"})
    assert status == 409 and "being read already" in answer["error"]["reason"]
    assert daemon.stop() == 0
    gate.set()
    thread.join()
    assert answers[0][0] == 503


def test_twenty_documents(daemon, cli, origin):
    archive(origin, 75)
    daemon.start(feed("a", origin.url("/feed"), **SLOW), daemon=FREE)
    daemon.wait_for(lambda: len(titles(daemon)) == 3)
    first, second = cli.run("backfill", "a").out.splitlines()
    assert first == "a: 20 documents, 57 items, 57 new; 20 documents are read at a time"
    assert second == f"to go on: tidings backfill a --from {origin.url('/a20')}"
    assert not asked(origin, "/a20")
    out = cli.run("backfill", "a", "--from", origin.url("/a20")).out
    assert out == "a: 5 documents, 15 items, 15 new; no older document is named\n"


def test_the_pace_of_the_host(daemon, origin):
    """One at a time, spaced as any requests there are."""
    at_once, most = [], []
    gate = threading.Lock()

    def slow(numbers, older):
        def answer(handler):
            with gate:
                at_once.append(1)
                most.append(len(at_once))
            origin.reply(handler, (200, atom(numbers, older).encode(), {}))
            with gate:
                at_once.pop()
        return answer
    origin.set("/feed", atom([9], "/p1", "next"))
    origin.set("/p1", slow([8], "/p2"))
    origin.set("/p2", slow([7], None))
    daemon.start(feed("a", origin.url("/feed"), **SLOW), daemon="host-spacing = 300ms")
    daemon.wait_for(lambda: len(titles(daemon)) == 1)
    status, report = daemon.request("POST", "/v1/backfill", {"feed": "a"})
    assert status == 200 and report["new"] == 2 and max(most) == 1


def test_where_it_ends(daemon, cli, origin):
    origin.set("/none", atom([1]))
    origin.set("/broken", atom([2], "/404"))
    origin.set("/circle", atom([3], "/c1"))
    origin.set("/c1", atom([4], "/c2"))
    origin.set("/c2", atom([5], "/c1"))
    origin.set("/page", atom([6], "/html"))
    origin.set("/html", '<link rel="alternate" type="application/rss+xml" href="/none">', content_type="text/html")
    origin.set("/inside", atom([7], "http://10.0.0.1/x"))
    origin.set("/ftp", atom([8], "ftp://127.0.0.1/x"))
    names = ["none", "broken", "circle", "page", "inside", "ftp"]
    daemon.start("".join(feed(n, origin.url("/" + n), **SLOW) for n in names) +
                 feed("few", origin.url("/few"), retention="10 items", **SLOW), daemon=FREE)
    daemon.wait_for(lambda: len(titles(daemon)) == 6)
    assert "failed: only http and https addresses are fetched" in cli.run("backfill", "ftp", code=1).out
    assert "names no archive and no further page" in cli.run("backfill", "none").out
    assert "0 documents, 0 items, 0 new; failed: HTTP 404" in cli.run("backfill", "broken", code=1).out
    assert "2 documents, 2 items, 2 new; the documents lead back" in cli.run("backfill", "circle").out
    assert "failed: not a feed" in cli.run("backfill", "page", code=1).out
    assert "failed: 10.0.0.1 is at 10.0.0.1, a private address" in cli.run("backfill", "inside", code=1).out
    assert "newer ones" in cli.run("backfill", "few", code=64).err
    assert "there is no feed x" in cli.run("backfill", "x", code=66).err
    assert "no http or https address" in cli.run("backfill", "none", "--from", "file:/x", code=64).err


def test_what_is_new_in_the_feed_itself_is_announced_by_its_poll(daemon, cli, origin):
    """Its archive may hold it already: it is still news."""
    archive(origin, 6)
    daemon.start(feed("a", origin.url("/feed"), **{**FAST, "interval": "2s"}), daemon=FREE)
    daemon.wait_for(lambda: len(titles(daemon)) == 3)
    archive(origin, 7)
    origin.set("/feed", atom([7, 6, 5], "/a0"), etag='"2"')
    cli.run("backfill", "a")
    daemon.wait_for(lambda: "Item 7" in [e["item"]["title"] for e in events(daemon) if "item" in e])
