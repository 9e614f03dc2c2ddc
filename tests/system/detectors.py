"""The kernel logs stalls and deadlocks of its jobs with their await chains, and with `watch` also
wrong wakes and starvation."""

import re

import harness
from cotrap.llvm import llvm_output
from cotrap.qemu import Machine


def awaits(test: harness.Test, report: str) -> list[str]:
    """The functions of a report's await chain, innermost first."""
    chain = re.search(r"awaits: (.*)", report)
    if not chain:
        return []
    symbols = llvm_output("nm", "--defined-only", "--demangle", test.build.kernel)
    names = {int(line.split()[0], 16): line.split(maxsplit=2)[2] for line in symbols.splitlines()}
    return [names.get(int(at, 16), at) for at in chain.group(1).split(" < ")]


STALL = r"'\S+' stalled: \d\d ms without an await, then a yield.*"
STALLS = (  # self-test, a report that appears once, its await chain
    ("spin 30", r"'spinner' stalls: \d\d ms .*", ["Team::run"]),
    ("stall 30", STALL, ["self_tests::stall", "sys::run_self_test", "run_thread"]),
    ("stall 13", STALL, ["self_tests::stall", "sys::run_self_test", "run_thread"]),
)


def stalls(test: harness.Test, harts: int) -> None:
    machine = Machine(harts, icount=True)
    # `stall` computes in the strand. With several harts, the other ones then wait for the strand and are not
    # idle. Counted harts run one at a time, so the kernel charges a step only with the time in which all
    # other harts are idle. It would not report a step of 30 ms, so only `spin` is tested there.
    for name, report, chain in STALLS if harts == 1 else STALLS[:1]:
        script = f"self-test {name}; sleep 0.1"
        done = test.run("/bin/sh", "-c", script, machine=machine, quiet=False)
        reports = re.findall(report, done.text)
        test.check(
            len(reports) == 1,
            f"a stalled step is reported once ({name}, harts: {harts})", done.text,
        )  # fmt: skip
        seen = awaits(test, "".join(reports))
        test.check(
            len(seen) >= len(chain)
            and all(name in function for name, function in zip(chain, seen)),
            f"… with its await chain: {', '.join(chain)}", f"{done.text}\n{seen}",
        )  # fmt: skip
    if harts > 1:
        # The kernel charges a step with at least a tenth of its share of the time. On two harts a step of
        # 600 ms is charged with 600 / 2 / 10 = 30 ms, which is above the limit of 10 ms.
        done = test.run("/bin/sh", "-c", "self-test stall 600; sleep 0.1", machine=machine, quiet=False)
        test.check(
            len(re.findall(STALL, done.text)) == 1,
            f"a long stall is reported although other harts wait for the strand (harts: {harts})", done.text,
        )  # fmt: skip
    if harts == 1:
        script = "self-test stall; sleep 0.1"
        done = test.run(
            "/bin/sh", "-c", script, machine=machine, append="policy=fifo", quiet=False
        )  # fmt: skip
        line = next((line for line in done.text.splitlines() if " stalled: " in line), "")
        test.check(
            any("self_tests::stall" in function for function in awaits(test, line)),
            "… also under a policy that delays the reporting job", done.text,
        )  # fmt: skip
    script = "self-test stall 9; self-test spin 9; sleep 0.1"
    done = test.run("/bin/sh", "-c", script, machine=machine, quiet=False)
    test.check(
        done.status == 0 and not re.search(r"stall(s|ed):", done.text),
        f"steps of 9 ms are not reported (harts: {harts})", done.text,
    )  # fmt: skip


def without_stalls(test: harness.Test) -> None:
    """With icount, neither a futex deadline in the past nor the time of another hart makes a step seem
    longer than it is."""
    test.add(test.folder / "linux-programs" / "waits", "waits")
    done = test.run("/waits", machine=Machine(icount=True), quiet=False)
    test.check(
        "&none, 1): ETIMEDOUT" in done.text and not re.search(r"stall(s|ed):", done.text),
        "a futex deadline in the past does not count as the start of a step", done.text,
    )  # fmt: skip
    # With icount the harts share one clock, and one hart stands still while another runs.
    for harts in (2, 4):
        script = "self-test roam; smp"
        done = test.run(
            "/bin/sh", "-c", script, machine=Machine(harts, icount=True), quiet=False
        )  # fmt: skip
        test.check(
            done.status == 0 and not re.search(r"stall(s|ed):", done.text),
            f"a step is not charged for another hart's time (harts: {harts})", done.text,
        )  # fmt: skip


def by_the_clock(test: harness.Test, harts: int) -> None:
    """A host may stop the machine at any time, so without icount only `watch` reports stalls."""
    machine, report = test.machine(harts=harts), r"stall(s|ed):"
    script = "self-test stall 30; sleep 1.5"  # `watch` would report within a second
    done = test.run("/bin/sh", "-c", script, machine=machine, quiet=False)
    test.check(
        done.status == 0 and not re.search(report, done.text),
        f"by the clock, stalls are not reported without `watch` (harts: {harts})", done.text,
    )  # fmt: skip
    typed = harness.Dialogue((harness.PROMPT, "self-test stall 30\n"), (report, "exit\n"))
    done = test.run("/bin/sh", typed=typed, machine=machine, append="watch", quiet=False)
    test.check(
        done.status == 0, f"by the clock, stalls are reported with `watch` (harts: {harts})",
        done.text + done.why,
    )  # fmt: skip


def deadlocks(test: harness.Test, harts: int) -> None:
    done = test.run("/bin/self-test", "deadlock", machine=Machine(harts), quiet=False)
    reports = re.findall(r"deadlock: '(?:left|right)-handed' waits for itself", done.text)
    test.check(
        len(reports) == 1 and done.status == 0,
        f"a deadlock of two mutexes is reported once (harts: {harts})", done.text,
    )  # fmt: skip
    for one, other in (("left", "right"), ("right", "left")):
        waits = f"waits: the other job's mutex, held by '{other}-handed'"
        after = done.text.partition(waits)[2]
        line = next(iter(after.splitlines()[1:2]), "")
        test.check(
            any("lock_both" in function for function in awaits(test, line)),
            f"… with the coroutine of '{one}-handed'", f"{done.text}\n{line}",
        )  # fmt: skip


def mistakes(test: harness.Test, harts: int) -> None:
    """A machine in QEMU counts instructions, so a host that stops it makes no job late."""
    machine = Machine(harts, icount=not test.build.is_hosted)
    planted = (
        ("deadlock-by-join", "deadlock: 'joining' waits for itself", "hold_and_join"),
        ("double-enqueue", "double enqueue: 'woken twice' was woken while already ready", "wait_for"),
        ("starvation", "starvation: 'hungry' has been ready for too long", "wait_for"),
        ("lost-wake", "lost wake: 'forgotten' was woken, but does not run", "wait_for"),
    )
    for name, what, coroutine in planted:
        if name == "starvation" and harts > 1:
            continue  # a job that yields moves to another hart, so no job starves
        # A host may stop a hart in an interrupt. Then that hart is not idle, and the report is another one.
        if name == "lost-wake" and test.lacks(name, harness.COUNTED):
            continue
        done = test.run(
            "/bin/self-test", name, machine=machine, append="watch=20", quiet=False
        )
        after = done.text.partition(what)[2]
        line = next((line for line in after.splitlines() if "awaits:" in line), "")
        test.check(
            done.status == 0 and done.text.count(what) == 1 and bool(after),
            f"{name} is found (harts: {harts})", done.text,
        )  # fmt: skip
        test.check(
            any(coroutine in function for function in awaits(test, line)),
            "… with the coroutine", f"{done.text}\n{line}",
        )  # fmt: skip
    done = test.run("/bin/true", append="watch=20ms", machine=machine, quiet=False)
    test.check("watch=20ms: expected a number of milliseconds from 1" in done.text, "… watch=20ms is refused")
    if test.lacks("no report without a mistake", harness.COUNTED):
        return
    done = test.run(
        "/bin/sh", "-c", "self-test yield 20; self-test roam; hello; sleep 0.05; ps",
        append="watch=500", machine=machine, quiet=False,
    )  # fmt: skip
    found = re.search("deadlock|double enqueue|lost wake|starvation", done.text)
    test.check(
        done.status == 0 and not found,
        f"and without a mistake nothing is reported (harts: {harts})", done.text,
    )  # fmt: skip


with harness.Test(__doc__, all_everyday=True) as test:
    if not test.lacks("stalls", harness.COUNTED):
        for harts in (1, 2):
            stalls(test, harts)
        without_stalls(test)
    for harts in (1, 4):
        by_the_clock(test, harts)
    for harts in (1, 4):
        deadlocks(test, harts)
        mistakes(test, harts)
