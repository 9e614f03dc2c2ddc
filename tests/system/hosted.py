"""The kernel as a Linux process runs the same demos and prints the same reports as in QEMU.

The test also covers exit statuses, panics, the size of memory, the disk, many programs in succession,
the programs' runtime, random system calls and the benchmarks. Demos, disk, runtime and benchmarks run on
one hart and on several.
"""

import os
import re
import resource
import subprocess
import tempfile
from pathlib import Path

import harness
from cotrap.bench.results import parse
from cotrap.console import Capture
from cotrap.demos import Stage, read_demos, run_demo
from cotrap.disk import Disk
from cotrap.elf import has_thread_local
from cotrap.qemu import Machine, archive_with


def demos(test: harness.Test) -> None:
    archive = archive_with(test.build).pack()
    for harts in (1, 4):
        stage = Stage(test.plain_build, archive, Machine(harts=harts), timeout=harness.TIMEOUT)
        for demo in read_demos(test.build):
            typed = harness.typed_into_demo(demo)
            verdict = run_demo(demo, stage, typed or Capture(), typed)
            about_time = f"^FAILED: .*({harness.ABOUT_TIME.get(demo.name, '(?!)')})".encode()
            may_fail = (
                verdict.failure == "exit status 1"
                and re.search(about_time, verdict.output, re.MULTILINE) is not None
            )
            test.check(
                verdict.failure is None or may_fail,
                f"{demo.name} on {harts} harts{', its claim about time aside' * may_fail}",
                verdict.output + f"\n{verdict.failure}".encode(),
            )


def fast_calls(test: harness.Test) -> None:
    """Each system call of a program with thread-local variables changes fs, which takes microseconds."""
    slow = [file.name for file in (test.folder / "initrd-root/bin").iterdir() if has_thread_local(file)]
    test.check(not slow, "no program of the initrd has thread-local variables", str(slow))


def ends(test: harness.Test) -> None:
    done = test.run("/bin/nothing", quiet=False)
    test.check(done.status == 127, "a missing first program ends with status 127", done.output)
    done = test.run("/bin/sh", "-c", "exit 7")
    test.check(done.status == 7, "the machine exits with the program's status", done.why)
    for how, cause in harness.CRASHES:
        done = test.run("/bin/sleep", "1000", append=f"crash={how}", machine=Machine(harts=4))
        named = re.search(f"kernel panic: {cause}", done.why)
        panicked = done.status is None and named is not None
        test.check(panicked, f"crash={how} is a panic that names the cause", done.why)
        test.check("in coroutine: crash" in done.why, "  … and names the coroutine", done.why)
        chain = done.why.rpartition("awaits:")[2]
        test.check("crash_inside" in chain, "  … and the coroutines that await it, by name", done.why)


def memory(test: harness.Test) -> None:
    fill = "cat /dev/zero | head -c 1 > /tmp/a; free"
    done = test.run("/bin/sh", "-c", fill, machine=Machine(memory="64M"))
    test.check(done.status == 0, "the kernel boots with 64M of memory", done.why + done.text)
    done = test.run("/bin/true", machine=Machine(memory="4G"))
    test.check(done.status == 0, "the kernel boots with 4G of memory, even if the host has less", done.why)


def disk(test: harness.Test) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disk"
        path.write_bytes(os.urandom(1 << 20))
        before = path.read_bytes()
        for harts in (1, 4):
            machine = Machine(harts=harts, disk=Disk(str(path)))
            done = test.run("/bin/sh", "-c", "cat /dev/vda > /tmp/copy; cat /tmp/copy", machine=machine)
            test.check(done.output == before, f"/dev/vda is the file ({harts} harts)", done.why)
        done = test.run("/bin/sh", "-c", "echo written > /dev/vda; cat /proc/disks", machine=machine)
        test.check(path.read_bytes()[:8] == b"written\n", "a write to /dev/vda is in the file", done.text)
        test.check(path.read_bytes()[8:] == before[8:], "  … and nothing else", done.text)
        machine = Machine(disk=Disk(str(path), read_only=True))
        done = test.run("/bin/sh", "-c", "echo again > /dev/vda", machine=machine)
        kept = path.read_bytes()[:8] == b"written\n"
        test.check(kept and done.status is not None, "a read-only disk is not written", done.why)


def spaces(test: harness.Test) -> None:
    """40 programs run one after the other, and then three programs of a pipeline run together."""
    script = "; ".join([*["/bin/true"] * 40, "seq 1 100 | grep 7 | wc"])
    done = test.run("/bin/sh", "-c", script, machine=Machine(harts=2))
    counted = re.search(r"\b19\b", done.text) is not None
    test.check(counted, "40 programs run one after the other", done.text + done.why)


def limited_addresses(test: harness.Test) -> None:
    """`ulimit -v` forbids the mapping without access that unmapped pages of a program have."""
    if test.build.has_sanitizer:
        return  # it needs terabytes of addresses
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, hard))
    try:
        done = test.run("/runtime", machine=Machine(harts=4))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    what = "a program does not reach its unmapped pages although the host limits the addresses"
    test.check(done.status == 0, what, done.text + done.why)


def programs(test: harness.Test) -> None:
    """Tests the programs' runtime, with thread-local variables, and random system calls."""
    for name in ("runtime", "fuzz"):
        test.add(test.folder / "test-programs" / name, name)
    for harts in (1, 4):
        done = test.run("/runtime", machine=Machine(harts=harts))
        what = f"every part of the runtime passes ({harts} harts)"
        test.check(done.status == 0, what, done.text + done.why)
    limited_addresses(test)
    done = test.run("/fuzz", "calls", "50000", "1")
    test.check(done.status == 0, "random system calls leak nothing", done.text + done.why)


def benchmarks(test: harness.Test) -> None:
    """The times depend on the host, so the test only checks that each benchmark has some. A few samples are
    enough: by default `switch.thread` takes a million switches, which ThreadSanitizer makes slow."""
    for harts in (1, 2):
        names = ["trap.roundtrip", "trap.roundtrip.handler", "syscall.null", "switch.coroutine",
                 "switch.thread", "ipc.channel", "ipc.futex", "ipc.pipe", "spawn.coroutine",
                 "memory.coroutine"]  # fmt: skip
        if harts > 1:
            names.append("wake.remote")
        done = test.run("/bin/bench", "--samples", "5", *names, machine=Machine(harts=harts))
        samples = parse(done.text)
        measured = {name for name, _ in samples}
        what = f"each benchmark prints a result on {harts} harts"
        test.check(measured == set(names), what, done.text + done.why)
        plausible = all(value > 0 for sample in samples.values() for value, _ in sample)
        test.check(plausible, "  … with times above 0", done.text)


def on_linux(test: harness.Test) -> None:
    """Linux runs the same files: threads, pipes, futexes and page faults."""
    program = test.folder / "user" / "bin" / "bench"
    names = ["syscall.null", "pipe.self", "fault.zero", "ipc.futex", "spawn.thread"]
    linux = subprocess.run(
        [program, "--samples", "5", *names], capture_output=True, text=True, timeout=harness.TIMEOUT
    )
    measured = {name for name, _ in parse(linux.stdout)}
    test.check(measured == set(names), "the host's Linux runs the same program", linux.stdout + linux.stderr)


with harness.Test(__doc__, all_everyday=True) as test:
    benchmarks(test)
    on_linux(test)
    demos(test)
    fast_calls(test)
    ends(test)
    memory(test)
    disk(test)
    spaces(test)
    programs(test)
