"""Subscriptions as users make and steer them, the queries with a name in them, and streams, which curl and a
browser follow."""

import http.server
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse

import pytest

from conftest import LoopbackServer, UnixConnection
from consumers import DEFAULTS, add, cli, daemon, feed, receiver, sub  # noqa: F401, F811


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
