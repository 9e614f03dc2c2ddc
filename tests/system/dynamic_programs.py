"""Dynamically linked programs of the (cross) compiler run with the interpreter that they name.

The command puts the interpreter and the libraries into the boot archive (cotrap/libraries.py). The programs print what
they print on the host, for riscv64 in QEMU's user-mode emulation.
"""

import subprocess
import tempfile
from pathlib import Path

import harness
import same_output
from cotrap import libraries
from cotrap.initrd import Archive

_ROOT = "/usr/riscv64-linux-gnu"  # of the libraries for riscv64
# What execve(2) answers for programs whose interpreter is none.
_WRONG = {"missing": "no such file", "folder": "permission denied", "text": "not an interpreter"}


def outside(test: harness.Test, program: Path) -> subprocess.CompletedProcess:
    """Runs the program on the host, with the same argument 0 as in the kernel."""
    name = f"/linux/{program.name}"
    emulated = [*test.emulator, "-L", _ROOT, "-0", name, program] if test.emulator else [name]
    return subprocess.run(
        [*emulated, *same_output.ARGUMENTS.get(program.name, [])],
        executable=None if test.emulator else program,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=harness.TIMEOUT,
    )


def stage(programs: list[Path], folder: Path, processor: str) -> None:
    """Writes the libraries of the programs, as the command puts them into a boot archive, below `folder`."""
    archive = Archive()
    for program in programs:
        libraries.add(archive, program, processor)
    for name, entry in archive.entries():
        if not entry.is_folder:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(entry.data)
            path.chmod(entry.mode & 0o777)


with harness.Test(__doc__, harness.MMU) as test:
    folder = test.folder / "dynamic-programs"
    programs = sorted(path for path in folder.glob("*") if path.suffix == "" and path.name != "text")
    whole = [path for path in programs if not path.name.startswith("interpreter-")]
    test.check(len(whole) >= 8, f"{len(whole)} programs were built")
    expected = {program.name: outside(test, program) for program in whole}
    test.add(folder, "linux")
    test.add(folder, "dynamic")
    with tempfile.TemporaryDirectory() as libraries_folder:
        stage(whole, Path(libraries_folder), test.build.processor)
        for path in Path(libraries_folder).iterdir():
            test.add(path, path.name)
        for harts in test.harts_of_tier:
            same_output.check(test, expected, test.machine(harts=harts), f"{harts} harts")
        for name, why in _WRONG.items():
            done = test.run("/bin/sh", "-c", f"/linux/interpreter-{name}")
            what = f"a program with the wrong interpreter \"{name}\" does not start"
            test.check(why in done.text and done.status != 0, what, done.text + done.why)
