"""`./cotrap debug` stops in the kernel and in the program, and shows the symbols of both."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import harness


def debug(test: harness.Test, *words, gdb: tuple[str, ...]) -> tuple[int, str]:
    """Returns the exit status, and first gdb's output, then the machine's. gdb writes to a file, because
    on one output its lines can stand in the middle of the program's."""
    command = [harness.ROOT / "cotrap", "debug", "--build", test.folder]
    with tempfile.NamedTemporaryFile("r") as log:
        apart = (f"set logging file {log.name}", "set logging redirect on", "set logging enabled on")
        for line in (*apart, *gdb):
            command += ["--gdb", line]
        done = subprocess.run(
            [*command, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=harness.TIMEOUT,
        )
        return done.returncode, log.read() + done.stdout


def both(test: harness.Test, harts: int) -> None:
    gdb = ("frame", "continue", "frame", "continue", "quit")
    program = test.folder / "user" / "bin" / "hello"
    status, output = debug(test, "--harts", str(harts), program, gdb=gdb)
    stopped = "kernel_main (" in output and "main.cpp" in output
    test.check(stopped, f"gdb stops at the start of kernel_main ({harts} harts)", output)
    test.check("_start ()" in output and "start.S" in output, "… then at the start of the program", output)
    test.check("argument 0: /run/hello" in output, "… the program's output is shown", output)
    test.check("power off" in output, "… and the kernel's lines", output)
    test.check(status == 0, "… and quit in gdb ends the machine", output)


def counted(test: harness.Test) -> None:
    gdb = ("continue", "frame", "continue", "quit")
    _, output = debug(test, "--icount", test.folder / "user" / "bin" / "hello", gdb=gdb)
    reached = "_start ()" in output and "argument 0: /run/hello" in output
    test.check(reached, "with counted time the program starts and ends under gdb", output)


def moved(test: harness.Test) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "a \"name\" with spaces"
        is_pc = test.build.machine == "pc"  # its Linux programs are position independent
        independent = "linux-programs/arguments" if is_pc else "test-programs/independent"
        shutil.copy(test.folder / independent, program)
        _, output = debug(test, "--quiet", program, gdb=("continue", "frame", "continue", "quit"))
    test.check(
        re.search(r"^#0 .*\b_start \(\)", output, re.MULTILINE) is not None
        and (is_pc or "independent.S" in output),
        "gdb stops in a position-independent program with any file name",
        output,
    )
    test.check("power off" not in output, "--quiet hides the kernel's lines", output)


def own_commands(test: harness.Test) -> None:
    gdb = ("break kernel::sys::exit_group", "continue", "continue", "coroutines", "await-chain first",
           "harts", "areas 1", "await-chain nobody", "areas x", "quit")  # fmt: skip
    _, output = debug(test, "--quiet", test.folder / "user" / "bin" / "sleepsort", gdb=gdb)
    for what, line in (
        ("coroutines", r"waiting +p1 +h0 +console input +console input +since \d+\.\d+ +bring_keys \("),
        ("a thread's coroutine with program and numbers", r"running +p\d+ +h0 +sleepsort 1/1 "),
        ("await-chain", r"first process, waiting for first process\n  run_first_process \("),
        ("harts", r"hart 0: runs sleepsort 1/1, 0 ready"),
        ("areas", r"0x\w+ - +0x\w+  r-x +\d+ KiB  segment"),
        ("an unknown job", r"there is no job 'nobody'"),
        ("a wrong number", r"areas: give the number of a process"),
    ):
        test.check(re.search(line, output) is not None, f"commands of Cotrap in gdb: {what}", output)
    _, early = debug(test, "--quiet", gdb=("coroutines", "harts", "quit"))
    works = "0 coroutines" in early and "Error" not in early
    test.check(works, "… before the first coroutine exists", early)


def several_harts(test: harness.Test) -> None:
    gdb = ("break kernel::sys::exit_group", "continue", "continue", "coroutines", "harts",
           "hart 3 print cotrap_hart_index * 100 + 7", "hart 0 print cotrap_hart_index",
           "hart 4 print cotrap_hart_index", "hart 0", "quit")  # fmt: skip
    program = test.folder / "user" / "bin" / "sleepsort"
    _, output = debug(test, "--quiet", "--harts", "4", program, gdb=gdb)
    for what, line in (
        ("coroutines", r"waiting +p1 +h\d +console input +console input +since \d+\.\d+ +bring_keys \("),
        ("harts", r"hart \d: runs sleepsort 1/1, 0 ready"),
        ("a per-hart variable of any hart", r"\$1 = 307\n\$2 = 0\n"),
        ("a hart that does not run", r"hart 4 does not run; `harts` lists those that do"),
        ("an incomplete command", r"hart: give a hart's number, `print` and an expression"),
    ):
        test.check(re.search(line, output) is not None, f"commands of Cotrap on 4 harts: {what}", output)


def within_a_program(test: harness.Test) -> None:
    """On the trap path `shared`, gdb sees the kernel's memory while a program runs."""
    _, output = debug(
        test, "--quiet", test.folder / "user" / "bin" / "sleepsort",
        gdb=("continue", "harts", "areas 1", "frame", "continue", "quit"),
    )  # fmt: skip
    test.check(
        "hart 0: runs sleepsort 1/1" in output and "segment" in output, "… while a program runs", output
    )
    test.check("1 2 3 4 5" in output, "… which then continues unchanged", output)


def timeout(test: harness.Test) -> None:
    status, output = debug(test, "--timeout", "3", gdb=("continue",))
    test.check(
        status == 124 and "still running after 3 s" in output, "--timeout ends the session", output
    )


with harness.Test(__doc__) as test:
    if test.everyday:
        both(test, 1)
        if not test.build.is_hosted:  # the hosted machine moves all programs
            moved(test)
        several_harts(test)
        if "trampoline" not in test.folder.name:
            within_a_program(test)
        timeout(test)
    if test.rest:
        both(test, 4)
        if not test.build.is_hosted:  # the hosted machine counts no time
            counted(test)
        own_commands(test)
