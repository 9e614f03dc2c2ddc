"""The kernel as a process of this host does what it does in QEMU: the same demos, the same reports.

What is different is here: several harts, memory that is full of mappings, ends of the process.
"""

import os
import re
import tempfile
from pathlib import Path

import harness
from cotrap.bench.results import parse
from cotrap.console import Capture
from cotrap.demos import Stage, listed, play
from cotrap.disk import Disk
from cotrap.qemu import Machine, archive_with


# Their claims hold for sure only if the host lets the machine run in time. Here they only have to end.
TIMED = (*harness.TIMED_DEMOS, "irq", "upcall")


def demos(test: harness.Test) -> None:
    archive = archive_with(test.build).pack()
    for harts in (1, 4):
        stage = Stage(test.plain_build, archive, Machine(harts=harts), timeout=harness.TIMEOUT)
        for demo in listed(test.build):
            typed = harness.typed_into_demo(demo)
            verdict = play(demo, stage, typed or Capture(), typed)
            may_fail = demo.name in TIMED and verdict.failure == "exit status 1"
            test.check(
                verdict.failure is None or may_fail,
                f"{demo.name} on {harts} harts{', in its own time' * may_fail}",
                verdict.output + f"\n{verdict.failure}".encode(),
            )


def ends(test: harness.Test) -> None:
    done = test.run("/bin/nothing", quiet=False)
    test.check(done.status == 127, "a first program that is not there is status 127", done.output)
    done = test.run("/bin/sh", "-c", "exit 7")
    test.check(done.status == 7, "the program's status is the machine's", done.why)
    for how, cause in harness.CRASHES:
        done = test.run("/bin/sleepsort", append=f"crash={how}", machine=Machine(harts=4))
        test.check(done.status is None and re.search(f"kernel panic: {cause}", done.why) is not None, f"crash={how}", done.why)
        test.check("in coroutine: crash" in done.why, "  … and the coroutine", done.why)
        chain = done.why.rpartition("awaits:")[2]
        test.check("crash_inside" in chain, "  … and who awaits it, by name", done.why)


def memory(test: harness.Test) -> None:
    fill = "cat /dev/zero | head -c 1 > /tmp/a; free"
    done = test.run("/bin/sh", "-c", fill, machine=Machine(memory="64M"))
    test.check(done.status == 0, "64M of memory", done.why + done.text)
    done = test.run("/bin/true", machine=Machine(memory="4G"))
    test.check(done.status == 0, "4G of memory, which the host need not have", done.why)


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
        test.check(path.read_bytes()[:8] == b"written\n", "what is written to it is in the file", done.text)
        test.check(path.read_bytes()[8:] == before[8:], "  … and nothing else", done.text)
        machine = Machine(disk=Disk(str(path), read_only=True))
        done = test.run("/bin/sh", "-c", "echo again > /dev/vda", machine=machine)
        kept = path.read_bytes()[:8] == b"written\n"
        test.check(kept and done.status is not None, "one that is read-only is not", done.why)


def spaces(test: harness.Test) -> None:
    """Windows of ended programs are used again, and never two programs have the same."""
    script = "; ".join([*["/bin/true"] * 40, "seq 1 100 | grep 7 | wc"])
    done = test.run("/bin/sh", "-c", script, machine=Machine(harts=2))
    test.check(re.search(r"\b19\b", done.text) is not None, "programs come and go", done.text + done.why)


def programs(test: harness.Test) -> None:
    """The programs' own runtime, thread-local variables with it; and calls that nobody would make."""
    for name in ("runtime", "fuzz"):
        test.add(test.folder / "test-programs" / name, name)
    for harts in (1, 4):
        done = test.run("/runtime", machine=Machine(harts=harts))
        test.check(done.status == 0, f"every part of the runtime ({harts} harts)", done.text + done.why)
    done = test.run("/fuzz", "calls", "50000", "1")
    test.check(done.status == 0, "random system calls cost nothing", done.text + done.why)


def benchmarks(test: harness.Test) -> None:
    """By the clock: what they say is the host's affair, that they say something is not."""
    for harts in (1, 2):
        names = ["trap.roundtrip", "trap.roundtrip.handler", "syscall.null", "switch.coroutine",
                 "switch.thread", "ipc.channel", "ipc.futex", "ipc.pipe", "spawn.coroutine",
                 "memory.coroutine"]  # fmt: skip
        if harts > 1:
            names.append("wake.remote")
        done = test.run("/bin/bench", *names, machine=Machine(harts=harts))
        samples = parse(done.text)
        measured = {name for name, _ in samples}
        test.check(measured == set(names), f"benchmarks on {harts} harts", done.text + done.why)
        plausible = all(value > 0 for sample in samples.values() for value, _ in sample)
        test.check(plausible, "  … which take some time each", done.text)


with harness.Test(__doc__, all_everyday=True) as test:
    benchmarks(test)
    demos(test)
    ends(test)
    memory(test)
    disk(test)
    spaces(test)
    programs(test)
