#!/usr/bin/env python3
"""Does systemd/tidings.catalog explain exactly the ids of daemon/base/message_ids.h, and is each used?"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    header = (ROOT / 'daemon/base/message_ids.h').read_text(encoding='utf-8')
    catalog = (ROOT / 'systemd/tidings.catalog').read_text(encoding='utf-8')
    code = ''.join(p.read_text(encoding='utf-8') for p in (ROOT / 'daemon').rglob('*.c'))
    ids = dict(re.findall(r'#define\s+(MSG_\w+)\s+"([0-9a-f]{32})"', header))
    entries = re.findall(r'^-- ([0-9a-f]{32})\n((?:[A-Z][\w-]*: .*\n)+)\n(\S.*\n)', catalog, re.M)
    explained = {e[0] for e in entries}
    problems = [f'{name} is in no line of the log' for name in ids if name not in code]
    problems += [f'{name} ({i}) is not in the catalog' for name, i in ids.items()
                 if i not in explained]
    problems += [f'catalog: {i} is no id of ours' for i in explained - set(ids.values())]
    problems += [f'catalog: {i} lacks Subject, Defined-By or Documentation' for i, head, _ in entries
                 if not all(f'{h}: ' in head for h in ('Subject', 'Defined-By', 'Documentation'))]
    if len(set(ids.values())) != len(ids) or len(entries) != len(explained) or not ids:
        problems.append('an id stands twice, or there is none')
    print('\n'.join(problems) or f'catalog: {len(ids)} messages explained')
    return bool(problems)


if __name__ == '__main__':
    sys.exit(main())
