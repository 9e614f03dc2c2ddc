"""Every trap preserves all registers of a program."""

import harness
from parts import HARTS

# Threads that start and end on all harts take and give back contexts. With the trap path `trampoline` these
# come from one pool.
CONTEXTS = [part for part in HARTS if part.name in ("families", "starters", "makers")]

with harness.Test(__doc__, "the instruction for system calls (unit.fncall checks registers there)") as test:
    test.add(test.folder / "test-programs" / "registers", "registers")
    for harts in test.harts_of_tier:
        for how in ("by the clock", "counted"):
            machine = test.machine(harts=harts, icount=how == "counted")
            done = test.run("/registers", machine=machine)
            held = done.text.strip().splitlines() or ["nothing was printed"]
            what = f"{how}, {harts} harts: {'; '.join(held)}"
            test.check(done.status == 0, what, done.text + done.why)
    if "trampoline" in test.folder.name:  # on other paths the test `smp` runs these parts
        test.add(test.folder / "test-programs" / "harts", "harts")
        for harts in test.harts_of_tier:
            test.run_together("harts", CONTEXTS, test.machine(harts=harts))
