"""No sanitised sample runs script in a real browser.

The samples are the attacks of the fuzzers' corpus, one a line. `tidings parse` sanitises them; headless
Chromium then reads the result in three ways: as part of a page, through innerHTML, and through
innerHTML once more (which is where mutation XSS strikes); and every link is clicked. A page with raw
samples shows first that the page would notice.
"""

import html
import json
import re
import shutil
import subprocess

import pytest

from conftest import program

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")

PAGE = """<!DOCTYPE html><html><head><meta charset=utf-8><script>
var ran = [];
function note(what) { ran.push(String(what)); }
window.alert = window.msgbox = window.prompt = window.confirm = note;
addEventListener('click', function (e) {
  var a = e.target.closest && e.target.closest('a');
  if (a && !/^javascript:/i.test(a.href)) e.preventDefault();
}, true);
</script></head><body><!-- in the page -->%(inline)s<script>
var samples = %(samples)s;
samples.forEach(function (s) {
  var d = document.createElement('div');
  document.body.appendChild(d);
  d.innerHTML = s;
  d.innerHTML = d.innerHTML;
  d.innerHTML = d.innerHTML;
});
document.querySelectorAll('a').forEach(function (a) { a.click(); });
document.querySelectorAll('body *').forEach(function (e) {
  ['mouseover', 'focus', 'toggle', 'load', 'error'].forEach(function (n) {
    e.dispatchEvent(new Event(n));
  });
});
setTimeout(function () {
  document.documentElement.innerHTML =
    '<body><pre id=verdict>ran=' + ran.length + ' samples=' + samples.length + '</pre></body>';
}, 1000);
</script></body></html>"""


def samples(source_dir):
    found = []
    for path in sorted((source_dir / "tests/fuzz/corpus/sanitize").glob("attacks-*")):
        found += path.read_bytes()[1:].decode("utf-8", "replace").split("\n")
    return [s for s in found if s.strip()]


def sanitised(tidings, tmp_path, texts):
    """What `tidings parse` makes of each; the control characters that XML forbids go before."""
    items = "".join(
        "<item><guid>%d</guid><description>%s</description></item>"
        % (i, html.escape(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "", t)))
        for i, t in enumerate(texts)
    )
    feed = tmp_path / "feed.xml"
    feed.write_text('<rss version="2.0"><channel><title>x</title>%s</channel></rss>' % items, "utf-8")
    out = subprocess.run(
        [tidings, "parse", "--json", "--base-url", "http://base.example/d/p", feed],
        capture_output=True, check=True, timeout=60,
    ).stdout
    return [i["content_html"] for i in json.loads(out)["items"] if "content_html" in i]


def count_runs(tmp_path, texts):
    """Number of times that something in TEXTS ran in the browser."""
    page = tmp_path / "page.html"
    page.write_text(
        PAGE % {
            "inline": "".join("<div>%s</div>" % t for t in texts),
            "samples": json.dumps(texts).replace("<", "\\u003c"),
        },
        "utf-8",
    )
    out = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=%s" % (tmp_path / "profile"),
         "--virtual-time-budget=10000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout
    verdict = re.search(r"ran=(\d+) samples=(\d+)", out)
    assert verdict, out[-2000:]
    assert int(verdict.group(2)) == len(texts)
    return int(verdict.group(1))


def test_the_page_notices(tmp_path):
    assert count_runs(tmp_path, ["<img src=x onerror=alert(1)>"]) > 0
    assert count_runs(tmp_path, ["<a href='java&Tab;script:alert(1)'>x</a>"]) > 0
    assert count_runs(tmp_path, ["<svg onload=alert(1)>"]) > 0
    assert count_runs(tmp_path, ["<p>harmless</p>"]) == 0


def test_nothing_runs(tmp_path, source_dir, build_dir):
    texts = sanitised(program(build_dir, "tidings"), tmp_path, samples(source_dir))
    assert len(texts) > 50  # some attacks leave nothing at all
    assert count_runs(tmp_path, texts) == 0
