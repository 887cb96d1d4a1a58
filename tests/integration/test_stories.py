"""Stories with the real daemon: the demo of the README, events, corrections, kills."""

import http.client
import json
import random
import re
import sqlite3
import subprocess
import threading
import time

import pytest

OUTLETS = {"harbour-gazette": "harbour-gazette.rss.xml", "meridian-wire": "meridian-wire.atom.xml",
           "upland-observer": "upland-observer.rdf.xml"}
CALL = "defence secretary"


def placed(daemon, items):
    """There are ITEMS or more, and each has its story."""
    counts = daemon.get("/v1/status")["counts"]
    return counts["items"] >= items and counts["stories_waiting"] == 0


@pytest.fixture
def desk(daemon, tidings, source_dir):
    """A daemon on the sample outlets' files; an outlet that is not published yet has an empty feed."""
    class Desk:
        def __init__(self):
            self.daemon = daemon
            for name in OUTLETS:
                (daemon.dir / f"{name}.xml").write_text(
                    '<rss version="2.0"><channel><title>x</title></channel></rss>')

        def publish(self, name, change=lambda text: text):
            text = (source_dir / "docs/samples" / OUTLETS[name]).read_text()
            part = daemon.dir / f"{name}.part"
            part.write_text(change(text))
            part.rename(daemon.dir / f"{name}.xml")

        def start(self, more=""):
            daemon.start("[defaults]\nbacklog = all\n" + "".join(
                f"[feed {n}]\nurl = file:{daemon.dir}/{n}.xml\n" for n in OUTLETS), daemon=more)
            daemon.wait_for(lambda: "first round done" in daemon.text())

        def read(self, name, items):
            """Has the daemon read NAME's file until ITEMS are stored."""
            def there():
                daemon.request("POST", "/v1/refresh", {"feed": name})
                return placed(daemon, items)
            daemon.wait_for(there, what=f"{items} items")

        def events(self, per="story"):
            text = daemon.request("GET", f"/v1/events?after=0&follow=0&format=jsonl&per={per}")[1]
            return [json.loads(line) for line in text.splitlines()]

        def call(self):
            """The story of the call."""
            found = daemon.get("/v1/stories?q=%22defence+secretary%22")["stories"]
            assert len(found) == 1, found
            return found[0]

        def run(self, *args, code=0):
            r = subprocess.run([tidings, *args], cwd=daemon.dir, capture_output=True, text=True, timeout=20)
            assert r.returncode == code, (args, r.stdout, r.stderr)
            return r.stdout + r.stderr
    return Desk()


def test_the_demo(desk, source_dir):
    """Three outlets carry the call: one notification, then it grows; the air strike stays apart."""
    desk.publish("harbour-gazette")
    desk.start()
    desk.read("harbour-gazette", 3)
    told = [e for e in desk.events() if CALL in e["story"]["title"]]
    assert [(e["event"], e["story"]["outlets"]) for e in told] == [("story.new", 1)]
    desk.publish("meridian-wire")
    desk.read("meridian-wire", 5)
    desk.publish("upland-observer")  # in its own words
    desk.read("upland-observer", 7)
    story = desk.call()
    told = [e for e in desk.events() if e["story"]["story_id"] == story["story_id"]]
    assert [e["event"] for e in told] == ["story.new", "story.grew", "story.grew"]
    assert [e["story"]["outlets"] for e in told] == [1, 2, 3]
    assert (story["outlets"], story["items"]) == (3, 3) and len(story["growth"]) == 12
    stories = desk.daemon.get("/v1/stories?order=size")["stories"]
    assert stories[0]["story_id"] == story["story_id"] and len(stories) == 5
    assert [s["outlets"] for s in stories[1:]] == [1] * 4  # the air strike among them
    assert desk.daemon.get("/v1/stories?outlets>=2")["stories"] == [s for s in stories if s["outlets"] > 1]

    page = desk.run("story", str(story["story_id"]))
    assert all(n in page for n in ("harbour-gazette", "meridian-wire", "upland-observer")) and "3 outlets" in page
    assert "Air strike" not in page
    front = desk.run("stories")
    assert re.search(r"\b3 .*Army chief", front) and "Air strike" in front
    why = desk.run("why-story", str(told[1]["item"]["_tidings"]["item_id"]))
    assert "words in common" in why and "secretary" in why
    assert "there is no item 999" in desk.run("why-story", "999", code=66)
    # the same without the daemon
    assert desk.daemon.stop() == 0
    assert desk.run("story", str(story["story_id"])) == page
    assert desk.run("stories", "--order", "size", "-Fjsonl").splitlines()[0].startswith("{")


def test_changes_are_told_and_follow_prints_them(desk):
    desk.publish("harbour-gazette")
    desk.start()
    desk.read("harbour-gazette", 3)
    desk.publish("harbour-gazette", lambda t: t.replace("Night ferry returns after", "Night ferry is back after"))
    def changed():
        desk.daemon.request("POST", "/v1/refresh", {"feed": "harbour-gazette"})
        return [e for e in desk.events() if e["event"] == "story.changed"]
    event = desk.daemon.wait_for(changed)[0]
    assert event["story"]["note"] == "headline" and "is back" in event["story"]["title"]
    assert "before: Night ferry returns" in desk.run("story", str(event["story"]["story_id"]))
    assert {e["event"] for e in desk.events("item")} == {"item.new", "item.changed"}
    assert "per=day" in json.dumps(desk.daemon.request("GET", "/v1/events?per=day")[1])


def test_the_same_article_is_told_once_per_article(desk):
    """The wire's item under another address, word for word, is a sighting."""
    desk.publish("meridian-wire")
    desk.start()
    desk.read("meridian-wire", 2)
    text = (desk.daemon.dir / "meridian-wire.xml").read_text()
    copy = text.replace("meridian-wire.example", "copy.example").replace("Meridian Wire", "The Copy")
    (desk.daemon.dir / "upland-observer.xml").write_text(copy)
    desk.read("upland-observer", 4)
    assert len(desk.events("item")) == 4 and len(desk.events("article")) == 2
    with sqlite3.connect(f"file:{desk.daemon.store}?mode=ro", uri=True) as db:
        assert db.execute("SELECT sum(sighting), count(DISTINCT story_id) FROM v1_story_items").fetchone() == (2, 2)


def test_corrections_hold(desk):
    for name in ("harbour-gazette", "meridian-wire"):
        desk.publish(name)
    desk.start()
    desk.daemon.wait_for(lambda: placed(desk.daemon, 5))
    story = desk.call()
    members = desk.daemon.get(f"/v1/stories/{story['story_id']}")["timeline"]
    assert len(members) == 2
    wire = next(m["item_id"] for m in members if m["feed"] == "meridian-wire")
    said = desk.run("story", "split", str(wire))
    own = int(re.search(r"in story (\d+) now", said)[1])
    assert own != story["story_id"]
    assert [m["item_id"] for m in desk.daemon.get(f"/v1/stories/{own}")["timeline"]] == [wire]
    # it holds for later items: a copy of the wire's text goes to the new story, also after a kill
    desk.daemon.kill()
    text = (desk.daemon.dir / "meridian-wire.xml").read_text().replace("meridian-wire.example", "copy.example")
    (desk.daemon.dir / "upland-observer.xml").write_text(text)
    desk.daemon.start()
    desk.read("upland-observer", 7)
    assert len(desk.daemon.get(f"/v1/stories/{own}")["timeline"]) == 2
    # merged: one story, the other leads to it
    assert f"in story {story['story_id']} now" in desk.run("story", "merge", str(own), str(story["story_id"]))
    whole = desk.daemon.get(f"/v1/stories/{own}")
    assert whole["story_id"] == story["story_id"] and len(whole["timeline"]) == 3 and whole["asked_for"] == own
    assert "pinned" in desk.run("story", "pin", str(wire)) + desk.run("why-story", str(wire))
    notes = [e["story"].get("note") for e in desk.events() if e["event"] == "story.changed"]
    assert "split" in notes and "merged" in notes and "pinned" in notes
    for wrong in (["split", "999"], ["merge", "999", "1"], ["pin", "1", "999"]):
        assert "there is no" in desk.run("story", *wrong, code=66)
    assert desk.daemon.request("POST", "/v1/stories", {"split": 1, "merge": 2})[0] == 400
    with sqlite3.connect(f"file:{desk.daemon.store}?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*) FROM story_fix").fetchone() == (3,)


def stories_of(path):
    """Which items are together: independent of times."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT story_id, i.title, s.how, s.p FROM v1_story_items s JOIN v1_items i"
                          " USING(item_id) ORDER BY item_id").fetchall()
        whole = db.execute("SELECT (SELECT count(*) FROM item), (SELECT count(*) FROM story_item),"
                           " (SELECT sum(n_items) FROM story), (SELECT count(*) FROM story WHERE told = 0),"
                           " (SELECT count(*) FROM v1_events WHERE event = 'story.new')").fetchone()
        n = db.execute("SELECT count(*) FROM story").fetchone()[0]
    assert whole[0] == whole[1] == whole[2] and whole[3] == 0 and whole[4] == n
    return rows


def publish_many(daemon, i):
    """Batch I of a feed: twelve items that tell four things in changing words."""
    things = ["Ferry {} runs aground off Kalmar{}", "Parliament {} votes on harbour tax{}",
              "Glacier lake {} bursts above Altkirch{}", "Striker {} leaves Porto for Turin{}"]
    words = ["again", "today", "says mayor", "in storm", "officials confirm", "late", "at last", "for now"]
    items = "".join(f"<item><guid>{i}-{k}</guid><title>{things[k % 4].format(words[(i + k) % 8], ' ' + words[(i * 3 + k) % 8])}"
                    f"</title><link>http://p{k % 5}.example/{i}/{k}</link></item>" for k in range(12))
    (daemon.dir / "p.xml").write_text(f'<rss version="2.0"><channel><title>P</title>{items}</channel></rss>')


def test_kills_change_nothing(daemon, tmp_path):
    """Killed in the middle again and again, the stories are those of a run without a kill."""
    config = f"[defaults]\nbacklog = all\n[feed p]\nurl = file:{daemon.dir}/p.xml\n"
    batches, results = 7, []
    for kills in (False, True):
        for old in daemon.dir.glob("tidings.db*"):
            old.unlink()
        publish_many(daemon, 0)
        daemon.start(config)
        for i in range(batches):
            publish_many(daemon, i)
            want = 12 * (i + 1)
            def there():
                daemon.request("POST", "/v1/refresh", {"feed": "p"})
                return placed(daemon, want)
            if kills and i % 3 > 0:
                daemon.request("POST", "/v1/refresh", {"feed": "p"})
                time.sleep(0.008 * i)  # any instant will do: there is no event to await
                daemon.kill()
                daemon.start()
            daemon.wait_for(there, what=f"{want} items")
        assert daemon.stop() == 0
        results.append(stories_of(daemon.store))
    assert results[0] == results[1]
    assert len({row[0] for row in results[0]}) < 5 * batches


def places_of(path):
    """{item: story}, and that the tables agree on it."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*) FROM item WHERE item_id NOT IN (SELECT item_id FROM story_item)").fetchone() == (0,)
        assert db.execute("SELECT s.story_id FROM story s LEFT JOIN story_item i USING(story_id) GROUP BY s.story_id HAVING"
                          " s.n_items <> count(i.item_id) OR s.n_outlets <> count(DISTINCT i.outlet)").fetchall() == []
        return dict(db.execute("SELECT item_id, story_id FROM story_item"))


def test_a_kill_while_a_story_is_corrected(daemon):
    """What was answered is done, what was not is done whole or not at all, and a start moves nothing."""
    random.seed(7)
    items, answered = 12, 0
    publish_many(daemon, 0)
    daemon.start(f"[defaults]\nbacklog = all\n[feed p]\nurl = file:{daemon.dir}/p.xml\n")
    daemon.wait_for(lambda: placed(daemon, items))
    for step in range(8):
        before, got = places_of(daemon.store), []
        item, into = random.choice(list(before)), random.choice(list(before.values()))
        body = [{"split": item}, {"split": item, "into": into}, {"merge": before[item], "into": into}, {"pin": item}][step % 4]
        def correct():
            try:
                got.append(daemon.request("POST", "/v1/stories", body))
            except (OSError, http.client.HTTPException):
                pass  # killed before it answered
        asking = threading.Thread(target=correct)
        asking.start()
        time.sleep(random.random() * 0.03)  # any instant will do: there is no event to await
        daemon.kill()
        asking.join()
        after = places_of(daemon.store)
        moved = {i for i in before if after[i] != before[i]}
        assert moved <= {i for i in before if before[i] == before[item]} and len({after[i] for i in moved}) <= 1
        if got and got[0][0] == 200:
            answered += 1
            assert after[item] == got[0][1]["story_id"]
        if got and got[0][0] != 200:
            assert not moved
        daemon.start()
        publish_many(daemon, step + 1)
        items += 12
        daemon.wait_for(lambda: daemon.request("POST", "/v1/refresh", {"feed": "p"}) and placed(daemon, items))
        later = places_of(daemon.store)
        assert {i: later[i] for i in after} == after
    assert answered


def test_a_round_is_stored_before_it_has_its_stories(daemon):
    """Thousands at once get their stories behind their backs: the same ones, wherever a kill comes between, and each
    article is told of once."""
    items = 2000
    entries = "".join(
        f"<item><guid>{i}</guid><title>Vessel {i * 7919 % 499} leaves port {i % 13} {'at last' if i % 4 else 'late'}</title>"
        f"<pubDate>Tue, 0{1 + i % 3} Sep 2026 0{i % 7}:{i % 60:02}:00 GMT</pubDate></item>" for i in range(items))
    (daemon.dir / "p.xml").write_text(f'<rss version="2.0"><channel><title>P</title>{entries}</channel></rss>')
    def status():
        return daemon.get("/v1/status")["counts"]
    results, put_off, waited = [], 0, False
    for kills in (0, 5):
        for old in daemon.dir.glob("tidings.db*"):
            old.unlink()
        daemon.start(f"[defaults]\nbacklog = all\n[feed p]\nurl = file:{daemon.dir}/p.xml\n")
        for _ in range(kills):
            daemon.wait_for(lambda: status()["items"])
            put_off = max(put_off, status()["stories_waiting"])
            code, answer = daemon.request("GET", f"/v1/items/{items}/story")
            waited |= code == 404 and "waits for its story" in answer["error"]["reason"]
            daemon.kill()
            daemon.start()
        daemon.wait_for(lambda: placed(daemon, items), what="stories")
        daemon.wait_for(lambda: "tidings_stories_waiting 0" in daemon.request("GET", "/metrics")[1])
        assert daemon.stop() == 0
        results.append(stories_of(daemon.store))
    assert put_off > 100 and waited  # else nothing was put off, and nothing was proved
    assert results[0] == results[1] and len(results[0]) == items


def test_strictness_and_off(daemon):
    publish_many(daemon, 1)
    daemon.start(f"[defaults]\nbacklog = all\n[feed p]\nurl = file:{daemon.dir}/p.xml\n", daemon="stories = no")
    daemon.wait_for(lambda: daemon.get("/v1/status")["counts"]["items"] == 12)
    assert daemon.get("/v1/stories")["stories"] == []
    daemon.stop()
    daemon.configure("", "strictness = 1.5\nstory-steps = 3 2\n")
    daemon.start(wait=False)
    assert daemon.process.wait(10) == 78
    assert "0.05 to 0.99" in daemon.text() and "rising numbers" in daemon.text()
