"""The tidings command as its users run it: on a store, on a terminal, in a pipe, without a daemon."""

import csv
import io
import json
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from conftest import Client

RSS = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>{title}</title><link>https://{name}.example/</link>
<description>d</description>{items}</channel></rss>
"""
ITEM = """<item><title>{title}</title><guid isPermaLink="false">{guid}</guid>
<link>https://example.org/{guid}</link><pubDate>{date}</pubDate>
<description>{text}</description></item>
"""
STEERING = "evil \u009b31m \u202e title \u2066"
COMMANDS = ["status", "items", "search", "show", "follow", "subscriptions", "subscribe",
            "unsubscribe", "query", "feeds", "why", "fetch", "add", "remove", "refresh", "backfill", "reload", "check-config", "opml",
            "parse", "backup", "recover", "vacuum", "cluster", "stories", "story",
            "why-story", "version"]


def rss(name, *items):
    return RSS.format(name=name, title=f"The {name}", items="".join(
        ITEM.format(**{"date": "Mon, 24 Nov 2025 07:00:00 GMT", "text": "text", **i})
        for i in items))


@pytest.fixture(scope="session")
def stored(tmp_path_factory, build_dir):
    """A folder with a store of two good feeds and one that fails; item 1 has two revisions."""
    folder = tmp_path_factory.mktemp("store")
    # a document's first item is its newest and gets the highest number
    beta = {"guid": "b", "title": '=Beta, "quoted"', "text": "Nothing here."}
    first = rss("first", beta, {"guid": "a", "title": "Alpha", "text": "The quick brown fox."})
    again = rss("first", beta, {"guid": "a", "title": "Alpha", "text": "The slow brown fox."})
    second = rss("second", {"guid": "d", "title": "東京の長い見出し" * 8, "text": "wide"},
                 {"guid": "c", "title": STEERING, "text": "&lt;p&gt;One&lt;/p&gt;",
                  "date": "Sun, 23 Nov 2025 07:00:00 GMT"})
    for name, text in (("first", first), ("again", again), ("second", second)):
        (folder / name).write_text(text)
    subprocess.run([build_dir / "tests/integration/make_store", folder / "tidings.db",
                    f"first={folder}/first@1763971200", f"second={folder}/second@1763974800",
                    f"first={folder}/again@1763978400", "third!HTTP status 503"], check=True)
    return folder


@pytest.fixture
def client(tidings, stored):
    return Client(tidings, stored)


@pytest.fixture
def alone(tidings, tmp_path):
    """In an empty folder, and not near a system's store."""
    c = Client(tidings, tmp_path)
    c.nowhere = {"TIDINGS_SOCKET": str(tmp_path / "no.sock"),
                 "TIDINGS_STORE": str(tmp_path / "no.db")}
    return c


# ---- help and options --------------------------------------------------------------------------

def test_the_list_of_commands(client):
    listed = [line.split("\t")[0] for line in client.run("--list-commands").out.splitlines()]
    assert sorted(listed) == sorted(COMMANDS)
    text = client.run("--help").out
    assert all(re.search(rf"^  {c} +\w", text, re.M) for c in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of(client, command):
    text = client.run(command, "--help").out
    assert text.startswith(f"Usage: tidings {command} ")
    assert "Exit status" in text and max(map(len, text.splitlines())) <= 100
    assert client.run("help", command).out == text
    for line in client.run(command, "--list-options").out.splitlines():
        assert f"{line.split(chr(9))[0]} " in text


def test_help_is_in_the_manual(client, source_dir):
    manual = (source_dir / "docs/man/tidings.1.scd").read_text().replace("\\", "")
    for command in COMMANDS:
        assert f"*{command}*" in manual, command
        for line in client.run(command, "--list-options").out.splitlines():
            assert f"*{line.split(chr(9))[0]}*" in manual, (command, line)


def test_wrong_usage(client):
    for args, said in ((["itmes"], "did you mean items?"), (["items", "--fed=x"], "--feed?"),
                       (["items", "--limit", "0"], "from 1 to"), (["show"], "needs ITEM"),
                       (["why", "a", "b"], "no such argument: b"), (["items", "-z"], "-z"),
                       (["show", "one"], "no item number"), (["opml", "eat"], "opml import"),
                       (["story", "x"], "x is no number of a story"),
                       (["story", "1", "-F", "csv"], "--format is one of text, json, jsonl, not csv"),
                       (["--store", "x", "items"], "tidings COMMAND --store"),
                       (["items", "--since", "someday"], "YYYY-MM-DD"),
                       (["remove", ""], "takes FEED, which may not be empty"), (["refresh", ""], "not be empty"),
                       (["subscribe", ""], "not be empty"), (["query", "remove", ""], "not be empty"),
                       (["subscribe", "x", "--set", "formt=ntfy"], "did you mean format?"),
                       (["status", "--api", "https://"], "--api is http://HOST:PORT"),
                       (["items", '"open'], ""), (["follow", "--exec"], "--exec")):
        r = client.run(*args, code=64)
        assert said in r.err and r.out == "", args
    assert client.run(code=64).out.startswith("Usage:")


def test_version(client):
    assert re.fullmatch(r"tidings \d+\.\d+\.\d+\n", client.run("version").out)
    assert client.run("--version").out == client.run("version").out


# ---- items -------------------------------------------------------------------------------------

def titles(client, *args):
    r = client.run("items", "--format", "jsonl", *args)
    return [json.loads(line)["title"] for line in r.out.splitlines()]


def test_items_are_found_in_the_working_directory(client):
    lines = client.run("items").out.splitlines()
    assert len(lines) == 4 and "Alpha" in lines[-1] and lines[-1].split()[0] == "1"
    assert "\033" not in "".join(lines)
    # an aligned column: the titles begin at the same place
    assert lines[-1].index("Alpha") == lines[-2].index("=Beta")


def test_items_are_chosen(client):
    everything = titles(client)
    assert everything[2:] == ['=Beta, "quoted"', "Alpha"]
    assert titles(client, "--feed", "first") == everything[2:]
    assert titles(client, "--feed", "first", "--limit", "1") == everything[2:3]
    assert titles(client, "--tag", "sample") == everything
    assert titles(client, "--tag", "none") == []
    assert titles(client, "--until", "2025-11-24") == [t for t in everything if "evil" in t]
    assert titles(client, "--since", "2025-11-24", "--feed", "second") == everything[:1]
    assert titles(client, "fox") == ["Alpha"]
    assert titles(client, "slow", "brown") == ["Alpha"]
    assert titles(client, "--", "-brown", "nothing") == everything[2:3]


def test_a_mistake_in_a_query_is_shown_in_its_place(client):
    for command in ("search", "items"):
        r = client.run(command, "fox", "titel:x", code=64)
        assert not r.out
        said = r.err.splitlines()
        assert "did you mean title?" in said[0]
        assert said[1:] == ["  fox titel:x", "      ^"]


def test_search_speaks_the_query_language(client):
    for query in ("title:/^Alpha/", "(fox OR zebra) -nothere", "has:title after:2000", "fo*"):
        assert "Alpha" in client.run("search", query).out, query
    assert "Alpha" not in client.run("search", "--", "-fox").out


def test_search_says_when_nothing_matches(client):
    r = client.run("search", "zebra")
    assert r.out == "" and "nothing matches" in r.err
    assert "did you mean first?" in client.run("items", "--feed", "frist", code=66).err
    assert "Alpha" in client.run("search", "fox").out


def test_items_as_json(client):
    items = json.loads(client.run("items", "--format", "json").out)
    lines = client.run("items", "-Fjsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == items and len(items) == 4
    facts = items[-1]["_tidings"]
    assert facts["feed"] == "first" and facts["feed_title"] == "The first"
    assert facts["item_id"] == 1 and facts["revision"] == 2
    assert items[-1]["date_published"] == "2025-11-24T07:00:00Z"
    assert json.loads(client.run("items", "--tag", "none", "--format", "json").out) == []


def test_items_as_tsv_and_csv(client):
    head = ["item_id", "date_published", "first_seen", "feed", "title", "url", "author",
            "revision", "id"]
    tsv = [line.split("\t") for line in client.run("items", "--format", "tsv").out.splitlines()]
    assert tsv[0] == head and len(tsv) == 5
    assert tsv[-1][4] == "Alpha" and tsv[-2][4] == '=Beta, "quoted"'
    text = client.run("items", "--format", "csv").stdout.decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == head and len(rows) == 5 and text.count("\r\n") == 5
    assert rows[-2][4] == "'=Beta, \"quoted\""  # no formula for a spreadsheet


def test_nothing_steers_a_terminal(client):
    for args in (["items"], ["items", "--format", "json"], ["items", "--format", "tsv"],
                 ["items", "--format", "csv"], ["show", "3"], ["show", "3", "--revisions"]):
        text, code = client.terminal(*args, env={"NO_COLOR": "1"})
        assert code == 0 and "evil" in text, args
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", 
                             text.replace("\r", "")), args


def test_the_terminal_decides_width_and_colour(client):
    wide, _ = client.terminal("items", columns=100, env={"NO_COLOR": "1"})
    narrow, _ = client.terminal("items", columns=50, env={"NO_COLOR": "1"})
    assert wide.splitlines()[0].split() == ["ID", "WHEN", "FEED", "TITLE"]
    columns = [sum(2 if ord(c) > 0x2e80 else 1 for c in line) for line in narrow.splitlines()]
    assert max(columns) <= 50 and "…" in narrow
    assert "\033[" in client.terminal("items")[0]
    assert "\033[" not in client.terminal("items", env={"NO_COLOR": "1"})[0]
    assert "\033[" not in client.terminal("items", env={"TERM": "dumb"})[0]
    assert "\033[" in client.terminal("items", "--color=always", env={"NO_COLOR": "1"})[0]
    assert "\033[" not in client.terminal("items", "--color", "never")[0]
    assert "\033[" in client.run("items", "--color=always").out


def test_a_reader_that_leaves_is_no_error(client):
    p = subprocess.Popen([client.program, "items"], cwd=client.dir, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, env=client.env())
    p.stdout.close()
    assert p.wait(20) == -13 and p.stderr.read() == b""
    p.stderr.close()


def test_a_full_disk_is_an_error(client):
    with open("/dev/full", "w") as full:
        p = subprocess.run([client.program, "items"], cwd=client.dir, stdout=full,
                           stderr=subprocess.PIPE, env=client.env())
    assert p.returncode == 74 and b"No space" in p.stderr


def test_an_empty_store_says_so(alone, build_dir):
    subprocess.run([build_dir / "tests/integration/make_store", alone.dir / "tidings.db"],
                   check=True)
    r = alone.run("items")
    assert r.out == "" and "no items yet" in r.err and "start tidingsd" in r.err
    assert "no feeds" in alone.run("feeds").err


def test_no_store_and_no_daemon(alone):
    for args in (["items"], ["search", "x"], ["show", "1"], ["feeds"], ["why", "x"],
                 ["opml", "export"], ["backup", "x"]):
        r = alone.run(*args, env=alone.nowhere, code=66)
        assert r.out == "" and "no.db" in r.err, args
    for args in (["add", "http://x.example/"], ["remove", "x"], ["refresh"], ["reload"],
                 ["follow"], ["status"]):
        r = alone.run(*args, env=alone.nowhere, code=69)
        assert "tidingsd" in r.err + r.out, args
    assert alone.run("vacuum", env=alone.nowhere, code=66).err


def test_a_damaged_store(alone):
    (alone.dir / "tidings.db").write_bytes(b"no database at all\n" * 1000)
    assert "tidings.db" in alone.run("items", code=65).err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's file")
def test_a_strangers_files_are_left_alone(client, alone, stored):
    (alone.dir / "tidings.db").write_bytes((stored / "tidings.db").read_bytes())
    os.chown(alone.dir / "tidings.db", 12345, 12345)
    r = alone.run("items", code=None)
    assert "belongs to neither you nor root" in r.err
    assert "Alpha" not in r.out
    assert "Alpha" in alone.run("items", "--store", "tidings.db").out


# ---- show --------------------------------------------------------------------------------------

def test_show(client):
    text = client.run("show", "1").out
    assert text.startswith("Alpha\n") and "The slow brown fox." in text
    assert "Feed       The first\n" in text and "2025-11-24T07:00:00Z" in text
    assert "Revision   2\n" in text and "https://example.org/a" in text
    item = json.loads(client.run("show", "1", "--format", "json").out)
    assert item["_tidings"]["item_id"] == 1
    assert "no item 99" in client.run("show", "99", code=66).err
    assert client.run("show", "99", "--format", "json", code=66).out == ""


def test_show_revisions_and_diff(client):
    text = client.run("show", "1", "--revisions").out
    assert text.index("slow") < text.index("quick") and "Revision   1\n" in text
    both = json.loads(client.run("show", "1", "--revisions", "--format", "json").out)
    assert [r["_tidings"]["revision"] for r in both] == [2, 1]
    text = client.run("show", "1", "--diff").out
    assert text.startswith("revision 1 to 2, seen 2025-11-24T10:00:00Z\n")
    assert "The [-quick-] {+slow+} brown fox." in text and "title" not in text
    coloured = client.run("show", "1", "--diff", "--color=always").out
    assert "\033[31mquick\033[0m \033[32mslow\033[0m" in coloured
    assert "never changed" in client.run("show", "2", "--diff").out


# ---- feeds -------------------------------------------------------------------------------------

def test_feeds(client):
    lines = client.run("feeds").out.splitlines()
    assert [line.split()[0] for line in lines] == ["first", "second", "third"]
    assert "failing" in lines[2] and "HTTP status 503" in lines[2] and " ok " in lines[0]
    assert [line.split()[0] for line in client.run("feeds", "-p").out.splitlines()] == ["third"]
    assert client.run("feeds", "--tag", "none").out == ""
    feeds = json.loads(client.run("feeds", "--format", "json").out)
    assert [f["name"] for f in feeds] == ["first", "second", "third"]
    assert feeds[0]["items"] == 2 and feeds[0]["tags"] == ["sample", "news"]
    head = client.run("feeds", "--format", "tsv").out.splitlines()[0].split("\t")
    assert head == ["feed_id", "name", "state", "last_fetch_at", "next_due_at", "items",
                    "failures", "origin", "url", "title", "tags", "error", "push"]


def test_why_speaks_in_words(client):
    text = client.run("why", "third").out
    assert "failing: 3 failures in a row" in text and "HTTP status 503" in text
    assert "Because    every hour: the interval of the config" in text
    assert "120 ms" in text and "2.0 KiB" in text
    assert client.run("why", "https://third.example/feed").out == text
    assert json.loads(client.run("why", "first", "-Fjsonl").out)["history"][0]["outcome"] == "ok"
    assert "did you mean third?" in client.run("why", "thrid", code=66).err


def test_status_without_a_daemon(client):
    r = client.run("status", code=69)
    assert "no daemon answers" in r.out and "3 feeds, 4 items" in r.out
    counts = json.loads(client.run("status", "--format", "json", code=69).out)["counts"]
    assert counts["items"] == 4 and counts["feeds"] == 3
    assert "counts.items\t4\n" in client.run("status", "--format", "tsv", code=69).out


# ---- what needs nothing ------------------------------------------------------------------------

def test_parse(client):
    a = client.run("parse", "--json", "first").out
    feed = json.loads(a)
    assert a.count("\n") == 1 and feed["title"] == "The first" and len(feed["items"]) == 2
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    text = (client.dir / "first").read_bytes()
    assert client.run("parse", "--json", "-", stdin=text).out == a
    relative = text.replace(b"https://example.org/", b"/")
    r = client.run("parse", "--json", "--base-url", "https://base.example/x", "-", stdin=relative)
    assert json.loads(r.out)["items"][0]["url"] == "https://base.example/b"
    latin = "<rss version='2.0'><channel><title>caf\u00e9</title></channel></rss>".encode("latin1")
    r = client.run("parse", "--content-type", "text/xml; charset=iso-8859-1", "-", stdin=latin)
    assert json.loads(r.out)["title"] == "caf\u00e9"


def test_parse_refuses_what_is_no_feed(client):
    for text in (b"", b"<html><body>hello</body></html>", b"just text"):
        r = client.run("parse", "--json", "-", stdin=text, code=1)
        assert r.out == "" and r.err.startswith("tidings: -: ")
    assert client.run("parse", "--json", "missing", code=66).out == ""
    assert "directory" in client.run("parse", ".", code=66).err


def test_check_config(alone):
    good, bad = alone.dir / "good.conf", alone.dir / "bad.conf"
    good.write_text("[feed one]\nurl = https://one.example/feed\n")
    bad.write_text("[daemon]\nstroe = x\n[feed one]\nurl = https://one.example/feed\n"
                   "interval = soon\n")
    assert "1 feed, no problems" in alone.run("check-config", good).out
    r = alone.run("check-config", bad, code=78)
    assert "bad.conf:2: " in r.err and "bad.conf:5: " in r.err and "2 problems" in r.err
    assert alone.run("check-config", "missing.conf", code=66).err


def test_opml_export(client):
    text = client.run("opml", "export").out
    assert 'xmlUrl="https://first.example/feed"' in text and text.count("xmlUrl=") == 3
    assert 'text="The first"' in text and 'text="third"' in text  # its title, or its name until it was read


def test_at_a_limit_on_files(client, tmp_path):
    """As on a full disk: said, and nothing half done is left."""
    r = subprocess.run(["sh", "-c", 'ulimit -f 64; exec "$0" backup "$1"', client.program, tmp_path / "b.db"],
                       cwd=client.dir, env=client.env(), capture_output=True, text=True)
    assert r.returncode == 74 and "b.db" in r.stderr and list(tmp_path.iterdir()) == []


def test_backup_is_a_store_of_its_own(client, alone):
    r = client.run("backup", alone.dir / "copy.db")
    assert "copy.db" in r.out
    copied = alone.run("items", "--store", "copy.db", "--format", "jsonl").out
    assert copied == client.run("items", "--format", "jsonl").out
    assert client.run("backup", alone.dir / "copy.db", code=73).err
    assert client.run("backup", alone.dir / "no/folder.db", code=73).err


def test_vacuum_without_a_daemon(client, alone, stored):
    before = client.run("items", "--format", "jsonl").out
    (alone.dir / "tidings.db").write_bytes(b"")
    client.run("backup", alone.dir / "mine.db")
    assert "was" in alone.run("vacuum", "--store", "mine.db").out
    assert alone.run("items", "--store", "mine.db", "--format", "jsonl").out == before


# ---- completion --------------------------------------------------------------------------------

def complete(client, source_dir, line):
    """What bash offers for the words of LINE (the last may be empty)."""
    words = line.split(" ")
    script = f"""source {source_dir}/daemon/client/completion/tidings.bash
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tidings; printf '%s\\n' "${{COMPREPLY[@]}}" """
    r = subprocess.run(["bash", "-c", script, "bash", client.program, *words[1:]], text=True,
                       cwd=client.dir, env=client.env(), capture_output=True, check=True)
    assert r.stderr == ""
    return [w for w in r.stdout.splitlines() if w]


def test_bash_completion(client, source_dir):
    assert set(complete(client, source_dir, "tidings ")) >= set(COMMANDS)
    assert complete(client, source_dir, "tidings it") == ["items"]
    assert complete(client, source_dir, "tidings items --un") == ["--until", "--unread-by"]
    assert complete(client, source_dir, "tidings items --format js") == ["json", "jsonl"]
    assert complete(client, source_dir, "tidings items --feed s") == ["second"]
    assert complete(client, source_dir, "tidings why t") == ["third"]
    assert complete(client, source_dir, "tidings opml e") == ["export"]
    assert "first" in complete(client, source_dir, "tidings parse fi")


class Zsh:
    """An interactive zsh with our completion, on a terminal."""

    def __init__(self, client, source_dir):
        self.screen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(client.dir)
            os.execvpe("zsh", ["zsh", "-f", "-i"],
                       client.env(TERM="dumb", PATH=f"{client.program.parent}:{os.environ['PATH']}"))
        self.type(f"PS1='> '; LISTMAX=1000; fpath=({source_dir}/daemon/client/completion $fpath); "
                  "autoload -Uz compinit; compinit -u -D; print loa''ded\n")
        self.wait("loaded")

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, *words, timeout=20):
        """Until all WORDS have appeared since the last wait."""
        end = time.monotonic() + timeout
        while not all(w.encode() in self.screen for w in words):
            ready = select.select([self.fd], [], [], max(end - time.monotonic(), 0))[0]
            assert ready, f"{words} did not all appear: {self.screen.decode(errors='replace')}"
            self.screen += os.read(self.fd, 65536)
        self.screen = b""

    def close(self):
        self.type("\x15exit\n")
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_completion(client, source_dir):
    z = Zsh(client, source_dir)
    for line, words in (("tidings ", COMMANDS), ("tidings items --un", ["--unread-by", "--until"]),
                        ("tidings items --feed ", ["first", "second", "third"]),
                        ("tidings why t", ["third"]), ("tidings status --color ", ["always", "never"]),
                        ("tidings help rec", ["recover"]), ("tidings opml e", ["export"]),
                        ("tidings subscriptions ", ["pause", "dead-letters"])):
        z.type("\x15" + line + "\t\t")
        z.wait(*words)
    z.close()
