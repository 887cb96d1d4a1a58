"""embed_sql.py OUTPUT v1.sql v2.sql ... : the files as C strings, schema_v1, schema_v2, ..."""
import json
import pathlib
import sys

with open(sys.argv[1], "w", encoding="ascii") as out:
    for name in sys.argv[2:]:
        path = pathlib.Path(name)
        print(f"static const char schema_{path.stem}[] =", file=out)
        for line in path.read_text(encoding="ascii").splitlines(keepends=True):
            print("    " + json.dumps(line), file=out)
        print("    ;", file=out)
