"""Full disks, broken disks, wrong clocks, no descriptors, damaged stores: nothing is lost, one line says it."""

import errno
import os
import pathlib
import resource
import socket
import sqlite3
import subprocess
import threading
import time

import pytest


def feed(n, text="x"):
    """A document with items 1 to N."""
    items = "".join(f"<item><guid>g{i}</guid><title>item {i}</title><description>{text}</description>"
                    f"</item>" for i in range(1, n + 1))
    return f"<rss version='2.0'><channel><title>t</title>{items}</channel></rss>"


CONFIG = """[defaults]
interval = 1s
min-interval = 1s
backlog = all
[feed a]
url = {url}
"""


class Faults:
    def __init__(self, folder, library):
        self.dir = folder
        folder.mkdir()
        self.env = {"LD_PRELOAD": str(library), "FAULTS": str(folder)}

    def set(self, name, value):
        new = self.dir / "new"
        new.write_text(str(value))
        new.rename(self.dir / name)

    def clear(self, name):
        (self.dir / name).unlink()


@pytest.fixture
def faults(tmp_path, build_dir):
    library = build_dir / "tests/integration/libfaults.so"
    if not library.exists():
        pytest.skip("libfaults.so is not built with sanitizers")
    return Faults(tmp_path / "faults", library)


class Follower:
    """A client that follows the event log and keeps its lines."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.socket.sendall(b"GET /v1/events?after=0&format=jsonl HTTP/1.0\r\nHost: x\r\n\r\n")
        self.got = b""
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while data := self.socket.recv(65536):
            self.got += data

    def seqs(self):
        return [line for line in self.got.split(b"\n") if line.startswith(b'{"seq"')]

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


def n_items(daemon):
    return daemon.get("/v1/status")["counts"]["items"]


def n_events(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as c:
        n, distinct, last, stories = c.execute("SELECT count(*), count(DISTINCT seq), max(seq),"
                                               " sum(event LIKE 'story.%') FROM v1_events").fetchone()
        return n - stories, distinct - stories, last - stories


def outage(daemon, origin, begin, end, items=8):
    """The origin has new items while nothing can be written: what must stay true, and what after it."""
    daemon.wait_for(lambda: n_items(daemon) == 2, what="the first items")
    follower = Follower(daemon.socket)
    begin()
    origin.set("/feed", feed(items, "y" * 20000))
    daemon.wait_for(lambda: "fetching pauses" in daemon.text(), what="the line about it")
    status, answer = daemon.request("GET", "/readyz")
    assert status == 503 and "cannot be written" in str(answer)
    asked = len(origin.requests)
    assert len(daemon.get("/v1/items")["items"]) == 2  # readers go on
    daemon.wait_for(lambda: len(follower.seqs()) == 2, what="the follower's first events")
    time.sleep(2.5)  # two intervals and more
    assert len(origin.requests) == asked, "fetched although nothing can be stored"
    assert daemon.text().count("fetching pauses") == 1
    end()
    daemon.wait_for(lambda: n_items(daemon) == items, timeout=40, what="the items of the outage")
    daemon.wait_for(lambda: daemon.request("GET", "/readyz")[0] == 200, what="being ready again")
    n = items + 2  # the first two came again with another text
    daemon.wait_for(lambda: len(follower.seqs()) == n, what="the follower's events")
    assert daemon.text().count("store: can be written again") == 1
    daemon.wait_for(lambda: len(origin.requests) > asked, what="fetching again")
    follower.close()
    assert daemon.stop() == 0
    assert n_events(daemon.store) == (n, n, n)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_writes_fail(daemon, origin, faults, error):
    daemon.start(CONFIG.format(url=origin.set("/feed", feed(2))), env=faults.env)
    outage(daemon, origin, lambda: faults.set("write", error), lambda: faults.clear("write"))


def test_a_limit_on_the_size_of_files(daemon, origin):
    """LimitFSIZE=, ulimit -f: the system's signal would end the daemon."""
    daemon.start(CONFIG.format(url=origin.set("/feed", feed(2))))

    def limit(size):
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    outage(daemon, origin, lambda: limit(40 << 10), lambda: limit(resource.RLIM_INFINITY))


def test_the_disk_hangs(daemon, origin, faults, tmp_path):
    """No sign of life to the manager while the writer is at one step for too long; the API still answers."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))

    def pings():
        """How many came until now."""
        n = 0
        manager.setblocking(False)
        try:
            while True:
                n += b"WATCHDOG=1" in manager.recv(4096)
        except BlockingIOError:
            return n

    daemon.start(CONFIG.format(url=origin.set("/feed", feed(2))),
                 env={**faults.env, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"})
    daemon.wait_for(lambda: n_items(daemon) == 2, what="the first items")
    daemon.wait_for(pings, what="signs of life")
    faults.set("hang", 1)
    origin.set("/feed", feed(4))
    daemon.wait_for(lambda: daemon.get("/v1/status")["feeds"]["storing"] == 1, what="a commit under way")
    pings()
    assert daemon.wait_for(pings, what="patience: a slow disk is no fault")
    faults.set("mono", 130)
    daemon.wait_for(lambda: "the writer made no progress" in daemon.text(), what="the line about it")
    pings()
    time.sleep(1)
    assert pings() == 0, "the manager was told that all is well"
    assert daemon.get("/healthz") == "ok\n" and n_items(daemon) == 2
    assert daemon.text().count("made no progress") == 1
    faults.set("hang", 0)
    daemon.wait_for(lambda: n_items(daemon) == 4, what="the items")
    assert daemon.wait_for(pings, what="signs of life again")
    manager.close()
    assert daemon.stop() == 0


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8M", "tmpfs", folder],
                      capture_output=True).returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_disk_full(daemon, origin, small_disk):
    daemon.store = small_disk / "tidings.db"
    ballast = small_disk / "ballast"

    def fill():
        with open(ballast, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 4096)
            except OSError as e:
                assert e.errno == errno.ENOSPC

    daemon.start(CONFIG.format(url=origin.set("/feed", feed(2))))
    outage(daemon, origin, fill, ballast.unlink, items=30)


def test_read_only_at_start(daemon, small_disk):
    """A start on a read-only disk ends with the reason."""
    daemon.store = small_disk / "tidings.db"
    daemon.start("")
    assert daemon.stop() == 0
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    daemon.start(wait=False)
    assert daemon.process.wait(20) == 73
    assert "Read-only file system" in daemon.text()


@pytest.mark.parametrize("jump", [-40 * 86400, 40 * 86400])
def test_the_clock_jumps(daemon, origin, faults, jump):
    """Feeds go on being fetched, neither never again nor all the time."""
    url = origin.set("/feed", feed(2))
    daemon.start(CONFIG.format(url=url).replace("1s", "2s"), env=faults.env)
    origin.wait("/feed", 2)
    faults.set("clock", jump)
    before = len(origin.requests)
    origin.wait("/feed", before + 3, timeout=75)  # the wall clock is looked at once a minute
    begin, n = time.monotonic(), len(origin.requests)
    origin.wait("/feed", n + 2, timeout=20)
    assert time.monotonic() - begin > 1.5, "fetched more often than the interval"
    assert daemon.stop() == 0


def test_no_descriptors(daemon, origin):
    """More clients than descriptors: they wait, nothing dies, feeds are fetched again afterwards."""
    url = origin.set("/feed", feed(1))
    daemon.configure(CONFIG.format(url=url))
    daemon.start()
    origin.wait("/feed", 1)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (48, 48))
    clients = []
    for _ in range(80):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(1)
        try:
            s.connect(str(daemon.socket))
            clients.append(s)
        except (BlockingIOError, TimeoutError):
            break
    assert len(clients) > 48
    time.sleep(2)
    assert daemon.process.poll() is None
    for s in clients:
        s.close()
    daemon.wait_ready()
    n = len(origin.requests)
    origin.set("/feed", feed(3))
    daemon.request("POST", "/v1/refresh", {})
    daemon.wait_for(lambda: n_items(daemon) == 3 and len(origin.requests) > n, timeout=60,
                    what="fetching after the shortage")
    assert daemon.text().count("\n") < 40, "a storm of lines"
    assert daemon.stop() == 0


def limited(daemon, tmp_path, limit):
    """Makes DAEMON a program under a ulimit."""
    program = tmp_path / "tidingsd-limited"
    program.write_text(f'#!/bin/sh\nulimit {limit} && exec {daemon.program} "$@"\n')
    program.chmod(0o755)
    daemon.program = program


def test_few_descriptors(daemon, origin, tmp_path):
    """A hard limit of 64: fewer transfers and clients at once, but no feed fails and the API answers."""
    def slow(handler):
        time.sleep(0.1)  # so that many would be under way together
        origin.reply(handler, (200, feed(1).encode(), {}))

    limited(daemon, tmp_path, "-n 64")
    daemon.start("".join(f"[feed f{i}]\nurl = {origin.set(f'/{i}', slow)}\nbacklog = all\n" for i in range(80)),
                 daemon="host-spacing = 0\nper-host = 64\nstarts-per-second = 0")
    followers = []
    for _ in range(20):  # they take the places of followers, not those of questions
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(daemon.socket))
        s.send(b"GET /v1/events HTTP/1.0\r\nHost: x\r\n\r\n")
        followers.append(s)
    daemon.wait_for(lambda: n_items(daemon) == 80, timeout=60, what="all feeds")
    assert "next try" not in daemon.text()
    assert daemon.get("/v1/status")["feeds"]["failing"] == 0
    assert "8 transfers run at once, not 64" in daemon.text()
    for s in followers:
        s.close()
    assert daemon.stop() == 0


def test_parsers_cannot_start(daemon, origin, faults):
    """No parser can be started for a while: no feed is to blame, what was fetched waits, one line says it."""
    faults.set("spawn", errno.EAGAIN)
    daemon.start("".join(f"[feed f{i}]\nurl = {origin.set(f'/{i}', feed(1))}\nbacklog = all\n" for i in range(3)),
                 daemon="host-spacing = 0", env=faults.env, wait=False)
    daemon.wait_for(lambda: "no parser can be started" in daemon.text(), what="the line about it")
    status, answer = daemon.request("GET", "/readyz")
    assert status == 503 and "Resource temporarily unavailable" in str(answer)
    assert "no parser" in daemon.get("/v1/status")["parser_trouble"]
    status, answer = daemon.request("POST", "/v1/feeds", {"url": origin.set("/new", feed(1))})
    assert status == 503 and "no parser can be started" in str(answer)  # who waits is told
    faults.clear("spawn")
    daemon.wait_for(lambda: n_items(daemon) == 3, what="the documents that waited")
    daemon.wait_ready()
    assert "parser_trouble" not in daemon.get("/v1/status")
    log = daemon.text()
    assert log.count("no parser can be started") == 1 and log.count("start again") == 1 and "next try" not in log
    assert daemon.stop() == 0


@pytest.fixture
def memory_group(build_dir):
    """Makes a control group with so many bytes of memory: the file to write one's number into."""
    made = []
    if not (build_dir / "tests/integration/libfaults.so").exists():
        pytest.skip("sanitizers need memory of their own")

    def make(limit):
        v1, v2 = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")
        group = (v1 if v1.is_dir() else v2) / f"tidings-test-{os.getpid()}"
        try:
            if not v1.is_dir():
                (v2 / "cgroup.subtree_control").write_text("+memory")
            group.mkdir()
            made.append(group)
            (group / ("memory.limit_in_bytes" if v1.is_dir() else "memory.max")).write_text(str(limit))
        except OSError as e:
            pytest.skip(f"no control group for memory can be made here: {e}")
        return group / "cgroup.procs"

    yield make
    for group in made:
        for _ in range(100):
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.02)  # the last process is still on its way out


def test_no_memory(daemon, origin, memory_group, tmp_path):
    """MemoryMax= is reached: the kernel takes the parser, its feed is told, the others and the daemon go on."""
    procs = memory_group(96 << 20)
    program = tmp_path / "tidingsd-in-the-group"
    program.write_text(f'#!/bin/sh\necho $$ >{procs} && exec {daemon.program} "$@"\n')
    program.chmod(0o755)
    daemon.program = program
    hostile = "<rss><channel>" + "<item><a><b><c>x</c></b></a></item>" * 280000 + "</channel></rss>"
    big, small = origin.set("/big", hostile), origin.set("/small", feed(2))
    daemon.start(f"[feed big]\nurl = {big}\n[feed small]\nurl = {small}\nbacklog = all\n",
                 daemon="parsers = 1\nhost-spacing = 0")
    daemon.wait_for(lambda: "feed big: the parser died by SIGKILL" in daemon.text(), what="the line about it")
    daemon.wait_for(lambda: n_items(daemon) == 2, what="the other feed")
    assert daemon.get("/v1/feeds/big")["outcome"] == "parser"
    assert daemon.stop() == 0


def test_a_newer_store_is_refused(daemon):
    daemon.start("")
    assert daemon.stop() == 0
    with sqlite3.connect(daemon.store) as c:
        c.execute("PRAGMA user_version = 99")
    c.close()
    before = daemon.store.read_bytes()
    daemon.start(wait=False)
    assert daemon.process.wait(20) == 65
    assert "made by a newer tidings" in daemon.text()
    assert daemon.store.read_bytes() == before


def test_no_store_but_garbage(daemon):
    daemon.store.write_bytes(b"this was a database once" * 4096)
    before = daemon.store.read_bytes()
    daemon.start("", wait=False)
    assert daemon.process.wait(20) == 65, daemon.text()
    assert daemon.store.read_bytes() == before
