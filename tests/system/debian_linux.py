"""Debian's Linux kernel, which boots into a folder of the host."""

import os
import subprocess
from dataclasses import replace

import harness
from cotrap.bench.others import OTHERS
from cotrap.initrd import Archive
from cotrap.qemu import Machine, machine_of, memory_file, qemu_on

_SEPARATOR = "\x1f"  # between the words of a command for first_on_linux.c


def on_linux(
    test: harness.Test, commands: list[tuple[str, ...]], machine: Machine, timeout: float
) -> bytes:
    """What Debian's kernel prints when it runs commands in the folder `machine.root`. A command is its name, a
    path and arguments."""
    linux = OTHERS["linux"]
    image = linux.image("riscv64")
    archive = Archive()
    archive.add_program(test.folder / "test-programs" / "first-on-linux", "init")
    archive.add_bytes("".join(f"{_SEPARATOR.join(words)}\n" for words in commands).encode(), "commands")
    names = []
    for name, data in linux.modules_for_shares(image):
        archive.add_bytes(data, f"lib/{name}.ko")
        names.append(f"/lib/{name}.ko\n")
    archive.add_bytes("".join(names).encode(), "modules")
    initrd = memory_file("initrd", archive.pack())
    try:
        return subprocess.run(
            qemu_on(machine_of(test.build, replace(machine, ram=None)), str(image), initrd, linux.words([])),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=(initrd,),
            timeout=timeout,
        ).stdout
    finally:
        os.close(initrd)
