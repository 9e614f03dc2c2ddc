"""Programs of the host's compiler have the same output on the machines for x86_64 as on the host.

They are static-PIE with the host's C library and no support for Cotrap: they use the instruction
`syscall` with the numbers of Linux on x86_64, and thread-local variables through fs. The test runs each
program twice with the same arguments and the same standard input, once on the host (same_output.py).
"""

import re
import subprocess
import tempfile
from pathlib import Path

import harness
import same_output
from cotrap.disk import Disk

EXPECTED_COUNT = 10
# `refused` uses gs, which faults on the host; `host_calls` prints times; `shared_folder` is a program of share.py. In
# `files`, a write from a wrong address makes a file longer on some file systems of the host.
NOT_ELSEWHERE = ("refused", "host_calls", "shared_folder", "files", "tracing")
ONLY_ON_PC = ("child_signals", "owners", "processes")  # the hosted machine has no fork
MODES = ("wrfsbase", "rewrite", "fault")


def outside(program: Path) -> subprocess.CompletedProcess:
    """Runs the program on the host, with the same argument 0 as in the kernel."""
    return subprocess.run(
        [f"/linux/{program.name}", *same_output.ARGUMENTS.get(program.name, [])],
        executable=program,
        input=same_output.INPUT.get(program.name, b""),
        stdout=subprocess.PIPE,
        timeout=harness.TIMEOUT,
    )


def unknown_calls(test: harness.Test) -> None:
    done = test.run("/linux/missing_call", quiet=False)
    logged = re.findall(r"no system call (\d+) (\w+)", done.text)
    test.check("syslog" in [name for _, name in logged], "an unknown call is logged with number and name", done.text)


def counted_calls(test: harness.Test) -> None:
    """The kernel counts and records calls with this machine's numbers, and makes each once."""
    script = "echo on > /proc/syscalls; /linux/thread_local; echo status $?; cat /proc/syscalls"
    for append in ("", "trace"):
        done = test.run("/bin/sh", "-c", script, append=append)
        what = f"programs run while their calls are counted{' and recorded' if append else ''}"
        counted = re.search(r"\twait4$", done.text, re.MULTILINE) is not None
        test.check("status 3" in done.text and counted, what, done.text + done.why)


def patches(test: harness.Test, fs: str) -> None:
    done = test.run("/linux/registers", "code", machine=test.machine(fs=fs))
    what = f"a system call is rewritten to a jump where possible (--fs={fs})"
    test.check("constant: a jump\n" in done.text, what, done.text)
    test.check("register: as it was\n" in done.text, "  … and is caught elsewhere", done.text)
    test.check("lost" not in done.text, "  … and both preserve the registers", done.text)


def refusals(test: harness.Test) -> None:
    """A program that cannot be rewritten dies at the refused instruction, and other programs run."""
    machine = test.machine(fs="rewrite")
    script = "/linux/refused; echo status $?; /linux/thread_local; echo status $?"
    done = test.run("/bin/sh", "-c", script, machine=machine, quiet=False)
    refused = r"cannot rewrite the instruction at (0x[0-9a-f]+): 65 48 8b 04 25 00 00 00 00 c3"
    logged = re.search(refused, done.text)
    what = "the refused instruction is logged with its address and its bytes"
    test.check(logged is not None, what, done.text)
    ended = logged is not None and f"is killed by SIGILL: page fault at {logged[1]}" in done.text
    test.check(ended and "status 132" in done.text, "  … and the program that executes it dies", done.text)
    test.check("5\n" in done.text and "status 3" in done.text, "  … and other programs run", done.text)
    done = test.run("/linux/written", "writable", machine=machine, quiet=False)
    why = "its mapping is writable or shared"
    refused = done.status == 132 and why in done.text
    test.check(refused, "code that is writable and executable is refused", done.text)
    done = test.run("/linux/written", "writable")
    test.check(done.status == 0, "  … but runs where no rewriting is needed", done.text + done.why)


def code_on_disk(test: harness.Test, fs: str) -> None:
    """Code of a disk that ends with the last byte of a page, whose next page is not in memory."""
    page, find_storage = 4096, bytes.fromhex("64488b042500000000c3")  # mov %fs:0, %rax; ret
    with tempfile.NamedTemporaryFile() as image:
        image.write(find_storage.rjust(page, b"\0").ljust(2 * page, b"\0"))
        image.flush()
        machine = test.machine(fs=fs, disk=Disk(image.name, read_only=True))
        done = test.run("/linux/written", "mapped", "/dev/vda", machine=machine, quiet=False)
    found = done.status == 0 and "storage: found" in done.text
    test.check(found, f"--fs={fs}: code on a disk runs", done.text + done.why)


def rewritten(test: harness.Test, fs: str) -> list[int]:
    """What the kernel logs at the end of a program that uses fs: changes ahead, and at faults."""
    done = test.run("/linux/thread_local", machine=test.machine(fs=fs), quiet=False)
    uses = r"rewritten: (\d+) uses of fs before their code ran, (\d+) at their first fault"
    found = re.search(uses, done.text)
    counted = [int(number) for number in found.groups()] if found else []
    test.check(len(counted) == 2, f"--fs={fs}: {counted} instructions are changed", done.text + done.why)
    return counted or [0, 0]


def first_faults(test: harness.Test) -> None:
    """With --fs=fault the kernel changes only the instructions that run."""
    ahead, _ = rewritten(test, "rewrite")
    none, at_faults = rewritten(test, "fault")
    test.check(none == 0 and 0 < 4 * at_faults < ahead, "at faults the kernel changes fewer instructions")
    # This one reads the program's first thread-local word, which is at gs. The mode `rewrite` refuses it.
    done = test.run("/linux/refused", machine=test.machine(fs="fault"), quiet=False)
    ran = "5\n" in done.text and "cannot" not in done.text and done.status is not None
    test.check(ran, "  … and refuses none of those that it does not change", done.text + done.why)
    done = test.run("/linux/written", "writable", machine=test.machine(fs="fault"), quiet=False)
    refused = done.status == 132 and "its mapping is writable or shared" in done.text
    test.check(refused, "code that is writable and executable is refused at its first fault", done.text)
    done = test.run("/linux/written", "astray", machine=test.machine(fs="fault"))
    test.check(done.status == 139, "an access to the hidden base of fs is a SIGSEGV", done.text + done.why)


def rewriting(test: harness.Test, modes: list[str]) -> None:
    for fs in modes:
        patches(test, fs)
        code_on_disk(test, fs)
    done = test.run("/linux/thread_local", machine=test.machine(fs="arch_prctl"))
    test.check(done.status == 3, "thread-local variables work through arch_prctl", done.text + done.why)
    refusals(test)
    if "fault" in modes:
        first_faults(test)


with harness.Test(__doc__, all_everyday=True) as test:
    folder = test.folder / "linux-programs"
    programs = sorted(path for path in folder.glob("*") if path.is_file())
    test.check(len(programs) >= EXPECTED_COUNT, f"{len(programs)} programs were built")
    is_pc = test.build.machine == "pc"
    left_out = NOT_ELSEWHERE if is_pc else NOT_ELSEWHERE + ONLY_ON_PC
    expected = {program.name: outside(program) for program in programs if program.name not in left_out}
    test.add(folder, "linux")
    modes = [mode for mode in MODES if mode != "fault" or harness.host_writes_fs()]
    if len(modes) < len(MODES):
        print("skipped: --fs=fault: needs a host that lets programs write fs", flush=True)
    for fs in [""] if is_pc else modes:
        for harts in (1, 4):
            machine = test.machine(harts=harts, fs=fs)
            about = f"{harts} harts" + (f", --fs={fs}" if fs else "")
            same_output.check(test, expected, machine, about)
    if is_pc:
        recorded = same_output.recorded()
        parts = {part: recorded[part] for part in recorded if same_output.command(part)[0] == "tracing"}
        same_output.check(test, parts, test.machine(), "what Linux has printed")
    unknown_calls(test)
    counted_calls(test)
    if not is_pc:  # a PC runs programs as they are
        rewriting(test, modes)
