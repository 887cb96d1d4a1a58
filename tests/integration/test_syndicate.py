"""Queries as feeds: read by feedparser, by sfeed and by a second tidingsd; who may read them."""

import base64
import hmac
import json
import shutil
import subprocess
import time
import urllib.parse
from email.utils import parsedate_to_datetime

import pytest

from conftest import Daemon
from test_tcp import READ, ask, free_port, tokens

feedparser = pytest.importorskip("feedparser")

FEED = """<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Harbour &amp; sea</title>
<link>http://x.example/</link><language>en</language>
<item><guid>1</guid><title>Ferry "Anna" &lt;stopped&gt;</title><link>http://x.example/1?a=1&amp;b=2</link>
 <pubDate>Mon, 23 Nov 2026 08:00:00 GMT</pubDate><dc:creator>Ann &amp; Bo</dc:creator>
 <category>sea</category><category>R&amp;D</category>
 <content:encoded><![CDATA[<p>The <b>ferry</b> &amp; more</p>]]></content:encoded>
 <enclosure url="http://x.example/a.mp3" type="audio/mpeg" length="1234"/></item>
<item><guid>2</guid><title>Harbour wall</title><description>plain</description>
 <pubDate>Mon, 23 Nov 2026 09:00:00 GMT</pubDate></item>
<item><guid>3</guid><link>http://x.example/3</link><description>ferry without title \u65e5\u672c</description>
 <pubDate>Mon, 23 Nov 2026 10:00:00 GMT</pubDate></item>
</channel></rss>"""
QUERIES = """
[query ferries]
query = ferry
title = All ferries
public = yes
[query walls]
query = title:wall
"""


@pytest.fixture
def tcp(daemon, origin, tmp_path):
    url = origin.set("/feed", FEED)
    port = free_port()
    daemon.start(f"[feed harbour]\nurl = {url}\nbacklog = all\nmin-interval = 1s\n{QUERIES}{tokens(tmp_path)}",
                 daemon=f"listen = 127.0.0.1:{port}")
    daemon.wait_for(lambda: len(daemon.get("/v1/items")["items"]) == 3, what="the items")
    return port


def get(port, path, headers=None, token=READ):
    status, got, text = ask(port, path=path, token=token, headers=headers)
    return status, got, text


@pytest.mark.parametrize("kind", ["atom", "rss", "json"])
def test_every_format_says_the_same(tcp, kind):
    status, headers, text = get(tcp, f"/v1/feed.{kind}?q=ferry")
    assert status == 200
    if kind == "json":
        feed = json.loads(text)
        assert headers["Content-Type"] == "application/feed+json"
        assert feed["version"] == "https://jsonfeed.org/version/1.1" and feed["title"] == "tidings: ferry"
        items = feed["items"]
        assert items[1]["title"] == 'Ferry "Anna" <stopped>' and items[1]["authors"] == [{"name": "Ann & Bo"}]
        assert all("content_html" in i or "content_text" in i for i in items)
        ids = [i["id"] for i in items]
    else:
        d = feedparser.parse(text)
        assert not d.bozo, d.get("bozo_exception")
        assert d.version == {"atom": "atom10", "rss": "rss20"}[kind]
        assert d.feed.title == "tidings: ferry"
        e = d.entries[1]
        assert e.title == 'Ferry "Anna" <stopped>'
        assert e.link == "http://x.example/1?a=1&b=2" and e.author == "Ann & Bo"
        assert [t.term for t in e.tags] == ["sea", "R&D"]
        assert e.enclosures[0].href == "http://x.example/a.mp3" and e.enclosures[0].length == "1234"
        assert "<b>ferry</b> &amp; more" in (e.content[0].value if kind == "atom" else e.summary)
        assert e.published_parsed[:5] == (2026, 11, 23, 8, 0)
        assert d.entries[0].title == "http://x.example/3" and "\u65e5\u672c" in d.entries[0].summary
        ids = [e.id for e in d.entries]
    assert len(ids) == 2 and all(i.startswith("urn:uuid:") for i in ids) and len(set(ids)) == 2


def test_conditional(tcp):
    path = "/v1/feed.atom?query=ferries"
    status, headers, text = get(tcp, path)
    assert status == 200 and text == get(tcp, path)[2]  # the same bytes
    # a date only when its second is over: what comes later in it would never be told to who has but the date
    assert "Last-Modified" not in headers or \
        parsedate_to_datetime(headers["Last-Modified"]) < parsedate_to_datetime(headers["Date"])
    while "Last-Modified" not in headers:
        time.sleep(0.1)
        headers = get(tcp, path)[1]
    tag, date = headers["ETag"], headers["Last-Modified"]
    for condition, want in (({"If-None-Match": tag}, 304), ({"If-None-Match": f'"x", W/{tag}'}, 304),
                            ({"If-None-Match": '"x"'}, 200), ({"If-Modified-Since": date}, 304),
                            ({"If-Modified-Since": "Mon, 23 Nov 2015 08:00:00 GMT"}, 200),
                            ({"If-None-Match": '"x"', "If-Modified-Since": date}, 200)):
        status, headers, text = get(tcp, path, condition)
        assert status == want and headers["ETag"] == tag, condition
        assert (text == "") == (want == 304)


def test_pages(tcp):
    """RFC 5005: next leads through all items, first is the feed's own address."""
    url, seen, pages = "/v1/feed.atom?limit=1&title=All+of+it", [], 0
    first = f"http://127.0.0.1:{tcp}/v1/feed.atom?limit=1&title=All%20of%20it"
    while url:
        status, headers, text = get(tcp, url)
        d = feedparser.parse(text)
        assert status == 200 and not d.bozo and d.feed.title == "All of it" and d.feed.id == first
        links = {link.rel: link.href for link in d.feed.links}
        assert links["first"] == first and urllib.parse.urlsplit(links["self"]).path == "/v1/feed.atom"
        seen += [e.id for e in d.entries]
        url, pages = links.get("next"), pages + 1
        assert ('rel="next"' in headers["Link"]) == bool(url) and pages < 5
        url = url and url.split(f":{tcp}")[1]
    assert len(seen) == len(set(seen)) == 3 and pages == 3


def test_who_may_read(tcp, daemon):
    public, private = "/v1/feed.atom?query=ferries", "/v1/feed.atom?query=walls"
    assert get(tcp, public, token=None)[0] == 200
    status, headers, text = get(tcp, private, token=None)
    assert status == 401 and headers["WWW-Authenticate"].startswith("Basic ")
    assert get(tcp, "/v1/feed.atom?q=ferry", token=None)[0] == 401
    assert get(tcp, "/v1/feed.atom?query=nothere", token=None)[0] == 401  # tells nothing
    assert get(tcp, "/v1/feed.atom?query=nothere")[0] == 404
    assert get(tcp, "/v1/queries", token=None)[0] == 401
    assert get(tcp, private, token="wrong")[0] == 401

    def basic(password):
        return {"Authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()}
    assert get(tcp, private, basic(READ), token=None)[0] == 200
    assert get(tcp, private, basic("wrong"), token=None)[0] == 401
    status, headers, text = get(tcp, f"{private}&token={READ}", token=None)
    assert status == 200
    links = {link.rel: link.href for link in feedparser.parse(text).feed.links}
    assert READ in links["self"] and READ not in links["first"]
    assert get(tcp, f"{private}&token=wrong", token=None)[0] == 401
    # the unix socket asks for nothing
    assert daemon.request("GET", private)[0] == 200
    assert daemon.get("/v1/queries")["queries"] == [
        {"name": "ferries", "title": "All ferries", "query": "ferry", "public": True, "origin": "config"},
        {"name": "walls", "query": "title:wall", "public": False, "origin": "config"}]


def test_mistakes(daemon, tcp):
    for path, says in (("q=titel:x", "did you mean title"), ("q=a&query=walls", "one of both"),
                       ("limit=0", "from 1"), ("query=%ff", "UTF-8")):
        status, _, text = get(tcp, f"/v1/feed.rss?{path}")
        assert status == 400 and says in json.loads(text)["error"]["reason"], (path, text)
    daemon.configure("[query a]\nquery = titel:x\n[query b]\n[query a]\nquery = y\n", "public-url = ftp://x/")
    status, answer = daemon.request("POST", "/v1/reload")
    problems = "\n".join(answer["error"]["problems"])
    assert status == 400 and "did you mean title" in problems and "[query b] without a query" in problems
    assert "[query a] a second time" in problems and "public-url = 'ftp://x/'" in problems


def test_sfeed_reads_it(tcp):
    sfeed = shutil.which("sfeed")
    if not sfeed:
        pytest.skip("sfeed is not installed")
    for kind in ("atom", "rss"):
        text = get(tcp, f"/v1/feed.{kind}?q=ferry")[2]
        r = subprocess.run([sfeed], input=text, capture_output=True, text=True, timeout=20)
        assert r.returncode == 0 and not r.stderr
        rows = [line.split("\t") for line in r.stdout.splitlines()]
        assert len(rows) == 2
        time, title, link, content, form, ident, author, enclosure, category = rows[1][:9]
        assert time == "1795420800" and title == 'Ferry "Anna" <stopped>' and form == "html"
        assert link == "http://x.example/1?a=1&b=2" and ident.startswith("urn:uuid:")
        assert author == "Ann & Bo" and enclosure == "http://x.example/a.mp3" and category == "sea|R&D"
        assert "<b>ferry</b>" in content


def test_a_second_tidingsd_follows_the_first(daemon, tcp, origin, tidingsd, tmp_path):
    """By polling: it gets what matches, once, and is answered 304 when nothing changed."""
    folder = tmp_path / "second"
    folder.mkdir()
    other = Daemon(tidingsd, folder)
    try:
        other.start(f"[feed first]\nurl = http://127.0.0.1:{tcp}/v1/feed.atom?query=ferries\nbacklog = all\n"
                    "min-interval = 1s\ninterval = 1s\nhints = ignore\n")
        got = other.wait_for(lambda: other.get("/v1/items")["items"], what="its items")
        assert sorted(i["title"] for i in got) == ['Ferry "Anna" <stopped>', "http://x.example/3"]
        ferry = next(i for i in got if "Anna" in i["title"])
        assert ferry["url"] == "http://x.example/1?a=1&b=2" and "<b>ferry</b>" in ferry["content_html"]
        assert ferry["tags"] == ["sea", "R&D"] and ferry["attachments"][0]["url"] == "http://x.example/a.mp3"
        other.wait_for(lambda: other.get("/v1/status")["since_start"]["fetches"].get("not-modified"),
                       what="a 304")
        assert len(other.get("/v1/items")["items"]) == 2
        origin.set("/feed", FEED.replace("<item><guid>1</guid>", "<item><guid>4</guid><title>A new ferry</title>"
                                         "</item><item><guid>1</guid>"))
        daemon.request("POST", "/v1/refresh", {})
        other.wait_for(lambda: len(other.get("/v1/items")["items"]) == 3, timeout=40, what="the new one")
    finally:
        other.kill()


# ---- the hub ---------------------------------------------------------------------------------------


class Subscriber:
    """A callback on ORIGIN: confirms (or not), and keeps what is delivered."""

    def __init__(self, origin, path="/callback", confirm=True, status=200):
        self.asked, self.got, self.confirm, self.status = [], [], confirm, status
        self.url = origin.url(path)
        origin.answers[path] = self.deliver
        self.origin, self.path = origin, path

    def question(self, handler):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(handler.path).query))
        self.asked.append(query)
        body = query["hub.challenge"].encode() if self.confirm else b"no"
        self.origin.reply(handler, (200, body, {"Content-Type": "text/plain"}))

    def deliver(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.got.append((dict(handler.headers), body))
        self.origin.reply(handler, (self.status, b"", {}))

    def expect_question(self):
        """The challenge is not known before: any query on the path is answered."""
        origin = self.origin

        class Any(dict):
            def get(inner, key, default=None):
                if key.startswith(self.path + "?"):
                    return self.question
                return dict.get(inner, key, default)
        origin.answers = Any(origin.answers)
        return self


def ask_hub(port, token=None, **form):
    body = urllib.parse.urlencode({f"hub.{k}": v for k, v in form.items()})
    return ask(port, "POST", "/v1/hub", token, {"Content-Type": "application/x-www-form-urlencoded"}, body)


def add_ferry(daemon, origin, n):
    origin.set("/feed", FEED.replace("<item><guid>1</guid>",
                                     f"<item><guid>new{n}</guid><title>A ferry, the {n}.</title></item>"
                                     f"<item><guid>dull{n}</guid><title>nothing</title></item><item><guid>1</guid>"))
    daemon.request("POST", "/v1/refresh", {})


def subscriptions(daemon):
    return [s for s in daemon.get("/v1/subscriptions")["subscriptions"] if s["name"].startswith("websub:")]


@pytest.mark.parametrize("kind", ["atom", "rss", "json"])
def test_hub(daemon, tcp, origin, kind):
    topic = f"http://127.0.0.1:{tcp}/v1/feed.{kind}?query=ferries"
    status, headers, text = get(tcp, f"/v1/feed.{kind}?query=ferries", token=None)
    hub = f"http://127.0.0.1:{tcp}/v1/hub"
    assert f'<{hub}>; rel="hub"' in headers["Link"] and f'<{topic}>; rel="self"' in headers["Link"]
    assert hub in text
    s = Subscriber(origin).expect_question()
    assert ask_hub(tcp, mode="subscribe", topic=topic, callback=s.url + "?id=1", secret="geheim",
                   lease_seconds="7200")[0] == 202
    daemon.wait_for(lambda: subscriptions(daemon), what="the subscription")
    q = s.asked[0]
    assert q["id"] == "1" and q["hub.mode"] == "subscribe" and q["hub.topic"] == topic
    assert q["hub.lease_seconds"] == "7200" and len(q["hub.challenge"]) >= 32
    deliveries = s.got
    origin.answers["/callback?id=1"] = s.deliver
    origin.answers = dict(origin.answers)
    add_ferry(daemon, origin, 1)
    daemon.wait_for(lambda: deliveries, what="a delivery")
    head, body = deliveries[0]
    assert head["X-Hub-Signature"] == "sha256=" + hmac.new(b"geheim", body, "sha256").hexdigest()
    assert f'<{hub}>; rel="hub", <{topic}>; rel="self"' == head["Link"]
    polled = get(tcp, f"/v1/feed.{kind}?query=ferries", token=None)
    assert head["Content-Type"] == polled[1]["Content-Type"]
    if kind == "json":
        pushed, whole = json.loads(body)["items"], json.loads(polled[2])["items"]
        assert [i["title"] for i in pushed] == ["A ferry, the 1."] and pushed[0]["id"] == whole[0]["id"]
    else:
        d = feedparser.parse(body)
        assert not d.bozo and d.feed.title == "All ferries"
        assert [e.title for e in d.entries] == ["A ferry, the 1."]
        assert d.entries[0].id == feedparser.parse(polled[2]).entries[0].id


def test_hub_keeps_renews_and_ends(daemon, tcp, origin):
    topic = f"http://127.0.0.1:{tcp}/v1/feed.atom?query=ferries"
    s = Subscriber(origin).expect_question()
    form = {"mode": "subscribe", "topic": topic, "callback": s.url}
    assert ask_hub(tcp, **form)[0] == 202
    name = daemon.wait_for(lambda: subscriptions(daemon), what="the subscription")[0]["name"]
    daemon.stop()
    daemon.start()  # it is still there
    assert [x["name"] for x in subscriptions(daemon)] == [name]
    assert ask_hub(tcp, **form)[0] == 202  # renewed: the same one
    daemon.wait_for(lambda: len(s.asked) == 2, what="the second question")
    add_ferry(daemon, origin, 1)
    daemon.wait_for(lambda: len(s.got) == 1, what="a delivery")
    # somebody else cannot end it: the callback is asked
    s.confirm = False
    assert ask_hub(tcp, **{**form, "mode": "unsubscribe"})[0] == 202
    daemon.wait_for(lambda: len(s.asked) == 3 and "did not confirm" in daemon.text(), what="the refusal")
    assert len(subscriptions(daemon)) == 1
    s.confirm = True
    assert ask_hub(tcp, **{**form, "mode": "unsubscribe"})[0] == 202
    daemon.wait_for(lambda: not subscriptions(daemon), what="the end")


def test_hub_refuses(daemon, tcp, origin):
    s = Subscriber(origin, confirm=False).expect_question()
    base = f"http://127.0.0.1:{tcp}"
    good = {"mode": "subscribe", "topic": f"{base}/v1/feed.atom?query=ferries", "callback": s.url}
    for change, status, says in (({"mode": "publish"}, 400, "hub.mode"), ({"callback": "ftp://x/"}, 400, "hub.callback"),
                                 ({"topic": "http://other.example/v1/feed.atom"}, 400, "no feed of this server"),
                                 ({"topic": f"{base}/v1/items"}, 400, "no feed of this server"),
                                 ({"topic": f"{base}/v1/feed.atom?x=1"}, 400, "x"),
                                 ({"topic": f"{base}/v1/feed.atom?query=walls"}, 403, "token"),
                                 ({"topic": f"{base}/v1/feed.atom?q=ferry"}, 403, "token"),
                                 ({"topic": f"{base}/v1/feed.atom?q=titel:x&token={READ}"}, 400, "query"),
                                 ({"secret": "x" * 200}, 400, "hub.secret"),
                                 ({"secret": "a\nsink = exec rm"}, 400, "hub.secret"),
                                 ({"callback": "http://x/\nquery = a"}, 400, "hub.callback")):
        got, _, text = ask_hub(tcp, **{**good, **change})
        assert got == status and says in json.loads(text)["error"]["reason"], (change, got, text)
    assert not s.asked
    assert ask_hub(tcp, **good)[0] == 202
    daemon.wait_for(lambda: "did not confirm to subscribe" in daemon.text(), what="the refusal")
    assert not subscriptions(daemon)
    # a token in the topic opens what is not public
    s.confirm = True
    assert ask_hub(tcp, **{**good, "topic": f"{base}/v1/feed.atom?q=ferry&token={READ}"})[0] == 202
    daemon.wait_for(lambda: subscriptions(daemon), what="the subscription")


def test_a_second_tidingsd_follows_by_websub(daemon, tcp, origin, tidingsd, tmp_path):
    folder = tmp_path / "second"
    folder.mkdir()
    other, port = Daemon(tidingsd, folder), free_port()
    try:
        other.start(f"[feed first]\nurl = http://127.0.0.1:{tcp}/v1/feed.atom?query=ferries\nbacklog = all\n",
                    daemon=f"websub-listen = 127.0.0.1:{port}\nwebsub-callback = http://127.0.0.1:{port}")
        other.wait_for(lambda: len(other.get("/v1/items")["items"]) == 2, what="its items")
        daemon.wait_for(lambda: subscriptions(daemon), what="its subscription")
        polls = other.get("/v1/status")["since_start"]["fetches"]
        add_ferry(daemon, origin, 1)
        got = other.wait_for(lambda: [i for i in other.get("/v1/items")["items"] if i["title"] == "A ferry, the 1."],
                             what="the push")
        assert len(got) == 1 and other.get("/v1/status")["since_start"]["fetches"] == polls
    finally:
        other.kill()
