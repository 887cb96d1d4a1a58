#!/usr/bin/env python3
"""Writes the HTML5 named character references as C, from Python's own copy of the standard's table.

Run by meson: html_tables.py OUTPUT. One row per name, sorted by name as bytes; a name that HTML
also knows without ';' says so.
"""
import html.entities
import sys


def c_string(s):
    return '"' + ''.join('\\%03o' % b for b in s.encode('utf-8')) + '"'


def main():
    names = {k[:-1]: v for k, v in html.entities.html5.items() if k.endswith(';')}
    legacy = {k for k in html.entities.html5 if not k.endswith(';')}
    with open(sys.argv[1], 'w', encoding='ascii') as f:
        f.write('/* Made by html_tables.py. */\n')
        f.write('static const struct {\n    const char *name, *utf8;\n    bool legacy;\n} entities[] = {\n')
        for name in sorted(names, key=lambda s: s.encode()):
            f.write('    {"%s", %s, %d},\n' % (name, c_string(names[name]), name in legacy))
        f.write('};\n')


main()
