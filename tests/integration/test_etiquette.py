"""How the daemon treats servers: the rules A1 to B15 and the traps of the specification, one script each.

A script is what a server answers, request by request (the last answer is repeated), and what the daemon must
send: each feed has a path of its own, and all are polled by one daemon, once a second. An answer may say when the
next request must not come before; a script's `asks` are the validators of its requests, the first one excepted,
which never has any.
"""

import time

import pytest

from conftest import Origin
from test_daemon import CALL, FAST, FERRY, feed, rss, titles
from test_disaster import faults  # noqa: F401 (a fixture)

E1, E2 = '"one"', 'W/"two, t\'wo"'
D1, D2 = "Sun, 06 Nov 1994 08:49:37 GMT", "three days ago"
BODY = rss(CALL).encode()
OTHER = rss(CALL, FERRY).encode()
CUT = OTHER[:-60]
PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Log in</body></html>"


def ok(etag=None, date=None, body=BODY, status=200, **headers):
    given = {"ETag": etag, "Last-Modified": date, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return status, body, {k: v for k, v in given.items() if v is not None}


def same(etag=None, date=None, **headers):
    return ok(etag, date, b"", 304, **headers)


def short(etag):
    """A Content-Length that is not reached."""
    def answer(handler):
        handler.send_response(200)
        handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(OTHER) + 100))
        handler.end_headers()
        handler.wfile.write(OTHER)
        handler.close_connection = True
    return answer


def hop(to, status=301, etag=None):
    return ok(etag, None, b"moved", status, Location=to)


# name: (answers, what the 2nd, 3rd, ... request must carry as (If-None-Match, If-Modified-Since))
SCRIPTS = {
    # A1, B1: opaque bytes, as they came, weak ones and nonsense too
    "a1-opaque": ([ok(E2, D2), same()], [(E2, D2)] * 2),
    "a1-unquoted": ([ok("abc123", "1"), same()], [("abc123", "1")]),
    # A2: both
    "a2-both": ([ok(E1, D1), same()], [(E1, D1)]),
    # A3, trap 4: a 200 replaces the pair, also by nothing
    "a3-gone": ([ok(E1, D1), ok(body=OTHER)], [(E1, D1), (None, None)]),
    "a3-etag-gone": ([ok(E1, D1), ok(None, D2)], [(E1, D1), (None, D2)]),
    "a3-date-gone": ([ok(E1, D1), ok(E2)], [(E1, D1), (E2, None)]),
    # A4, traps 1 and 2: the same body; one of them moves alone; a 304 tells another one
    "a4-same-body": ([ok(E1, D1), ok(E2, D2), same()], [(E1, D1), (E2, D2)]),
    "a4-etag-alone": ([ok(E1, D1), ok(E2, D1), same()], [(E1, D1), (E2, D1)]),
    "a4-date-alone": ([ok(E1, D1), ok(E1, D2), same()], [(E1, D1), (E1, D2)]),
    "a4-by-304": ([ok(E1, D1), same(E2), same()], [(E1, D1), (E2, D1)]),
    "a4-date-by-304": ([ok(E1, D1), same(None, D2), same()], [(E1, D1), (E1, D2)]),
    # A5: a bare 304 keeps them; A8: nor does time take them away
    "a5-bare-304": ([ok(E1, D1), same()], [(E1, D1)] * 4),
    # A7, B9, trap 5: errors neither take nor give
    "a7-500": ([ok(E1), ok(E2, D2, b"oops", 500), same()], [(E1, None)] * 2),
    "a7-404": ([ok(E1), ok(E2, D2, b"oops", 404), same()], [(E1, None)] * 2),
    "a7-429": ([ok(E1), ok(E2, D2, b"slow", 429, Retry_After="1"), same()], [(E1, None)] * 2),
    "a7-no-feed": ([ok(E1), ok(E2, D2, PAGE), same()], [(E1, None)] * 2),
    # B5: no-store and max-age=0 forbid no conditional request
    "b5-no-store": ([ok(E1, Cache_Control="no-store, no-cache, max-age=0"), same()], [(E1, None)]),
    # B4, trap 10: Expires: 0 neither
    "b4-expires-0": ([ok(E1, Expires="0"), same()], [(E1, None)]),
    # B9: the hop's are not the feed's
    "b9-hop": ([hop("b9-target", 302, E2)], [(E1, None)]),
    "b9-target": ([ok(E1), same()], [(E1, None)]),
    # B10, trap 5: what is not whole teaches nothing
    "b10-short": ([ok(E1), short(E2), same()], [(E1, None)] * 2),
    "b10-not-closed": ([ok(E1), ok(E2, D2, CUT), same()], [(E1, None)] * 2),
    # B11: an empty 200, 206, a delta that was not asked for: errors, and nothing is forgotten
    "b11-empty": ([ok(E1), ok(E2, None, b""), same()], [(E1, None)] * 2),
    "b11-206": ([ok(E1), ok(E2, None, OTHER, 206), same()], [(E1, None)] * 2),
    "b11-304-first": ([same(E1), ok(E2), same()], [(None, None), (E2, None)]),
    "b11-226-first": ([ok(E1, None, OTHER, 226), ok(E2), same()], [(None, None), (E2, None)]),
    "b11-226": ([ok(E1), ok(E2, None, OTHER, 226), same()], [(E1, None), (E2, None)]),
}


def hang_up(handler):
    handler.close_connection = True


# Others that the same daemon polls: name: (answers, requests to wait for, more of its config)
OTHERS = {
    "fresh": ([ok(E1, Cache_Control="max-age=3"), same(Cache_Control="max-age=3")], 3, {}),
    "late-429": ([ok(body=b"later", status=429, Retry_After="4")], 2, {}),
    "late-503": ([ok(body=b"later", status=503, Retry_After="4")], 2, {}),
    "s404": ([ok(body=b"x", status=404)], 2, {}),
    "s500": ([ok(body=b"x", status=500)], 2, {}),
    "large": ([ok(body=b"<rss>" + b"x" * 200000)], 2, {"max_body": "100K"}),
    "page": ([ok(body=PAGE)], 2, {}),
    "cut": ([short(E1)], 2, {}),
    "none": ([hang_up], 2, {}),
    "good": ([ok(E1)], 8, {}),
    "real": ([ok(E1)], 1, None),
    "302": ([hop("real", 302)], 5, {"move_after": "0"}),
    "303": ([hop("real", 303)], 5, {"move_after": "0"}),
    "307": ([hop("real", 307)], 5, {"move_after": "0"}),
    "login": ([ok(body=PAGE, Content_Type="text/html")], 1, None),
    "middle": ([hop("real", 301)], 1, None),
    "portal": ([hop("login", 301)], 3, {"move_after": "0"}),
    "broken": ([hop("missing", 301)], 3, {"move_after": "0"}),
    "half": ([hop("middle", 302)], 5, {"move_after": "0"}),
}


class Played:
    """All of these against one daemon, until each has had its requests."""

    def __init__(self, daemon, origin):
        self.daemon, self.origin, self.times = daemon, origin, {}
        names = {n: {} for n in SCRIPTS if n != "b9-target"}
        names.update({n: more for n, (_, _, more) in OTHERS.items() if more is not None})
        for name, answers in [(n, v[0]) for n, v in [*SCRIPTS.items(), *OTHERS.items()]]:
            origin.set("/" + name, lambda h, n=name, a=answers: self.play(h, n, a))
        daemon.start("".join(feed(n, origin.url("/" + n), **FAST, **more) for n, more in names.items()),
                     "host-spacing = 0\nper-host = 64\nstarts-per-second = 0\n")
        for name, (_, asks) in SCRIPTS.items():
            origin.wait("/" + name, len(asks) + 1)
        for name, (_, n, _) in OTHERS.items():
            origin.wait("/" + name, n)

    def play(self, handler, name, answers):
        times = self.times.setdefault(name, [])
        times.append(time.monotonic())  # a feed has one request at a time
        answer = answers[min(len(times) - 1, len(answers) - 1)]
        if callable(answer):
            answer(handler)
            return
        status, body, headers = answer
        handler.send_response(status)
        for key, value in headers.items():
            handler.send_header(key, value)
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def gaps(self, name):
        return [b - a for a, b in zip(self.times[name], self.times[name][1:])]


@pytest.fixture(scope="module")
def played(tidingsd, tmp_path_factory):
    from conftest import Daemon, Origin
    origin = Origin()
    daemon = Daemon(tidingsd, tmp_path_factory.mktemp("etiquette"))
    try:
        yield Played(daemon, origin)
    finally:
        daemon.kill()
        origin.close()


@pytest.mark.parametrize("name", SCRIPTS)
def test_validators(played, name):
    asks = [(r[2].get("If-None-Match"), r[2].get("If-Modified-Since"))
            for r in list(played.origin.requests) if r[1] == "/" + name]
    assert asks[0] == (None, None)
    want = SCRIPTS[name][1]
    assert asks[1:len(want) + 1] == want


def test_every_request_of_a_feed_looks_the_same(played):
    """A12 to A16, B8: GET, a constant head without cookies, referer, cache-busting or delta requests that
    were not earned."""
    requests = list(played.origin.requests)
    for method, path, head in requests:
        names = set(head) - {"If-None-Match", "If-Modified-Since", "A-IM"}
        assert (method, names) == ("GET", {"Host", "User-Agent", "Accept", "Accept-Encoding"}), (path, head)
        assert ("A-IM" in head) == ("If-None-Match" in head)
    assert len({(h["User-Agent"], h["Accept"], h["Accept-Encoding"]) for _, _, h in requests}) == 1


def test_what_was_cut_or_failed_is_not_stored_as_good(played):
    daemon = played.daemon
    for name in ("b10-short", "b11-206", "b11-empty", "a7-no-feed"):
        assert titles(daemon, f"&feed={name}") == [CALL[1]], name
    assert sorted(titles(daemon, "&feed=b11-226")) == sorted([CALL[1], FERRY[1]])  # a delta is merged


def test_validators_survive_kill_and_come_with_the_items(daemon, origin):
    """A7, trap 6: what is stored with the items is stored before the next request; kill -9 takes nothing."""
    origin.set("/a", rss(CALL), etag=E1, last_modified=D1)
    daemon.start(feed("a", origin.url("/a"), **FAST))
    daemon.wait_for(lambda: titles(daemon))
    daemon.kill()
    n = len(origin.requests)
    daemon.start()
    origin.wait("/a", n + 1)
    assert origin.requests[n][2]["If-None-Match"] == E1
    assert origin.requests[n][2]["If-Modified-Since"] == D1


def test_freshness_holds_also_on_a_304_and_again(played):
    """A10, B6, trap 7: max-age is "not before", each time it is said."""
    assert min(played.gaps("fresh")) > 2.8


@pytest.mark.parametrize("name", ["s404", "s500", "large", "page", "cut", "none"])
def test_errors_slow_down_whatever_they_are(played, name):
    """A22, trap 11, and what a too large body did to others: no failure is asked at full pace."""
    until = played.times["good"][7]
    times = [t for t in played.times[name] if t <= until]
    if name == "none":  # a connection that was open already and turns out dead is tried once more
        assert all(b - a > 0.5 for a, b in zip(times, times[2:])), times
        times = [b for a, b in zip([0, *times], times) if b - a > 0.5]
    assert 2 <= len(times) <= 4, (name, times)  # after 1, 2 and 4 s


@pytest.mark.parametrize("name", ["late-429", "late-503"])
def test_retry_after_counts_whatever_the_interval(played, name):
    """A11, trap 8: for a 503 too, and more than the own interval."""
    assert played.gaps(name)[0] >= 3.9


@pytest.mark.parametrize("name", ["302", "303", "307"])
def test_temporary_redirects_are_followed_each_time(played, name):
    """B13: the address of the config is asked each time."""
    known = played.daemon.get(f"/v1/feeds/{name}")
    assert "moved_url" not in known and "moved_to" not in known and known["failures"] == 0


@pytest.mark.parametrize("name", ["portal", "broken", "half"])
def test_a_portal_moves_nothing(played, name):
    """B12, B15, trap 12: 301 to a page, to an error, or behind a temporary hop is never taken over."""
    known = played.daemon.get(f"/v1/feeds/{name}")
    assert "moved_url" not in known and "moved_to" not in known


@pytest.mark.parametrize("restart", [False, True])
def test_retry_after_counts_though_the_clock_is_set_back(daemon, origin, faults, restart):
    """By 400 days: neither sooner than the server said, nor 400 days later."""
    times = []

    def answer(handler):
        times.append(time.monotonic())
        busy = len(times) == 1
        Origin.reply(handler, (429, b"", {"Retry-After": "3"}) if busy else (200, rss(CALL).encode(), {}))

    origin.set("/a", answer)
    daemon.start(feed("a", origin.url("/a"), **FAST), env=faults.env)
    daemon.wait_for(lambda: daemon.get("/v1/feeds/a").get("error"))
    faults.set("clock", -400 * 86400)
    if restart:
        daemon.kill()
        daemon.start(env=faults.env)
    daemon.wait_for(lambda: titles(daemon) == [CALL[1]], timeout=60)
    assert times[1] - times[0] >= 2.9
