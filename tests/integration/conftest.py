"""What integration tests share: the built programs, an HTTP origin on loopback, a daemon.

TIDINGS_BUILD names the build directory (meson test sets it). Nothing here leaves loopback and the
test's own folder.
"""

import fcntl
import http.client
import http.server
import json
import os
import pathlib
import pty
import signal
import socket
import socketserver
import struct
import subprocess
import termios
import threading
import time

import pytest

# A job in the background of a script ignores this signal, and so would all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets a fixture's teardown know how its test ended (item.failed)."""
    report = (yield).get_result()
    item.failed = getattr(item, "failed", False) or report.failed


@pytest.fixture(scope="session")
def build_dir():
    path = os.environ.get("TIDINGS_BUILD")
    if not path:
        pytest.exit("TIDINGS_BUILD must name the build directory", returncode=2)
    return pathlib.Path(path).resolve()


@pytest.fixture(scope="session")
def source_dir():
    return pathlib.Path(__file__).resolve().parents[2]


def program(build_dir, name):
    found = [p for p in build_dir.rglob(name) if p.is_file() and os.access(p, os.X_OK)]
    assert len(found) == 1, f"{name}: expected one program in {build_dir}, found {found}"
    return found[0]


@pytest.fixture(scope="session")
def tidings(build_dir):
    return program(build_dir, "tidings")


@pytest.fixture(scope="session")
def tidingsd(build_dir):
    return program(build_dir, "tidingsd")


class Client:
    """The tidings command, run in FOLDER with an environment that hides the caller's settings."""

    def __init__(self, program, folder):
        self.program, self.dir = program, folder

    def env(self, **more):
        keep = {k: v for k, v in os.environ.items()
                if not k.startswith("TIDINGS_") and k not in ("NO_COLOR", "COLUMNS", "LINES")}
        return {**keep, "TZ": "UTC", "LC_ALL": "C.UTF-8", "TERM": "xterm", **more}

    def run(self, *args, env=None, stdin=None, code=0):
        r = subprocess.run([self.program, *map(str, args)], cwd=self.dir, input=stdin,
                           env=self.env(**(env or {})), capture_output=True, timeout=60)
        r.out, r.err = r.stdout.decode(), r.stderr.decode()
        assert code is None or r.returncode == code, (args, r.returncode, r.out, r.err)
        return r

    def terminal(self, *args, columns=80, env=None):
        """What appears on a terminal of so many columns: (text, exit code)."""
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        p = subprocess.Popen([self.program, *map(str, args)], cwd=self.dir, stdin=child,
                             stdout=child, stderr=child, env=self.env(**(env or {})))
        os.close(child)
        text = b""
        while True:
            try:
                piece = os.read(parent, 65536)
            except OSError:  # EIO: the other side is closed
                break
            if not piece:
                break
            text += piece
        os.close(parent)
        return text.decode(errors="surrogateescape").replace("\r\n", "\n"), p.wait(60)


class LoopbackServer(http.server.ThreadingHTTPServer):
    """Does not look up the name of its own address: that takes seconds where no name server answers."""

    daemon_threads = True

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


class Origin:
    """A web server whose answers the test sets: `origin.set("/feed", body, etag='"1"')`.

    A path may also have a function: it gets the request handler and does everything itself.
    `requests` is the list of (method, path, headers) in order of arrival.
    """

    def __init__(self):
        self.answers = {}
        self.requests = []
        self.arrived = threading.Condition()
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with origin.arrived:
                    origin.requests.append((self.command, self.path, dict(self.headers)))
                    origin.arrived.notify_all()
                answer = origin.answers.get(self.path)
                if callable(answer):
                    answer(self)
                else:
                    origin.reply(self, answer)

            do_HEAD = do_POST = do_GET

            def log_message(self, *args):
                pass

        class Server(LoopbackServer):
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # a client that hangs up is part of many tests

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    @staticmethod
    def reply(handler, answer):
        status, body, headers = answer or (404, b"nothing here\n", {})
        for name, sent in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")):
            if status == 200 and headers.get(name) and handler.headers.get(sent) == headers[name]:
                status, body = 304, b""
                break
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    def set(self, path, body, status=200, content_type="application/xml", etag=None,
            last_modified=None, headers=None):
        all_headers = {"Content-Type": content_type, **(headers or {})}
        if etag:
            all_headers["ETag"] = etag
        if last_modified:
            all_headers["Last-Modified"] = last_modified
        if isinstance(body, str):
            body = body.encode()
        self.answers[path] = body if callable(body) else (status, body, all_headers)
        return self.url(path)

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def wait(self, path, count=1, timeout=20):
        """Returns when PATH was asked for COUNT times."""
        def enough():
            return sum(1 for r in self.requests if r[1] == path) >= count
        with self.arrived:
            assert self.arrived.wait_for(enough, timeout), f"{path} was not asked for {count}x"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def origin():
    o = Origin()
    yield o
    o.close()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """tidingsd in a folder of its own. `start(feeds_conf)` returns when it is ready."""

    def __init__(self, program, folder):
        self.program = program
        self.dir = folder
        self.config = folder / "feeds.conf"
        self.store = folder / "tidings.db"
        self.socket = folder / "tidings.sock"
        self.log = folder / "tidingsd.log"
        self.process = None

    def configure(self, text="", daemon=""):
        """Writes the config: TEXT is sections, DAEMON more lines of [daemon]."""
        self.config.write_text(
            f"[daemon]\nstore = {self.store}\nsocket = {self.socket}\n"
            f"allow-addresses = 127.0.0.0/8\n{daemon}\n{text}\n")

    def start(self, text=None, daemon="", wait=True, args=(), env=None, under=(), pass_fds=()):
        """UNDER: a command that runs the daemon."""
        if text is not None or not self.config.exists():
            self.configure(text or "", daemon)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*under, self.program, "--config", self.config, *args], cwd=self.dir, stdout=log,
                pass_fds=pass_fds, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=20):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            code = self.process.poll()
            assert code is None, f"tidingsd ended with {code}:\n{self.text()}"
            try:
                if self.request("GET", "/readyz")[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        raise AssertionError(f"tidingsd was not ready in {timeout} s:\n{self.text()}")

    def request(self, method, path, body=None, headers=None):
        """(status, parsed JSON or text)"""
        c = UnixConnection(self.socket)
        try:
            data = None if body is None else json.dumps(body)
            head = {"Content-Type": "application/json"} if data else {}
            c.request(method, path, data, {**head, **(headers or {})})
            r = c.getresponse()
            text = r.read().decode()
            kind = (r.getheader("Content-Type") or "").split(";")[0]
            is_json = kind in ("application/json", "application/feed+json")
            return r.status, json.loads(text) if is_json else text
        finally:
            c.close()

    def get(self, path):
        status, answer = self.request("GET", path)
        assert status == 200, (path, status, answer)
        return answer

    def wait_for(self, condition, timeout=20, what="the condition"):
        """Asks CONDITION() until it is true; returns what it returned."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            assert self.process.poll() is None, f"tidingsd ended:\n{self.text()}"
            time.sleep(0.02)
        raise AssertionError(f"{what} did not come true in {timeout} s:\n{self.text()}")

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self, timeout=10):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def daemon(request, tidingsd, tmp_path):
    d = Daemon(tidingsd, tmp_path)
    yield d
    d.kill()
    if getattr(request.node, "failed", False):
        print(f"---- log of tidingsd ----\n{d.text()}")
