"""Subscriptions with real consumers: webhooks, commands, files and a mail program; and what is promised
about them, broken at will."""

import email
import email.policy
import json
import random
import socket
import sqlite3
import stat
import threading
import time

import pytest

from consumers import DEFAULTS, OTHER, SECRET, Receiver, add, cli, daemon, feed, receiver, sub, verify  # noqa: F401, F811


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
