#!/usr/bin/env python3
"""Turns a folder of files into one C++ source that includes their bytes and lists them (console_files.hpp).

The bytes come in by .incbin: a second of compile time would be needed for each megabyte written out as numbers. The
etag of every file stands in the source, so the source changes exactly when some content did.
"""
import hashlib
import pathlib
import re
import sys

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
}
HASHED_NAME = re.compile(r"-[0-9A-Z]{8}\.[a-z]+$")

HEAD = """// Made by web/embed.py; not to be edited.
#include "web/console_files.hpp"

#include <array>
#include <cstddef>
"""

BYTES = """
asm(R"(
    .pushsection .rodata
    .balign 16
    .globl {symbol}
    .hidden {symbol}
{symbol}:
    .incbin "{path}"
    .byte 0
    .popsection
)");
extern "C" char const {symbol}[];
"""


def content_type_of(path: pathlib.Path) -> str:
    try:
        return CONTENT_TYPES[path.suffix]
    except KeyError:
        sys.exit(f"embed.py: {path}: no content type is known for '{path.suffix}', add one to CONTENT_TYPES")


def main() -> None:
    folder, output = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    declarations, rows = [], []
    for index, path in enumerate(files):
        content = path.read_bytes()
        symbol = f"gatehouse_console_file_{index}"
        immutable = "true" if HASHED_NAME.search(path.name) else "false"
        etag = hashlib.sha256(content).hexdigest()
        declarations.append(BYTES.format(symbol=symbol, path=path))
        rows.append(
            f'    console_file{{"/{path.relative_to(folder).as_posix()}", "{content_type_of(path)}",\n'
            f'                 "\\"{etag}\\"", {{{symbol}, {len(content)}}}, {immutable}}},\n'
        )
    output.write_text(
        HEAD
        + "".join(declarations)
        + "\nnamespace gatehouse::web {\n\nstd::span<console_file const> console_files() {\n"
        + f"    static std::array<console_file, {len(rows)}> const files{{\n"
        + "".join(rows)
        + "    };\n    return files;\n}\n\n}  // namespace gatehouse::web\n"
    )


if __name__ == "__main__":
    main()
