"""What a service manager sees of tidingsd: sd_notify, the watchdog, inherited sockets, disasters."""

import os
import socket
import sqlite3
import subprocess
import time

import pytest

FEED = """<rss version="2.0"><channel><title>t</title><link>http://x.example/</link>
<item><guid>1</guid><title>one</title></item></channel></rss>"""


class Manager:
    """The receiving end of sd_notify."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.got = []

    def wait(self, what, timeout=20):
        """Reads until a datagram has the line WHAT (or one that starts with it, for "X="): its lines."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            self.socket.settimeout(max(end - time.monotonic(), 0.01))
            try:
                lines = self.socket.recv(65536).decode().split("\n")
            except TimeoutError:
                break
            self.got.append(lines)
            if any(line == what or (what.endswith("=") and line.startswith(what))
                   for line in lines):
                return lines
        raise AssertionError(f"{what} did not come, only {self.got}")

    def close(self):
        self.socket.close()


@pytest.fixture
def manager(tmp_path):
    m = Manager(tmp_path / "notify.sock")
    yield m
    m.close()


def test_notify(daemon, manager, origin):
    """READY when the socket answers, signs of life, a reload's begin and end, STOPPING."""
    url = origin.set("/feed", FEED)
    daemon.start(f"[feed a]\nurl = {url}\nbacklog = all\n", wait=False,
                 env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"})
    manager.wait("READY=1")
    told = [line for lines in manager.got for line in lines]  # on a slow machine a sign of life came first
    assert any(line.startswith("STATUS=1 feed: ") for line in told), told
    assert daemon.request("GET", "/readyz")[0] == 200  # no waiting: READY meant it
    origin.wait("/feed")
    while "; 2 events;" not in manager.wait("STATUS=")[-2]:
        pass
    manager.wait("WATCHDOG=1")
    assert daemon.request("POST", "/v1/reload")[0] == 200
    lines = manager.wait("RELOADING=1")
    assert int(dict(l.split("=") for l in lines if l)["MONOTONIC_USEC"]) > 0
    manager.wait("READY=1")
    daemon.configure("[feed a]\nurl = gopher://x\n")
    assert daemon.request("POST", "/v1/reload")[0] == 400
    manager.wait("RELOADING=1")
    manager.wait("READY=1")
    assert daemon.stop() == 0
    manager.wait("STOPPING=1")


def test_a_manager_that_does_not_read(daemon, tmp_path):
    """Its queue is full: the loop does not wait for it, and all is told when it reads again."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.settimeout(20)
    s.bind(str(tmp_path / "busy"))
    daemon.start("", env={"NOTIFY_SOCKET": str(tmp_path / "busy"), "WATCHDOG_USEC": "100000"})
    s.setblocking(False)
    try:
        while True:
            s.sendto(b"X=1", str(tmp_path / "busy"))
    except BlockingIOError:
        pass
    for _ in range(20):  # several signs of life are due meanwhile
        assert daemon.get("/healthz") == "ok\n"
        time.sleep(0.02)
    s.settimeout(20)
    while s.recv(4096) != b"WATCHDOG=1\n":
        pass
    s.close()
    assert daemon.stop() == 0


def test_notify_abstract(daemon, tmp_path):
    """A manager on an abstract socket; one that is not ours is left alone."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.settimeout(20)
    s.bind(f"\0tidings-test-{os.getpid()}")
    daemon.start("", env={"NOTIFY_SOCKET": f"@tidings-test-{os.getpid()}",
                          "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
    assert s.recv(4096).startswith(b"READY=1\n")
    s.close()
    assert daemon.stop() == 0


def test_children_do_not_inherit(daemon, manager, tmp_path):
    """A command that is a feed's source finds neither the manager's variables nor our sockets."""
    script = tmp_path / "source"
    script.write_text(f"#!/bin/sh\n{{ env; ls -l /proc/$$/fd; }} >{tmp_path}/seen\n"
                      f"cat <<'EOF'\n{FEED}\nEOF\n")
    script.chmod(0o755)
    daemon.start(f"[feed a]\nurl = exec:{script}\n", env={"NOTIFY_SOCKET": manager.path})
    daemon.wait_for(lambda: daemon.get("/v1/items")["items"], what="the item")
    seen = (tmp_path / "seen").read_text()
    assert "NOTIFY_SOCKET" not in seen and "LISTEN_" not in seen and "socket:" not in seen


def start_with_sockets(daemon, names, sockets):
    """tidingsd with SOCKETS as descriptors 3, 4, ... called NAMES, as systemd starts it."""
    keep = [s.fileno() for s in sockets]

    def place():
        for i, fd in enumerate(keep):
            os.dup2(fd, 100 + i)
        for i in range(len(keep)):
            os.dup2(100 + i, 3 + i)

    with open(daemon.log, "ab") as log:
        daemon.process = subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", daemon.program, "--config",
             daemon.config], cwd=daemon.dir, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            close_fds=False, preexec_fn=place,
            env={**os.environ, "LISTEN_FDS": str(len(keep)), "LISTEN_FDNAMES": ":".join(names)})


def test_inherited_socket_for_hubs(daemon, tmp_path):
    """The daemon's own, whatever a reload makes of it; a path will do for a proxy."""
    path = tmp_path / "hubs.sock"
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    s.listen(16)

    def status():
        c = socket.socket(socket.AF_UNIX)
        c.settimeout(20)
        c.connect(str(path))
        c.sendall(b"GET /websub/x HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = c.recv(4096)
        c.close()
        return answer[:12]

    daemon.configure("", "websub-callback = https://one.example/websub\n")
    start_with_sockets(daemon, ["websub"], [s])
    daemon.wait_ready()
    assert status() == b"HTTP/1.1 404" and "the inherited socket" in daemon.text()
    for now in ("websub-callback = https://two.example/hubs", "# off", "websub-callback = https://one.example/x"):
        daemon.config.write_text(daemon.config.read_text().replace(
            next(line for line in daemon.config.read_text().splitlines() if "websub-c" in line or line == "# off"),
            now))
        assert daemon.request("POST", "/v1/reload")[0] == 200
        if "off" not in now:
            assert status() == b"HTTP/1.1 404"
    assert daemon.stop() == 0
    daemon.configure("")
    start_with_sockets(daemon, ["websub"], [s])
    daemon.wait_ready()
    assert "websub-callback is not set" in daemon.text()


def test_inherited_socket(daemon, tmp_path):
    """Found by name whatever its place; requests wait in it from before the start until after the end."""
    api, other = (socket.socket(socket.AF_UNIX) for _ in range(2))
    api.bind(str(daemon.socket))
    api.listen(16)
    other.bind(str(tmp_path / "other.sock"))
    other.listen(16)
    daemon.configure("")
    early = socket.socket(socket.AF_UNIX)
    early.connect(str(daemon.socket))
    early.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    inode = os.stat(daemon.socket).st_ino
    start_with_sockets(daemon, ["else", "api"], [other, api])
    early.settimeout(20)
    assert early.recv(4096).startswith(b"HTTP/1.1 200 ")
    daemon.wait_ready()
    assert "inherited sockets other than 'api', 'http' and 'websub' are not used" in daemon.text()
    assert daemon.stop() == 0
    assert os.stat(daemon.socket).st_ino == inode  # the manager's: not ours to remove
    late = socket.socket(socket.AF_UNIX)
    late.connect(str(daemon.socket))
    late.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    start_with_sockets(daemon, ["api"], [api])
    late.settimeout(20)
    assert late.recv(4096).startswith(b"HTTP/1.1 200 ")
    daemon.wait_ready()
    for s in (api, other, early, late):
        s.close()
    assert daemon.stop() == 0


def test_sockets_for_another_process(daemon):
    """LISTEN_PID of somebody else: the descriptors are not ours, we bind our own."""
    daemon.start("", env={"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "api"})
    assert daemon.socket.exists()
    assert daemon.stop() == 0
    assert not daemon.socket.exists()


def test_an_older_store_is_converted(daemon, manager, source_dir):
    """In place, with a copy kept and the manager asked for time; once."""
    sql = (source_dir / "tests/unit/store_formats/v1.sql").read_text()
    c = sqlite3.connect(daemon.store)
    c.executescript(sql)
    assert c.execute("PRAGMA user_version").fetchone() == (1,)
    c.close()
    daemon.start("", env={"NOTIFY_SOCKET": manager.path})
    manager.wait("EXTEND_TIMEOUT_USEC=300000000")
    manager.wait("READY=1")
    assert "the old store is kept as" in daemon.text()
    assert daemon.stop() == 0
    old = sqlite3.connect(f"{daemon.store}.v1")
    assert old.execute("PRAGMA user_version").fetchone() == (1,)
    old.close()
    daemon.start("")
    assert daemon.text().count("the old store is kept as") == 1
    assert daemon.stop() == 0
