"""The program `workload` does what a plan says: tasks come, compute, wait and share, by priority."""

import tempfile
from pathlib import Path

import harness
from cotrap.qemu import Machine

MS = 1_000_000
PLAN = f"""cotrap-plan 1
until {100 * MS} after {5 * MS}
locks 1 channels 2
class urgent 3 {3 * MS}
class middle 10 {20 * MS}
class maker 20 0
class taker 20 0
class round 20 0
task 1 {1 * MS} r{MS}
task 1 {10 * MS} r{10 * MS}
task 0 {12 * MS} r{2 * MS}
task 2 {40 * MS} r{MS} s0 s0 s0
task 3 {41 * MS} v0 v0 v0 r{MS}
task 1 {50 * MS} l0 r{10 * MS} u0
task 0 {52 * MS} l0 r{MS} u0
task 4 {70 * MS} r{MS} w{2 * MS} y n{4 * MS} r{MS} w{2 * MS} n{90 * MS} r{MS} n0
"""
# Class: arrived, finished, missed, and the responses that it is to have, in milliseconds.
EXPECTED = {
    "urgent": (2, 2, 1, (2, 9)),  # the second one waits for the lock: nothing inherits
    "middle": (2, 2, 0, (12, 11)),  # preempted for 2 ms; until the urgent one has the lock
    "maker": (1, 1, 0, (1,)),
    "taker": (1, 1, 0, (1,)),
    "round": (2, 2, 0, (3, 3)),
}


def check_plan(test: harness.Test, harts: int) -> None:
    counted = not test.build.is_hosted
    done = test.run("/bin/workload", "/workload.plan", machine=Machine(harts, icount=counted))
    rows = {}
    for line in done.text.replace("\r", "").splitlines():
        name, *numbers = line.split("\t")
        rows[name] = [int(number) for number in numbers]
    what = f"{harts} hart{'s' if harts > 1 else ''}"
    whole = done.status == 0 and list(rows) == list(EXPECTED)
    test.check(whole, f"{what}: a line a class", done.text)
    for name, (arrived, finished, missed, responses) in EXPECTED.items():
        row = rows.get(name, [0] * 7)
        counts = row[:2] == [arrived, finished]
        test.check(counts, f"{what}: {name}: {arrived} arrive, {finished} end", done.text)
        if counted and harts == 1:
            test.check(row[2] == missed, f"{what}: {name}: {missed} too late", done.text)
            for label, wanted, is_ in (
                ("mean", sum(responses) / len(responses), row[3]),
                ("longest", max(responses), row[6]),
            ):
                near = abs(is_ / MS - wanted) < 0.2
                test.check(near, f"{what}: {name}: {label} {wanted:g} ms", done.text)


with harness.Test(__doc__) as test, tempfile.TemporaryDirectory() as folder:
    plan = Path(folder) / "plan"
    plan.write_text(PLAN)
    test.add(plan, "workload.plan")
    check_plan(test, 1)
    check_plan(test, 3)
    for wrong, said in (
        ("task 0 0 r1", "no class 0"),
        ("class a 1 0\ntask 0 0 q1", "no step is 'q'"),
        ("class a 1 0\ntask 0 0 l7", "no lock 7"),
        ("class a 1 0\ntask 0 0 rx", "'x' in the plan is not a number"),
        ("nonsense", "'nonsense' means nothing in a plan"),
    ):
        plan.write_text(wrong + "\n")
        done = test.run("/bin/workload", "/workload.plan")
        told = done.status == 1 and said in done.text
        test.check(told, f"what is wrong in a plan is told: {said}", done.text)
