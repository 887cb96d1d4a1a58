#!/usr/bin/env python3
"""conf_man.py DESCRIBE : feeds.conf(5) has every key, with its sections and its default, and no other.

DESCRIBE prints settings_describe. A key's entry in the page begins "*key* = " and is followed, in its
text, by "Default: *value*." or "No default."; keys stand under the heading of their section.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    rows = [line.split('\t') for line in
            subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout.splitlines()]
    page = (ROOT / 'docs/man/feeds.conf.5.scd').read_text(encoding='utf-8')
    entries = re.findall(r'^\*([a-z-]+)\* = .*\n((?:\t.*\n|\n(?=\t))+)', page, re.M)
    problems = [f'{key}: is in the page but is no key'
                for key in {e[0] for e in entries} - {r[1] for r in rows}]
    for sections, key, _, default, _ in rows:
        texts = [text for k, text in entries if k == key]
        if not texts:
            problems.append(f'{key}: is not in the page')
            continue
        # A name may be a key of [site] and another one elsewhere.
        here = [t for t in texts if f'In {sections}.' in t.replace('_', '').replace('\\', '')]
        text = (here or texts)[0]
        want = f'Default: *{default}*.' if default else 'No default.'
        if want not in text:
            problems.append(f'{key}: the page lacks "{want}"')
        if f'In {sections}.' not in text.replace('_', '').replace('\\', ''):
            problems.append(f'{key}: the page lacks "In {sections}."')
    if not rows:
        problems.append('no key was described')
    print('\n'.join(sorted(problems)) or f'feeds.conf(5): {len(rows)} keys')
    return bool(problems)


if __name__ == '__main__':
    sys.exit(main())
