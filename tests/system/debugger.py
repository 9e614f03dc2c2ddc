"""`./cotrap debug` stops in the kernel and in the program, with names for both."""

import re
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
        timeout=harness.TIMEOUT,
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


def own_commands(test: harness.Test) -> None:
    gdb = ("break kernel::sys::exit_group", "continue", "continue", "coroutines", "await-chain first",
           "harts", "areas 1", "await-chain nobody", "areas x", "quit")  # fmt: skip
    done = debug(test, "--quiet", test.folder / "user" / "bin" / "sleepsort", gdb=gdb)
    said = done.stdout
    for what, line in (
        ("coroutines", r"waiting +p1 +h0 +console input +console input +since \d+\.\d+ +bring_keys \("),
        ("a thread's, by program and numbers", r"running +p\d+ +h0 +sleepsort 1/1 "),
        ("await-chain", r"first process, waiting for first process\n  run_first_process \("),
        ("harts", r"hart 0: runs sleepsort 1/1, 0 ready"),
        ("areas", r"0x\w+ - +0x\w+  r-x +\d+ KiB  segment"),
        ("who is not there", r"there is no coroutine 'nobody'"),
        ("what is no number", r"areas: the number of a process"),
    ):
        test.check(re.search(line, said) is not None, f"commands of our own: {what}", said)
    early = debug(test, "--quiet", gdb=("coroutines", "harts", "quit")).stdout
    test.check("0 coroutines" in early and "Error" not in early, "… before there is anything", early)


def within_a_program(test: harness.Test) -> None:
    """Where the kernel is in every space: its memory can be seen from each."""
    done = debug(
        test, "--quiet", test.folder / "user" / "bin" / "sleepsort",
        gdb=("continue", "harts", "areas 1", "frame", "continue", "quit"),
    )  # fmt: skip
    said = done.stdout
    test.check(
        "hart 0: runs sleepsort 1/1" in said and "segment" in said, "… from within a program", said
    )
    test.check("1 2 3 4 5" in said, "… which goes on as it was", said)


def timeout(test: harness.Test) -> None:
    done = debug(test, "--timeout", "3", gdb=("continue",))
    said = done.stdout
    test.check(
        done.returncode == 124 and "still running after 3 s" in said, "--timeout ends it", said
    )


with harness.Test(__doc__, all_everyday=True) as test:
    both(test)
    if not test.build.is_hosted:  # there all programs are moved
        moved(test)
    own_commands(test)
    if "trampoline" not in test.folder.name:
        within_a_program(test)
    timeout(test)
