"""Every register a program has is as it left it, whatever interrupts it."""

import harness

with harness.Test(__doc__, "registers of riscv64's (here, unit.fncall looks at each)") as test:
    test.add(test.folder / "test-programs" / "registers", "registers")
    for what, machine in (
        ("in real time", test.machine()),
        ("counted", test.machine(icount=True)),
    ):
        done = test.run("/registers", machine=machine, timeout=90)
        held = done.text.strip().splitlines() or ["nothing was printed"]
        test.check(done.status == 0, f"{what}: {'; '.join(held)}", done.text + done.why)
