"""Every trap preserves all registers of a program."""

import harness

with harness.Test(__doc__, "the instruction for system calls (unit.fncall checks registers there)") as test:
    test.add(test.folder / "test-programs" / "registers", "registers")
    for harts in test.harts_of_tier:
        for how in ("by the clock", "counted"):
            machine = test.machine(harts=harts, icount=how == "counted")
            done = test.run("/registers", machine=machine)
            held = done.text.strip().splitlines() or ["nothing was printed"]
            what = f"{how}, {harts} harts: {'; '.join(held)}"
            test.check(done.status == 0, what, done.text + done.why)
