"""What servers bear: sites, domains, addresses, 429, and servers that keep us waiting."""

import http.server
import os
import socket
import sqlite3
import struct
import threading
import time

import pytest

from conftest import LoopbackServer
from test_daemon import CALL, FAST, feed, rss

DAY = {"interval": "1d"}


class Arrivals:
    """When each feed was asked for, on the monotonic clock; also the answers of a strict server."""

    def __init__(self, origin, least=0, retry_after=None):
        self.origin, self.least, self.retry_after = origin, least, retry_after
        self.at, self.limited, self.served = {}, 0, -1e9
        self.lock = threading.Lock()

    def add(self, path):
        self.at[path] = []
        return self.origin.set(path, lambda handler: self.answer(path, handler))

    def answer(self, path, handler):
        with self.lock:
            now = time.monotonic()
            self.at[path].append(now)
            refuse = now < self.served + self.least
            if refuse:
                self.limited += 1
            else:
                self.served = now
        if refuse:
            headers = {"Retry-After": str(self.retry_after)}
            self.origin.reply(handler, (429, b"slow down", headers))
        else:
            self.origin.reply(handler, (200, rss(CALL).encode(), {"ETag": '"1"'}))

    def all(self):
        return sorted(t for times in self.at.values() for t in times)

    def everyone(self, n=1):
        return all(len(times) >= n for times in self.at.values())


def fetched(daemon, letter):
    """When the daemon began the only fetch of each of 12 feeds, and when it had their answers, in ms and in order.
    A note of a feed's history begins with the former (struct td_fetch_note)."""
    query = f"SELECT history, last_fetch_at FROM feed JOIN poll USING(feed_id) WHERE length(history) > 0 AND name GLOB '{letter}*'"
    with sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True) as db:
        found = daemon.wait_for(lambda: len(rows := db.execute(query).fetchall()) == 12 and rows, what="all fetches")
    db.close()
    return sorted(struct.unpack("q", note[:8])[0] for note, _ in found), sorted(end for _, end in found)


def why(daemon, name):
    return daemon.get(f"/v1/feeds/{name}").get("pacing", "")


@pytest.fixture
def names(build_dir):
    library = build_dir / "tests/integration/libfaults.so"
    if not library.exists():
        pytest.skip("libfaults.so is not built with sanitizers")
    return {"LD_PRELOAD": str(library)}


def test_feeds_of_a_strict_site_are_served_in_turn(daemon, origin, names):
    strict, other = Arrivals(origin, least=0.1, retry_after=60), Arrivals(origin)
    text = "[site \"strict.test\"]\nrate = 4/1s\n"
    for i in range(20):
        url = strict.add(f"/strict{i}").replace("127.0.0.1", ("www", "old", "m")[i % 3] + ".strict.test")
        text += feed(f"s{i}", url, **DAY)
    for i in range(5):
        text += feed(f"o{i}", other.add(f"/other{i}").replace("127.0.0.1", f"other{i}.test"), **DAY)
    began = time.monotonic()
    daemon.start(text, daemon="host-spacing = 0\nstarts-per-second = 0", env=names)
    daemon.wait_for(lambda: other.everyone() and strict.all(), what="the other feeds' answers")
    served = sum(t < other.all()[-1] for t in strict.all())
    assert served < 10, served  # nobody else waits for the strict site
    assert "[site strict.test]: at most one request each 250 ms" in why(daemon, "s3")
    assert "go before it" in why(daemon, "s3") + why(daemon, "s4") + why(daemon, "s19")
    daemon.wait_for(strict.everyone, what="every feed's turn")
    assert strict.limited == 0 and len(strict.all()) == 20
    assert time.monotonic() - began >= 19 * 0.25

    # A restart does not ask sooner: the site's last request still counts.
    last = strict.all()[-1]
    daemon.stop()
    daemon.configure(text.replace("4/1s", "1/4s") + feed("new", strict.add("/new").replace(
        "127.0.0.1", "www.strict.test"), **DAY))
    daemon.start(env=names)
    daemon.wait_for(lambda: strict.at["/new"], what="the new feed's turn")
    assert strict.at["/new"][0] - last >= 3.9


def test_a_server_that_limits_teaches_its_rate(daemon, origin):
    strict = Arrivals(origin, least=0.9, retry_after=1)
    urls = [strict.add(f"/{i}") for i in range(8)]
    text = "".join(feed(f"f{i}", u, **{**FAST, "interval": "1h"}) for i, u in enumerate(urls))
    daemon.start(text, daemon="host-spacing = 0\nper-host = 1")
    daemon.wait_for(lambda: "answers 429: it is asked at most each" in daemon.text())
    daemon.wait_for(strict.everyone, timeout=30)
    daemon.wait_for(lambda: "first round done" in daemon.text())  # the last answer is stored too
    assert 2 <= strict.limited <= 3, strict.limited  # then it knew
    told = why(daemon, "f0")
    assert "answered 429: it is asked at most each" in told and "as before from" in told
    daemon.kill()  # and it is remembered
    daemon.start(text, daemon="host-spacing = 0\nper-host = 1")
    assert why(daemon, "f0") == told


def test_many_hosts_of_a_domain_or_address_share_a_budget(daemon, origin, names, lo):
    text = "".join(feed(f"d{i}", f"http://h{i}.many.test:{lo.server_port}/healthy/{i}", **DAY) for i in range(12))
    daemon.start(text, daemon="host-spacing = 300ms\nstarts-per-second = 0", env=names)
    began, _ = fetched(daemon, "d")
    assert min(b - a for a, b in zip(began, began[1:])) >= 299, began
    assert "shares a budget with the other 11 hosts of many.test" in why(daemon, "d0")
    daemon.stop()

    address = Arrivals(origin)
    text = "".join(feed(f"a{i}", address.add(f"/a{i}").replace("127.0.0.1", f"a{i}.test"), **DAY)
                   for i in range(12))
    daemon.start(text, daemon="host-spacing = 300ms\nstarts-per-second = 0", env=names)
    # The ninth shows that they are many. The first eight were asked at once: in turn, they take 7 * 300 ms.
    began, ended = fetched(daemon, "a")
    assert ended[7] - began[0] < 2000 and ended[11] - began[0] >= 899, (began, ended)
    assert "with the other 11 hosts at 127.0.0.1:" in why(daemon, "a0")


# ---- servers that keep us waiting ---------------------------------------------------------------


class Lo(LoopbackServer):
    """Listens under every address of loopback, and on no other interface."""

    request_queue_size = 512

    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        super().server_bind()

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    """/healthy/N is answered at once; /drip/N sends a byte now and then, for ever."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/healthy/"):
            self.server.asked.append((self.path, time.monotonic()))
            body = rss(CALL).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.server.drips += 1
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while not self.server.ended.wait(0.5):
            self.wfile.write(b" ")

    def log_message(self, *args):
        pass


@pytest.fixture
def lo():
    server = Lo(("0.0.0.0", 0), Handler)
    server.asked, server.drips, server.ended = [], 0, threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def black_hole():
    """A port of loopback that answers no connection: its queue is full and nobody accepts."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
    s.bind(("0.0.0.0", 0))
    s.listen(0)
    port = s.getsockname()[1]
    fill = []
    for _ in range(4):
        c = socket.socket()
        c.setblocking(False)
        c.connect_ex(("127.0.0.1", port))
        fill.append(c)
    time.sleep(0.1)
    probe = socket.socket()
    probe.settimeout(0.3)
    with pytest.raises(TimeoutError):
        probe.connect(("127.0.0.1", port))
    yield port
    for c in [probe, s, *fill]:
        c.close()


def test_waiting_servers_delay_no_other_feed(daemon, lo, black_hole, names):
    """64 that drip, 1,000 that do not answer, 40 names that no name server knows: 20 healthy feeds
    keep their schedule."""
    port = lo.server_port
    healthy = "".join(feed(f"h{i}", f"http://127.5.0.{i + 1}:{port}/healthy/{i}", **FAST)
                      for i in range(15))
    healthy += "".join(feed(f"n{i}", f"http://n{i}.test:{port}/healthy/n{i}", **FAST)
                       for i in range(5))
    slow = "".join(feed(f"drip{i}", f"http://127.6.0.{i + 1}:{port}/drip/{i}", **FAST)
                   for i in range(64))
    slow += "".join(feed(f"dead{i}", f"http://127.7.{i // 250}.{i % 250 + 1}:{black_hole}/", **FAST)
                    for i in range(1000))
    slow += "".join(feed(f"stalled{i}", f"http://s{i}.stalled.test:{port}/", **FAST)
                    for i in range(40))
    options = "starts-per-second = 60\nlog-level = error"
    daemon.start(healthy, daemon=options, env=names)
    daemon.wait_for(lambda: len({path for path, _ in lo.asked}) == 20)
    daemon.configure(healthy + slow.replace("backlog", "timeout = 4s\nbacklog"), options)
    daemon.request("POST", "/v1/reload")
    daemon.wait_for(lambda: lo.drips == 64, timeout=60)  # 1,104 starts, 60 a second
    begin = time.monotonic()
    end = begin + 7
    daemon.wait_for(lambda: time.monotonic() > end)
    status = daemon.get("/v1/status")
    assert status["feeds"]["failing"] > 100, status
    times = {}
    for path, at in list(lo.asked):
        times.setdefault(path, []).append(at)
    gaps = sorted(b - a for one in times.values() for a, b in zip(one, one[1:]) if b > begin)
    assert len(gaps) >= 20 * 4
    # Each second, up to 5 % later, and no more than a second behind that.
    assert gaps[-1] <= 1.05 + 1.0, (gaps[len(gaps) // 2], gaps[-10:])


def test_new_servers_that_do_not_answer_delay_no_other_feed(daemon, lo, black_hole):
    """Nothing is known of 600 servers yet, and no pace holds them back: those that are known go first."""
    healthy = "".join(feed(f"h{i}", f"http://127.5.0.{i + 1}:{lo.server_port}/healthy/{i}", **FAST)
                      for i in range(10))
    dead = "".join(feed(f"dead{i}", f"http://127.7.{i // 250}.{i % 250 + 1}:{black_hole}/", **FAST)
                   for i in range(600))
    options = "starts-per-second = 0\nlog-level = error"
    daemon.start(healthy, daemon=options)
    daemon.wait_for(lambda: len({path for path, _ in lo.asked}) == 10)
    daemon.configure(healthy + dead, options)
    daemon.request("POST", "/v1/reload")
    daemon.wait_for(lambda: daemon.get("/v1/status")["feeds"]["fetching"] > 100)
    begin, seen = time.monotonic(), len(lo.asked)
    daemon.wait_for(lambda: len(lo.asked) >= seen + 10 * 5)
    times = {}
    for path, at in list(lo.asked):
        times.setdefault(path, []).append(at)
    gaps = sorted(b - a for one in times.values() for a, b in zip(one, one[1:]) if b > begin)
    # Measured: 1.1 s at most. Behind the others it was 10 s: until the first of them are given up.
    assert gaps[-1] <= 4, gaps[-10:]
