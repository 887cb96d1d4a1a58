#!/usr/bin/env python3
"""Is docs/API.md about the routes that there are (daemon/serve/routes.c)?

Every route has a section with a curl line, every parameter of it is named there, and there is no
section without a route.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUTE = re.compile(r'\{"(GET|POST|DELETE|PUT)",\s*"([^"]+)",\s*(NULL|"[^"]*")')


def main():
    table = (ROOT / 'daemon/serve/routes.c').read_text(encoding='utf-8')
    page = (ROOT / 'docs/API.md').read_text(encoding='utf-8')
    sections = dict(re.findall(r'^### `([^`]+)`\n(.*?)(?=^##|\Z)', page, re.M | re.S))
    routes = {f'{method} {path}': [] if params == 'NULL' else params.strip('"').split()
              for method, path, params in ROUTE.findall(table)}
    problems = [f'docs/API.md: {name}: no such route' for name in sections.keys() - routes.keys()]
    for name, params in routes.items():
        text = sections.get(name)
        if text is None:
            problems.append(f'docs/API.md: {name} has no section')
            continue
        if not re.search(r'^    api .*localhost/', text, re.M):
            problems.append(f'docs/API.md: {name} has no curl line')
        problems += [f'docs/API.md: {name}: parameter {p} is not explained'
                     for p in params if not re.search(rf'`{p}[`=]', text)]
    if not routes:
        problems.append('daemon/serve/routes.c: no route was found')
    print('\n'.join(sorted(problems)) or f'api: {len(routes)} routes, all documented')
    return bool(problems)


if __name__ == '__main__':
    sys.exit(main())
