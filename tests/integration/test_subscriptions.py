"""Subscriptions with real consumers: a receiver that checks signatures by the text of Standard Webhooks,
curl, a browser, commands, files and a mail program; and what is promised about them, broken at will.
"""

import base64
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import os
import queue
import random
import sqlite3
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
import urllib.parse

import pytest

from conftest import LoopbackServer, UnixConnection

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def feed(name, items):
    entries = "".join(
        f"<item><guid isPermaLink='false'>{name}-{i}</guid><title>{name} {i}</title>"
        f"<link>https://site.example/{name}/{i}</link><description>Text of {name} {i}.</description></item>"
        for i in items)
    return f"<rss version='2.0'><channel><title>{name}</title>{entries}</channel></rss>"


def verify(headers, body, secrets, now=None):
    """Standard Webhooks, "Verifying webhooks": the id, a timestamp that is near, one signature of ours."""
    message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    assert abs(int(timestamp) - (now or time.time())) < 300
    passed = headers["webhook-signature"].split(" ")
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        assert 24 <= len(key) <= 64
        signed = f"{message_id}.{timestamp}.".encode() + body
        want = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if any(v == "v1" and hmac.compare_digest(s, want)
               for v, s in (p.split(",", 1) for p in passed)):
            return True
    return False


class Receiver:
    """A consumer: keeps what it gets; ANSWER(handler, body) may do something else than 204."""

    def __init__(self, host="127.0.0.1"):
        self.got = []  # (headers, body)
        self.answer = self.allows = None
        self.arrived = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = 204, {}
                if receiver.answer:
                    status, headers = receiver.answer(self, body)
                with receiver.arrived:
                    receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body, status))
                    receiver.arrived.notify_all()
                self.send_response(status)
                for k, v in headers.items():
                    self.send_header(k, v)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_OPTIONS(self):
                allowed = receiver.allows(self) if receiver.allows else None
                self.send_response(200 if allowed else 405)
                for k, v in (allowed or {}).items():
                    self.send_header(k, v)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        class Server(LoopbackServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

            def handle_error(self, request, client_address):
                pass

        self.server = Server((host, 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        self.url = f"http://{'[' + host + ']' if ':' in host else host}:{self.server.server_port}/in"

    def wait(self, count, timeout=20):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.got) >= count, timeout), \
                f"{len(self.got)} of {count} messages"
            return self.got[:]

    def seqs(self, acked_only=False):
        out = []
        with self.arrived:
            for _, body, status in self.got:
                if acked_only and status >= 300:
                    continue
                data = json.loads(body)["data"]
                out += [e["seq"] for e in data["events"]] if "events" in data else [data["seq"]]
        return out

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.close()


@pytest.fixture
def daemon(daemon):
    """Feeds are added quickly here."""
    configure = daemon.configure
    daemon.configure = lambda text="", more="": configure(
        text, more or "host-spacing = 0\nstarts-per-second = 0")
    return daemon


@pytest.fixture
def cli(tidings, daemon):
    def run(*args, code=0):
        r = subprocess.run([tidings, *args], capture_output=True, text=True, timeout=60, cwd=daemon.dir,
                           env={**os.environ, "TIDINGS_SOCKET": str(daemon.socket), "NO_COLOR": "1",
                                "TIDINGS_STORE": str(daemon.dir / "tidings.db")})
        assert r.returncode == code, (args, r.returncode, r.stdout, r.stderr)
        return r.stdout, r.stderr
    return run


def sub(daemon, name):
    return daemon.get(f"/v1/subscriptions/{name}")


def add(daemon, origin, name, n):
    """A feed with N items, all of them news."""
    url = origin.set(f"/{name}", feed(name, range(n)))
    status, answer = daemon.request("POST", "/v1/feeds", {"url": url, "name": name})
    assert status == 201, answer


DEFAULTS = "stories = no\n[defaults]\nbacklog = all\n"  # so that items are numbered 1, 2, 3


# ---- webhooks ------------------------------------------------------------------------------------


def test_signed_webhooks_in_order(daemon, origin, receiver):
    daemon.start(f"{DEFAULTS}[subscription hook]\nsink = webhook {receiver.url}\n"
                 f"signing-secret = {OTHER} {SECRET}\n")
    add(daemon, origin, "a", 20)
    got = receiver.wait(20)
    ids = [h["webhook-id"] for h, _, _ in got]
    assert len(set(ids)) == 20
    for headers, body, _ in got:
        assert verify(headers, body, [SECRET]) and verify(headers, body, [OTHER])
        assert not verify(headers, body + b" ", [SECRET, OTHER])
        message = json.loads(body)
        assert message["type"] == "item.new" and message["data"]["event"] == "item.new"
        assert len(body) < 20000
    assert receiver.seqs() == list(range(1, 21))
    daemon.wait_for(lambda: sub(daemon, "hook")["seq"] == 20)
    s = sub(daemon, "hook")
    assert (s["state"], s["lag"], s["delivered"], s["signed"]) == ("ok", 0, 20, True)
    assert SECRET not in json.dumps(s) and s["target"] == receiver.url[:-3]


def test_what_a_consumer_answers(daemon, origin, receiver, cli):
    """Failures by the schedule, Retry-After, redirects, 410; then dead letters and their replay."""
    answers = iter([(500, {}), (302, {"Location": "/elsewhere"}), (429, {"Retry-After": "2"}), (204, {})])
    receiver.answer = lambda h, body: next(answers)
    daemon.start(f"{DEFAULTS}[subscription hook]\nsink = webhook {receiver.url}\n"
                 "retry = 0, 50ms, 50ms, 50ms\n")
    add(daemon, origin, "a", 1)
    receiver.wait(3)
    failed_at = time.monotonic()
    s = daemon.wait_for(lambda: (s := sub(daemon, "hook")).get("failures") == 3 and s)
    assert "429" in s["error"] and s["state"] == "failing"
    got = receiver.wait(4)
    assert time.monotonic() - failed_at > 1.0  # Retry-After, not the 50 ms of the schedule
    assert len({h["webhook-id"] for h, _, _ in got}) == 1  # the same id at each attempt
    daemon.wait_for(lambda: sub(daemon, "hook")["state"] == "ok")
    assert "subscription hook: HTTP 500" in daemon.text() and "hook: works again" in daemon.text()

    receiver.answer = lambda h, body: (503, {})
    add(daemon, origin, "b", 2)
    s = daemon.wait_for(lambda: (s := sub(daemon, "hook"))["dead_letters"] == 2 and s)
    assert (s["seq"], s["lag"]) == (3, 0)
    letters = daemon.get("/v1/subscriptions/hook/dead-letters")["dead_letters"]
    assert [x["event"]["seq"] for x in letters] == [2, 3]
    assert all(x["attempts"] == 4 and "503" in x["error"] for x in letters)
    listed, _ = cli("subscriptions", "dead-letters", "hook")
    assert "b 0" in listed and letters[0]["at"] in listed  # no terminal: times as they are
    receiver.answer = None
    before = len(receiver.got)
    assert "2 dead letters in line" in cli("subscriptions", "replay", "hook")[0]
    receiver.wait(before + 2)
    assert receiver.seqs()[before:] == [2, 3]
    daemon.wait_for(lambda: sub(daemon, "hook")["dead_letters"] == 0)
    assert cli("subscriptions", "dead-letters", "hook") == ("", "tidings: hook has no dead letters\n")
    assert cli("subscriptions", "pause", "hook")[0] == "hook: paused\n" and sub(daemon, "hook")["state"] == "paused"
    assert cli("subscriptions", "resume", "hook")[0] == "hook: goes on\n" and sub(daemon, "hook")["state"] == "ok"

    receiver.answer = lambda h, body: (410, {})
    add(daemon, origin, "c", 1)
    daemon.wait_for(lambda: sub(daemon, "hook")["state"] == "disabled")
    daemon.stop()
    daemon.start()
    assert sub(daemon, "hook")["state"] == "disabled"  # also after a restart
    n = len(receiver.got)
    receiver.answer = None
    cli("subscriptions", "resume", "hook")
    receiver.wait(n + 1)
    assert receiver.seqs()[-1] == 4


def test_addresses_that_are_not_named(daemon, origin):
    """A webhook goes to public addresses, and to others only where the config names them."""
    six = Receiver("::1")
    try:
        daemon.start(f"{DEFAULTS}[subscription no]\nsink = webhook {six.url}\n"
                     f"[subscription yes]\nsink = webhook {six.url}\nallow = ::1\n")
        add(daemon, origin, "a", 1)
        six.wait(1)
        s = daemon.wait_for(lambda: (s := sub(daemon, "no")).get("error") and s)
        assert "loopback" in s["error"]
        assert len(six.got) == 1
        status, answer = daemon.request("POST", "/v1/subscriptions", {
            "name": "x", "sink": f"webhook {six.url}", "allow": "::1"})
        assert status == 400 and "allow" in answer["error"]["reason"]
    finally:
        six.close()


def test_a_stuck_consumer_delays_nobody(daemon, origin, receiver):
    release = threading.Event()
    stuck = Receiver()
    stuck.answer = lambda h, body: (release.wait(30), (204, {}))[1]
    try:
        daemon.start(f"{DEFAULTS}[subscription stuck]\nsink = webhook {stuck.url}\nanswer-timeout = 1min\n"
                     f"[subscription hung]\nsink = exec sleep 60\nanswer-timeout = 1min\n"
                     f"[subscription well]\nsink = webhook {receiver.url}\n")
        add(daemon, origin, "a", 50)
        receiver.wait(50)
        assert receiver.seqs() == list(range(1, 51))
        assert sub(daemon, "stuck")["seq"] == 0 and sub(daemon, "hung")["seq"] == 0
        add(daemon, origin, "b", 1)
        receiver.wait(51)
        begun = time.monotonic()
        daemon.stop()  # and stopping does not wait for them
        assert time.monotonic() - begun < 5
    finally:
        release.set()
        stuck.close()


# ---- kill -9 -------------------------------------------------------------------------------------


def test_kill_9_at_any_moment(daemon, origin, receiver, tmp_path):
    """Everything arrives, in order; what a kill repeats is the one message that was under way."""
    feeds, items, kills = 30, 8, 12
    config = DEFAULTS
    for i in range(feeds):
        url = origin.set(f"/f{i}", feed(f"f{i}", range(items)))
        config += f"[feed f{i}]\nurl = {url}\n"
    config += (f"[subscription hook]\nsink = webhook {receiver.url}\nretry = 0, 50ms, 50ms, 50ms, 50ms\n"
               f"[subscription log]\nsink = file {tmp_path}/log.jsonl\nbatch = 7\n"
               f"[subscription run]\nsink = exec sh -c 'echo $TIDINGS_SEQ >> {tmp_path}/run.log'\n"
               "retry = 0, 50ms, 50ms, 50ms\n")
    rng = random.Random(6)
    daemon.start(config, "host-spacing = 0\nstarts-per-second = 15\nper-host = 8")
    for _ in range(kills):
        time.sleep(rng.uniform(0.05, 0.35))  # any instant will do: there is no event to await
        daemon.kill()
        daemon.start()
    total = feeds * items
    for name in "hook", "log", "run":
        daemon.wait_for(lambda: (s := sub(daemon, name))["seq"] == total and s["dead_letters"] == 0, 60,
                        f"{name} at {total}")
    assert daemon.get("/v1/status")["counts"]["last_seq"] == total

    def check(seqs, most):
        assert sorted(set(seqs)) == list(range(1, total + 1))
        first = [s for i, s in enumerate(seqs) if s not in seqs[:i]]
        assert first == sorted(first), "not in order"
        for i, s in enumerate(seqs[1:], 1):
            assert s >= seqs[i - 1] - most + 1, f"{s} after {seqs[i - 1]}: more than one message again"
        assert len(seqs) - total <= kills * most, "more was repeated than was under way"

    check(receiver.seqs(), 1)
    check([json.loads(line)["seq"] for line in (tmp_path / "log.jsonl").read_text().splitlines()], 7)
    check([int(line) for line in (tmp_path / "run.log").read_text().split()], 1)


# ---- other sinks ---------------------------------------------------------------------------------


def test_mail_that_programs_read(daemon, origin, tmp_path):
    out = tmp_path / "outbox"
    out.mkdir()
    sendmail = tmp_path / "sendmail"
    sendmail.write_text(f"#!/bin/sh\nprintf '%s' \"$*\" > {tmp_path}/args.$$\n"
                        f"cat > {out}/.$$ && mv {out}/.$$ {out}/$$\n")
    sendmail.chmod(sendmail.stat().st_mode | stat.S_IXUSR)
    title = "Grüße\u2028Bcc: evil@x.example 🚢 &lt;b&gt;" + " lang" * 40
    body = (f"<rss version='2.0'><channel><title>Ö</title><item><guid>1</guid><title>{title}</title>"
            "<link>https://s.example/1</link><description>&lt;p&gt;Eins &amp;amp; zwei&lt;/p&gt;"
            "</description></item></channel></rss>")
    daemon.start(f"{DEFAULTS}[subscription post]\nsink = mail me@x.example, You <you@y.example>\n"
                 f"from = tidings@h.example\nsendmail = {sendmail} -i\n"
                 f"[subscription digest]\nsink = mail d@x.example\nbatch = 50\ncollect = 200ms\n"
                 f"sendmail = {sendmail} -i\nfrom = tidings@h.example\n")
    origin.set("/m", body)
    daemon.request("POST", "/v1/feeds", {"url": origin.url("/m"), "name": "m"})
    daemon.wait_for(lambda: len(list(out.glob("[0-9]*"))) == 2)
    by_to = {}
    for f in out.glob("[0-9]*"):
        m = email.message_from_bytes(f.read_bytes(), policy=email.policy.default)
        by_to[m["To"].split(",")[0].strip()] = m
        assert not m.defects and not [d for p in m.walk() for d in p.defects]
        assert m["Bcc"] is None and m["From"] == "tidings@h.example"
        assert m["Message-ID"].startswith("<") and email.utils.parsedate_to_datetime(m["Date"])
        assert "Grüße" in m["Subject"] and "🚢" in m["Subject"] and "\n" not in m["Subject"]
    m = by_to["me@x.example"]
    assert m.get_content_type() == "multipart/alternative"
    assert "Eins & zwei" in m.get_body(("plain",)).get_content()
    assert "<p>Eins &amp; zwei</p>" in m.get_body(("html",)).get_content()
    add(daemon, origin, "two", 2)
    daemon.wait_for(lambda: len(list(out.glob("[0-9]*"))) == 5)
    texts = [email.message_from_bytes(f.read_bytes(), policy=email.policy.default) for f in out.glob("[0-9]*")]
    digest = [m for m in texts if m["Subject"].startswith("2 items: two ")]
    assert len(digest) == 1 and digest[0].get_content_type() == "text/plain"
    assert {f.read_text() for f in tmp_path.glob("args.*")} == {"-i -- me@x.example you@y.example", "-i -- d@x.example"}
    assert "two 0" in digest[0].get_content() and "two 1" in digest[0].get_content()


class RawReceiver:
    """Answers each connection with ANSWER(socket), whatever that is."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/in"
        self.answer, self.seen = answer, 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            self.seen += 1
            with c:
                try:
                    self.answer(c)
                except OSError:
                    pass

    def close(self):
        self.listener.close()


def read_request(c):
    got = b""
    while b"\r\n\r\n" not in got:
        got += c.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])
    while len(body) < length:
        body += c.recv(65536)


def huge(c):
    read_request(c)
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n")
    for _ in range(90):
        c.sendall(b"x" * 1000000)


def endless(c):
    read_request(c)
    c.sendall(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    c.recv(1)  # until the other side gives up


def early(c):
    c.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


def redirect(c):
    read_request(c)
    c.sendall(b"HTTP/1.1 307 Again\r\nLocation: /in\r\nContent-Length: 0\r\n\r\n")


def slow_head(c):
    read_request(c)
    for ch in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100:
        c.sendall(bytes([ch]))
        time.sleep(0.05)


def garbage(c):
    read_request(c)
    c.sendall(b"\x16\x03\x01 I am no web server\r\n\r\n")


def silent(c):
    read_request(c)


@pytest.mark.parametrize("answer,good,says", [
    (huge, True, None), (endless, True, None), (early, True, None), (redirect, False, "HTTP 307"),
    (slow_head, False, "timed out"), (garbage, False, ""), (silent, False, "")], ids=lambda x: getattr(x, "__name__", None))
def test_bad_receivers(daemon, origin, answer, good, says):
    receiver = RawReceiver(answer)
    daemon.start(f"{DEFAULTS}[subscription hook]\nsink = webhook {receiver.url}\nanswer-timeout = 1s\n"
                 "retry = 0, 10min\n")
    add(daemon, origin, "a", 1)
    try:
        if good:
            daemon.wait_for(lambda: sub(daemon, "hook")["delivered"] == 1)
        else:
            s = daemon.wait_for(lambda: (s := sub(daemon, "hook")).get("failures") == 1 and s)
            assert says in s["error"]
        assert receiver.seen == 1
    finally:
        receiver.close()


def test_cloudevents_ask_first(daemon, origin, receiver):
    daemon.start(f"public-url = https://news.example.org/tidings\n{DEFAULTS}[subscription hook]\n"
                 f"sink = webhook {receiver.url}\nformat = cloudevents\nhandshake = yes\nretry = 0, 50ms, 10min\n")
    add(daemon, origin, "a", 3)
    s = daemon.wait_for(lambda: (s := sub(daemon, "hook")).get("failures") == 2 and s)
    assert "HTTP 405, without WebHook-Allowed-Origin" in s["error"] and receiver.got == []
    asked = []

    def allows(handler):
        asked.append(handler.headers["WebHook-Request-Origin"])
        return {"WebHook-Allowed-Origin": "news.example.org", "WebHook-Allowed-Rate": "600"}
    receiver.allows = allows
    daemon.request("POST", "/v1/subscriptions/hook/resume")
    began = time.monotonic()
    got = receiver.wait(3)
    assert time.monotonic() - began > 0.19  # 600 a minute
    assert asked == ["news.example.org"]  # once for all of them
    assert {h["webhook-request-origin"] for h, _, _ in got} == {h["origin"] for h, _, _ in got} == {asked[0]}
    assert [json.loads(b)["data"]["seq"] for _, b, _ in got] == [1, 2, 3]


def test_a_command_and_a_file(daemon, origin, tmp_path):
    daemon.start(f"{DEFAULTS}[subscription run]\nsink = exec sh -c 'cat >> {tmp_path}/got; exit $(cat code)'\n"
                 f"retry = 0, 50ms, 10min\n[subscription log]\nsink = file sub.jsonl\nbatch = 50\n"
                 "events = all\n")
    (daemon.dir / "code").write_text("0")
    add(daemon, origin, "a", 3)
    daemon.wait_for(lambda: sub(daemon, "run")["seq"] == 3 and sub(daemon, "log")["seq"] == 3)
    lines = [json.loads(x) for x in (tmp_path / "got").read_text().splitlines()]
    assert [x["seq"] for x in lines] == [1, 2, 3] and lines[0]["item"]["title"].startswith("a ")
    assert (daemon.dir / "sub.jsonl").read_text() == (tmp_path / "got").read_text()
    (daemon.dir / "code").write_text("9")
    add(daemon, origin, "b", 1)
    s = daemon.wait_for(lambda: (s := sub(daemon, "run")).get("failures") == 2 and s)
    assert "exit status 9" in s["error"]


def test_per_story(daemon, source_dir, tmp_path):
    """Three outlets, one story: it is told once, and when it grows."""
    doubtful = tmp_path / "doubtful.xml"
    doubtful.write_text("<rss version='2.0'><channel><title>D</title>" + "".join(
        f"<item><guid>{t}</guid><title>{t}</title><pubDate>Fri, 20 Nov 2026 10:00:00 GMT</pubDate></item>"
        for t in ("Defence secretary rings army chief", "War across the border: army chief in talks",
                  "Generals ring each other over war")) + "</channel></rss>")
    feeds = f"[feed doubtful]\nurl = file:{doubtful}\n" + "".join(f"[feed {p.name.split('.')[0]}]\nurl = file:{p}\n"
                    for p in sorted((source_dir / "docs/samples").glob("*.*.xml")))
    daemon.start(f"[defaults]\nbacklog = all\n{feeds}[subscription stories]\nsink = file {tmp_path}/s\nper = story\n"
                 f"[subscription sure]\nsink = file {tmp_path}/sure\nper = story\nstrictness = 0.98\n"
                 f"[subscription items]\nsink = file {tmp_path}/i\n")
    daemon.wait_for(lambda: daemon.get("/v1/status")["first_round"]["pending"] == 0)

    def lines(name):
        path = tmp_path / name
        return [json.loads(x) for x in path.read_text().splitlines()] if path.exists() else []

    # Stories come after their items, and what is told of them after both.
    db = sqlite3.connect(daemon.dir / "tidings.db")
    daemon.wait_for(lambda: db.execute("SELECT count(*) FROM v1_items WHERE item_id NOT IN"
                                       " (SELECT item_id FROM v1_story_items)").fetchone()[0] == 0)
    last = db.execute("SELECT max(seq) FROM v1_events").fetchone()[0]
    daemon.wait_for(lambda: lines("s") and lines("s")[-1]["seq"] == last and len(lines("i")) == 10)
    assert {e["event"] for e in lines("i")} == {"item.new"}
    stories = lines("s")
    assert any(e["event"] == "story.grew" for e in stories)
    assert all(e["event"].startswith("story.") and e["story"]["story_id"] for e in stories)
    told = [e["story"]["story_id"] for e in stories if e["event"] == "story.new"]
    assert len(told) == len(set(told))
    # Who wants to be sure is told of each item that only joined, instead of how its story grew.
    joined = {i for i, in db.execute("SELECT item_id FROM v1_story_items WHERE how = 'joined' AND p < 0.98")}
    sure = daemon.wait_for(lambda: (s := lines("sure")) and {e["item"]["_tidings"]["item_id"] for e in s
                           if e["event"] == "item.new"} == joined
                           and {e["story"]["story_id"] for e in s if e["event"] == "story.new"} >= set(told) and s)
    assert joined and told and {1} == {sum(e["event"] == "story.new" and e["story"]["story_id"] == t for e in sure) for t in told}
    assert not [e for e in sure if e["event"] == "story.grew" and e["item"]["_tidings"]["item_id"] in joined]


def test_made_and_removed_at_once(daemon, origin, receiver):
    """What is removed while it is being made does not come back as one that begins with the oldest event."""
    daemon.start(DEFAULTS)
    add(daemon, origin, "a", 3)
    for i in range(25):
        body = {"name": "x", "sink": f"webhook {receiver.url}", "from": "now"}
        makers = [threading.Thread(target=daemon.request, args=("POST", "/v1/subscriptions", body)) for _ in range(2)]
        for t in makers:
            t.start()
        daemon.request("DELETE", "/v1/subscriptions/x")
        for t in makers:
            t.join()
        listed = daemon.get("/v1/subscriptions")["subscriptions"]
        assert daemon.get("/v1/status")["subscriptions"]["total"] == len(listed)
    daemon.request("DELETE", "/v1/subscriptions/x")
    assert receiver.got == []


# ---- queries with a name -------------------------------------------------------------------------


def test_saved_queries(daemon, origin, tmp_path, cli):
    daemon.start(f"{DEFAULTS}[query seven]\nquery = title:7\n[subscription low]\nsink = file {tmp_path}/low\n"
                 "query = query:low\n")
    assert "there is no query low" in daemon.text()  # so it does not run; all others do
    out, _ = cli("query", "save", "low", "title:1 OR query:seven", "--title", "Low ones")
    assert "query:low" in out
    daemon.stop()
    daemon.start()  # it is kept, and there before the subscription is
    add(daemon, origin, "a", 12)

    def titles(path):
        return [json.loads(x)["item"]["title"] for x in path.read_text().splitlines()] if path.exists() else []

    daemon.wait_for(lambda: set(titles(tmp_path / "low")) == {"a 1", "a 7"})
    # wherever a query is
    assert {"a 1", "a 7"} == {x["title"] for x in daemon.get("/v1/items?q=query:low")["items"]}
    assert "a 7" in cli("search", "query:low NOT title:1")[0]
    follow = [json.loads(x) for x in daemon.request("GET", "/v1/events?follow=0&after=0&q=query:low")[1].splitlines()]
    assert [e["item"]["title"] for e in follow] in (["a 1", "a 7"], ["a 7", "a 1"])
    feed = daemon.request("GET", "/v1/feed.json?query=low")[1]
    assert feed["title"] == "Low ones" and len(feed["items"]) == 2
    assert [q["origin"] for q in daemon.get("/v1/queries")["queries"]] == ["config", "api"]
    # who names it follows when it changes
    cli("query", "save", "low", "title:2 OR query:seven")
    add(daemon, origin, "b", 9)
    daemon.wait_for(lambda: set(titles(tmp_path / "low")) == {"a 1", "a 7", "b 2", "b 7"})
    # mistakes
    for args, code, says in ((("save", "low", "query:nothere"), 64, "no query nothere"),
                             (("save", "low", "query:low"), 64, "circle"),
                             (("save", "low", "title:(x"), 64, "^"),
                             (("save", "a/b", "x"), 64, "allowed: 1 to 128"),
                             (("save", "seven", "x"), 77, "change it there"),
                             (("remove", "seven"), 77, "change it there"),
                             (("remove", "low"), 73, "subscription low names it"),
                             (("remove", "nothere"), 66, "no query"),
                             (("rename", "low"), 64, "did you mean remove")):
        assert says in cli("query", *args, code=code)[1], args
    cli("subscribe", "x", "query:nothere", code=64)
    assert daemon.request("GET", "/v1/subscriptions/x")[0] == 404
    # a reload goes before what was saved, and takes names away
    cli("query", "save", "other", "x")
    daemon.configure("[query low]\nquery = title:3\n[query seven]\nquery = title:7\n"
                     f"[subscription low]\nsink = file {tmp_path}/low\nquery = query:low\n")
    assert daemon.request("POST", "/v1/reload")[0] == 200
    assert [(q["name"], q["origin"]) for q in daemon.get("/v1/queries")["queries"]] == [
        ("low", "config"), ("seven", "config"), ("other", "api")]
    cli("query", "remove", "other")
    daemon.stop()
    assert "a 3" in cli("items", "query:low")[0]  # the store knows it, also without a daemon


def test_a_query_changes_for_all_who_name_it(daemon, origin, tmp_path):
    """The daemon went round and round among them."""
    files = [tmp_path / name for name in "abc"]
    subs = "".join(f"[subscription {p.name}]\nsink = file {p}\nquery = query:it\n" for p in files)
    daemon.start(f"{DEFAULTS}[query it]\nquery = title:1\n{subs}")
    daemon.configure(f"{DEFAULTS}[query it]\nquery = title:2\n{subs}")
    assert daemon.request("POST", "/v1/reload")[0] == 200
    add(daemon, origin, "a", 4)
    daemon.wait_for(lambda: all(p.exists() and "a 2" in p.read_text() for p in files), what="all of them")
def test_a_name_that_is_not_there_is_said_and_waited_for(daemon, origin, tmp_path, cli):
    """A subscription whose query names another that nobody has saved yet does not run, and that is seen
    everywhere; it runs from its place on when the name is there."""
    text = (f"{DEFAULTS}[query low]\nquery = query:odd -x\n[subscription desk]\nquery = query:typo\n"
            f"sink = file {tmp_path}/desk\n[subscription mine]\nquery = query:typo\nsink = stream\n")
    daemon.start(text)
    why = "there is no query typo"
    assert f"subscription desk does not run: query: {why}" in daemon.text()
    assert "query low is of no use: query: there is no query odd" in daemon.text()
    desk, mine = daemon.get("/v1/subscriptions")["subscriptions"]
    for s in (desk, mine):
        assert s["state"] == "not running" and why in s["error"] and s["query"] == "query:typo", s
    assert daemon.get("/v1/status")["subscriptions"]["not_running"] == 2
    assert "2 of them do not run" in cli("status")[0] and why in cli("subscriptions")[0]
    assert "there is no query odd" in daemon.get("/v1/queries")["queries"][0]["error"]
    status, answer = daemon.request("GET", "/v1/events?as=mine&follow=0")
    assert status == 409 and why in answer["error"]["reason"]  # it would be given everything
    for action in ("pause", "test"):
        assert why in cli("subscriptions", action, "desk", code=73)[1]
    warned = cli("check-config", str(daemon.config))
    assert warned[1].count(why) == 2 and "[query low]: query: there is no query odd" in warned[1]
    assert "3 warnings" in warned[0]

    add(daemon, origin, "a", 7)
    cli("query", "save", "typo", "title:3")
    daemon.wait_for(lambda: (tmp_path / "desk").exists(), what="what it waited for")
    assert [json.loads(line)["item"]["title"] for line in (tmp_path / "desk").read_text().splitlines()] == ["a 3"]
    assert [s["state"] for s in daemon.get("/v1/subscriptions")["subscriptions"]] == ["ok", "stream"]
    events = [json.loads(x) for x in daemon.request("GET", "/v1/events?as=mine&follow=0")[1].splitlines()]
    assert [e["item"]["title"] for e in events] == ["a 3"] and "not run" not in cli("status")[0]
    assert "[query low]" in cli("check-config", str(daemon.config))[1]  # the store knows the other name

    daemon.configure(text.replace("query:odd", "odd").replace("[subscription desk]\nquery = query:typo",
                                                              "[subscription desk]\nquery = query:low AND query:new"))
    assert daemon.request("POST", "/v1/reload")[0] == 200
    assert [s["state"] for s in daemon.get("/v1/subscriptions")["subscriptions"]] == ["ok", "stream"]
    assert "subscription desk" in daemon.text() and "there is no query new" in daemon.text()
    assert daemon.stop() == 0


# ---- users ---------------------------------------------------------------------------------------


def test_a_wrong_name_is_said_with_the_right_ones(daemon, origin, tmp_path, cli):
    daemon.start(f"{DEFAULTS}[query seven]\nquery = title:7\n[subscription archive]\nsink = file {tmp_path}/a\n")
    add(daemon, origin, "gazette", 1)
    there = "those that there are: archive"
    for args, says, code in ((("items", "--unread-by", "typo"), f"no consumer typo; {there}", 66),
                             (("items", "--unread-by", "archiv"), "no consumer archiv; did you mean archive?", 66),
                             (("items", "--feed", "gazete"), "no feed gazete; did you mean gazette?", 66),
                             (("why", "x.example"), "no feed x.example; those that there are: gazette", 66),
                             (("remove", "gazete"), "no feed gazete; did you mean gazette?", 66),
                             (("items", "query:sevn"), "no query sevn; did you mean seven?", 64),
                             (("query", "remove", "typo"), "no query typo; those that there are: seven", 66),
                             (("subscriptions", "typo"), f"no subscription typo; {there}", 66),
                             (("subscriptions", "dead-letters", "typo"), f"no subscription typo; {there}", 66),
                             (("subscriptions", "pause", "archvie"), "archvie; did you mean archive?", 66),
                             (("unsubscribe", "typo"), f"no subscription typo; {there}", 66)):
        out, err = cli(*args, code=code)
        assert says in err and out == "", args
    for path in ("items?unread_by=typo", "items?feed=typo", "feeds/typo", "subscriptions/typo/dead-letters"):
        status, answer = daemon.request("GET", f"/v1/{path}")
        assert status == 404 and "typo; those that there are: " in answer["error"]["reason"], path


def test_at_run_time(daemon, origin, receiver, cli):
    daemon.start(DEFAULTS)
    add(daemon, origin, "a", 12)
    out, said = cli("subscribe", "seven", "title:7", "--dry-run", "--since", "30d")
    assert "a 7" in out and "a 1\n" not in out and "1 event" in said
    both = cli("subscribe", "seven", "title:7", "--dry-run", "--since", "30d", "--set", "events=item.new feed.*")
    assert both == (out, said)
    assert "'item.typo' is no kind" in cli("subscribe", "seven", "--set", "events=item.typo", code=64)[1]
    status, answer = daemon.request("GET", "/v1/events?follow=0&kinds=feed.*,item.typo")
    assert status == 400 and "'item.typo' is no kind of event; allowed: item.new" in answer["error"]["reason"]
    assert daemon.get("/v1/subscriptions")["subscriptions"] == []
    cli("subscribe", "hook", "title:7", "OR", "title:11", "--sink", f"webhook {receiver.url}",
        "--from", "0", "--set", "batch=16")
    got = receiver.wait(1)
    daemon.wait_for(lambda: sub(daemon, "hook")["seq"] == 12)
    titles = {e["item"]["title"] for _, b, _ in receiver.got for e in json.loads(b)["data"]["events"]}
    assert titles == {"a 7", "a 11"} and len(got) <= 2
    cli("subscribe", "hook", code=73)  # there is one already
    cli("subscribe", "x", "--sink", "exec id", code=64)
    cli("subscribe", "x", "--set", "nonsense=1", code=64)
    cli("subscribe", "x/y", code=64)
    _, said = cli("subscribe", "x", "title:(a", code=64)
    assert "^" in said
    daemon.stop()
    daemon.start()  # it is kept
    n = len(receiver.got)
    cli("subscriptions", "rewind", "hook", "--to", "0")
    receiver.wait(n + 1)
    cli("subscriptions", "pause", "hook")
    assert sub(daemon, "hook")["state"] == "paused"
    assert "hook" in cli("subscriptions")[0] and "paused" in cli("subscriptions", "hook")[0]
    n = len(receiver.got)
    cli("subscriptions", "test", "hook")
    assert json.loads(receiver.got[n][1])["data"]["events"][0]["item"]["_tidings"]["test"] is True
    cli("subscriptions", "skip", "hook", code=73)
    cli("unsubscribe", "hook")
    cli("subscriptions", "hook", code=66)
    assert daemon.request("DELETE", "/v1/subscriptions/hook")[0] == 404


def test_reload(daemon, origin, receiver, cli):
    daemon.start(f"{DEFAULTS}[subscription one]\nsink = webhook {receiver.url}\n")
    add(daemon, origin, "a", 1)
    receiver.wait(1)
    daemon.configure(f"{DEFAULTS}[subscription one]\nsink = webhook {receiver.url}\nbatch = 5\n"
                     f"[subscription two]\nsink = webhook {receiver.url}\nquery = title:b\n")
    cli("reload")
    daemon.wait_for(lambda: len(daemon.get("/v1/subscriptions")["subscriptions"]) == 2)
    add(daemon, origin, "b", 1)
    receiver.wait(3)
    assert sorted(receiver.seqs()) == [1, 2, 2]
    daemon.configure(f"{DEFAULTS}[subscription two]\nsink = webhook nonsense\n")
    out = cli("reload", code=78)[1]
    assert "feeds.conf:" in out and "sink" in out
    daemon.configure(f"{DEFAULTS}[subscription two]\nsink = webhook {receiver.url}\nquery = title:b\n")
    cli("unsubscribe", "one", code=77)  # it still stands in the running config
    cli("reload")
    assert sub(daemon, "one")["state"] == "not configured"
    cli("unsubscribe", "one")
    assert [s["name"] for s in daemon.get("/v1/subscriptions")["subscriptions"]] == ["two"]


# ---- streams -------------------------------------------------------------------------------------


def test_a_stream_moves_only_when_acknowledged(daemon, origin):
    daemon.start(f"{DEFAULTS}[subscription rare]\nsink = stream\nquery = title:3 OR title:5\n")
    add(daemon, origin, "a", 8)

    def follow(path):
        text = daemon.get(path)
        return [json.loads(line)["item"]["title"] for line in text.splitlines()]

    assert sorted(follow("/v1/events?as=rare&follow=0")) == ["a 3", "a 5"]
    first = json.loads(daemon.get("/v1/events?as=rare&follow=0&limit=1").splitlines()[0])
    assert len(follow("/v1/events?as=rare&follow=0")) == 2  # nothing was acknowledged
    assert daemon.request("POST", "/v1/cursors/rare", {"seq": first["seq"]})[0] == 200
    daemon.kill()
    daemon.start()
    assert len(follow("/v1/events?as=rare&follow=0")) == 1
    assert sorted(follow("/v1/events?after=0&follow=0&q=title:3+OR+title:4")) == ["a 3", "a 4"]
    assert daemon.request("GET", "/v1/events?as=rare&q=x")[0] == 400
    assert daemon.request("GET", "/v1/events?q=title:(")[0] == 400
    assert daemon.request("DELETE", "/v1/cursors/rare")[0] == 409
    assert follow("/v1/events?follow=0&since=1h") != [] and follow("/v1/events?follow=0&kinds=feed.*&after=0") == []


def test_the_position_of_a_rare_stream_follows(daemon, origin):
    """What does not match is not acknowledged by anybody, and must not hold the log for ever."""
    daemon.start(f"{DEFAULTS}[subscription rare]\nsink = stream\nquery = title:1290\n"
                 "[subscription none]\nsink = stream\nquery = title:nothing\n")
    c, back = (UnixConnection(daemon.socket, timeout=30) for _ in range(2))
    c.request("GET", "/v1/events?as=rare")
    r = c.getresponse()
    back.request("GET", "/v1/events?as=none")
    back.getresponse()
    add(daemon, origin, "a", 1300)
    seq = json.loads(r.readline())["seq"]
    assert daemon.request("POST", "/v1/subscriptions/none/rewind", {"to": 50})[0] == 200
    time.sleep(5.5)  # longer than serve/ waits between two looks: nothing may happen
    assert sub(daemon, "none")["seq"] == 50  # as somebody asked, although all that was given is acknowledged
    assert sub(daemon, "rare")["seq"] == 0  # there is one that was not acknowledged
    assert daemon.request("POST", "/v1/cursors/rare", {"seq": seq})[0] == 200
    daemon.wait_for(lambda: sub(daemon, "rare")["lag"] < 100, 30, "the position")
    c.close()


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_follows_and_resumes(daemon, origin):
    """Server-Sent Events as the specification has a client read them, over two connections."""
    daemon.start(DEFAULTS)
    add(daemon, origin, "a", 5)

    def read(n, last=None):
        args = ["curl", "-sSN", "--unix-socket", daemon.socket, "-H", "Accept: text/event-stream"]
        args += ["-H", f"Last-Event-ID: {last}"] if last else []
        p = subprocess.Popen([*args, "localhost/v1/events?after=0"], stdout=subprocess.PIPE, text=True)
        ids, seen = [], {}
        for line in p.stdout:
            field, _, value = line.rstrip("\n").partition(":")
            if line == "\n" and seen.get("data"):
                assert json.loads(seen["data"])["seq"] == int(seen["id"]) and seen["event"] == "item.new"
                ids.append(int(seen["id"]))
                seen = {}
                if len(ids) == n:
                    break
            elif field:
                seen[field] = value[1:] if value.startswith(" ") else value
        p.kill()
        p.wait()
        p.stdout.close()
        return ids

    assert read(3) == [1, 2, 3]
    add(daemon, origin, "b", 2)
    assert read(4, last=3) == [4, 5, 6, 7]


PAGE = """<!DOCTYPE html><body><script>
var ids = [], opens = 0, es = new EventSource('/v1/events?after=0');
es.onopen = function () { opens++; };
es.addEventListener('item.new', function (e) {
  ids.push(e.lastEventId + ':' + JSON.parse(e.data).item.title);
  if (ids.length == 6) {
    es.close();
    fetch('/verdict?opens=' + opens + '&ids=' + encodeURIComponent(ids.join(',')));
  }
});
</script></body>"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_browsers_eventsource_resumes(daemon, origin, tmp_path):
    """EventSource through a proxy that cuts the first connection after three events."""
    daemon.start(DEFAULTS)
    add(daemon, origin, "a", 6)
    asked, verdict = [], queue.Queue()

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/":
                body = PAGE.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            if not self.path.startswith("/v1/"):
                if self.path.startswith("/verdict"):
                    verdict.put(urllib.parse.parse_qs(self.path.partition("?")[2]))
                self.send_error(404)
                return
            last = self.headers.get("Last-Event-ID")
            asked.append(last)
            c = UnixConnection(daemon.socket)
            c.request("GET", self.path, headers={"Accept": "text/event-stream",
                                                 **({"Last-Event-ID": last} if last else {})})
            r = c.getresponse()
            self.send_response(r.status)
            self.send_header("Content-Type", r.getheader("Content-Type"))
            self.end_headers()
            n = 0
            while n < 3:
                line = r.readline().replace(b"retry: 3000", b"retry: 100")
                self.wfile.write(line)
                n += line.startswith(b"data:")
            self.wfile.write(b"\n")
            self.wfile.flush()
            c.close()

        def log_message(self, *args):
            pass

    server = LoopbackServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        browser = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
             f"--user-data-dir={tmp_path}/profile", f"http://127.0.0.1:{server.server_port}/"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            said = verdict.get(timeout=60)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    ids = [i.split(":")[0] for i in said["ids"][0].split(",")]
    assert said["opens"] == ["2"] and ids == ["1", "2", "3", "4", "5", "6"], said
    assert asked[:2] == [None, "3"]
