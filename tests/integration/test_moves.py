"""Feeds that move, meet, end, or hide behind a page: what is asked, stored and told."""

from test_daemon import CALL, FAST, FERRY, events, feed, rss, titles

MOVE = {**FAST, "move_after": "0"}


def asked(origin, path):
    return sum(r[1] == path for r in origin.requests)


def moved(origin, path, to, status=301):
    origin.set(path, "moved", status=status, headers={"Location": origin.url(to)})


def kinds(daemon):
    return [e["event"] for e in events(daemon)]


def test_three_polls_later_the_new_address_is_asked(daemon, origin):
    moved(origin, "/old", "/new", 308)
    origin.set("/new", rss(CALL), etag='"1"')
    daemon.start(feed("a", origin.url("/old"), **MOVE))
    daemon.wait_for(lambda: "feed.moved" in kinds(daemon))
    assert asked(origin, "/old") == 3
    origin.wait("/new", 5)
    assert asked(origin, "/old") == 3 and titles(daemon) == [CALL[1]]
    told = events(daemon)[-1]["feed"]
    assert told["url"] == origin.url("/old") and told["moved_url"] == origin.url("/new")
    assert "feed a: moved for good; asked from now on at " in daemon.text()
    assert [f["name"] for f in daemon.get("/v1/feeds?problems=1")["feeds"]] == ["a"]

    daemon.kill()  # and it is remembered
    origin.requests.clear()
    daemon.start(feed("a", origin.url("/old"), **MOVE))
    origin.wait("/new", 2)
    assert asked(origin, "/old") == 0 and kinds(daemon).count("feed.moved") == 1


def test_two_feeds_that_moved_to_one_address_share_its_answers(daemon, origin):
    for path in ("/a", "/b"):
        moved(origin, path, "/both")
    origin.set("/both", rss(CALL), etag='"1"')
    daemon.start(feed("a", origin.url("/a"), tags="x", **MOVE) + feed("b", origin.url("/b"), **MOVE))
    daemon.wait_for(lambda: kinds(daemon).count("feed.moved") == 2)
    before = asked(origin, "/both")
    origin.set("/both", rss(CALL, FERRY), etag='"2"')
    daemon.wait_for(lambda: titles(daemon).count(FERRY[1]) == 2)  # each feed has it
    assert asked(origin, "/both") - before <= 3
    assert titles(daemon, "&feed=a") == titles(daemon, "&feed=b")
    assert titles(daemon, "&tag=x") == [FERRY[1], CALL[1]]

    # who led leaves; the other one goes on by itself
    leader = "a" if "feed b: is at the same address" in daemon.text() else "b"
    other = "b" if leader == "a" else "a"
    daemon.config.write_text(daemon.config.read_text().replace(f"[feed {leader}]", "[feed other]")
                             .replace(origin.url("/" + leader), origin.url("/elsewhere")))
    daemon.request("POST", "/v1/reload")
    seen = asked(origin, "/both")
    origin.wait("/both", seen + 2)
    assert titles(daemon, f"&feed={other}") == [FERRY[1], CALL[1]]


def test_confirmed_410_is_told_and_ends_it(daemon, origin):
    origin.set("/a", b"", status=410)
    daemon.start(feed("a", origin.url("/a"), **FAST))
    daemon.wait_for(lambda: kinds(daemon) == ["feed.gone"])
    assert asked(origin, "/a") == 2
    assert daemon.get("/v1/feeds/a")["gone"]


def test_a_page_that_names_its_feed(daemon, origin):
    origin.set("/page", "<html><head><link rel=alternate type='application/rss+xml' href='/feed'>"
                        "</head></html>", content_type="text/html")
    origin.set("/feed", rss(CALL), etag='"1"')
    daemon.start(feed("a", origin.url("/page"), **FAST))
    origin.wait("/feed", 3)
    assert asked(origin, "/page") == 1 and titles(daemon) == [CALL[1]]
    assert daemon.get("/v1/feeds/a")["found_url"] == origin.url("/feed")
    assert kinds(daemon) == ["item.new"]
