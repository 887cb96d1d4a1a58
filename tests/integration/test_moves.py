"""Feeds that move, meet, end, or hide behind a page: what is asked, stored and told."""

import contextlib
import signal
import sqlite3
import threading

from conftest import Client
from test_daemon import CALL, FAST, FERRY, events, feed, rss, titles

MOVE = {**FAST, "move_after": "0"}
QUICK = "host-spacing = 0\n"  # all addresses here are at one host


def asked(origin, path):
    return sum(r[1] == path for r in origin.requests)


def moved(origin, path, to, status=301):
    origin.set(path, "moved", status=status, headers={"Location": origin.url(to)})


def problems(tidings, daemon, **env):
    """What `tidings feeds --problems` says of each feed, on a terminal as wide as it likes."""
    text, _ = Client(tidings, daemon.dir).terminal("feeds", "--problems", columns=300, env=env)
    return {line.split()[0]: line for line in text.splitlines()[1:]}


def kinds(daemon):
    return [e["event"] for e in events(daemon)]


def test_three_polls_later_the_new_address_is_asked(daemon, origin, tidings):
    moved(origin, "/old", "/new", 308)
    origin.set("/new", rss(CALL), etag='"1"')
    daemon.start(feed("a", origin.url("/old"), **MOVE), QUICK)
    daemon.wait_for(lambda: "feed.moved" in kinds(daemon))
    assert asked(origin, "/old") == 3
    origin.wait("/new", 5)
    assert asked(origin, "/old") == 3 and titles(daemon) == [CALL[1]]
    told = events(daemon)[-1]["feed"]
    assert told["url"] == origin.url("/old") and told["moved_url"] == origin.url("/new")
    assert "feed a: moved for good; asked from now on at " in daemon.text()
    assert [f["name"] for f in daemon.get("/v1/feeds?problems=1")["feeds"]] == ["a"]

    assert f"has moved: write url = {origin.url('/new')}" in problems(tidings, daemon)["a"]

    daemon.kill()  # and it is remembered
    origin.requests.clear()
    daemon.start(feed("a", origin.url("/old"), **MOVE), QUICK)
    origin.wait("/new", 2)
    assert asked(origin, "/old") == 0 and kinds(daemon).count("feed.moved") == 1


def test_two_feeds_that_moved_to_one_address_share_its_answers(daemon, origin, tidings):
    for path in ("/a", "/b"):
        moved(origin, path, "/both")
    origin.set("/both", rss(CALL), etag='"1"')
    daemon.start(feed("a", origin.url("/a"), tags="x", **MOVE) + feed("b", origin.url("/b"), **MOVE), QUICK)
    daemon.wait_for(lambda: kinds(daemon).count("feed.moved") == 2)
    before = asked(origin, "/both")
    origin.set("/both", rss(CALL, FERRY), etag='"2"')
    daemon.wait_for(lambda: titles(daemon).count(FERRY[1]) == 2)  # each feed has it
    assert asked(origin, "/both") - before <= 3
    assert titles(daemon, "&feed=a") == titles(daemon, "&feed=b")
    assert titles(daemon, "&tag=x") == [FERRY[1], CALL[1]]

    said = problems(tidings, daemon)
    assert "has moved: write url = " in said["a"] and "same feed as a" in said["b"]

    # who led leaves; the other one goes on by itself
    leader = "a" if "feed b: is at the same address" in daemon.text() else "b"
    other = "b" if leader == "a" else "a"
    daemon.config.write_text(daemon.config.read_text().replace(f"[feed {leader}]", "[feed other]")
                             .replace(origin.url("/" + leader), origin.url("/elsewhere")))
    daemon.request("POST", "/v1/reload")
    seen = asked(origin, "/both")
    origin.wait("/both", seen + 2)
    assert titles(daemon, f"&feed={other}") == [FERRY[1], CALL[1]]


def test_confirmed_410_is_told_and_ends_it(daemon, origin, tidings):
    origin.set("/a", b"", status=410)
    daemon.start(feed("a", origin.url("/a"), **FAST), QUICK)
    daemon.wait_for(lambda: kinds(daemon) == ["feed.gone"])
    assert asked(origin, "/a") == 2
    assert daemon.get("/v1/feeds/a")["gone"]
    assert "gone for good: take it out of the config" in problems(tidings, daemon)["a"]

    # its owner finds it elsewhere: the new address is asked at once
    origin.set("/b", rss(CALL))
    daemon.config.write_text(daemon.config.read_text().replace(origin.url("/a"), origin.url("/b")))
    assert daemon.request("POST", "/v1/reload")[0] == 200
    daemon.wait_for(lambda: titles(daemon) == [CALL[1]])
    assert problems(tidings, daemon) == {}


def test_a_page_that_names_its_feed(daemon, origin):
    origin.set("/page", "<html><head><link rel=alternate type='application/rss+xml' href='/feed'>"
                        "</head></html>", content_type="text/html")
    origin.set("/feed", rss(CALL), etag='"1"')
    daemon.start(feed("a", origin.url("/page"), **FAST), QUICK)
    origin.wait("/feed", 3)
    assert asked(origin, "/page") == 1 and titles(daemon) == [CALL[1]]
    assert daemon.get("/v1/feeds/a")["found_url"] == origin.url("/feed")
    assert kinds(daemon) == ["item.new"]


def test_dead_after_thirty_days_and_back_again(daemon, origin, tidings):
    import sqlite3
    origin.set("/a", b"", status=503)
    daemon.start(feed("a", origin.url("/a"), **FAST), QUICK)
    daemon.wait_for(lambda: daemon.get("/v1/feeds/a")["failures"] == 1)
    daemon.stop()
    with sqlite3.connect(daemon.store) as db:  # four weeks pass
        db.execute("UPDATE poll SET failing_since = failing_since - 26 * 86400000, next_due_at = 0")
    db.close()
    daemon.start()
    daemon.wait_for(lambda: daemon.get("/v1/feeds/a")["failures"] == 2)
    assert kinds(daemon) == []  # 26 days
    daemon.stop()
    with sqlite3.connect(daemon.store) as db:
        db.execute("UPDATE poll SET failing_since = failing_since - 5 * 86400000,"
                   " last_fetch_at = last_fetch_at - 5 * 86400000, next_due_at = 0")
    db.close()
    daemon.start()
    daemon.wait_for(lambda: kinds(daemon) == ["feed.dead"])
    assert "has failed for 30 days" in daemon.text()
    said = problems(tidings, daemon)["a"]
    assert "dead, has failed for 31 d" in said and "HTTP 503" in said and "correct its url" in said
    assert "asked every 7 d" in daemon.get("/v1/feeds/a")["why"]
    daemon.stop()
    origin.set("/a", rss(CALL))
    with sqlite3.connect(daemon.store) as db:
        db.execute("UPDATE poll SET next_due_at = 0")
    db.close()
    daemon.start()
    daemon.wait_for(lambda: kinds(daemon) == ["feed.dead", "feed.recovered", "item.new"]
                    or kinds(daemon) == ["feed.dead", "item.new", "feed.recovered"])
    assert problems(tidings, daemon) == {}


def test_back_to_the_old_address_when_the_new_one_fails_for_a_week(daemon, origin, tidings):
    import sqlite3
    moved(origin, "/old", "/new")
    origin.set("/new", rss(CALL), etag='"1"')
    daemon.start(feed("a", origin.url("/old"), **MOVE), QUICK)
    daemon.wait_for(lambda: kinds(daemon).count("feed.moved") == 1)
    origin.set("/new", b"", status=503)
    daemon.wait_for(lambda: daemon.get("/v1/feeds/a")["failures"])
    daemon.stop()
    with sqlite3.connect(daemon.store) as db:
        db.execute("UPDATE poll SET failing_since = failing_since - 7 * 86400000, next_due_at = 0")
    db.close()
    origin.set("/old", rss(CALL, FERRY), etag='"2"')
    daemon.start()
    daemon.wait_for(lambda: FERRY[1] in titles(daemon))
    assert kinds(daemon).count("feed.moved") == 2 and titles(daemon).count(CALL[1]) == 1
    assert "moved_url" not in daemon.get("/v1/feeds/a")
    assert "the address it moved to fails; asked again at " + origin.url("/old") in daemon.text()


def test_a_section_with_another_name_is_the_same_feed(daemon, origin):
    """By a reload and by a restart: nothing is fetched or told anew, the items and the history stay."""
    url = origin.set("/feed", rss(CALL, FERRY), etag='"1"')
    again = {**FAST, "interval": "1h", "tags": "x", "backlog": "all"}

    def feeds():
        return [(f["feed_id"], f["name"], f["enabled"], f["items"], f.get("tags"))
                for f in daemon.get("/v1/feeds")["feeds"]]

    daemon.start(feed("a", url, **again), QUICK)
    daemon.wait_for(lambda: len(titles(daemon)) == 2, what="the items")
    told, number = kinds(daemon), feeds()[0][0]
    daemon.configure(feed("b", url, **{**again, "tags": "y"}), QUICK)
    assert daemon.request("POST", "/v1/reload")[0] == 200
    daemon.wait_for(lambda: feeds() == [(number, "b", True, 2, ["y"])], what="the other name")
    assert "feed a: is called b now" in daemon.text()
    daemon.kill()
    daemon.configure(feed("c", url, **again), QUICK)
    daemon.start()
    daemon.wait_for(lambda: feeds() == [(number, "c", True, 2, ["x"])], what="the third name")
    # and one that is new at an address of its own is new
    daemon.configure(feed("c", url, **again) + feed("d", origin.set("/other", rss(CALL)), **again), QUICK)
    assert daemon.request("POST", "/v1/reload")[0] == 200
    daemon.wait_for(lambda: len(titles(daemon)) == 3, what="the new feed")
    assert asked(origin, "/feed") == 1 and kinds(daemon)[:len(told)] == told
    assert [f[1] for f in feeds()] == ["c", "d"] and daemon.stop() == 0


def listed(daemon):
    return [(f["feed_id"], f["name"], f["origin"], f["items"], f.get("tags"))
            for f in daemon.get("/v1/feeds")["feeds"]]


def add(daemon, url, **more):
    status, answer = daemon.request("POST", "/v1/feeds", {"url": url, **more})
    return status, answer["error"]["reason"] if status != 201 else answer["name"]


def test_a_feed_of_tidings_add_that_is_written_into_the_config(daemon, origin):
    """By a reload and by a restart, under another name: the same feed, with its items and its state."""
    again = {**FAST, "interval": "1h"}
    daemon.start("", QUICK)
    for path in ("/a", "/b", "/c"):
        assert add(daemon, origin.set(path, rss(CALL, FERRY), etag='"1"'), name=path[1:])[0] == 201
    assert [f[1:4] for f in listed(daemon)] == [(n, "api", 2) for n in "abc"]
    numbers, told = {f[1]: f[0] for f in listed(daemon)}, kinds(daemon)

    daemon.configure(feed("x", origin.url("/a"), tags="t", **again), QUICK)
    assert daemon.request("POST", "/v1/reload")[0] == 200
    daemon.wait_for(lambda: (numbers["a"], "x", "config", 2, ["t"]) in listed(daemon), what="the name x")
    assert len(listed(daemon)) == 3 and "feed a: is called x now" in daemon.text()
    daemon.kill()
    daemon.configure(feed("x", origin.url("/a"), **again) + feed("y", origin.url("/b"), **again)
                     + feed("c", origin.url("/c"), tags="t", **again), QUICK)
    daemon.start()
    daemon.wait_for(lambda: sorted(f[1:3] for f in listed(daemon))
                    == [("c", "config"), ("x", "config"), ("y", "config")], what="all names")
    assert {f[1]: f[0] for f in listed(daemon)} == {"x": numbers["a"], "y": numbers["b"], "c": numbers["c"]}
    assert all(asked(origin, path) == 1 for path in ("/a", "/b", "/c"))
    assert kinds(daemon) == told and daemon.stop() == 0


def test_a_section_takes_the_name_of_a_feed_of_tidings_add_elsewhere(daemon, origin):
    """Its validators were those of the other address."""
    daemon.start("", QUICK)
    assert add(daemon, origin.set("/a", rss(CALL), etag='"same"'), name="n") == (201, "n")
    origin.set("/b", rss(FERRY), etag='"same"')
    daemon.configure(feed("n", origin.url("/b"), **FAST), QUICK)
    assert daemon.request("POST", "/v1/reload")[0] == 200
    daemon.wait_for(lambda: FERRY[1] in titles(daemon))
    assert "If-None-Match" not in [r[2] for r in origin.requests if r[1] == "/b"][0]


def test_what_is_there_is_not_added_again(daemon, origin):
    url = origin.set("/feed", rss(CALL))
    moved(origin, "/old", "/feed")
    origin.set("/page", "<html><head><link rel=alternate type='application/rss+xml' href='/feed'>"
                        "</head></html>", content_type="text/html")
    daemon.start(feed("a", url, **{**FAST, "interval": "1h"}), QUICK)
    daemon.wait_for(lambda: titles(daemon) == [CALL[1]])
    for other in (url, url + "#top", url.replace("http", "HTTP"), origin.url("/page"), origin.url("/old")):
        for more in ({}, {"name": "b"}, {"keep": True}):
            status, reason = add(daemon, other, **more)
            assert status == 409 and "subscribed to already, as feed a" in reason, (other, reason)
    assert [f[1] for f in listed(daemon)] == ["a"]


def test_what_is_there_is_known_by_the_address_that_it_has_now(daemon, origin):
    """After its section was edited, and after it was removed."""
    once = {**FAST, "interval": "1h"}
    old, new = origin.set("/old", rss(CALL)), origin.set("/new", rss(CALL))
    daemon.start(feed("a", old, **once), QUICK)
    daemon.configure(feed("a", new, **once), QUICK)
    assert daemon.request("POST", "/v1/reload")[0] == 200
    status, reason = add(daemon, new)
    assert status == 409 and "as feed a" in reason
    assert add(daemon, old, name="b") == (201, "b")
    status, reason = add(daemon, old)
    assert status == 409 and "as feed b" in reason
    assert daemon.request("DELETE", "/v1/feeds/b")[0] == 200
    assert add(daemon, old, name="c") == (201, "c")


def test_its_section_is_edited_while_it_is_stored(daemon, origin):
    """What came from the old address is kept; then the new one is asked, without what the old one gave for itself."""
    go = threading.Event()

    def slow(handler):
        go.wait(30)
        origin.reply(handler, (200, rss(CALL).encode(), {"ETag": '"old"'}))

    old, new = origin.set("/old", slow), origin.set("/new", rss(CALL, FERRY))
    once = {**FAST, "interval": "1h"}
    daemon.start(feed("a", old, **once), QUICK)
    origin.wait("/old")
    with contextlib.closing(sqlite3.connect(daemon.store, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")  # nothing is stored from now on
        go.set()
        daemon.wait_for(lambda: daemon.get("/v1/feeds")["feeds"][0]["phase"] == "storing")
        daemon.configure(feed("a", new, **once), QUICK)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(lambda: "1 changed" in daemon.text())
        db.execute("ROLLBACK")
    daemon.wait_for(lambda: sorted(titles(daemon)) == sorted((CALL[1], FERRY[1])))
    assert [(r[1], r[2].get("If-None-Match")) for r in origin.requests] == [("/old", None), ("/new", None)]


def test_a_new_feed_is_not_mixed_with_one_that_had_its_name(daemon, origin):
    daemon.start(feed("news", origin.set("/a", rss(CALL)), **FAST), QUICK)
    daemon.wait_for(lambda: titles(daemon) == [CALL[1]])
    daemon.configure("", QUICK)
    assert daemon.request("POST", "/v1/reload")[0] == 200
    status, reason = add(daemon, origin.set("/b", rss(FERRY)), name="news")
    assert status == 409 and "another name" in reason
    assert titles(daemon, "&feed=news") == [CALL[1]]
    assert add(daemon, origin.url("/a"), name="news") == (201, "news")  # that one comes back
    assert titles(daemon) == [CALL[1]] and [f[2] for f in listed(daemon)] == ["api"]


def test_a_section_goes_before_an_add_that_is_under_way(daemon, origin):
    go, answers = threading.Event(), []

    def slow(handler):
        go.wait(30)
        origin.reply(handler, (200, rss(CALL).encode(), {}))

    daemon.start("", QUICK)
    url = origin.set("/slow", slow)
    adding = threading.Thread(target=lambda: answers.append(add(daemon, url, name="n")))
    adding.start()
    origin.wait("/slow")
    daemon.configure(feed("x", url, **FAST), QUICK)
    assert daemon.request("POST", "/v1/reload")[0] == 200
    adding.join(20)
    go.set()
    assert answers == [(409, "the config has it now, as feed x")]
    daemon.wait_for(lambda: titles(daemon) == [CALL[1]])
    assert [f[1:3] for f in listed(daemon)] == [("x", "config")]
