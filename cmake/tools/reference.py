#!/usr/bin/python3
"""Writes the generated pages of docs/reference/."""

import sys

from cotrap.paths import ROOT
from cotrap.reference import pages


def main() -> int:
    try:
        written = pages()
    except ValueError as error:
        print(f"reference.py: {error}", file=sys.stderr)
        return 1
    for path, text in written.items():
        path.write_text(text)
        print(path.relative_to(ROOT))
    return 0


sys.exit(main())
