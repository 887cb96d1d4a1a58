#!/usr/bin/env python3
"""The daemon against floors measured in the same run: plain libcurl, libxml2, SQLite; newsboat.

    tests/bench/run.py [BUILD] [--feeds N] [--repeat N] [--quick] [--only parse,round,size]

BUILD is a build directory (default: build), made with --buildtype=release. All figures are ratios,
since absolute times say more about the machine than about us; the machine's other work disturbs them
all, so each part is run --repeat times and its fastest run counts (cost: --turns times, and the median
of the turns' ratios counts). Everything stays on loopback.

What is measured:
- cold round: from "ready" with an empty store until the last item of all feeds is committed. The
  floors fetch the same feeds (bodies thrown away), parse the same bodies, insert the same rows.
  The full-text index follows the log as a consumer of its own: it is not in the round nor in the
  SQLite floor; how long it lags behind is printed apart, against plain FTS5 inserts.
- warm round: all feeds due again and all answered 304, against plain libcurl getting those 304.
- cost: processor time of tidingsd for an answer of 304, its commit included, against plain libcurl's
  for the same requests: over http and TLS, on new connections (more hosts than connections are kept)
  and on kept ones (few hosts).
- newsboat -x reload with 16 threads on the same feeds, empty cache and again, if it is installed.
- parse: the whole parse of a corpus of real feeds, if there is one (TIDINGS_SHARED, default
  ../shared), and of generated ones against a plain libxml2 DOM of the same bytes; Python's
  feedparser on a part of them, if it is installed; the start of a parser child and what it holds
  after reading all of them once, twice and three times.
- size: resident memory at rest and time to /readyz with 100,000 feeds that were all fetched once.

The origin, the floors and the daemon with its children share the machine's processors.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

GOALS = {"dom": 2.0, "feedparser": 25, "child_ms": 5, "cold": 1.5, "cold_newsboat": 10, "warm": 0.7, "warm_newsboat": 50,
         "bytes_per_feed": 1024, "start_s": 2.0, "cost": 1.3}
BASE_BYTES = 16 << 20
BIG = 100_000


def say(text):
    print(text, flush=True)


def verdict(ok):
    return "reached" if ok else "NOT reached"


def host(i):
    """Each feed has a host of its own, as most feeds of the world do."""
    return f"127.{1 + i // 62500}.{i // 250 % 250}.{1 + i % 250}"


class Origin:
    def __init__(self, build, items, *args):
        self.process = subprocess.Popen(
            [build / "tests/bench/bench_origin", "--items", str(items), *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def url(self, i):
        return f"http://{host(i)}:{self.port}/feed/{i}"

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Daemon:
    """tidingsd in a folder; what it logs is read with the time of each line."""

    def __init__(self, build, folder):
        self.program, self.dir = build / "daemon/tidingsd", folder
        self.store, self.socket = folder / "tidings.db", folder / "tidings.sock"

    def configure(self, urls, pace=0, more=""):
        feeds = "".join(f"[feed f{i}]\nurl = {u}\n{more}" for i, u in enumerate(urls))
        (self.dir / "feeds.conf").write_text(
            f"[daemon]\nstore = {self.store}\nsocket = {self.socket}\n"
            f"allow-addresses = 127.0.0.0/8\nhost-spacing = 0\nstarts-per-second = {pace}\n"
            f"concurrency = 64\nlog-level = notice\n[defaults]\nbacklog = all\n{feeds}")

    trusting = []  # a command that runs another one where the origin's certificate is trusted

    def start(self):
        self.lines, self.news = [], threading.Condition()
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*self.trusting, self.program, "--config", self.dir / "feeds.conf"], cwd=self.dir,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            with self.news:
                self.lines.append((time.monotonic(), line.rstrip()))
                self.news.notify_all()
        with self.news:
            self.lines.append((time.monotonic(), ""))  # the end
            self.news.notify_all()

    def await_line(self, pattern, timeout=600):
        """(time, match) of the first line with PATTERN."""
        at = 0
        with self.news:
            while True:
                while at < len(self.lines):
                    when, line = self.lines[at]
                    at += 1
                    m = re.search(pattern, line)
                    if m:
                        return when, m
                    if not line:
                        sys.exit(f"tidingsd ended before '{pattern}':\n{self.text()}")
                if not self.news.wait(timeout):
                    sys.exit(f"tidingsd: no line '{pattern}' in {timeout} s:\n{self.text()}")

    def text(self):
        return "\n".join(line for _, line in self.lines[:30])

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *why):
        self.process.terminate()
        self.process.wait()
        self.reader.join()

    def get(self, path):
        c = UnixConnection(self.socket)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def refresh(self):
        c = UnixConnection(self.socket)
        try:
            c.request("POST", "/v1/refresh", "{}", {"Content-Type": "application/json"})
            assert c.getresponse().status == 200
        finally:
            c.close()

    def at_rest(self, items):
        """Have all of them their stories, and their place in the index?"""
        db = self.db()
        meta = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('index_item', 'story_item')"))
        db.close()
        return min(meta.values()) >= items

    def fetches(self):
        return json.loads(self.get("/v1/status")[1])["since_start"]["fetches"]

    def await_readyz(self):
        while True:
            try:
                if self.get("/readyz")[0] == 200:
                    return time.monotonic()
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"tidingsd ended with {self.process.returncode}:\n{self.text()}")
            time.sleep(0.002)

    def children(self):
        pid = self.process.pid
        return [int(p) for p in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def db(self):
        return sqlite3.connect(self.store, timeout=30)


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) << 10


def cpu_of(pid):
    """Processor seconds of the threads of a process that live, to the nanosecond: stat(5) counts ticks of 10 ms,
    which is as long as a thousand polls take."""
    try:
        return sum(int((t / "schedstat").read_text().split()[0]) for t in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9
    except FileNotFoundError:  # a kernel without it
        f = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


# ---- the round -----------------------------------------------------------------------------------


def floor_curl(build, listing, wrap=(), *more):
    with open(listing) as f:
        out = subprocess.run([*wrap, build / "tests/bench/bench_floor_curl", "64", *more], stdin=f,
                             check=True, capture_output=True, text=True).stdout
    r = json.loads(out)
    assert r["failed"] == 0, r
    return r


def floor_xml(build, opts):
    return json.loads(subprocess.run(
        [build / "tests/bench/bench_floor_xml", str(opts.feeds), str(opts.items), "600", "2000"],
        check=True, capture_output=True, text=True).stdout)


def floor_sqlite(build, store, folder):
    return json.loads(subprocess.run(
        [build / "tests/bench/bench_floor_sqlite", store, folder / "floor.db"], check=True,
        capture_output=True, text=True).stdout)


def await_round(d, feeds):
    """Waits for the first round: its end, seconds, those of the start, CPU (daemon, parsers)."""
    begun, m = d.await_line(r"ready: (\d+) feeds, (\d+) due now")
    assert int(m[2]) == feeds, d.text()
    ended, m = d.await_line(r"first round done: (\d+) feeds? .* (\d+) read, (\d+) failed")
    assert int(m[2]) == feeds and int(m[3]) == 0, d.text()
    cpu = cpu_of(d.process.pid), sum(map(cpu_of, d.children()))
    return ended, ended - begun, begun - d.started, cpu


def count_items(d):
    db = d.db()
    n = db.execute("SELECT count(*) FROM item").fetchone()[0]
    db.close()
    return n


def await_index(d, since, items):
    db = d.db()
    while db.execute("SELECT value FROM meta WHERE key = 'index_item'").fetchone()[0] < items:
        time.sleep(0.02)
    db.close()
    return time.monotonic() - since


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def newsboat(folder, urls):
    (folder / "urls").write_text("".join(u + "\n" for u in urls))
    (folder / "config").write_text("reload-threads 16\nmax-items 0\ndownload-timeout 60\n")
    begun = time.monotonic()
    subprocess.run(["newsboat", "-q", "-u", folder / "urls", "-c", folder / "cache.db", "-C",
                    folder / "config", "-x", "reload"], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, env={**os.environ, "HOME": str(folder)})
    return time.monotonic() - begun


def least(runs, key):
    return min(r[key] for r in runs)


def bench_round(build, opts, work, origin):
    urls = [origin.url(i) for i in range(opts.feeds)]
    (work / "cold.list").write_text("".join(f"{u}\n" for u in urls))
    (work / "warm.list").write_text(
        "".join(f'{u}\t"feed-{i}-1"\n' for i, u in enumerate(urls)))
    runs = []
    for n in range(opts.repeat):
        r = {}
        d = Daemon(build, fresh(work / "daemon"))
        d.configure(urls)
        r["curl_cold"] = floor_curl(build, work / "cold.list")["wall_s"]
        with d:
            ended, r["cold"], r["cold_start"], r["cpu_cold"] = await_round(d, opts.feeds)
            items = count_items(d)
            assert items == opts.feeds * opts.items, items
            r["index"] = await_index(d, ended, items)
        r["xml"] = floor_xml(build, opts)["wall_s"]
        s = floor_sqlite(build, d.store, work)
        r["sqlite"], r["fts"] = s["wall_s"], s["index_wall_s"]
        set_due(d)
        r["curl_warm"] = floor_curl(build, work / "warm.list")["wall_s"]
        with d:
            _, r["warm"], _, r["cpu_warm"] = await_round(d, opts.feeds)
            fetches = d.fetches()
            assert fetches == {"not-modified": opts.feeds}, fetches
        runs.append(r)
        if opts.verbose:
            say(f"  run {n + 1}: " + ", ".join(
                f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v[0]:.2f}+{v[1]:.2f}"
                for k, v in r.items()))
    best = {k: least(runs, k) for k in runs[0]}
    report_round(opts, best, items)
    if opts.newsboat and shutil.which("newsboat"):
        report_newsboat(opts, best, urls[:opts.newsboat], work)


def report_round(opts, b, items):
    larger = max(("curl", b["curl_cold"]), ("libxml2", b["xml"]), ("SQLite", b["sqlite"]),
                 key=lambda x: x[1])
    ratio = b["cold"] / larger[1]
    say(f"\ncold round, {opts.feeds} feeds, {items} items")
    say(f"  floors, largest = 1: curl {b['curl_cold'] / larger[1]:.2f}, "
        f"libxml2 {b['xml'] / larger[1]:.2f}, SQLite {b['sqlite'] / larger[1]:.2f}")
    say(f"  daemon's wall time : {ratio:.2f} x the larger floor ({larger[0]}); goal <= "
        f"{GOALS['cold']}: {verdict(ratio <= GOALS['cold'])}")
    floors = b["curl_cold"] + b["xml"] + b["sqlite"]
    say(f"  daemon's processor time: {sum(b['cpu_cold']) / floors:.2f} x the floors' together "
        f"({b['cpu_cold'][0] / sum(b['cpu_cold']):.0%} daemon, the rest parsers)")
    say(f"  index caught up {(b['cold'] + b['index']) / (larger[1] + b['fts']):.2f} x "
        f"(larger floor + plain FTS5 inserts of the same text) after the start of the round")
    rate = b["curl_warm"] / b["warm"]
    say(f"warm round, {opts.feeds} answers of 304")
    say(f"  daemon's rate : {rate:.0%} of the curl floor's; goal >= {GOALS['warm']:.0%}: "
        f"{verdict(rate >= GOALS['warm'])}")


def report_newsboat(opts, b, urls, work):
    folder = fresh(work / "newsboat")
    cold = newsboat(folder, urls)
    warm = newsboat(folder, urls)
    for what, took in ("cold", cold), ("warm", warm):
        ratio = (opts.feeds / b[what]) / (len(urls) / took)
        goal = GOALS[what + "_newsboat"]
        say(f"newsboat -x reload, {len(urls)} of the feeds, {what}: daemon's rate is {ratio:.1f} x"
            f" its; goal >= {goal}: {verdict(ratio >= goal)}")


# ---- the parser ----------------------------------------------------------------------------------


def corpus():
    shared = os.environ.get("TIDINGS_SHARED", pathlib.Path(__file__).resolve().parents[3] / "shared")
    return sorted(p for p in (pathlib.Path(shared) / "corpus/real").glob("*")
                  if p.suffix in (".xml", ".json"))


def feedparser_rate(files):
    """Bytes per processor second, or None where it is not installed."""
    try:
        import feedparser
    except ImportError:
        return None
    took = size = 0
    for f in files:
        body = f.read_bytes()
        begun = time.process_time()
        feedparser.parse(body)
        took += time.process_time() - begun
        size += len(body)
    return size / took


def run_bench_parse(build, opts, files):
    out = subprocess.run([build / "tests/bench/bench_parse", "-n", str(opts.repeat), *files],
                         check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^(\w+):? .*?whole parse +([\d.]+) MB/s(?:, ratio ([\d.]+))?", out, re.M)
    return {kind: (float(rate), float(ratio or 0)) for kind, rate, ratio in rows}


def bench_parse(build, opts):
    files = corpus()[:8] if opts.quick else corpus()
    rows = run_bench_parse(build, opts, files)
    say(f"\nwhole parse: {len(files)} real feeds, and generated ones")
    for kind in "files", "generated":
        if kind in rows:
            ratio = rows[kind][1]
            say(f"  {kind}: {ratio:.2f} x libxml2's DOM; goal <= {GOALS['dom']}: "
                f"{verdict(ratio <= GOALS['dom'])}")
    part = [f for f in files[::16] if f.suffix == ".xml"]
    theirs = feedparser_rate(part) if part else None
    if theirs:
        ours = run_bench_parse(build, opts, part)["files"][0] * 1e6
        say(f"  feedparser, {len(part)} of the files: ours is {ours / theirs:.0f} x as fast; goal >= "
            f"{GOALS['feedparser']}: {verdict(ours / theirs >= GOALS['feedparser'])}")
    r = json.loads(subprocess.run([build / "tests/bench/bench_pool", build / "daemon/parse/tidings-parser",
                                   build / "tests/bench/bench_floor_child", *files], check=True,
                                  capture_output=True, text=True).stdout)
    say(f"  a parser child is ready after {r['start_ms'] / GOALS['child_ms']:.2f} x the goal of "
        f"{GOALS['child_ms']} ms: {verdict(r['start_ms'] <= GOALS['child_ms'])}; {r['start_ms'] / r['floor_ms']:.1f} x "
        f"a program with libc alone ({r['start_cpu_ms'] / r['floor_cpu_ms']:.1f} x its processor time)")
    say(f"  it holds {', '.join(f'{kb / 1024:.1f}' for kb in r['resident_kb'])} MiB after reading "
        f"them once, twice, three times")


# ---- the cost of a poll ------------------------------------------------------------------------


def certificate(folder, hosts):
    """A certificate of its own for all these addresses."""
    names = ",".join(f"IP:127.9.0.{i + 1}" for i in range(hosts))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=bench", "-addext", f"subjectAltName={names}",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def trusting(folder, cert):
    """A command that runs another one with CERT among the system's authorities, as those of all
    other servers are; None when this machine does not let us make a mount namespace."""
    bundle = folder / "bundle.pem"
    bundle.write_bytes(pathlib.Path(BUNDLE).read_bytes() + cert.read_bytes())
    run = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
           f'mount --bind {bundle} {BUNDLE} && exec "$@"', "sh"]
    ok = subprocess.run([*run, "true"], capture_output=True).returncode == 0
    return run if ok else None


def set_due(d):
    db = d.db()
    with db:
        db.execute("UPDATE poll SET next_due_at = 0")
    db.close()


def poll_once(d, polls, quick):
    """Processor seconds for one 304 of each feed. The daemon started with none of them due, so that nothing of its start
    is in it."""
    with d.db() as db:
        db.execute("UPDATE poll SET next_due_at = 1000 * unixepoch('now', '1 day'), last_fetch_at = 1")
    db.close()
    with d:
        d.await_readyz()
        while not d.at_rest(polls):
            time.sleep(0.1)
        time.sleep(0 if quick else 1)  # other upkeep after a start
        before = cpu_of(d.process.pid)
        d.refresh()
        while (fetches := d.fetches()).get("not-modified", 0) < polls:
            time.sleep(0.1)
        assert fetches == {"not-modified": polls}, fetches
        return cpu_of(d.process.pid) - before


def cost_of(build, opts, work, scheme, hosts, origin, trust):
    """[[daemon, floor, floor of bare requests], ...]: processor microseconds of a 304. What else the machine does costs
    all three much, so they take turns, and what counts is how they compare within a turn."""
    urls = [f"{scheme}://127.9.0.{i % hosts + 1}:{origin.port}/feed/{i}" for i in range(opts.polls)]
    (work / "cost.list").write_text(
        "".join(f'{u}\t"feed-{i}-1"\n' for i, u in enumerate(urls)))
    d = Daemon(build, fresh(work / "daemon"))
    d.configure(urls)
    d.trusting = trust
    with d:
        await_round(d, opts.polls)
    turns = []
    for _ in range(opts.turns):
        floors = [floor_curl(build, work / "cost.list", trust, "2", *how)["cpu_s"] for how in ([], ["bare"])]
        turns.append([x / opts.polls * 1e6 for x in (poll_once(d, opts.polls, opts.quick), *floors)])
    return turns


def bench_cost(build, opts, work):
    cert, key = certificate(work, 250)
    trust = {"http": [], "https": trusting(work, cert)}
    for scheme in "http", "https":
        kinds = [k for k in (("new", 250), ("kept", 25)) if f"{scheme}-{k[0]}" in opts.cost]
        if trust[scheme] is None:
            say(f"{scheme}: not measured, this machine makes no mount namespace for us")
            continue
        tls = ["--tls-cert", cert, "--tls-key", key] if scheme == "https" else []
        origin = Origin(build, 1, *tls)
        for what, hosts in kinds:
            turns = cost_of(build, opts, work, scheme, hosts, origin, trust[scheme])
            ratios = sorted(mine / floor for mine, floor, _ in turns)
            ratio = statistics.median(ratios)
            say(f"processor time of a 304, {scheme}, {what} connections: {ratio:.2f} x plain "
                f"libcurl's for the same requests ({ratios[0]:.2f} to {ratios[-1]:.2f}); goal <= {GOALS['cost']}: "
                f"{verdict(ratio <= GOALS['cost'])}; {statistics.median(mine / bare for mine, _, bare in turns):.2f} x "
                "its for requests that name neither reader nor formats")
            if opts.verbose:
                for mine, floor, bare in turns:
                    say(f"  {mine:.0f} us, floors {floor:.0f} and {bare:.0f} us")
        origin.close()


# ---- a big store ---------------------------------------------------------------------------------


def fill(d):
    """Gives all feeds the state of feeds that were fetched an hour ago and are due later."""
    now = int(time.time() * 1000)
    note = 24  # sizeof(struct td_fetch_note)
    with d.db() as db:
        columns = {c[1] for c in db.execute("PRAGMA table_info(poll)")}
        assert {"etag", "why", "history"} <= columns
        one = db.execute("SELECT history, why FROM poll WHERE history NOT NULL LIMIT 1").fetchone()
        assert one and len(one[0]) % note == 0, "the first feed was not fetched"
        db.execute(
            "UPDATE poll SET next_due_at = ?1 + (feed_id * 7919) % 36000000, last_fetch_at = ?2,"
            " last_success_at = ?2, last_new_at = ?2, imported = 1, rate_per_day = 12.5,"
            " rate_at = ?2, etag = cast('\"feed-' || feed_id || '-0123456789abcdef\"' AS BLOB),"
            " last_modified = cast('Tue, 24 Nov 2026 00:45:51 GMT' AS BLOB),"
            " history = ?3, why = ?4",
            (now + 36000000, now - 3600000, one[0] * 8 if len(one[0]) == note else one[0], one[1]))
        db.execute("UPDATE feed SET title = 'The title of feed ' || feed_id,"
                   " home_page_url = 'https://site-' || feed_id || '.example/'")
    db.close()


def bench_size(build, opts, work, origin):
    d = Daemon(build, fresh(work / "size"))
    urls = [f"http://{host(i)}:{origin.port}/feed/{i}" for i in range(opts.big)]
    d.configure(urls, pace=1)
    with d:
        d.await_line("ready:")
        while not d.fetches().get("ok") or not count_items(d):
            time.sleep(0.05)
    fill(d)
    starts, sizes = [], []
    for _ in range(opts.repeat):
        with d:
            starts.append(d.await_readyz() - d.started)
            time.sleep(opts.rest)
            assert not d.fetches()
            sizes.append((resident(d.process.pid), sum(map(resident, d.children()))))
            if opts.verbose:
                text = pathlib.Path(f"/proc/{d.process.pid}/status").read_text()
                say("  " + ", ".join(re.findall(r"(?:VmHWM|RssAnon|RssFile):\s+\d+ kB", text)) +
                    f", ready after {starts[-1]:.2f} s")
    rss = min(s[0] for s in sizes)
    per_feed = (rss - BASE_BYTES) / opts.big
    say(f"\n{opts.big} feeds configured, none due, each at a host of its own")
    say(f"  resident at rest: {rss / BASE_BYTES:.2f} x 16 MiB, {per_feed:.0f} bytes a feed beyond "
        f"16 MiB; goal <= {GOALS['bytes_per_feed']}: "
        f"{verdict(per_feed <= GOALS['bytes_per_feed'])}"
        f" (parser children: {min(s[1] for s in sizes) / BASE_BYTES:.2f} x 16 MiB more)")
    say(f"  start to /readyz: {min(starts) / GOALS['start_s']:.2f} x the goal of "
        f"{GOALS['start_s']:.0f} s: {verdict(min(starts) <= GOALS['start_s'])}")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("build", nargs="?", default="build", type=pathlib.Path)
    p.add_argument("--feeds", type=int, default=2000)
    p.add_argument("--items", type=int, default=25, help="of each feed")
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--newsboat", type=int, default=2000, help="feeds it gets; 0 = leave it out")
    p.add_argument("--polls", type=int, default=10000, help="of each measure of their cost")
    p.add_argument("--turns", type=int, default=5, help="of the daemon and the floors at them")
    p.add_argument("--cost", default="http-new,http-kept,https-new,https-kept", help="which of them")
    p.add_argument("--big", type=int, default=BIG, help="feeds of the big store")
    p.add_argument("--rest", type=float, default=3, help="seconds until it is at rest")
    p.add_argument("--quick", action="store_true", help="tiny sizes: does it all run?")
    p.add_argument("--only", default="parse,round,cost,size")
    p.add_argument("--work", type=pathlib.Path, help="folder to work in (default: a temporary one)")
    p.add_argument("-v", "--verbose", action="store_true", help="also the seconds of each run")
    opts = p.parse_args()
    if opts.quick:
        opts.feeds, opts.repeat, opts.newsboat, opts.big, opts.rest = 40, 1, 20, 500, 0.2
        opts.polls, opts.turns = 250, 1
    build = opts.build.resolve()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    with tempfile.TemporaryDirectory() as tmp:
        work = opts.work or pathlib.Path(tmp)
        origin = Origin(build, opts.items)
        try:
            if "parse" in opts.only:
                bench_parse(build, opts)
            if "round" in opts.only:
                bench_round(build, opts, work, origin)
            if "cost" in opts.only:
                bench_cost(build, opts, work)
            if "size" in opts.only:
                bench_size(build, opts, work, origin)
        finally:
            origin.close()


if __name__ == "__main__":
    main()
