"""Dynamically linked programs of the cross compiler run with the interpreter that they name.

The command puts the interpreter and the libraries into the boot archive (cotrap/libraries.py). The programs print what
they print in QEMU's user-mode emulation.
"""

import subprocess
import tempfile
from pathlib import Path

import harness
import same_output
from cotrap import libraries
from cotrap.initrd import Archive

_ROOT = "/usr/riscv64-linux-gnu"
# What execve(2) answers for programs whose interpreter is none.
_WRONG = {"missing": "no such file", "folder": "permission denied", "text": "not an interpreter"}


def outside(program: Path) -> subprocess.CompletedProcess:
    """Runs the program in QEMU's user-mode emulation, with the same argument 0 as in the kernel."""
    arguments = same_output.ARGUMENTS.get(program.name, [])
    return subprocess.run(
        ["qemu-riscv64", "-L", _ROOT, "-0", f"/linux/{program.name}", program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=harness.TIMEOUT,
    )


def stage(programs: list[Path], folder: Path) -> None:
    """Writes the libraries of the programs, as the command puts them into a boot archive, below `folder`."""
    archive = Archive()
    for program in programs:
        libraries.add(archive, program, "riscv64")
    for name, entry in archive.entries():
        if not entry.is_folder:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(entry.data)
            path.chmod(entry.mode & 0o777)


with harness.Test(__doc__, "programs for riscv64 (hosted_programs tests those of the host)") as test:
    folder = test.folder / "dynamic-programs"
    programs = sorted(path for path in folder.glob("*") if path.suffix == "" and path.name != "text")
    whole = [path for path in programs if not path.name.startswith("interpreter-")]
    test.check(len(whole) >= 8, f"{len(whole)} programs were built")
    expected = {program.name: outside(program) for program in whole}
    test.add(folder, "linux")
    test.add(folder, "dynamic")
    with tempfile.TemporaryDirectory() as libraries_folder:
        stage(whole, Path(libraries_folder))
        for path in Path(libraries_folder).iterdir():
            test.add(path, path.name)
        for harts in test.harts_of_tier:
            same_output.check(test, expected, test.machine(harts=harts), f"{harts} harts")
        for name, why in _WRONG.items():
            done = test.run("/bin/sh", "-c", f"/linux/interpreter-{name}")
            what = f"a program with the wrong interpreter \"{name}\" does not start"
            test.check(why in done.text and done.status != 0, what, done.text + done.why)
