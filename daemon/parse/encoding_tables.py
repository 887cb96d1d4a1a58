#!/usr/bin/env python3
"""Writes the tables of the legacy encodings as C: encoding_tables.py SINGLE-BYTE ASIAN. Run by meson.

The source are Python's codecs; where the WHATWG Encoding Standard differs from them, the standard
is followed (the comments say where). 0 means: no character.
"""
import sys

SINGLE = {
    'ibm866': 'cp866', 'iso-8859-2': 'iso8859_2', 'iso-8859-3': 'iso8859_3',
    'iso-8859-4': 'iso8859_4', 'iso-8859-5': 'iso8859_5', 'iso-8859-6': 'iso8859_6',
    'iso-8859-7': 'iso8859_7', 'iso-8859-8': 'iso8859_8', 'iso-8859-10': 'iso8859_10',
    'iso-8859-13': 'iso8859_13', 'iso-8859-14': 'iso8859_14', 'iso-8859-15': 'iso8859_15',
    'iso-8859-16': 'iso8859_16', 'koi8-r': 'koi8_r', 'koi8-u': 'koi8_u',
    'macintosh': 'mac_roman', 'windows-874': 'cp874', 'windows-1250': 'cp1250',
    'windows-1251': 'cp1251', 'windows-1252': 'cp1252', 'windows-1253': 'cp1253',
    'windows-1254': 'cp1254', 'windows-1255': 'cp1255', 'windows-1256': 'cp1256',
    'windows-1257': 'cp1257', 'windows-1258': 'cp1258', 'x-mac-cyrillic': 'mac_cyrillic',
}
PATCH = {  # where the standard differs from Python
    'koi8-u': {0xae: 0x45e, 0xbe: 0x40e},
    'x-mac-cyrillic': {0xa2: 0x490, 0xb6: 0x491, 0xff: 0x20ac},
    'macintosh': {0xdb: 0x20ac},
}


def decode(codec, data):
    """The characters, '' when there are none."""
    try:
        s = data.decode(codec)
    except UnicodeDecodeError:
        return ''
    return s


def single(name, codec):
    row = []
    for b in range(0x80, 0x100):
        s = decode(codec, bytes([b]))
        c = ord(s) if s else 0
        if not c and b < 0xa0 and name.startswith('windows-'):
            c = b  # the standard fills the gaps of Windows with C1 controls
        row.append(PATCH.get(name, {}).get(b, c))
    return row


def double(codec, fallback=None):
    """Leads 0x81..0xFE, trails 0x40..0xFE; plane 2 as its low half, with the pointers apart."""
    table, astral = [], []
    for lead in range(0x81, 0xff):
        for trail in range(0x40, 0xff):
            data = bytes([lead, trail])
            s = decode(codec, data) or (decode(fallback, data) if fallback else '')
            c = ord(s) if len(s) == 1 else 0
            if c > 0xffff:
                astral.append(len(table))
                c &= 0xffff
            table.append(c)
    return table, astral


def jis0208():
    """Indexed as the standard's index jis0208 by (row - 1) * 94 + cell - 1, read through cp932."""
    table = []
    for pointer in range(120 * 94):
        lead, trail = divmod(pointer, 188)
        data = bytes([lead + (0x81 if lead < 0x1f else 0xc1),
                      trail + (0x40 if trail < 0x3f else 0x41)])
        s = decode('cp932', data)
        c = ord(s) if len(s) == 1 else 0
        table.append(0 if 0xe000 <= c <= 0xf8ff else c)
    return table


def jis0212():
    table = []
    for row in range(94):
        for cell in range(94):
            s = decode('euc_jp', bytes([0x8f, row + 0xa1, cell + 0xa1]))
            table.append(ord(s) if len(s) == 1 else 0)
    return table


def gb_ranges():
    """Runs of four-byte pointers that map to runs of characters."""
    ranges, last = [], None
    for pointer in range(39420):
        p, b4 = divmod(pointer, 10)
        p, b3 = divmod(p, 126)
        b1, b2 = divmod(p, 10)
        s = decode('gb18030', bytes([b1 + 0x81, b2 + 0x30, b3 + 0x81, b4 + 0x30]))
        c = ord(s) if len(s) == 1 else None
        if c is not None and (last is None or c - pointer != last):
            ranges.append((pointer, c))
        elif c is None and last is not None:
            ranges.append((pointer, 0))
        last = None if c is None else c - pointer
    return ranges


def write(f, declaration, values):
    f.write('static const %s = {\n' % declaration)
    for i in range(0, len(values), 16):
        f.write(''.join('%s,' % v for v in values[i:i + 16]) + '\n')
    f.write('};\n')


def main():
    with open(sys.argv[1], 'w', encoding='ascii') as f:
        f.write('/* Made by encoding_tables.py. */\n')
        for name, codec in sorted(SINGLE.items()):
            write(f, 'uint16_t table_%s[128]' % name.replace('-', '_'), single(name, codec))
        write(f, 'uint16_t table_cp037[256]', [ord(bytes([b]).decode('cp037')) for b in range(256)])
    with open(sys.argv[2], 'w', encoding='ascii') as f:
        f.write('/* Made by encoding_tables.py. */\n')
        for name, codec, fallback in (('gbk', 'gb18030', None), ('big5', 'big5hkscs', 'cp950'),
                                      ('euc_kr', 'cp949', None)):
            table, astral = double(codec, fallback)
            if name == 'gbk':
                assert not astral
            write(f, 'uint16_t table_%s[126 * 191]' % name, table)
            if astral:
                bits = [0] * ((126 * 191 + 7) // 8)
                for p in astral:
                    bits[p // 8] |= 1 << p % 8
                write(f, 'uint8_t astral_%s[(126 * 191 + 7) / 8]' % name, bits)
        write(f, 'uint16_t table_jis0208[120 * 94]', jis0208())
        write(f, 'uint16_t table_jis0212[94 * 94]', jis0212())
        write(f, 'struct gb_range { uint16_t pointer, first; } gb_ranges[]',
              ['{%d,%d}' % r for r in gb_ranges()])


main()
