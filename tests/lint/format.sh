#!/bin/sh
# Is the source formatted as .clang-format says? 77 = skipped (no clang-format).
command -v clang-format >/dev/null || { echo "clang-format is not installed: skipped"; exit 77; }
cd "$(dirname "$0")/../.." || exit 1
find daemon tests \( -name '*.c' -o -name '*.h' \) ! -name '*_table.[ch]' | sort |
    xargs clang-format --dry-run --Werror
