"""kill -9 at random instants while items come in; then everything must be there exactly once.

The origin publishes one more item with each full answer, so there is always something to lose. After each
kill the store is looked at as it lies there: a validator that is stored must not promise more than the
items that are stored. At the end every item that was published is stored once and announced once.
"""

import os
import random
import re
import sqlite3
import threading
import time

import pytest

FEEDS = 8
KILLS = int(os.environ.get("TIDINGS_KILLS", "200"))  # meson.build: fewer with sanitizers, which are slow


class Publisher:
    """A feed that grows by an item whenever it is read anew; its ETag is its length."""

    def __init__(self, number):
        self.number = number
        self.published = 1
        self.frozen = False
        self.lock = threading.Lock()

    def guid(self, i):
        return f"f{self.number}-{i}"

    def __call__(self, handler):
        with self.lock:
            tag = f'"{self.published}"'
            if handler.headers.get("If-None-Match") == tag:
                if self.frozen:
                    handler.send_response(304)
                    handler.end_headers()
                    return
                self.published += 1
                tag = f'"{self.published}"'
            items = "".join(
                f"<item><guid isPermaLink='false'>{self.guid(i)}</guid><title>Report {i}</title>"
                f"<description>{'The two spoke by phone. ' * 8}</description></item>"
                for i in range(self.published, 0, -1))
        body = (f"<rss version='2.0'><channel><title>Feed {self.number}</title>{items}"
                "</channel></rss>").encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/rss+xml")
        handler.send_header("ETag", tag)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def look(store):
    """What a crashed store holds: (items per feed, etag per feed, events, all event numbers)."""
    db = sqlite3.connect(store)
    try:
        assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
        items = {}
        for feed, guid in db.execute("SELECT feed, id FROM v1_items"):
            items.setdefault(feed, []).append(guid)
        tags = dict(db.execute("SELECT name, CAST(etag AS TEXT) FROM feed JOIN poll USING(feed_id) WHERE etag IS NOT NULL"))
        events = db.execute("SELECT seq, item_id, event FROM v1_events ORDER BY seq").fetchall()
        return items, tags, events
    finally:
        db.close()


def check(store, publishers, seen):
    items, tags, events = look(store)
    for p in publishers:
        stored = items.get(f"f{p.number}", [])
        assert len(stored) == len(set(stored)), f"an item of feed {p.number} is stored twice"
        promised = int(tags.get(f"f{p.number}", '"0"').strip('"'))
        missing = {p.guid(i) for i in range(1, promised + 1)} - set(stored)
        assert not missing, f"feed {p.number}: validator {promised} stored, but not {sorted(missing)[:5]}"
    numbers = [e[0] for e in events]
    assert numbers == sorted(set(numbers))
    announced = [e[1] for e in events if e[2] == "item.new"]
    assert len(announced) == len(set(announced)), "an item is announced twice"
    assert len(announced) == sum(map(len, items.values())), "an item is stored without its event"
    before = {e[0]: e[1] for e in events}
    assert all(before.get(seq) == item for seq, item in seen.items()), "the log changed its past"
    return before


@pytest.mark.parametrize("seed", [1])
def test_kills_lose_and_repeat_nothing(daemon, origin, seed):
    chance = random.Random(seed)
    publishers = [Publisher(n) for n in range(FEEDS)]
    for p in publishers:
        origin.set(f"/{p.number}", p)
    daemon.configure(
        "[defaults]\ninterval = 1s\nmin-interval = 1s\nbacklog = all\n"
        + "".join(f"[feed f{p.number}]\nurl = {origin.url('/' + str(p.number))}\n" for p in publishers),
        "starts-per-second = 0\nhost-spacing = 0\nper-host = 8\nlog-level = warning\n")
    seen = {}
    window = 0.06  # seconds from its first request to its end; longer where nothing gets through in that
    for kill in range(KILLS):
        asked = len(origin.requests)
        daemon.start(wait=False)
        with origin.arrived:  # some while it starts, most while something is under way
            origin.arrived.wait_for(lambda: len(origin.requests) > asked, chance.choice([0.05, 20, 20]))
        time.sleep(chance.random() * window)
        daemon.kill()
        if kill % 10 == 9:
            seen = check(daemon.store, publishers, seen)
            if sum(p.published for p in publishers) < kill / 2:
                window = min(window * 1.5, 1)
    for p in publishers:
        p.frozen = True
    daemon.start()
    db = sqlite3.connect(f"file:{daemon.store}?mode=ro", uri=True)

    def complete():
        tags = dict(db.execute("SELECT name, CAST(etag AS TEXT) FROM feed JOIN poll USING(feed_id)"))
        return all(tags.get(f"f{p.number}") == f'"{p.published}"' for p in publishers)

    daemon.wait_for(complete, timeout=60, what="reading every feed to its end")
    db.close()
    assert daemon.stop() == 0
    check(daemon.store, publishers, seen)
    items, _, _ = look(daemon.store)
    for p in publishers:
        assert sorted(items[f"f{p.number}"]) == sorted(p.guid(i) for i in range(1, p.published + 1))
    assert sum(p.published for p in publishers) >= KILLS / 4, "too little came in to prove anything"
    assert not re.search(r"(?i)damaged|corrupt", daemon.text())
