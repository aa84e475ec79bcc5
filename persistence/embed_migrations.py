#!/usr/bin/env python3
"""Writes the migrations of both databases into one C++ file.

    embed_migrations.py DIRECTORY OUTPUT

DIRECTORY/sqlite and DIRECTORY/postgres hold files NNNN_name.sql, in pairs of one number and name, numbered from 0001
without a gap.
"""
import hashlib
import pathlib
import re
import sys

LITERAL_BYTES_MAX = 8000  # adjacent literals are joined by the compiler; a single long one would be refused by some


def read(directory):
    found = {}
    for path in sorted(directory.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_([a-z][a-z0-9_]*)\.sql", path.name)
        if not match:
            sys.exit(f"{path}: a migration is named NNNN_name.sql")
        found[(int(match[1]), match[2])] = path.read_text(encoding="utf-8")
    return found


def literal(text):
    pieces = [text[i:i + LITERAL_BYTES_MAX] for i in range(0, len(text), LITERAL_BYTES_MAX)] or [""]
    return "\n".join(f'R"sql~({piece})sql~"' for piece in pieces)


def main(directory, output):
    directory = pathlib.Path(directory)
    sqlite, postgres = read(directory / "sqlite"), read(directory / "postgres")
    for missing in sorted(sqlite.keys() ^ postgres.keys()):
        sys.exit(f"{directory}: migration {missing[0]:04d}_{missing[1]} stands for one database only")
    if [number for number, _ in sorted(sqlite)] != list(range(1, len(sqlite) + 1)):
        sys.exit(f"{directory}: migrations must be numbered 0001, 0002, … without a gap, each number once")
    rows = []
    for number, name in sorted(sqlite):
        texts = [sqlite[number, name], postgres[number, name]]
        sums = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        rows.append(f'    {{{number}, "{name}",\n{{{literal(texts[0])}, "{sums[0]}"}},\n'
                    f'{{{literal(texts[1])}, "{sums[1]}"}}}},\n')
    made = ('// Made by persistence/embed_migrations.py; do not edit.\n#include "persistence/migration.hpp"\n\n'
            'namespace gatehouse::persistence {\n\nstd::span<migration const> embedded_migrations() {\n'
            '    static constexpr migration all[] = {\n' + "".join(rows) +
            '    };\n    return all;\n}\n\n}  // namespace gatehouse::persistence\n')
    path = pathlib.Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
