"""What the daemon needs stays bounded: memory of the work on the store, wake-ups at rest."""

import pathlib
import re
import sqlite3
import subprocess
import time


def of_status(pid, key):
    """A number of /proc/PID/status."""
    return int(re.search(rf"^{key}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def test_vacuum_needs_no_memory(daemon, tidings, tmp_path):
    """A vacuum rewrites the store through a file beside it, not through memory: 150 MB of it here."""
    daemon.start("")
    assert daemon.stop() == 0
    with sqlite3.connect(daemon.store) as c:
        c.execute("CREATE TABLE ballast (x BLOB)")
        c.executemany("INSERT INTO ballast VALUES (randomblob(?))", [(1 << 20,)] * 150)
    c.close()
    daemon.start("")
    subprocess.run([tidings, "vacuum", "--socket", daemon.socket, "--store", daemon.store], check=True,
                   capture_output=True, timeout=120)
    peak = of_status(daemon.process.pid, "VmHWM") >> 10
    assert peak < 110, f"{peak} MiB for a vacuum of 150 MiB"
    assert not [f for f in daemon.dir.iterdir() if "etilqs" in f.name]
    assert daemon.stop() == 0


def test_at_rest(daemon):
    """A thousand feeds, none of them due: hardly a wake-up, in any thread or parser."""
    feeds = "".join(f"[feed f{i}]\nurl = http://127.0.0.1:9/{i}\n" for i in range(1000))
    daemon.start(feeds, daemon="starts-per-second = 0\nhost-spacing = 0\nlog-level = error")
    daemon.wait_for(lambda: daemon.get("/v1/status")["first_round"]["pending"] == 0, what="the first round")
    assert daemon.stop() == 0
    daemon.start()  # all have failed a moment ago: none is due for half an hour

    def switches():
        pids = [daemon.process.pid, *map(int, pathlib.Path(
            f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text().split())]
        return sum(of_status(f"{p}/task/{t.name}", "voluntary_ctxt_switches")
                   for p in pids for t in pathlib.Path(f"/proc/{p}/task").iterdir())

    def rests():
        """Maintenance after the start is over: nothing happened for a second."""
        before = switches()
        time.sleep(1)
        return switches() - before <= 1

    daemon.wait_for(rests, what="its rest")
    before, seconds = switches(), 6
    time.sleep(seconds)
    n = switches() - before
    assert n < seconds, f"{n} wake-ups in {seconds} s"
    assert daemon.stop() == 0
