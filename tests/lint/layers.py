#!/usr/bin/env python3
"""A stage includes base/ and model/ only, never the next stage (docs/ARCHITECTURE.md).

Also: which folder may touch which library, includes name the folder, and nothing at the top level
that is not agreed on.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
STAGES = {
    'base': {'base'},
    'model': {'base', 'model'},
    'query': {'base', 'model', 'query'},  # the query language: of every stage that answers or tells
    'config': {'base', 'model', 'query', 'config'},
    'schedule': {'base', 'model', 'schedule'},
    'fetch': {'base', 'model', 'fetch'},
    'parse': {'base', 'model', 'parse'},
    'story': {'base', 'model', 'story'},
    'store': {'base', 'model', 'query', 'story', 'store'},
    'notify': {'base', 'model', 'query', 'notify', 'store'},
    'serve': {'base', 'model', 'query', 'serve', 'notify', 'store'},
    'client': {'base', 'model', 'query', 'client', 'config', 'schedule', 'fetch', 'parse', 'story', 'store'},
}
LIBRARIES = {
    'curl/curl.h': {'fetch', 'client'},
    'libxml/': {'parse', 'config/opml.c'},
    'sqlite3.h': {'store', 'query/words.c'},  # there: the index's tokenizer
    'pcre2.h': {'query/regex.c'},
    'microhttpd.h': {'serve'},
    'utf8proc.h': {'story', 'query/cut.c'},
    'seccomp.h': {'parse'},
    'openssl/': {'base'},
}
TOP = {'daemon', 'feeds.conf.example', 'systemd', 'tests', 'meson.build', 'README.md', 'LICENSE',
       'CHANGELOG.md', 'meson_options.txt', 'docs'}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def check_file(path, problems):
    rel = path.relative_to(ROOT / 'daemon')
    folder = rel.parts[0] if len(rel.parts) > 1 else None
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        m = INCLUDE.match(line)
        if not m:
            continue
        where = f'daemon/{rel}:{number}'
        kind, name = m.groups()
        if kind == '"' and folder:
            if '/' not in name and (path.parent / name).exists():  # else meson generates it
                problems.append(f'{where}: "{name}": includes name the folder')
            elif name.split('/')[0] in STAGES and name.split('/')[0] not in STAGES[folder]:
                problems.append(f'{where}: {folder}/ may not include {name}')
        for prefix, allowed in LIBRARIES.items():
            if kind == '<' and folder and name.startswith(prefix) and \
                    not ({folder, str(rel)} & allowed):
                problems.append(f'{where}: <{name}> belongs in {", ".join(sorted(allowed))}')


def main():
    problems = []
    for path in sorted((ROOT / 'daemon').rglob('*.[ch]')):
        check_file(path, problems)
    tracked = subprocess.run(['git', '-C', ROOT, 'ls-files'], capture_output=True, text=True)
    names = {f.split('/')[0] for f in tracked.stdout.split()} or {p.name for p in ROOT.iterdir()}
    for name in sorted(names):
        if not name.startswith('.') and name not in TOP and not name.startswith('build'):
            problems.append(f'{name}: not a top-level entry that was agreed on')
    print('\n'.join(problems) or 'layers: every include points backwards')
    return bool(problems)


if __name__ == '__main__':
    sys.exit(main())
