"""Packs the programs that are linked into the kernel (cmake/builtin.cmake): `python3 -m cotrap.builtin
ARCHIVE PROGRAM…`. The boot archive has each program as /bin/NAME. The link /builtin/N points to
program number N, counted from 0 in the order of the command line."""

import sys
from pathlib import Path

from .errors import UsageError
from .initrd import Archive


def pack(programs: list[Path]) -> bytes:
    archive = Archive()
    for number, program in enumerate(programs):
        archive.add_program(program, f"bin/{program.name}")
        archive.add_link(f"/bin/{program.name}", f"builtin/{number}")
    return archive.pack()


def main(output: Path, *programs: Path) -> None:
    names = [program.name for program in programs]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise UsageError(f"{twice[0]} is named twice: leave one out")
    archive = pack(list(programs))
    if not output.exists() or output.read_bytes() != archive:  # an unchanged file causes no new link
        output.write_bytes(archive)


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except UsageError as error:
        sys.exit(f"cotrap: COTRAP_BUILTIN: {error}")
