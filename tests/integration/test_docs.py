"""What the manual and README say can be done is done here: queries, commands, the sample config."""

import re
import subprocess

import pytest


def blocks(text, fence):
    return re.findall(rf"^```{fence}\n(.*?)^```", text, re.S | re.M)


@pytest.fixture
def samples(daemon, source_dir):
    """The daemon on feeds.conf.example, without the public feeds."""
    example = (source_dir / "feeds.conf.example").read_text()
    daemon.configure(backlog_all(example, source_dir))
    daemon.start()
    daemon.wait_for(lambda: daemon.get("/v1/status")["counts"]["items"] >= 7)
    daemon.wait_for(lambda: daemon.get("/v1/status")["counts"]["stories_waiting"] == 0)
    return daemon


def backlog_all(example, source_dir):
    sections = re.split(r"(?m)^(?=\[)", example)
    kept = [s for s in sections if "url = file:" in s]
    assert len(kept) == 3
    return "".join(kept).replace("file:docs/", f"file:{source_dir}/docs/")


def test_the_example_config_loads_whole(tidings, source_dir):
    r = subprocess.run([tidings, "check-config", source_dir / "feeds.conf.example"],
                       capture_output=True, text=True, timeout=20)
    assert r.returncode == 0, r.stdout + r.stderr


def test_every_query_of_the_manual_runs(samples, source_dir):
    page = (source_dir / "docs/man/tidings-store.5.scd").read_text()
    readme = (source_dir / "README.md").read_text()
    queries = [q for q in re.findall(r"```\n(SELECT.*?)```", page, re.S)]
    readme_queries = blocks(readme, "sql")
    assert len(queries) >= 5 and len(readme_queries) >= 5
    for query in queries + readme_queries:
        r = subprocess.run(["sqlite3", "-readonly", samples.store, query], capture_output=True,
                           text=True, timeout=20)
        assert r.returncode == 0 and not r.stderr, (query, r.stderr)
    newest = subprocess.run(["sqlite3", "-readonly", samples.store, readme_queries[0]],
                            capture_output=True, text=True, timeout=20).stdout
    assert "Beavers return to the upper valley" in newest


def test_every_view_and_column_of_the_manual_exists(samples, source_dir):
    page = (source_dir / "docs/man/tidings-store.5.scd").read_text()
    for view in ("v1_feeds", "v1_items", "v1_revisions", "v1_events", "v1_stories", "v1_story_items"):
        section = page.split(f"## {view}")[1].split("\n#")[0]
        shown = subprocess.run(["sqlite3", "-readonly", samples.store,
                                f"SELECT name FROM pragma_table_info('{view}')"],
                               capture_output=True, text=True, timeout=20).stdout.split()
        assert shown, view
        for column in shown:
            assert f"*{column}*" in section, f"{view}.{column} is not documented"
        if view != "v1_events":
            documented = set(re.findall(r"\*(\w+)\*", section))
            assert documented <= set(shown) | {"item_id", "log-age", "log-events"}, documented - set(shown)


def test_the_commands_of_the_readme_run(samples, tidings, tidingsd, source_dir):
    readme = (source_dir / "README.md").read_text()
    commands = [line.split("  #")[0].strip() for block in blocks(readme, "console")
                for line in block.splitlines() if line.startswith("tidings ")]
    assert len(commands) >= 5
    for command in commands:
        args = command.split()[1:]
        r = subprocess.run([tidings, *args], capture_output=True, text=True, timeout=20,
                           cwd=samples.dir)
        assert r.returncode == 0, (command, r.stdout, r.stderr)
