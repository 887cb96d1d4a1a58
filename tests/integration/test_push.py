"""WebSub: the real daemon, an origin that names a hub, and a hub that does as the test says."""

import datetime
import gzip
import hmac
import http.client
import json
import socket
import sqlite3
import threading
import time
import urllib.parse

import pytest

from test_daemon import CALL, FERRY, events, feed, rss, titles
from test_disaster import faults  # noqa: F401 (a fixture)

SLOW = {"interval": "1h", "min_interval": "5min", "backlog": "all"}
NEWS = ("news-1", "Bridge opens a year early", "Traffic flows.")
MORE = ("news-2", "Lighthouse keeper retires", "After forty years.")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Hub:
    """A hub at PATH of the origin. `requests` are the forms it got; it verifies each unless told not to."""

    def __init__(self, origin, path="/hub"):
        self.origin, self.path = origin, path
        self.requests, self.verified = [], []
        self.answer, self.lease, self.verify = 202, 864000, True
        self.changed = threading.Condition()
        origin.answers[path] = self.handle

    @property
    def url(self):
        return self.origin.url(self.path)

    def handle(self, handler):
        n = int(handler.headers.get("Content-Length") or 0)
        form = dict(urllib.parse.parse_qsl(handler.rfile.read(n).decode()))
        handler.send_response(self.answer)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        with self.changed:
            self.requests.append(form)
            self.changed.notify_all()
        if self.verify and self.answer == 202:
            threading.Thread(target=self.ask, args=(form,)).start()

    def ask(self, form, **more):
        """The verification; (status, body)."""
        query = {k: form[k] for k in ("hub.mode", "hub.topic")}
        query.update({"hub.challenge": "ch4ll&nge", **more})
        if form["hub.mode"] == "subscribe":
            query["hub.lease_seconds"] = str(self.lease)
        got = call("GET", form["hub.callback"] + "?" + urllib.parse.urlencode(query))
        with self.changed:
            self.verified.append((form["hub.mode"], got[0], got[1]))
            self.changed.notify_all()
        return got

    def wait(self, n, mode="subscribe", timeout=20):
        """The n-th request of that mode, once its verification is answered."""
        def done():
            return (sum(r["hub.mode"] == mode for r in self.requests) >= n
                    and sum(v[0] == mode for v in self.verified) >= (n if self.verify else 0))
        with self.changed:
            assert self.changed.wait_for(done, timeout), (self.requests, self.verified)
        return [r for r in self.requests if r["hub.mode"] == mode][n - 1]


def call(method, url, body=b"", headers=None):
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(u.hostname, u.port, timeout=10)
    try:
        c.request(method, u.path + ("?" + u.query if u.query else ""), body or None, headers or {})
        r = c.getresponse()
        return r.status, r.read().decode()
    finally:
        c.close()


def push(sub, body, algorithm="sha256", secret=None, signed=None, coding=None):
    """SIGNED: other bytes than those that are sent."""
    body = body if isinstance(body, bytes) else body.encode()
    mac = hmac.new((secret or sub["hub.secret"]).encode(), signed or body, algorithm).hexdigest()
    headers = {"Content-Type": "application/rss+xml", "X-Hub-Signature": f"{algorithm}={mac}"}
    if coding:
        headers["Content-Encoding"] = coding
    return call("POST", sub["hub.callback"], body, headers)[0]


@pytest.fixture
def hub(origin):
    return Hub(origin)


@pytest.fixture
def listen(daemon):
    port = free_port()
    return (f"websub-callback = http://127.0.0.1:{port}/websub/\nwebsub-listen = 127.0.0.1:{port}\n"
            "host-spacing = 0\n")  # feed and hub are at one host here


def offer(origin, hub, path="/a", items=(CALL,), etag='"1"', **more):
    return origin.set(path, rss(*items), etag=etag, headers={
        "Link": f'<{hub.url}>; rel="hub", <{origin.url(path)}>; rel="self"'}, **more)


def reaches(daemon, state, name="a"):
    """The feed's push member, once it has that state."""
    def look():
        known = daemon.get(f"/v1/feeds/{name}").get("push", {})
        return known.get("state") == state and known
    return daemon.wait_for(look, what=f"push {state}")


def live(daemon):
    reaches(daemon, "live")


def asked(origin, path):
    return sum(r[1] == path for r in origin.requests)


def test_a_subscription_from_its_first_request_to_its_end(daemon, origin, hub, listen, tidings):
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), **SLOW), listen)
    sub = hub.wait(1)
    assert hub.verified == [("subscribe", 200, "ch4ll&nge")]
    assert sub["hub.topic"] == origin.url("/a") and 32 <= len(sub["hub.secret"]) < 200
    assert int(sub["hub.lease_seconds"]) > 3600
    base = listen.split()[2].rstrip("/")
    assert sub["hub.callback"].startswith(base + "/") and len(sub["hub.callback"]) >= len(base) + 33
    live(daemon)

    assert push(sub, rss(CALL, NEWS)) == 202
    daemon.wait_for(lambda: NEWS[1] in titles(daemon))
    assert sorted(titles(daemon)) == sorted([CALL[1], NEWS[1]])  # the old one is not there twice
    assert [e["item"]["title"] for e in events(daemon)] == [CALL[1], NEWS[1]]
    for algorithm in ("sha1", "sha384", "sha512"):
        assert push(sub, rss((algorithm, f"By {algorithm}", "x")), algorithm) == 202
    daemon.wait_for(lambda: len(titles(daemon)) == 5)

    # what is not the hub's is taken and forgotten; what is no feed is no failure of the feed
    assert push(sub, rss(("e1", "Evil 1", "x")), secret="guess") == 202
    assert push(sub, rss(("e2", "Evil 2", "x")), "md5") == 202
    assert call("POST", sub["hub.callback"], rss(("e3", "Evil 3", "x")).encode())[0] == 202
    assert call("POST", sub["hub.callback"] + "0", b"x")[0] == 404
    assert call("GET", base + "/", b"")[0] == 404
    assert push(sub, "<html>no feed</html>") == 202
    assert push(sub, rss(MORE)) == 202  # without those that were delivered already
    daemon.wait_for(lambda: MORE[1] in titles(daemon))
    assert not any("Evil" in t for t in titles(daemon))
    state = daemon.get("/v1/feeds/a")
    assert state["failures"] == 0 and state["etag"] == '"1"' and len(state["history"]) == 1
    assert asked(origin, "/a") == 1
    status = daemon.get("/v1/status")["push"]
    assert (status["live"], status["taken"], status["ignored"]) == (1, 6, 3)
    assert 'tidings_pushes_total{result="taken"} 6' in daemon.request("GET", "/metrics")[1]

    text = daemon.text()
    assert text.count(f"feed a: is told by {hub.url} what is new") == 1
    assert sub["hub.secret"] not in text and sub["hub.callback"].split("/")[-1] not in text
    assert sub["hub.secret"] not in json.dumps(state) and "callback" not in state["push"]

    # what nobody asked for is refused; a restart keeps all of it
    for query in ({"hub.mode": "subscribe", "hub.topic": origin.url("/b")},
                  {"hub.mode": "unsubscribe", "hub.topic": origin.url("/a")}):
        query.update({"hub.challenge": "x", "hub.lease_seconds": "99"})
        assert call("GET", sub["hub.callback"] + "?" + urllib.parse.urlencode(query))[0] == 404
    daemon.kill()
    daemon.start()
    assert push(sub, rss(FERRY)) == 202
    daemon.wait_for(lambda: FERRY[1] in titles(daemon))
    assert len(hub.requests) == 1 and asked(origin, "/a") == 1

    # out of the config: the hub is told, asks back, and is then refused
    daemon.config.write_text(daemon.config.read_text().replace("[feed a]", "[feed b]")
                             .replace(origin.url("/a"), origin.url("/b")))
    assert daemon.request("POST", "/v1/reload")[0] == 200
    assert hub.wait(1, "unsubscribe")["hub.callback"] == sub["hub.callback"]
    assert hub.verified[-1][:2] == ("unsubscribe", 200)
    assert push(sub, rss(NEWS)) in (404, 410)
    assert daemon.stop() == 0  # and nothing is left behind, in a build that looks


def test_a_push_may_be_compressed(daemon, origin, hub, listen):
    """The signature is over the body as it arrives (WebSub 8), the ceiling over what it becomes."""
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), max_body="64KiB", **SLOW), listen)
    sub = hub.wait(1)
    live(daemon)
    assert push(sub, gzip.compress(rss(NEWS).encode()), coding="gzip") == 202
    daemon.wait_for(lambda: NEWS[1] in titles(daemon))
    halves = rss(MORE).encode().partition(b"<item>")
    members = gzip.compress(halves[0]) + gzip.compress(halves[1] + halves[2])
    assert push(sub, members, coding="X-GZip") == 202
    daemon.wait_for(lambda: MORE[1] in titles(daemon))
    assert push(sub, rss(("plain", "Not coded", "x")), coding="identity") == 202
    daemon.wait_for(lambda: "Not coded" in titles(daemon))

    evil = rss(("evil", "Evil", "x")).encode()
    packed = gzip.compress(evil)
    assert push(sub, packed, signed=evil, coding="gzip") == 202  # signed is what was not sent
    assert push(sub, packed[:-9], coding="gzip") == 202          # it was cut
    assert push(sub, evil, coding="gzip") == 202                 # it is none
    bomb = gzip.compress(evil + b" " * 100_000)
    assert len(bomb) < 2000 and push(sub, bomb, coding="gzip") == 413
    for coding in ("br", "zstd", "deflate", "gzip, gzip"):
        assert push(sub, evil, coding=coding) == 415
        assert push(sub, evil, secret="guess", coding=coding) == 202  # no stranger is told anything
    assert push(sub, rss(FERRY)) == 202  # they come in order: nothing of all that is on its way
    daemon.wait_for(lambda: FERRY[1] in titles(daemon))
    assert "Evil" not in titles(daemon) and asked(origin, "/a") == 1
    assert daemon.get("/v1/feeds/a")["failures"] == 0


def test_what_the_hub_thinks_delivered_is_there_after_a_crash(daemon, origin, hub, listen):
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), **SLOW), listen)
    sub = hub.wait(1)
    for n in range(5):
        assert push(sub, rss((f"k{n}", f"Kept {n}", "x"))) == 202
        daemon.kill()
        daemon.start()
        assert f"Kept {n}" in titles(daemon)
    assert asked(origin, "/a") == 1


def test_a_push_reaches_a_follower_in_50_ms(daemon, origin, hub, listen):
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), **SLOW), listen)
    sub = hub.wait(1)
    live(daemon)
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(str(daemon.socket))
    s.sendall(b"GET /v1/events?after=now&format=jsonl HTTP/1.1\r\nHost: x\r\n\r\n")
    follower = s.makefile("rb")
    while follower.readline() != b"\r\n":
        pass
    took = []
    for n in range(10):
        title = f"Pushed {n} " + "x" * 20
        began = time.monotonic()
        assert push(sub, rss((f"p{n}", title, "text"))) == 202
        for line in follower:
            if title.encode() in line:
                break
        took.append(1000 * (time.monotonic() - began))
    s.close()
    print("push to follower, ms:", " ".join(f"{ms:.1f}" for ms in took))
    assert sorted(took)[len(took) // 4] < 50, took  # other processes may take the machine meanwhile


def test_a_push_does_not_wait_for_a_slow_poll(daemon, origin, hub, listen):
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), **{**SLOW, "interval": "1s", "min_interval": "1s"}), listen)
    sub = hub.wait(1)
    go_on = threading.Event()

    def slow(handler):
        go_on.wait(20)
        origin.reply(handler, (200, rss(CALL, FERRY).encode(), {"ETag": '"2"'}))

    origin.set("/a", slow)
    origin.wait("/a", asked(origin, "/a") + 1)
    assert push(sub, rss(NEWS)) == 202
    daemon.wait_for(lambda: NEWS[1] in titles(daemon))
    go_on.set()
    daemon.wait_for(lambda: FERRY[1] in titles(daemon))
    daemon.wait_for(lambda: daemon.get("/v1/feeds/a").get("etag") == '"2"')
    assert titles(daemon).count(NEWS[1]) == 1


def test_many_pushes_at_once_all_arrive(daemon, origin, hub, listen):
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), **SLOW), listen)
    sub = hub.wait(1)
    threads = [threading.Thread(target=push, args=(sub, rss((f"m{n}", f"Many {n}", "x"))))
               for n in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    daemon.wait_for(lambda: len(titles(daemon)) == 21)


class MovedHub:
    """At /elsewhere of the origin; sends to LOCATION. `forms` are those it got."""

    def __init__(self, origin, location, status):
        self.url, self.forms = origin.url("/elsewhere"), []
        self.location, self.status = location, status
        origin.set("/elsewhere", self.handle)

    def handle(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.forms.append(dict(urllib.parse.parse_qsl(body.decode())))
        handler.send_response(self.status)
        handler.send_header("Location", self.location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@pytest.mark.parametrize("status", [307, 308])
def test_a_hub_that_redirects(daemon, origin, hub, listen, status):
    offer(origin, MovedHub(origin, "/hub", status))
    daemon.start(feed("a", origin.url("/a"), **SLOW), listen)
    sub = hub.wait(1)
    live(daemon)
    assert [r[0] for r in origin.requests if r[1] in ("/elsewhere", "/hub")] == ["POST", "POST"]
    assert push(sub, rss(NEWS)) == 202
    daemon.wait_for(lambda: NEWS[1] in titles(daemon))


def test_a_hub_that_redirects_to_where_others_listen(daemon, origin, hub, listen, faults):
    """No secret goes there; so what comes is only a hint, as from any hub that was given none."""
    moved = MovedHub(origin, f"http://hub.test:{origin.server.server_port}/hub", 307)
    offer(origin, moved)
    daemon.start(feed("a", origin.url("/a"), **{**SLOW, "min_interval": "1s"}), listen, env=faults.env)
    sub = hub.wait(1)
    assert "hub.secret" in moved.forms[0] and "hub.secret" not in sub
    assert sub["hub.callback"] == moved.forms[0]["hub.callback"]
    live(daemon)
    assert daemon.get("/v1/feeds/a")["push"]["signed"] is False
    offer(origin, moved, items=(CALL, FERRY), etag='"2"')
    assert push(sub, rss(NEWS), secret=moved.forms[0]["hub.secret"]) == 202
    daemon.wait_for(lambda: FERRY[1] in titles(daemon))
    assert NEWS[1] not in titles(daemon)


@pytest.mark.parametrize("status", [302, 403, 500])
def test_a_hub_that_refuses_is_one_line_and_polls_go_on(daemon, origin, hub, listen, status, tidings):
    from conftest import Client
    hub.answer = status
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), **{**SLOW, "interval": "1s", "min_interval": "1s"}), listen)
    hub.verify = False
    hub.wait(1)
    origin.wait("/a", 3)
    state = reaches(daemon, "failed")
    assert str(status) in state["error"] and state["retry_at"]
    assert len(hub.requests) == 1
    assert daemon.text().count("feed a: no push from") == 1
    why = Client(tidings, daemon.dir).run("why", "a").out
    assert f"none from {hub.url}" in why and str(status) in why and "asked again" in why


def test_a_hub_may_not_be_where_feeds_may_not(daemon, origin, hub, listen):
    offer(origin, hub)
    daemon.configure(feed("a", origin.url("/a"), **SLOW), listen)
    daemon.config.write_text(daemon.config.read_text().replace("127.0.0.0/8", "127.0.0.1/32"))
    hub_port = origin.server.server_port
    origin.set("/a", rss(CALL), headers={"Link": f'<http://127.0.0.2:{hub_port}/hub>; rel="hub", '
                                                 f'<{origin.url("/a")}>; rel="self"'})
    daemon.start()
    state = reaches(daemon, "failed")
    assert "allow-addresses" in state["error"] and hub.requests == []


def test_a_hub_that_denies(daemon, origin, hub, listen):
    hub.verify = False
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), **SLOW), listen)
    sub = hub.wait(1)
    query = {"hub.mode": "denied", "hub.topic": sub["hub.topic"], "hub.reason": "members only"}
    assert call("GET", sub["hub.callback"] + "?" + urllib.parse.urlencode(query))[0] == 200
    state = reaches(daemon, "failed")
    assert "members only" in state["error"]
    assert hub.ask(sub)[0] == 404  # too late


def test_a_lease_is_renewed_under_another_callback(daemon, origin, hub, listen):
    hub.lease = 4
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), **{**SLOW, "interval": "1h", "min_interval": "1s"}), listen)
    first = hub.wait(1)
    hub.lease = 864000  # of the second: no third one comes while it is looked at
    second = hub.wait(2)
    assert first["hub.callback"] != second["hub.callback"]
    assert first["hub.secret"] != second["hub.secret"]
    assert asked(origin, "/a") >= 2  # it began with a fetch
    left = hub.wait(1, "unsubscribe")
    assert left["hub.callback"] == first["hub.callback"]
    assert push(first, rss(FERRY)) == 410
    assert push(second, rss(NEWS)) == 202
    daemon.wait_for(lambda: NEWS[1] in titles(daemon))


def test_feeds_at_one_address_have_one_subscription(daemon, origin, hub, listen):
    offer(origin, hub)
    for path in ("/one", "/two"):
        origin.set(path, b"", status=301, headers={"Location": origin.url("/a")})
    quick = {**SLOW, "interval": "1s", "min_interval": "1s", "move_after": "0"}
    daemon.start(feed("one", origin.url("/one"), **quick) + feed("two", origin.url("/two"), **quick), listen)
    daemon.wait_for(lambda: [e["event"] for e in events(daemon)].count("feed.moved") == 2)
    hub.wait(1, "unsubscribe")
    daemon.wait_for(lambda: daemon.get("/v1/status")["push"]["live"] == 1)
    sub = [r for r in hub.requests if r["hub.mode"] == "subscribe"
           and r["hub.callback"] != hub.wait(1, "unsubscribe")["hub.callback"]][-1]
    assert push(sub, rss(CALL, NEWS)) == 202
    daemon.wait_for(lambda: titles(daemon).count(NEWS[1]) == 2)
    assert daemon.stop() == 0


def test_push_may_be_turned_off_and_on(daemon, origin, hub, listen):
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), push="no", **SLOW))
    reaches(daemon, "offered")
    text = daemon.config.read_text()
    daemon.config.write_text(text.replace("allow-", listen + "allow-"))
    assert daemon.request("POST", "/v1/reload")[0] == 200
    assert hub.requests == []
    daemon.config.write_text(daemon.config.read_text().replace("push = no", "push = yes"))
    assert daemon.request("POST", "/v1/reload")[0] == 200
    hub.wait(1)
    daemon.config.write_text(text)
    hub.verify = False  # nobody would answer
    assert daemon.request("POST", "/v1/reload")[0] == 200
    assert hub.wait(1, "unsubscribe")
    reaches(daemon, "offered")


def test_a_hub_in_the_document(daemon, origin, hub, listen):
    origin.set("/a", f"""<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title><id>urn:x</id>
        <link rel='self' href='{origin.url("/canonical")}'/><link rel='hub' href='{hub.url}'/>
        <entry><id>1</id><title>One</title><updated>2026-01-01T00:00:00Z</updated></entry></feed>""")
    daemon.start(feed("a", origin.url("/a"), **SLOW), listen)
    assert hub.wait(1)["hub.topic"] == origin.url("/canonical")  # self, though it was fetched elsewhere


def test_the_port_is_taken(daemon, tidingsd):
    import subprocess
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        daemon.configure("", f"websub-callback = http://127.0.0.1:{port}\nwebsub-listen = 127.0.0.1:{port}\n")
        r = subprocess.run([tidingsd, "--config", daemon.config], capture_output=True, text=True, timeout=20)
    assert r.returncode == 73 and "websub-listen" in r.stderr and str(port) in r.stderr


def test_a_hub_that_could_not_be_given_a_secret_hints(daemon, origin, hub, listen, faults):
    """Over plain http to another machine, as hub.test looks: what it sends is not believed, only that it does."""
    port = origin.server.server_port
    links = {"Link": f'<http://hub.test:{port}/hub>; rel="hub", <{origin.url("/a")}>; rel="self"'}
    origin.set("/a", rss(CALL), headers=links)
    daemon.start(feed("a", origin.url("/a"), **{**SLOW, "min_interval": "1s"}), listen, env=faults.env)
    sub = hub.wait(1)
    assert "hub.secret" not in sub
    live(daemon)
    assert daemon.get("/v1/feeds/a")["push"]["signed"] is False
    origin.set("/a", rss(CALL, FERRY), headers=links)
    assert call("POST", sub["hub.callback"], rss(("evil", "Evil", "x")).encode())[0] == 202
    daemon.wait_for(lambda: FERRY[1] in titles(daemon))
    assert "Evil" not in titles(daemon) and asked(origin, "/a") == 2
    for _ in range(20):  # nor is a flood of hints one of fetches
        call("POST", sub["hub.callback"], b"x")
    origin.wait("/a", 3)
    assert asked(origin, "/a") == 3
    assert daemon.get("/v1/status")["push"]["hints"] == 21


def change_push(daemon, name, ms):
    """Moves a time of the subscription in the store of a daemon that does not run."""
    with sqlite3.connect(daemon.store) as db:
        text = db.execute("SELECT push FROM feed").fetchone()[0]
        lines = [line.split(" ", 1) for line in text.splitlines()]
        text = "".join(f"{k} {int(v) + ms if k == name else v}\n" for k, v in lines)
        db.execute("UPDATE feed SET push = ?", (text,))
        db.execute("UPDATE poll SET next_due_at = 0")
    db.close()


def next_due(daemon):
    """Seconds until the feed is polled."""
    at = datetime.datetime.fromisoformat(daemon.get("/v1/feeds/a")["next_due_at"].replace("Z", "+00:00"))
    return (at - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


def test_after_a_day_polls_only_look_after_the_hub(daemon, origin, hub, listen):
    auto = {"backlog": "all"}
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), **auto), listen)
    sub = hub.wait(1)
    live(daemon)
    assert 1800 < next_due(daemon) < 2 * 3600
    daemon.stop()
    change_push(daemon, "live-since", -25 * 3600 * 1000)
    daemon.start()
    origin.wait("/a", 2)
    daemon.wait_for(lambda: next_due(daemon) > 22 * 3600)
    assert "its hub tells what is new" in daemon.get("/v1/feeds/a")["why"]
    assert push(sub, rss(CALL, NEWS)) == 202
    daemon.wait_for(lambda: NEWS[1] in titles(daemon))
    assert next_due(daemon) > 22 * 3600  # a push is no poll

    # a restart keeps that; the end of the lease meanwhile brings the old rhythm back
    daemon.stop()
    daemon.start()
    assert next_due(daemon) > 22 * 3600
    daemon.stop()
    hub.answer = 503
    with sqlite3.connect(daemon.store) as db:
        due = db.execute("SELECT next_due_at FROM poll").fetchone()[0]
    change_push(daemon, "lease-until", -11 * 86400 * 1000)
    with sqlite3.connect(daemon.store) as db:
        db.execute("UPDATE poll SET next_due_at = ?", (due,))
    db.close()
    daemon.start()
    origin.wait("/a", 2)
    daemon.wait_for(lambda: "has ended" in daemon.text())
    daemon.wait_for(lambda: daemon.request("POST", "/v1/refresh", {"feed": "a"})[0] == 200)
    assert daemon.request("POST", "/v1/refresh", {"feed": "a"})[1]["last_due_at"] < (
        datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)).isoformat()


def test_a_hub_that_tells_nothing_is_found_out_over_restarts(daemon, origin, hub, listen):
    """A daemon that is restarted before each poll: the news it finds at once is still the hub's miss."""
    items = [CALL]
    offer(origin, hub, items=items)
    daemon.start(feed("a", origin.url("/a"), **SLOW), listen)
    hub.wait(1)
    live(daemon)
    for n in range(1, 4):
        daemon.stop()
        change_push(daemon, "live-since", -25 * 3600 * 1000)
        with sqlite3.connect(daemon.store) as db:
            db.execute("UPDATE poll SET last_success_at = last_success_at - 3600000")
        db.close()
        items.insert(0, (f"missed-{n}", f"Missed {n}", "Nobody told."))
        offer(origin, hub, items=items, etag=f'"m{n}"')
        daemon.start()
        daemon.wait_for(lambda: f"Missed {n}" in titles(daemon))
        daemon.stop()
        change_push(daemon, "suspect-at", -16 * 60 * 1000)
        daemon.start()
        if n < 3:
            daemon.wait_for(lambda: reaches(daemon, "live").get("misses") == n, what=f"miss {n}")
    reaches(daemon, "distrusted")


@pytest.mark.parametrize("jump", [-40 * 86400, 40 * 86400])
def test_the_clock_jumps_and_push_goes_on(daemon, origin, hub, listen, faults, jump):
    offer(origin, hub)
    daemon.start(feed("a", origin.url("/a"), **{**SLOW, "interval": "1s", "min_interval": "1s"}),
                 listen + "starts-per-second = 0\n", env=faults.env)
    sub = hub.wait(1)
    live(daemon)
    faults.set("clock", jump)
    before = asked(origin, "/a")
    assert push(sub, rss(FERRY)) == 202  # the old one, or it has just been noticed
    origin.wait("/a", before + 3, timeout=75)
    newest = [r for r in hub.requests if r["hub.mode"] == "subscribe"][-1]
    assert push(newest, rss(NEWS)) == 202
    daemon.wait_for(lambda: NEWS[1] in titles(daemon))
    n = len(hub.requests)
    origin.wait("/a", asked(origin, "/a") + 3)
    assert len(hub.requests) == n <= 5  # no storm of renewals


class SilentHub:
    """Takes connections and never answers; OPEN has those of all its like."""

    open, most, lock = 0, 0, threading.Lock()

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/hub" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.hold, args=(c,), daemon=True).start()

    @classmethod
    def hold(cls, c):
        with cls.lock:
            cls.open += 1
            cls.most = max(cls.most, cls.open)
        try:
            while c.recv(4096):
                pass
        except OSError:
            pass
        with cls.lock:
            cls.open -= 1
        c.close()


def test_hubs_that_do_not_answer_take_the_place_of_no_feed(daemon, origin, listen):
    """At most half of the places are theirs, as of all hosts that nobody knows to answer."""
    hubs = [SilentHub() for _ in range(20)]
    text = feed("well", origin.set("/well", rss(CALL)), interval="1s", min_interval="1s")
    for i, hub in enumerate(hubs):
        text += feed(f"f{i}", offer(origin, hub, f"/f{i}"), **SLOW)
    daemon.start(text, listen + "concurrency = 8\n")
    daemon.wait_for(lambda: "first round done" in daemon.text(), timeout=60)
    origin.wait("/well", asked(origin, "/well") + 3)  # time enough for all twenty
    assert SilentHub.most < 10  # 4, and once more as many when the first are given up meanwhile
    for hub in hubs:
        hub.listener.close()
