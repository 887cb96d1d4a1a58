#!/usr/bin/env python3
"""api_man.py API.md : docs/API.md as scdoc(5) source of tidings-api(7), on stdout.

Knows the Markdown that page uses: headings, paragraphs, "* " lists, tables, code indented by four
spaces, `code` and **strong**. One page, two forms, nothing said twice.
"""
import re
import sys


def escape(text):
    return re.sub(r'([\\*_<>#~`|\[\]]|^[-.])', r'\\\1', text)


def inline(text):
    out = []
    for part in re.split(r'(`[^`]+`|\*\*[^*]+\*\*)', text):
        if len(part) > 1 and part[0] == part[-1] == '`':
            out.append('*' + escape(part[1:-1]) + '*')
        elif part.startswith('**') and len(part) > 4:
            out.append('*' + escape(part[2:-2]) + '*')
        else:
            out.append(escape(part))
    # Between two words set in bold scdoc needs something that is no letter.
    return re.sub(r'\*\*', '* *', ''.join(out))


def table(rows):
    cells = [[c.strip() for c in row.strip().strip('|').split('|')] for row in rows]
    out = []
    for i, row in enumerate([cells[0]] + cells[2:]):
        for j, cell in enumerate(row):
            start = ('|' if j == 0 else ':') + (('[' if j == 0 else '<') if i == 0 else ' ')
            out.append(f'{start} {inline(cell)}')
    return out


def convert(lines):
    blocks = []  # (kind, lines)
    for line in lines:
        kind = ('code' if line.startswith('    ') else 'table' if line.lstrip().startswith('|') else
                'head' if line.startswith('#') else 'item' if line.startswith('* ') else
                'blank' if not line.strip() else 'text')
        if blocks and kind == blocks[-1][0] and kind in ('code', 'table', 'text'):
            blocks[-1][1].append(line)
        elif blocks and kind == 'text' and blocks[-1][0] == 'item':
            blocks[-1][1].append(line)
        else:
            blocks.append((kind, [line]))
    out = []
    for kind, text in blocks:
        if kind == 'head':
            level, words = re.match(r'(#+) (.*)', text[0]).groups()
            if level == '#':
                continue
            words = words.replace('`', '')
            out += [f'# {words.upper()}' if level == '##' else '## ' + words, '']
        elif kind == 'code':
            out += ['```', *[line[4:] for line in text], '```', '']
        elif kind == 'table':
            out += [*table(text), '']
        elif kind == 'item':
            out += ['- ' + inline(' '.join(t.strip() for t in text)[2:]), '']
        elif kind == 'text':
            out += [inline(' '.join(t.strip() for t in text)), '']
    return out


def main():
    with open(sys.argv[1], encoding='utf-8') as f:
        body = convert(f.read().split('\n'))
    print('tidings-api(7)\n\n# NAME\n\ntidings-api - the HTTP API of tidingsd(8)\n\n# DESCRIPTION\n')
    print('\n'.join(body))
    print('# SEE ALSO\n\ntidingsd(8), tidings(1), feeds.conf(5), tidings-store(5)')


if __name__ == '__main__':
    main()
