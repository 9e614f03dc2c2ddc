"""Boots Debian's Linux kernel, whose first process is first_on_linux.c."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import replace

import harness
from cotrap.bench.others import OTHERS
from cotrap.initrd import Archive
from cotrap.qemu import Machine, machine_of, memory_file, qemu_on

_SEPARATOR = "\x1f"  # between the words of a command


def archive_with(test: harness.Test, commands: Iterable[Sequence[str]]) -> Archive:
    """A boot archive in which the first process runs these commands. A command is its name, a path and arguments."""
    archive = Archive()
    add_to(archive, test, commands)
    return archive


def add_to(archive: Archive, test: harness.Test, commands: Iterable[Sequence[str]]) -> None:
    """Adds the first process and its commands to an archive."""
    archive.add_program(test.folder / "test-programs" / "first-on-linux", "init")
    archive.add_bytes("".join(f"{_SEPARATOR.join(words)}\n" for words in commands).encode(), "commands")


def boot(test: harness.Test, archive: bytes, machine: Machine, timeout: float) -> bytes:
    """What the kernel and its programs print."""
    linux = OTHERS["linux"]
    initrd = memory_file("initrd", archive)
    try:
        return subprocess.run(
            qemu_on(machine_of(test.build, machine), str(linux.image(test.build.machine)), initrd, linux.words([])),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=(initrd,),
            timeout=timeout,
        ).stdout
    finally:
        os.close(initrd)


def boot_into_root(
    test: harness.Test, commands: list[tuple[str, ...]], machine: Machine, timeout: float
) -> bytes:
    """What the kernel prints when it runs commands in the folder `machine.root` of the host."""
    linux = OTHERS["linux"]
    archive = archive_with(test, commands)
    names = []
    for name, data in linux.modules_for_shares(linux.image(test.build.machine)):
        archive.add_bytes(data, f"lib/{name}.ko")
        names.append(f"/lib/{name}.ko\n")
    archive.add_bytes("".join(names).encode(), "modules")
    return boot(test, archive.pack(), replace(machine, ram=None), timeout)
