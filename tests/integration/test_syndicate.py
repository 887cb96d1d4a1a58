"""Queries as feeds: read by feedparser, by sfeed and by a second tidingsd; who may read them."""

import base64
import json
import shutil
import subprocess
import urllib.parse

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
        {"name": "ferries", "title": "All ferries", "query": "ferry", "public": True},
        {"name": "walls", "query": "title:wall", "public": False}]


def test_mistakes(daemon, tcp):
    for path, says in (("q=titel:x", "did you mean title:"), ("q=a&query=walls", "one of both"),
                       ("limit=0", "from 1"), ("query=%ff", "UTF-8")):
        status, _, text = get(tcp, f"/v1/feed.rss?{path}")
        assert status == 400 and says in json.loads(text)["error"]["reason"], (path, text)
    daemon.configure("[query a]\nquery = titel:x\n[query b]\n[query a]\nquery = y\n", "public-url = ftp://x/")
    status, answer = daemon.request("POST", "/v1/reload")
    problems = "\n".join(answer["error"]["problems"])
    assert status == 400 and "did you mean title:" in problems and "[query b] without a query" in problems
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
