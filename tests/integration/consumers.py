"""What the tests of subscriptions share: a receiver of webhooks, which checks signatures by the text of
Standard Webhooks, and a daemon to which feeds are added quickly."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import socket
import subprocess
import threading
import time

import pytest

from conftest import LoopbackServer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def feed(name, items):
    entries = "".join(
        f"<item><guid isPermaLink='false'>{name}-{i}</guid><title>{name} {i}</title>"
        f"<link>https://site.example/{name}/{i}</link><description>Text of {name} {i}.</description></item>"
        for i in items)
    return f"<rss version='2.0'><channel><title>{name}</title>{entries}</channel></rss>"


def verify(headers, body, secrets, now=None):
    """Standard Webhooks, "Verifying webhooks": the id, a timestamp that is near, one signature of ours."""
    message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    assert abs(int(timestamp) - (now or time.time())) < 300
    passed = headers["webhook-signature"].split(" ")
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        assert 24 <= len(key) <= 64
        signed = f"{message_id}.{timestamp}.".encode() + body
        want = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if any(v == "v1" and hmac.compare_digest(s, want)
               for v, s in (p.split(",", 1) for p in passed)):
            return True
    return False


class Receiver:
    """A consumer: keeps what it gets; ANSWER(handler, body) may do something else than 204."""

    def __init__(self, host="127.0.0.1"):
        self.got = []  # (headers, body)
        self.answer = self.allows = None
        self.arrived = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = 204, {}
                if receiver.answer:
                    status, headers = receiver.answer(self, body)
                with receiver.arrived:
                    receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body, status))
                    receiver.arrived.notify_all()
                self.send_response(status)
                for k, v in headers.items():
                    self.send_header(k, v)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_OPTIONS(self):
                allowed = receiver.allows(self) if receiver.allows else None
                self.send_response(200 if allowed else 405)
                for k, v in (allowed or {}).items():
                    self.send_header(k, v)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        class Server(LoopbackServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

            def handle_error(self, request, client_address):
                pass

        self.server = Server((host, 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        self.url = f"http://{'[' + host + ']' if ':' in host else host}:{self.server.server_port}/in"

    def wait(self, count, timeout=20):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.got) >= count, timeout), \
                f"{len(self.got)} of {count} messages"
            return self.got[:]

    def seqs(self, acked_only=False):
        out = []
        with self.arrived:
            for _, body, status in self.got:
                if acked_only and status >= 300:
                    continue
                data = json.loads(body)["data"]
                out += [e["seq"] for e in data["events"]] if "events" in data else [data["seq"]]
        return out

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.close()


@pytest.fixture
def daemon(daemon):
    """Feeds are added quickly here."""
    configure = daemon.configure
    daemon.configure = lambda text="", more="": configure(
        text, more or "host-spacing = 0\nstarts-per-second = 0")
    return daemon


@pytest.fixture
def cli(tidings, daemon):
    def run(*args, code=0):
        r = subprocess.run([tidings, *args], capture_output=True, text=True, timeout=60, cwd=daemon.dir,
                           env={**os.environ, "TIDINGS_SOCKET": str(daemon.socket), "NO_COLOR": "1",
                                "TIDINGS_STORE": str(daemon.dir / "tidings.db")})
        assert r.returncode == code, (args, r.returncode, r.stdout, r.stderr)
        return r.stdout, r.stderr
    return run


def sub(daemon, name):
    return daemon.get(f"/v1/subscriptions/{name}")


def add(daemon, origin, name, n):
    """A feed with N items, all of them news."""
    url = origin.set(f"/{name}", feed(name, range(n)))
    status, answer = daemon.request("POST", "/v1/feeds", {"url": url, "name": name})
    assert status == 201, answer


DEFAULTS = "stories = no\n[defaults]\nbacklog = all\n"  # so that items are numbered 1, 2, 3
