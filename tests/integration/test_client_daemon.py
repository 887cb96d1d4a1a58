"""The tidings command beside a running daemon: what it changes, what it follows."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import pytest

from conftest import Client

FAST = "interval = 1s\nmin-interval = 1s\nbacklog = all\n"


def rss(*guids, title="A feed"):
    items = "".join(
        f"<item><title>Title {g}</title><guid isPermaLink='false'>{g}</guid>"
        f"<link>http://example.org/{g}</link><description>About {g}.</description><g:point>0.1 1.1</g:point></item>"
        for g in guids)
    return (f"<?xml version='1.0'?><rss version='2.0' xmlns:g='http://www.georss.org/georss'><channel><title>{title}</title>"
            f"<link>http://example.org/</link><description>d</description>{items}</channel></rss>")


def feed(name, url, more=FAST):
    return f"[feed {name}]\nurl = {url}\n{more}\n"


@pytest.fixture
def client(tidings, daemon):
    return Client(tidings, daemon.dir)


@pytest.fixture
def one_feed(daemon, origin):
    """A daemon that has read one feed of two items."""
    daemon.start(feed("one", origin.set("/one", rss("b", "a"))), daemon="host-spacing = 0")
    daemon.wait_for(lambda: daemon.get("/v1/status")["counts"]["items"] == 2)
    return daemon


class Follower:
    """`tidings follow` in the background; `lines(n)` waits for its next n lines."""

    def __init__(self, client, *args):
        self.process = subprocess.Popen(
            [client.program, "follow", *args], cwd=client.dir, env=client.env(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pending = b""

    def lines(self, n, timeout=20):
        end = time.monotonic() + timeout
        while self.pending.count(b"\n") < n:
            left = end - time.monotonic()
            assert left > 0, f"only {self.pending!r}"
            if select.select([self.process.stdout], [], [], left)[0]:
                piece = os.read(self.process.stdout.fileno(), 65536)
                assert piece, (self.pending, self.process.stderr.read())
                self.pending += piece
        *lines, self.pending = self.pending.split(b"\n", n)
        return [line.decode() for line in lines]

    def titles(self, n):
        return [json.loads(line)["title"] for line in self.lines(n)]

    def end(self, sig=signal.SIGINT):
        self.process.send_signal(sig)
        self.process.wait(10)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def follow(client):
    started = []

    def start(*args):
        started.append(Follower(client, *args))
        return started[-1]

    yield start
    for f in started:
        if f.process.poll() is None:
            f.end(signal.SIGKILL)


def by_socket(daemon, folder):
    """Options with which the client has no store to read: its daemon's socket alone."""
    alone = folder / "alone"
    alone.mkdir()
    (alone / "sock").symlink_to(daemon.socket)
    return ["--socket", alone / "sock"]


def test_reads_are_the_same_by_file_and_by_socket(one_feed, client, tmp_path):
    to_socket = by_socket(one_feed, tmp_path)
    one_feed.wait_for(lambda: (lambda c: c["items"] == 2 and c["index_seq"] == c["last_seq"])(
        one_feed.get("/v1/status")["counts"]))
    one_feed.stop()  # no poll may change the feed's times in between
    one_feed.configure(feed("one", "http://127.0.0.1:1/one", "interval = 1h\nenabled = no\n"))
    one_feed.start()
    for args in (["items", "-Fjsonl"], ["items"], ["items", "-n1", "-Ftsv"], ["show", "1"],
                 ["items", "title:b", "-Fcsv"], ["show", "1", "-r"], ["feeds", "-Ftsv"],
                 ["opml", "export"], ["search", "zebra"]):
        a, b = client.run(*args), client.run(*args, *to_socket)
        assert a.out == b.out and a.err == b.err, args
    for args in (["show", "77"], ["why", "two"]):
        assert client.run(*args, code=66).out == client.run(*args, *to_socket, code=66).out
    a = json.loads(client.run("why", "one", "-Fjson").out)[0]
    b = json.loads(client.run("why", "one", "-Fjson", *to_socket).out)[0]
    assert b.pop("phase") == "disabled" and a == b


def test_many_items_come_in_pages(daemon, origin, client, tmp_path):
    count = 2300
    daemon.start(feed("many", origin.set("/many", rss(*map(str, range(count))))))
    daemon.wait_for(lambda: daemon.get("/v1/status")["counts"]["items"] == count)
    for more in ([], by_socket(daemon, tmp_path)):
        out = client.run("items", "--limit", "100000", "-Fjsonl", *more).out
        ids = [json.loads(line)["_tidings"]["item_id"] for line in out.splitlines()]
        assert ids == list(range(count, 0, -1))
        assert len(client.run("items", "--limit", "1234", *more).out.splitlines()) == 1234


def test_status(one_feed, client):
    text = client.run("status").out
    assert re.search(r"^tidingsd \d\S+, pid \d+, up \d+ ", text)
    assert "2 items" in text and re.search(r"^feeds +1: ", text, re.M)
    status = json.loads(client.run("status", "--format", "json").out)
    assert status["pid"] == one_feed.process.pid and status["counts"]["items"] == 2
    assert f"pid\t{one_feed.process.pid}\n" in client.run("status", "--format", "tsv").out


def test_status_is_watched_live(one_feed, origin, client):
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    p = subprocess.Popen([client.program, "status", "--watch"], cwd=client.dir, stdin=child,
                         stdout=child, stderr=child, env=client.env(), start_new_session=True)
    os.close(child)
    seen = ""
    try:
        end = time.monotonic() + 20
        while "Title c" not in seen and time.monotonic() < end:
            if select.select([parent], [], [], 1)[0]:
                seen += os.read(parent, 65536).decode(errors="replace")
            if "Title b" in seen:
                origin.set("/one", rss("c", "b", "a"))
    finally:
        p.send_signal(signal.SIGINT)
        p.wait(10)
        os.close(parent)
    assert "Title c" in seen and "items/s" in seen and "failing" in seen
    frames = re.split(r"\x1b\[\d+A\r\x1b\[J", seen)
    assert len(frames) > 1
    assert all(len(re.sub(r"\x1b\[\d*m", "", line)) <= 80
               for line in frames[0].replace("\r", "").split("\n"))


def test_add_refresh_remove(one_feed, origin, client):
    url = origin.set("/two", rss("x", title="Second"))
    r = client.run("add", url, "--name", "two", "--tag", "news", "-t", "late")
    assert r.out == f"two: {url}, 1 items, Second\n"
    assert json.loads(client.run("feeds", "two", "-Fjson").out)[0]["tags"] == ["news", "late"]
    assert "as feed two" in client.run("add", url, code=73).err
    assert client.run("add", "ftp://example.org/", code=64).err
    assert client.run("add", origin.url("/missing"), code=None).returncode != 0
    assert re.fullmatch(r"due in \d+ min: a server is not asked more often than is polite\n",
                        client.run("refresh", "two").out)
    assert re.match(r"[01] of 2 feeds due now, the last in \d+ min", client.run("refresh").out)
    assert client.run("refresh", "three", code=66).err
    assert "conf" in client.run("remove", "one", code=77).err
    assert client.run("remove", "two").out == "two is removed\n"
    assert client.run("remove", "two", code=66).err
    assert [json.loads(line)["name"] for line in client.run("feeds", "-Fjsonl").out.splitlines()
            if json.loads(line)["name"] == "two"] == []


def test_a_page_is_discovered(one_feed, origin, client):
    origin.set("/feed.xml", rss("p", title="Of the page"))
    page = origin.set("/page", '<html><head><link rel="alternate" type="application/rss+xml" '
                      'href="/feed.xml"></head><body>Hello</body></html>',
                      content_type="text/html")
    assert origin.url("/feed.xml") in client.run("add", page).out


def test_add_says_whether_to_try_again(one_feed, origin, client):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{nobody.getsockname()[1]}/feed"
        assert "cannot connect" in client.run("add", refused, code=75).err
    busy = origin.set("/busy", "", status=503)
    assert "503" in client.run("add", busy, code=75).err
    assert "404" in client.run("add", origin.url("/none"), code=65).err
    text = origin.set("/text", "just text", content_type="text/plain")
    assert client.run("add", text, code=65).err


def test_reload(one_feed, origin, client):
    one_feed.configure(feed("one", origin.url("/one")) + feed("new", origin.set("/n", rss("n"))))
    assert client.run("reload").out == "1 feed added, 0 changed, 0 removed\n"
    one_feed.config.write_text(one_feed.config.read_text() + "[feed bad]\nurl = nonsense\n"
                               "intervall = 1h\n")
    r = client.run("reload", code=78)
    assert "feeds.conf:" in r.err and r.err.count("feeds.conf:") >= 2 and "2 problems" in r.err
    one_feed.wait_for(lambda: one_feed.get("/v1/status")["counts"]["items"] == 3)


def test_one_name_is_one_consumer(one_feed, client, follow):
    first = follow("--as", "desk", "--from", "0", "--format", "jsonl")
    first.lines(2)
    second = follow("--as", "desk", "--from", "0", "--format", "jsonl")
    second.lines(2)
    assert first.process.wait(20) == 75
    assert b"another client follows as desk" in first.process.stderr.read()


def test_follow_notices_another_store(one_feed, origin, client, follow):
    f = follow("--from", "0", "--format", "jsonl")
    f.lines(2)
    one_feed.stop()
    for file in one_feed.dir.glob("tidings.db*"):
        file.unlink()
    one_feed.start()  # its numbers begin again, and reach further than those it has had
    assert f.process.wait(30) == 65
    assert b"is an event of another store" in f.process.stderr.read()


def test_opml_titles_come_back(one_feed, origin, client):
    """A reader's own names of its feeds survive the import, the feeds' documents, and the export."""
    given = {origin.set("/t1", rss("t1")): "Mine, 1 & only", origin.url("/t2"): "Down \u00fc\n" * 100,
             origin.set("/t3", rss("t3", title="Its own")): None}
    outlines = "".join(f"<outline xmlUrl='{u}' text={quoteattr(t or u)}/>" for u, t in given.items())
    client.run("opml", "import", "-", stdin=f"<opml><body>{outlines}</body></opml>".encode())
    client.run("add", origin.set("/t4", rss("t4")), "--title", "Named by hand")
    one_feed.stop()
    one_feed.start()
    long = given[origin.url("/t2")]
    out = ElementTree.fromstring(client.run("opml", "export").out)
    titles = {o.get("xmlUrl"): o.get("title") for o in out.iter("outline")}
    assert titles == {origin.url("/one"): "A feed", origin.url("/t1"): "Mine, 1 & only",
                      origin.url("/t2"): " ".join(long.split()).encode()[:500].decode(errors="ignore"), origin.url("/t3"): "Its own",
                      origin.url("/t4"): "Named by hand"}
    (item,) = json.loads(client.run("items", "--feed", origin.url("/t1").split("//")[1], "-Fjson").out)
    assert item["_tidings"]["feed_title"] == "Mine, 1 & only"


def test_opml_import(one_feed, origin, client):
    outlines = "".join(f'<outline text="f{i}" xmlUrl="{origin.set(f"/o{i}", rss(f"o{i}"))}"/>'
                       for i in range(20))
    opml = (f'<opml version="2.0"><body><outline text="Folder">{outlines}</outline>'
            f'<outline text="known" xmlUrl="{origin.url("/one")}"/>'
            f'<outline text="down" xmlUrl="{origin.url("/down")}"/>'
            '<outline text="login" xmlUrl="http://me:secret@a.example/"/></body></opml>').encode()
    r = client.run("opml", "import", "-", "--tag", "imported", stdin=opml, code=65)
    assert r.out.startswith("21 feeds added (1 could not be read yet), 1 there already, 1 failed")
    assert f"{origin.url('/down')}: added, but not read yet: " in r.err and "an address with a user name" in r.err
    feeds = json.loads(client.run("feeds", "--tag", "imported", "-Fjson").out)
    (down,) = [f for f in feeds if f["url"].endswith("/down")]
    assert down["failures"] == 1 and "404" in down["error"]
    assert "404" in client.run("feeds", "--problems").out
    assert len(feeds) == 21 and [f for f in feeds if f is not down][0]["tags"] == ["Folder", "imported"]
    assert feeds[0]["origin"] == "api"
    text = client.run("opml", "export").out
    assert text.count("xmlUrl=") >= 21 and 'text="Folder"' in text
    (client.dir / "x.opml").write_text("<html></html>")
    assert client.run("opml", "import", "x.opml", code=65).err


def test_vacuum_and_backup_beside_the_daemon(one_feed, client):
    # of a young store most stands in its log
    after, before = re.search(r": (\d+) KiB, was (\d+) KiB$", client.run("vacuum").out).groups()
    assert int(before) >= int(after) > 100
    assert "copy.db" in client.run("backup", "copy.db").out
    for f in [*client.dir.glob("tidings.db*"), client.dir / "copy.db"]:  # may hold secrets of subscriptions
        assert f.stat().st_mode & 0o077 == 0, f
    assert client.run("items", "--store", "copy.db", "-Fjsonl").out == \
        client.run("items", "-Fjsonl").out


# ---- follow ------------------------------------------------------------------------------------

def test_follow_prints_what_is_new(one_feed, origin, follow):
    all_kept, from_now = follow("--from", "0", "-Fjsonl"), follow("--format", "json")
    assert all_kept.titles(2) == ["Title a", "Title b"]
    one_feed.wait_for(lambda: one_feed.get("/v1/status")["api"]["followers"] == 2)
    origin.set("/one", rss("c", "b", "a"))
    assert all_kept.titles(1) == ["Title c"] and from_now.titles(1) == ["Title c"]


def test_follow_ends_with_its_reader(one_feed, follow):
    """`tidings follow | head -1` does not wait for the next item to find out that nobody reads."""
    f = follow("--from", "0")
    f.lines(1)
    f.process.stdout.close()
    assert f.process.wait(10) == -signal.SIGPIPE
    f.process.stderr.close()


def test_follow_for_people_and_with_changes(one_feed, origin, follow):
    new, changes = follow("--from=0"), follow("--from=0", "--changes")
    assert "Title a" in new.lines(2)[0]
    changes.lines(2)
    origin.set("/one", rss("b", "a").replace("About a", "Now about a"))
    assert "Title a" in changes.lines(1)[0]
    origin.set("/one", rss("c", "b", "a"))
    assert "Title c" in new.lines(1)[0]  # and nothing of the change before it


def test_follow_goes_on_when_the_daemon_comes_back(one_feed, origin, follow):
    f = follow("--from=0", "-Fjsonl")
    assert f.titles(2) == ["Title a", "Title b"]
    one_feed.kill()
    origin.set("/one", rss("d", "c", "b", "a"))
    one_feed.start()
    assert f.titles(2) == ["Title c", "Title d"]
    assert one_feed.stop() == 0
    one_feed.start()
    origin.set("/one", rss("e", "d", "c", "b", "a"))
    assert f.titles(1) == ["Title e"]


def test_follow_as_remembers(one_feed, origin, client, follow):
    f = follow("--as", "desk", "--from", "0", "-Fjsonl")
    assert f.titles(2) == ["Title a", "Title b"]
    one_feed.wait_for(lambda: {"name": "desk", "seq": 2}.items() <=
                      one_feed.get("/v1/cursors")["cursors"][0].items())
    f.end()
    assert client.run("items", "--unread-by", "desk").out == ""
    origin.set("/one", rss("c", "b", "a"))
    one_feed.wait_for(lambda: one_feed.get("/v1/status")["counts"]["items"] == 3)
    assert "Title c" in client.run("items", "--unread-by", "desk").out
    assert follow("--as", "desk", "-Fjsonl").titles(1) == ["Title c"]


def test_follow_takes_a_query(one_feed, origin, client, follow):
    f = follow("--from=0", "-Fjsonl", "title:b", "OR", "title:/ D$/i")
    assert f.titles(1) == ["Title b"]
    origin.set("/one", rss("d", "c", "b", "a"))
    assert f.titles(1) == ["Title d"]
    r = client.run("follow", "titel:b", code=64)
    assert r.err.splitlines()[1:] == ["  titel:b", "  ^"]


def test_follow_refuses_a_position_that_is_not_there(one_feed, client):
    assert client.run("follow", "--from", "999999", code=65).err
    assert client.run("follow", "--from", "soon", code=64).err
    assert client.run("follow", "--as", "a/b", code=64).err


def test_follow_exec(one_feed, follow, client):
    script = ("import json, os, sys; item = json.load(sys.stdin); "
              "print(item['title'], os.environ['TIDINGS_TITLE'], os.environ['TIDINGS_URL'], "
              "os.environ['TIDINGS_SEQ'], sys.argv[1:], flush=True)")
    f = follow("--from", "0", "--exec", sys.executable, "-c", script, "--from", "$x")
    assert f.lines(2) == [
        "Title a Title a http://example.org/a 1 ['--from', '$x']",
        "Title b Title b http://example.org/b 2 ['--from', '$x']"]
    r = client.run("follow", "--from=0", "--exec", "/no/such/program", code=69)
    assert "/no/such/program" in r.err


def test_follow_exec_as_gives_a_failed_item_again(one_feed, client):
    fails_on_b = 'echo "$TIDINGS_TITLE" >> seen; test "$TIDINGS_TITLE" != "Title b"'
    r = client.run("follow", "--as", "x", "--from=0", "--exec", "sh", "-c", fails_on_b, code=75)
    assert "exit status 1 on event 2" in r.err
    r = client.run("follow", "--as", "x", "--exec", "sh", "-c", fails_on_b, code=75)
    assert (client.dir / "seen").read_text().split("\n") == ["Title a", "Title b", "Title b", ""]


def test_follow_exec_without_a_name_goes_on(one_feed, follow):
    f = follow("--from=0", "--exec", "sh", "-c", 'echo "$TIDINGS_TITLE"; exit 3')
    assert f.lines(2) == ["Title a", "Title b"]


def test_items_are_there_while_the_first_round_runs(daemon, origin, client):
    daemon.start(feed("one", origin.set("/one", rss("b", "a"))), wait=False)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if "Title b" in client.run("items", code=None).out:
            return
    pytest.fail(client.run("items", code=None).err)


def test_follow_from_beyond_the_end(one_feed, client):
    r = client.run("follow", "--from", "999999", code=65)
    assert "beyond the end of the log" in r.err and r.err.endswith("tidings: 'after' is --from here\n")


def test_the_store_that_is_meant(one_feed, client, tmp_path):
    """status tells the daemon's, wherever its socket is; a store that was named and is not there is no other."""
    to_socket = by_socket(one_feed, tmp_path)
    assert f" in {one_feed.store}" in client.run("status", *to_socket).out
    assert "Title a" in client.run("items", *to_socket).out
    for args in (["--store", "typo.db"], ["--store", "typo.db", "--socket", one_feed.socket]):
        r = client.run("items", *args, code=66)
        assert r.out == "" and r.err == "tidings: typo.db: there is no store\n"
    assert client.run("items", env={"TIDINGS_STORE": "typo.db"}, code=66).out == ""
