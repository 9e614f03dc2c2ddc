"""Random system calls and rings with random contents neither stop the kernel nor leak its memory."""

import harness

SEED = "1"
EVERYDAY = (("calls", "10000"), ("rings", "5000"))
REST = (("calls", "100000"), ("rings", "25000"))


def fuzz(test: harness.Test, harts: int, amounts: tuple) -> None:
    """On one hart the calls run with counted time, which skips the idle waits of blocking calls. The programs
    with rings compute until their time is over, so counted time would not make them shorter."""
    for what, count in amounts:
        counted = harts == 1 and what == "calls" and not test.build.is_hosted
        machine = test.machine(harts=harts, icount=counted)
        done = test.run("/fuzz", what, count, SEED, machine=machine)
        held = f"after {count} {what} the kernel runs and has all its memory ({harts} harts)"
        test.check(done.status == 0, held, done.text + done.why)
        print(done.text, end="")


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "fuzz", "fuzz")
    for harts in test.same_harts:
        fuzz(test, harts, test.everyday * EVERYDAY + test.rest * REST)
