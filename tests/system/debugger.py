"""`./cotrap debug` stops in the kernel and in the program, with names for both."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import harness


def debug(test: harness.Test, *words, gdb: tuple[str, ...]) -> subprocess.CompletedProcess:
    command = [harness.ROOT / "cotrap", "debug", "--build", test.folder]
    for line in gdb:
        command += ["--gdb", line]
    return subprocess.run(
        [*command, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
    )


def both(test: harness.Test) -> None:
    gdb = ("frame", "continue", "frame", "continue", "quit")
    done = debug(test, test.folder / "user" / "bin" / "hello", gdb=gdb)
    said = done.stdout
    test.check("kernel_main (" in said and "main.cpp" in said, "stops where C++ begins", said)
    test.check("_start ()" in said and "start.S" in said, "then where the program does", said)
    test.check("argument 0: /run/hello" in said, "the program's output is there", said)
    test.check("power off" in said, "and the kernel's lines", said)
    test.check(done.returncode == 0, "and leaving gdb ends it all", said)


def moved(test: harness.Test) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "a \"name\" with spaces"
        shutil.copy(test.folder / "test-programs" / "independent", program)
        done = debug(test, "--quiet", program, gdb=("continue", "frame", "continue", "quit"))
    said = done.stdout
    test.check(
        "#0  _start ()" in said and "independent.S" in said,
        "stops in a position-independent program, whatever its file is called",
        said,
    )
    test.check("power off" not in said, "with --quiet, the kernel's lines are not there", said)


def timeout(test: harness.Test) -> None:
    done = debug(test, "--timeout", "3", gdb=("continue",))
    said = done.stdout
    test.check(
        done.returncode == 124 and "still running after 3 s" in said, "--timeout ends it", said
    )


with harness.Test(__doc__) as test:
    both(test)
    if not test.build.is_hosted:  # there all programs are moved
        moved(test)
    timeout(test)
