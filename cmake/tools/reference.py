#!/usr/bin/python3
"""Writes the generated pages of docs/reference/, and docs/benchmarks.svg."""

import argparse
import sys

from cotrap.errors import ToolError, UsageError
from cotrap.paths import ROOT
from cotrap.reference import FOLDER, pages


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="reference.py",
        description=f"Writes the generated pages of {FOLDER.relative_to(ROOT)}/ from the sources, and "
        "docs/benchmarks.svg from the record of instructions. Prints the name of each file.",
        epilog="Exit status 1: a source lacks a line that its page needs, the record is broken, or a library "
        "is not installed.",
        allow_abbrev=False,
    )
    parser.parse_args()
    try:
        written = pages()
    except (ValueError, ToolError, UsageError) as error:
        print(f"reference.py: {error}", file=sys.stderr)
        return 1
    for path, text in written.items():
        path.write_text(text)
        print(path.relative_to(ROOT))
    return 0


sys.exit(main())
