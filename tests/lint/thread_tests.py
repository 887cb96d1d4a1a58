#!/usr/bin/env python3
"""thread_tests.py NAMES PROGRAM... : can exactly the tests in NAMES (with commas) start threads?

A program that can refers to pthread_create, since our libraries are linked into it as archives: only the parts
that it uses. What this finds is to be mended in thread_tests of the folder's meson.build; a test that is missing
there is not seen by the thread sanitizer.
"""
import pathlib
import subprocess
import sys


def starts_threads(program):
    symbols = subprocess.run(['nm', '-u', program], capture_output=True, text=True, check=True).stdout
    return any(line.split()[-1].split('@')[0] == 'pthread_create' for line in symbols.splitlines())


def main():
    listed = set(sys.argv[1].split(','))
    found = {pathlib.Path(p).name for p in sys.argv[2:] if starts_threads(p)}
    for name in sorted(found - listed):
        print(f'{name} can start threads: thread_tests does not have it')
    for name in sorted(listed - found):
        print(f'{name} starts no threads: thread_tests has it')
    return int(found != listed)


if __name__ == '__main__':
    sys.exit(main())
