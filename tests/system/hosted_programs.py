"""Programs of the stock compiler for this host do on the hosted machine what they do here.

They are static-PIE, with the host's C library, and know nothing of Cotrap: their system calls are
instructions, their numbers those of Linux on x86_64, and their thread-local variables are where fs
points. Same binary, same arguments, same standard input, once on the host itself.
"""

import re
import subprocess

import harness

ARGUMENTS = {"arguments": ["one", "", "t w o", "-x", "ünï%20"]}
INPUT = {"stdio": b"a line\nanother 12 3.5\n\nwithout an end"}
EXPECTED_COUNT = 10
# Uses gs, which is nobody's on the host; and tells how long things take.
NOT_ELSEWHERE = ("refused", "host_calls")
# What these print depends on which of two harts comes first.
ON_ONE_HART = ("long_calls",)


def compare(test: harness.Test, harts: int, fs: str) -> None:
    for program in programs:
        if harts > 1 and program.name in ON_ONE_HART or program.name in NOT_ELSEWHERE:
            continue
        path = f"/linux/{program.name}"
        arguments = ARGUMENTS.get(program.name, [])
        given = INPUT.get(program.name, b"")
        there = subprocess.run(
            [path, *arguments],
            executable=program,
            input=given,
            stdout=subprocess.PIPE,
            timeout=harness.TIMEOUT,
        )
        here = test.run(path, *arguments, stdin=given, machine=test.machine(harts=harts, fs=fs))
        test.check(
            (here.status, here.output) == (there.returncode, there.stdout),
            f"{program.name} on {harts} harts, --fs={fs}: {len(there.stdout)} bytes of output and "
            f"status {there.returncode}",
            b"here: %s\n%s\nthere:\n%s\n%s"
            % (str(here.status).encode(), here.output, there.stdout, here.why.encode()),
        )


def unknown_calls(test: harness.Test) -> None:
    done = test.run("/linux/thread_local", quiet=False)
    told = re.findall(r"no system call (\d+) (\w+)", done.text)
    test.check(("435", "clone3") in told, "a call that is not there is logged by number and name", done.text)


def patches(test: harness.Test, fs: str) -> None:
    done = test.run("/linux/registers", "code", machine=test.machine(fs=fs))
    test.check("constant: a jump\n" in done.text, f"a system call becomes a jump where it can (--fs={fs})", done.text)
    test.check("register: as it was\n" in done.text, "  … and is caught where it cannot", done.text)
    test.check("lost" not in done.text, "  … and no register is lost by either", done.text)


def refusals(test: harness.Test) -> None:
    """Programs that cannot be changed end, at the instruction, and nobody else does."""
    machine = test.machine(fs="rewrite")
    script = "/linux/refused; echo status $?; /linux/thread_local; echo status $?"
    done = test.run("/bin/sh", "-c", script, machine=machine, quiet=False)
    told = re.search(r"the instruction at (0x[0-9a-f]+) cannot be changed: 65 48 8b 04 25 00 00 00 00 c3", done.text)
    test.check(told is not None, "what is refused is told, by its address and its bytes", done.text)
    ended = told is not None and f"dies of ILL: page fault at {told[1]}" in done.text
    test.check(ended and "status 132" in done.text, "  … and the program that runs it ends", done.text)
    test.check("5\n" in done.text and "status 3" in done.text, "  … and no other", done.text)
    done = test.run("/linux/written", "writable", machine=machine, quiet=False)
    why = "they can be written, or are not its own"
    test.check(done.status == 132 and why in done.text, "code that its program can write at once is refused", done.text)
    done = test.run("/linux/written", "writable")
    test.check(done.status == 0, "  … where it has to be changed, and only there", done.text + done.why)


with harness.Test(__doc__, all_everyday=True) as test:
    folder = test.folder / "linux-programs"
    programs = sorted(path for path in folder.glob("*") if path.is_file())
    test.check(len(programs) >= EXPECTED_COUNT, f"{len(programs)} programs were built")
    test.add(folder, "linux")
    for fs in ("wrfsbase", "rewrite"):
        for harts in (1, 4):
            compare(test, harts, fs)
        patches(test, fs)
    done = test.run("/linux/thread_local", machine=test.machine(fs="arch_prctl"))
    test.check(done.status == 3, "thread-local variables by arch_prctl", done.text + done.why)
    refusals(test)
    unknown_calls(test)
