#!/bin/sh
# man.sh PAGE... : does man read each page without a warning?
command -v man >/dev/null || { echo "skipped: man is not installed"; exit 77; }
for page; do
    said=$(LC_ALL=C.UTF-8 MANROFFSEQ= man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    [ -z "$said" ] || { echo "$page: $said"; exit 1; }
done
