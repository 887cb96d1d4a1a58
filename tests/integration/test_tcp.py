"""The API over TCP: tokens, scopes, browsers, and `tidings --api`."""

import hashlib
import http.client
import json
import re
import resource
import socket
import subprocess

import pytest

from conftest import Client
from test_service import start_with_sockets

READ, WRITE = "reader-0123456789abcdefgh", "writer-0123456789abcdefgh"
FEED = """<rss version="2.0"><channel><title>t</title><link>http://x.example/</link>
<item><guid>1</guid><title>one</title></item></channel></rss>"""


def tokens(tmp_path):
    """Sections for both, one by its hash, one by a file."""
    secret = tmp_path / "write-token"
    secret.write_text(WRITE + "\n")
    secret.chmod(0o600)
    return (f"[token desk]\nsecret = sha256:{hashlib.sha256(READ.encode()).hexdigest()}\n"
            f"[token admin]\nsecret = file:{secret}\nscope = write\n")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port, method="GET", path="/v1/status", token=None, headers=None, body=None, host="127.0.0.1"):
    """(status, headers, text)"""
    c = http.client.HTTPConnection(host, port, timeout=20)
    try:
        c.request(method, path, body, {**({"Authorization": f"Bearer {token}"} if token else {}),
                                       **(headers or {})})
        r = c.getresponse()
        return r.status, r.headers, r.read().decode()
    finally:
        c.close()


@pytest.fixture
def tcp(daemon, origin, tmp_path):
    """A daemon with one feed that listens on TCP: its port."""
    url = origin.set("/feed", FEED)
    port = free_port()
    daemon.start(f"[feed a]\nurl = {url}\nbacklog = all\n{tokens(tmp_path)}",
                 daemon=f"listen = 127.0.0.1:{port}\nlisten-names = feeds.example.org")
    daemon.wait_for(lambda: daemon.get("/v1/items")["items"], what="the item")
    daemon.wait_for(lambda: daemon.get("/v1/items?q=one")["items"], what="its place in the index")
    return port


def test_scopes(daemon, tcp):
    status, headers, text = ask(tcp)
    assert status == 401 and headers["WWW-Authenticate"] == 'Bearer realm="tidings"'
    assert "token" in json.loads(text)["error"]["reason"]
    assert ask(tcp, token=READ + "x")[0] == 401
    assert ask(tcp, path="/v1/items", token=READ)[0] == 200
    assert ask(tcp, "POST", "/v1/refresh", READ, body="{}")[0] == 403
    assert ask(tcp, "POST", "/v1/refresh", WRITE, body="{}")[0] == 200
    assert ask(tcp, path="/healthz")[0] == 200 and ask(tcp, path="/readyz")[0] == 200
    assert ask(tcp, path="/metrics")[0] == 401
    assert "tidings_api_refused_total 3" in ask(tcp, path="/metrics", token=READ)[2]
    # who was refused is in the log once, without the token
    assert daemon.text().count("had no token") == 1 and READ not in daemon.text()
    # the unix socket asks for none
    assert daemon.request("POST", "/v1/refresh", {})[0] == 200


def test_metrics_format(daemon, tcp):
    """https://prometheus.io/docs/instrumenting/exposition_formats/: one TYPE a metric, before its samples, which
    stand together; no sample twice."""
    text = daemon.get("/metrics")
    metric, done, seen = None, set(), set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            done.add(metric)
            metric = line.split()[2]
            assert metric not in done, f"{metric} has two groups"
            continue
        sample = re.fullmatch(r'(\w+)(\{(?:\w+="[^"\\]*",?)+\})? [0-9.e+-]+', line)
        assert sample and sample[1] == metric, f"{line!r} does not belong to {metric}"
        assert sample[1] + (sample[2] or "") not in seen, line
        seen.add(sample[1] + (sample[2] or ""))
    assert len(seen) > 30 and 'tidings_deliveries_total{sink_type="stream",result="ok"}' in seen


def test_browsers(tcp):
    """A page with a name of its own for our address, and a page that sends a form here."""
    assert ask(tcp, token=READ, headers={"Host": "evil.example"})[0] == 421
    assert ask(tcp, path="/healthz", headers={"Host": f"evil.example:{tcp}"})[0] == 421
    assert ask(tcp, token=READ, headers={"Host": "Feeds.Example.org"})[0] == 200
    assert ask(tcp, token=READ, headers={"Host": socket.gethostname()})[0] == 200
    assert ask(tcp, token=WRITE, headers={"Origin": "https://evil.example"})[0] == 403
    assert ask(tcp, "OPTIONS", token=None, headers={"Origin": "https://evil.example"})[0] == 403
    status, headers, _ = ask(tcp, token=READ, headers={"Origin": f"http://127.0.0.1:{tcp}"})
    assert status == 200 and not any(h.startswith("Access-Control") for h in headers)


def test_reload_changes_tokens(daemon, tcp, tmp_path):
    """A token that was taken out is refused from then on, without a restart."""
    text = daemon.config.read_text()
    daemon.config.write_text(text[:text.index("[token desk]")] + text[text.index("[token admin]"):])
    assert daemon.request("POST", "/v1/reload")[0] == 200
    assert ask(tcp, token=READ)[0] == 401 and ask(tcp, token=WRITE)[0] == 200
    daemon.config.write_text(text[:text.index("[token desk]")])
    status, answer = daemon.request("POST", "/v1/reload")
    assert status == 400 and "listen without a token" in str(answer)
    assert ask(tcp, token=WRITE)[0] == 200
    daemon.config.write_text(text.replace(f"127.0.0.1:{tcp}", f"127.0.0.1:{free_port()}"))
    assert daemon.request("POST", "/v1/reload")[1]["restart_needed"] == "listen"
    assert ask(tcp, token=READ)[0] == 200


def test_client(daemon, tcp, tidings, tmp_path):
    """`tidings --api`: everything but what needs the store's file."""
    away = tmp_path / "away"
    away.mkdir()
    c = Client(tidings, away)
    url = f"http://127.0.0.1:{tcp}"
    assert "one" in c.run("items", "--api", url, env={"TIDINGS_TOKEN": READ}).out
    (away / "token").write_text(READ + "\n")
    (away / "token").chmod(0o600)
    env = {"TIDINGS_API": url + "/", "TIDINGS_TOKEN_FILE": str(away / "token")}
    assert "one" in c.run("items", env=env).out
    assert "one" in c.run("search", "one", env=env).out
    assert json.loads(c.run("feeds", "--format", "json", env=env).out)[0]["name"] == "a"
    assert "1 items" in c.run("status", env=env).out
    assert "a" in c.run("why", "a", env=env).out
    r = c.run("refresh", env=env, code=77)
    assert "scope is read" in r.err
    admin = ["--api", url, "--token-file", tmp_path / "write-token"]
    c.run("refresh", *admin)
    c.run("reload", *admin)
    c.run("vacuum", *admin)
    assert "a token is needed" in c.run("items", "--api", url, code=77).err
    assert "not known there" in c.run("items", "--api", url, env={"TIDINGS_TOKEN": "x" * 30},
                                      code=77).err
    assert "store's file" in c.run("backup", "b.db", *admin, code=64).err
    assert "store" not in c.run("status", "--api", f"http://127.0.0.1:{free_port()}", code=69).out
    assert "no daemon answers" in c.run("items", "--api", f"http://127.0.0.1:{free_port()}",
                                        code=69).err
    assert "not" in c.run("items", "--api", "ftp://x", code=64).err
    assert "--socket" in c.run("items", *admin, "--socket", "x", code=64).err


def test_follow_over_tcp(daemon, tcp, tidings, origin, tmp_path):
    """A follower with a position of its own, by a token that may only read."""
    c = Client(tidings, tmp_path)
    p = subprocess.Popen([tidings, "follow", "--as", "far", "--from", "0", "--format", "jsonl",
                          "--api", f"http://127.0.0.1:{tcp}"], cwd=tmp_path,
                         env=c.env(TIDINGS_TOKEN=READ), stdout=subprocess.PIPE)
    assert json.loads(p.stdout.readline())["title"] == "one"
    daemon.wait_for(lambda: [k["seq"] for k in daemon.get("/v1/cursors")["cursors"]] == [1],
                    what="the acknowledgement")
    p.terminate()
    p.wait(20)
    p.stdout.close()


def test_half_requests_take_no_place_from_the_socket(daemon, tcp):
    """Connections over TCP that say nothing: a thousand of them, and the unix socket still answers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2000:
        pytest.skip(f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    idle = []
    try:
        for _ in range(1050):
            s = socket.socket()
            s.settimeout(5)
            s.connect(("127.0.0.1", tcp))
            idle.append(s)
    except OSError:
        pass  # the rest waits in the backlog, which is full
    assert len(idle) >= 1000
    for _ in range(5):
        assert daemon.request("GET", "/v1/status")[1]["api"]["connections"] <= 1001
    for s in idle:
        s.close()
    assert ask(tcp, token=READ)[0] == 200


def test_no_token_no_listening(daemon):
    daemon.start("", daemon=f"listen = 127.0.0.1:{free_port()}", wait=False)
    assert daemon.process.wait(20) == 78
    assert "listen without a token" in daemon.text()


def test_a_port_that_is_taken(daemon, tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        daemon.start(tokens(tmp_path), daemon=f"listen = 127.0.0.1:{s.getsockname()[1]}", wait=False)
        assert daemon.process.wait(20) == 73
    assert "Address already in use" in daemon.text()


def test_inherited_by_name(daemon, tmp_path):
    """The sockets of a manager, several of one name, in any order; `listen` is not looked at then."""
    api, one, two = socket.socket(socket.AF_UNIX), socket.socket(), socket.socket()
    api.bind(str(daemon.socket))
    one.bind(("127.0.0.1", 0))
    two.bind(("127.0.0.1", 0))
    for s in (api, one, two):
        s.listen(16)
    port = free_port()
    daemon.configure(tokens(tmp_path), daemon=f"listen = 127.0.0.1:{port}")
    start_with_sockets(daemon, ["http", "api", "http"], [one, api, two])
    daemon.wait_ready()
    for s in (one, two):
        assert ask(s.getsockname()[1], token=READ)[0] == 200
        assert ask(s.getsockname()[1])[0] == 401
    with pytest.raises(ConnectionRefusedError):
        ask(port, token=READ)
    assert daemon.stop() == 0
    # without a token in the config: all refused, and it is said
    daemon.configure("")
    start_with_sockets(daemon, ["http", "api"], [one, api])
    daemon.wait_ready()
    assert ask(one.getsockname()[1], token=READ)[0] == 401
    assert "there is no [token NAME] in the config" in daemon.text()
    for s in (api, one, two):
        s.close()
    assert daemon.stop() == 0
