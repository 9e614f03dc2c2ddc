"""On several harts threads move, share memory and wait for each other, and processes end."""

import re
import subprocess
import tempfile
from pathlib import Path

import harness
from cotrap.qemu import Machine
from parts import FORKING, HARTS, SHARES, SNAPSHOTS, WANDERING


def parts(test: harness.Test) -> None:
    snapshots, several = (
        [
            part
            for part in parts
            if part.name not in FORKING or not test.lacks(part.what, harness.MMU)
        ]
        for parts in (SNAPSHOTS, HARTS)
    )
    for harts in test.harts_of_tier:
        test.run_together("harts", snapshots, test.machine(harts=harts))
        if harts > 1:
            test.run_together("harts", several, test.machine(harts=harts))
    if not test.everyday:
        return
    if not test.lacks("a fork without memory", harness.MMU):
        done = test.run("/harts", "fork-without-memory", machine=Machine(memory="64M"))
        test.check(done.status == 0, "a fork that runs out of memory gives all back", done.text + done.why)
    if not test.lacks("shares of time and time slices", harness.COUNTED):
        test.run_together("harts", SHARES, Machine(icount=True))
        test.run_together("harts", WANDERING, Machine(harts=3, icount=True))
        done = test.run("/harts", "naps", machine=Machine(icount=True))
        test.check(done.status == 0, f"short sleeps let others run: {done.text.strip()}", done.why)
        done = test.run("/harts", "wakes", machine=Machine(harts=2, icount=True))
        test.check(done.status == 0, f"one IPI wakes an idle hart: {done.text.strip()}", done.why)
    if test.lacks("the end of the machine while all harts compute", harness.MMU):
        return
    done = test.run("/harts", "leaves", machine=Machine(harts=4))
    test.check(done.status == 7, "the machine ends while every hart computes", done.text + done.why)


def panics(test: harness.Test) -> None:
    for hart in (1, 3):
        done = test.run(
            "/bin/sleep", "1000", machine=Machine(harts=4), append=f"crash=read crash-hart={hart}"
        )
        test.check(
            re.search(rf"h{hart}\] kernel panic: (page|access) fault in the kernel", done.why)
            is not None
            and "awaits:" in done.why,
            f"a panic on hart {hart} prints that hart's await chain",
            done.why,
        )


def absent_harts(test: harness.Test) -> None:
    """Boots a machine of two harts with the device tree of four."""
    if test.lacks("harts that do not start", harness.RISC_V):
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(
            ["qemu-system-riscv64", *Machine(harts=4).options(), "-machine", f"dumpdtb={tree}"],
            check=True,
            capture_output=True,
            timeout=harness.TIMEOUT,
        )
        machine = Machine(harts=2, extra=("-dtb", str(tree)))
        done = test.run("/bin/smp", machine=machine, quiet=False)
    test.check(
        done.status == 0 and "hart 1 started" in done.text and "hart 2 started" not in done.text,
        "the kernel does not use harts that do not start",
        done.text + done.why,
    )
    for hart in (2, 3):
        named = re.search(rf"hart {hart} (did not start|cannot be started)", done.text)
        test.check(named is not None, f"boot names hart {hart}, which does not start", done.text)


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "harts", "harts")
    parts(test)
    if test.everyday:
        panics(test)
        absent_harts(test)
