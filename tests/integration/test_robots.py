"""`robots = yes`: only what a host's robots.txt allows is asked for, no more often than it says."""

import time

import pytest

from conftest import Client
from test_daemon import CALL, FAST, feed, rss

ALL = "[defaults]\nrobots = yes\ninterval = 1d\n"
ONE_BY_ONE = "host-spacing = 0\nper-host = 1"


@pytest.fixture
def client(tidings, daemon):
    return Client(tidings, daemon.dir)


def paths(origin):
    return [r[1] for r in origin.requests]


def first_round(daemon):
    daemon.wait_for(lambda: "first round done" in daemon.text(), what="the first round")


def add(origin, path, **keys):
    return feed(path[1:], origin.set(path, rss(CALL)), **keys)


def test_off_it_is_never_asked_for(daemon, origin):
    origin.set("/robots.txt", "User-agent: *\nDisallow: /\n")
    daemon.start(add(origin, "/a") + add(origin, "/b"), daemon=ONE_BY_ONE)
    first_round(daemon)
    assert sorted(paths(origin)) == ["/a", "/b"]


def test_what_it_forbids_is_not_asked_for(daemon, client, origin):
    origin.set("/robots.txt", "", status=302, headers={"Location": "/rules"})
    origin.set("/rules", "User-agent: *\nDisallow: /\n\nUser-agent: Tidings\nDisallow: /no\n")
    text = add(origin, "/yes") + add(origin, "/also") + add(origin, "/no")
    origin.set("/moved", "", status=302, headers={"Location": "/no?here"})
    daemon.start(ALL + text + feed("moved", origin.url("/moved")), daemon=ONE_BY_ONE)
    first_round(daemon)
    asked = paths(origin)
    assert asked[:2] == ["/robots.txt", "/rules"]
    assert sorted(asked[2:]) == ["/also", "/moved", "/yes"]
    problems = " ".join(client.run("feeds", "--problems").out.split())
    assert "robots.txt of 127.0.0.1 does not allow /no (line 5: Disallow: /no)" in problems
    assert "robots.txt of 127.0.0.1 does not allow /no?here (line 5: Disallow: /no)" in problems
    assert "does not allow /no/2" in client.run("add", origin.url("/no/2"), code=None).err
    assert paths(origin) == asked  # that is known
    client.run("fetch", "no")  # a person asks
    assert paths(origin)[-1] == "/no"


def test_its_delay_is_kept_and_it_gets_no_credentials(daemon, origin):
    origin.set("/robots.txt", "User-agent: *\nCrawl-delay: 1\n")
    text = "".join(add(origin, path, user="me", password="secret") for path in ("/a", "/b"))
    began = time.monotonic()
    daemon.start(ALL + text, daemon=ONE_BY_ONE)
    first_round(daemon)
    assert time.monotonic() - began >= 2  # three requests: a lower bound at any load
    assert sorted(paths(origin)) == ["/a", "/b", "/robots.txt"]
    assert ["Authorization" in r[2] for r in origin.requests] == [False, True, True]
    pacing = daemon.get("/v1/feeds/a")["pacing"]
    assert "asks for 1 s between two requests (Crawl-delay)" in pacing


def test_without_an_answer_the_feed_is_tried_later(daemon, origin):
    origin.set("/robots.txt", "busy", status=503)
    daemon.start(ALL + add(origin, "/a", **FAST))
    first_round(daemon)
    assert "robots.txt of 127.0.0.1 cannot be had: HTTP 503" in daemon.get("/v1/feeds/a")["error"]
    origin.answers.pop("/robots.txt")  # 404 allows all
    origin.wait("/a")
    asked = paths(origin)
    assert asked.index("/a") >= 2 and set(asked) == {"/robots.txt", "/a"}
