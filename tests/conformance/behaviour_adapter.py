#!/usr/bin/env python3
"""Runs tidingsd for a score of how it behaves towards servers: info | run | dump.

The program is $TIDINGS_DAEMON, else the tidingsd of PATH. The score's settings arrive as BS_* variables; everything is kept in BS_DIR. All eight variables are
explained where the score lives, outside this repository.
"""
import os
import sqlite3
import sys
from pathlib import Path

ENV = os.environ
DAEMON = ENV.get("TIDINGS_DAEMON", "tidingsd")


def subscriptions(path):
    """One URL per feed: a fragment is never sent, so it makes no other feed."""
    urls = dict.fromkeys(line.split("#")[0].strip() for line in Path(path).read_text().splitlines())
    return [u for u in urls if u]


def config():
    lines = [
        "[daemon]",
        "store = tidings.db",
        "socket = tidings.sock",
        "contact = https://example.org/about-tidings",
        f"allow-addresses = {ENV['BS_ALLOW'].replace(',', ' ')}",
        f"per-host = {ENV['BS_PER_HOST']}",
        f"host-spacing = {ENV['BS_HOST_SPACING']}s",
        "starts-per-second = 0",
        "parsers = 1",
        f"timeout = {ENV['BS_TIMEOUT']}s",
        f"max-body = {ENV['BS_MAX_BODY']}",
        f"websub-callback = {ENV['BS_CALLBACK']}/websub",
        f"websub-listen = 127.0.0.1:{ENV['BS_CALLBACK_PORT']}",
        "[defaults]",
        f"interval = {ENV['BS_POLL']}s",
        f"min-interval = {ENV['BS_POLL']}s",
        "backlog = all",
        "move-after = 0",  # the score lasts a minute; three polls are still needed
    ]
    for n, url in enumerate(subscriptions(ENV["BS_URLS"]), 1):
        lines += [f"[feed f{n}]", f"url = {url}"]
    return "\n".join(lines) + "\n"


def main():
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "info":
        os.execvp(DAEMON, [DAEMON, "--version"])
    elif command == "run":
        os.chdir(ENV["BS_DIR"])
        Path("feeds.conf").write_text(config())
        os.execvp(DAEMON, [DAEMON, "--config", "feeds.conf"])
    elif command == "dump":
        db = sqlite3.connect(f"file:{ENV['BS_DIR']}/tidings.db?mode=ro", uri=True)
        for (title,) in db.execute("SELECT title FROM v1_items"):
            print(" ".join((title or "").split()))
    else:
        sys.exit("usage: behaviour_adapter.py info | run | dump")


if __name__ == "__main__":
    main()
