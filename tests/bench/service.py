#!/usr/bin/env python3
"""What the service needs: memory, tasks and wake-ups, for MemoryMax= and TasksMax= of tidingsd.service.

    tests/bench/service.py [BUILD] [--feeds 1000,10000,100000] [--only feeds,hostile,store,idle]

Memory is the sum of PSS over the daemon and its children (what it would cost a machine without them),
sampled ten times a second; tasks are their threads. The highest of each counts. Everything on loopback.

- feeds: so many feeds, all fetched for the first time at once, then at rest (of more than 10,000: the first
  two minutes).
- hostile: 64 hosts serve what costs a parser most (10 MB of tags, of attributes, of one text), with as
  many parsers as processors and with 8.
- store: vacuum, backup, 32 clients that search, 1000 followers that read the log from its beginning, on
  a store with 250,000 items.
- idle: how often a daemon with 1,000 feeds, none of them due, wakes a processor (voluntary switches of all
  its threads and children).
"""

import argparse
import http.server
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

from run import Daemon, Origin, await_round, count_items, fill, fresh, host, say


def tree(pid):
    out = [pid]
    for p in out:
        for task in pathlib.Path(f"/proc/{p}/task").glob("*/children"):
            try:
                out += [int(c) for c in task.read_text().split()]
            except OSError:
                pass
    return out


class Meter:
    """The highest sums of PSS and tasks while it runs."""

    def __init__(self, pid):
        self.pid, self.pss, self.main, self.tasks, self.end = pid, 0, 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def sample(self):
        pss, tasks, main = 0, 0, 0
        for p in tree(self.pid):
            try:
                text = pathlib.Path(f"/proc/{p}/smaps_rollup").read_text()
                n = int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1]) >> 10
                tasks += len(list(pathlib.Path(f"/proc/{p}/task").iterdir()))
            except (OSError, TypeError):
                continue
            pss += n
            main = n if p == self.pid else main
        self.pss, self.main = max(self.pss, pss), max(self.main, main)
        self.tasks = max(self.tasks, tasks)
        return pss, tasks

    def run(self):
        while not self.end.wait(0.1):
            self.sample()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *why):
        self.end.set()
        self.thread.join()


def report(what, m, rest=None):
    at_rest = f"; at rest {rest[0]} MiB, {rest[1]} tasks" if rest else ""
    say(f"{what}: at most {m.pss} MiB (daemon alone {m.main}), {m.tasks} tasks{at_rest}")


def bench_feeds(build, work, n):
    items = 25 if n <= 10000 else 3
    origin = Origin(build, items)
    d = Daemon(build, fresh(work / f"feeds-{n}"))
    d.configure([f"http://{host(i)}:{origin.port}/feed/{i}" for i in range(n)])
    with d, Meter(d.process.pid) as m:
        if n > 10000:  # the round takes long and the rest of it is the same
            d.await_line("ready:")
            time.sleep(120)
            say(f"  ({sum(d.fetches().values())} fetched)")
        else:
            await_round(d, n)
            assert count_items(d) >= n, "nothing was stored"
            time.sleep(5)
        report(f"{n} feeds, {items} items each, {'two minutes of the ' if n > 10000 else ''}first round",
               m, m.sample())
    origin.close()
    return d


HOSTILE = {
    "tags": b"<rss><channel>" + b"<item><a><b><c>x</c></b></a></item>" * 290000 + b"</channel></rss>",
    "attributes": b"<rss><channel>" + b"<item><e a='1' b='2' c='3' d='4'/></item>" * 250000 + b"</channel></rss>",
    "items": b"<rss><channel>" + b"<item><guid>%d</guid><title>t</title></item>" * 230000 + b"</channel></rss>",
    "html": b"<rss><channel><item><guid>1</guid><description><![CDATA[" + b"<b><i><u>x</u></i></b>" * 450000 +
            b"]]></description></item></channel></rss>",
    "text": b"<rss><channel><item><guid>1</guid><title>" + b"x&amp;" * 1700000 + b"</title></item></channel></rss>",
}


def bench_hostile(build, work, parsers):
    bodies = list(HOSTILE.values())

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = bodies[int(self.path.rsplit("/", 1)[1]) % len(bodies)][:10 << 20]
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                pass

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    d = Daemon(build, fresh(work / f"hostile-{parsers}"))
    d.configure([f"http://{host(i)}:{server.server_port}/{i}" for i in range(64)])
    conf = d.dir / "feeds.conf"
    conf.write_text(conf.read_text().replace("[defaults]", f"parsers = {parsers}\n[defaults]", 1))
    with d, Meter(d.process.pid) as m:
        d.await_line(r"first round done: 64 feeds")
        time.sleep(5)
        report(f"64 hostile documents of 10 MB, {parsers} parsers", m, m.sample())
    server.shutdown()


def ask(d, path, n=1):
    for _ in range(n):
        assert d.get(path)[0] in (200, 503)


def bench_store(build, work, d):
    """On the store that bench_feeds has left."""
    with d:
        d.await_readyz()
        with Meter(d.process.pid) as m:
            threads = [threading.Thread(target=ask, args=(d, "/v1/items?limit=1000", 5)) for _ in range(32)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            report("32 clients that read 1000 items at a time", m)
        followers = []
        with Meter(d.process.pid) as m:
            for _ in range(1000):
                s = socket.socket(socket.AF_UNIX)
                s.connect(str(d.socket))
                s.sendall(b"GET /v1/events?after=0&format=jsonl HTTP/1.0\r\nHost: x\r\n\r\n")
                followers.append(s)
            end = time.monotonic() + 20
            while time.monotonic() < end:  # each reads a little: all are behind at different places
                for i, s in enumerate(followers):
                    s.settimeout(0.001)
                    try:
                        s.recv(4096 * (1 + i % 8))
                    except OSError:
                        pass
            report("1000 followers from the beginning", m, m.sample())
        for s in followers:
            s.close()
        with Meter(d.process.pid) as m:
            c = build / "daemon/client/tidings"
            backup = subprocess.Popen([c, "backup", d.dir / "copy.db", "--store", d.store])
            subprocess.run([c, "vacuum", "--socket", d.socket, "--store", d.store], check=True, stdout=subprocess.DEVNULL)
            backup.wait()
            report("vacuum", m)


def switches(pid):
    total = 0
    for p in tree(pid):
        for task in pathlib.Path(f"/proc/{p}/task").iterdir():
            text = (task / "status").read_text()
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1])
    return total


def bench_idle(build, work, seconds):
    origin = Origin(build, 2)
    d = Daemon(build, fresh(work / "idle"))
    d.configure([f"http://{host(i)}:{origin.port}/feed/{i}" for i in range(1000)])
    with d:
        await_round(d, 1000)
    fill(d)
    with d:
        d.await_readyz()
        time.sleep(10)  # maintenance after the start
        before, fetches = switches(d.process.pid), d.fetches()
        time.sleep(seconds)
        n = switches(d.process.pid) - before
        say(f"1000 feeds, none due: {n / seconds:.2f} wake-ups a second over {seconds} s "
            f"({sum(d.fetches().values()) - sum(fetches.values())} fetches)")
    origin.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build", nargs="?", default="build", type=pathlib.Path)
    p.add_argument("--feeds", default="1000,10000,100000")
    p.add_argument("--only", default="feeds,hostile,store,idle")
    p.add_argument("--seconds", type=int, default=60, help="of being idle")
    opts = p.parse_args()
    opts.build = opts.build.resolve()
    only = opts.only.split(",")
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        work, d = pathlib.Path(folder), None
        if "feeds" in only or "store" in only:
            for n in map(int, opts.feeds.split(",")):
                last = bench_feeds(opts.build, work, n)
                d = last if n <= 10000 else d
        if "store" in only and d:
            bench_store(opts.build, work, d)
        if "hostile" in only:
            for parsers in ("auto", 8):
                bench_hostile(opts.build, work, parsers)
        if "idle" in only:
            bench_idle(opts.build, work, opts.seconds)


if __name__ == "__main__":
    sys.exit(main())
