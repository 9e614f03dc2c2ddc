"""The program `workload` carries out a plan: tasks arrive, compute, wait and share data under several
policies. The kernel's decisions are recorded and repeat."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

import harness
from cotrap import policies
from cotrap.qemu import Machine

MS = 1_000_000
PLAN = f"""cotrap-plan 1
until {100 * MS} after {5 * MS}
locks n channels 2
class urgent 3 {3 * MS} 1024 0 0 255
class middle 10 {20 * MS} 1024 0 0 255
class maker 20 0 1024 0 0 255
class taker 20 0 1024 0 0 255
class round 20 0 1024 0 0 255
task 1 {1 * MS} r{MS}
task 1 {10 * MS} r{10 * MS}
task 0 {12 * MS} r{2 * MS}
task 2 {40 * MS} r{MS} s0 s0 s0
task 3 {41 * MS} v0 v0 v0 r{MS}
task 1 {50 * MS} l0 r{10 * MS} u0
task 0 {52 * MS} l0 r{MS} u0
task 4 {70 * MS} r{MS} w{2 * MS} y n{4 * MS} r{MS} w{2 * MS} n{90 * MS} r{MS} n0
"""
A = "class a 1 0 1024 0 0 255"
# Class: arrived, finished, missed, and its expected response times in milliseconds.
EXPECTED = {
    "urgent": (2, 2, 1, (2, 9)),  # the second task waits for the lock of `middle`
    "middle": (2, 2, 0, (12, 11)),  # the first is preempted for 2 ms; the second until `urgent` unlocks
    "maker": (1, 1, 0, (1,)),
    "taker": (1, 1, 0, (1,)),
    "round": (2, 2, 0, (3, 3)),
}
# The earliest deadline runs first, whatever its priority. A task that exceeds its reservation does not
# delay others. `served` gets its 2 ms at 40 and at 50 ms. It gets the rest when `due` and `refused`
# have finished; `refused` has no reservation.
DEADLINES = f"""cotrap-plan 1
until {100 * MS} after 0
locks channels
class late 3 {30 * MS} 1024 0 0 255
class soon 20 {10 * MS} 1024 0 0 255
class served 20 0 1024 {2 * MS} {10 * MS} 255
class due 20 {25 * MS} 1024 0 0 255
class refused 20 0 1024 {95 * MS} {100 * MS} 255
task 0 {1 * MS} r{10 * MS}
task 1 {3 * MS} r{2 * MS}
task 2 {40 * MS} r{20 * MS}
task 3 {MS * 81 // 2} r{10 * MS}
task 4 {41 * MS} r{MS}
"""
IN_TIME = {
    "late": (1, 1, 0, (12,)),
    "soon": (1, 1, 0, (2,)),
    "served": (1, 1, 0, (31,)),
    "due": (1, 1, 0, (13.5,)),
    "refused": (1, 1, 0, (14,)),
}
# Time slices of 4 ms: `light` runs for one, then `heavy` until it ends, because its share is a hundred
# times as large. Then `light` runs again.
WEIGHTS = f"""cotrap-plan 1
until {50 * MS} after 0
locks channels
class light 3 0 1024 0 0 255
class heavy 20 0 102400 0 0 255
task 0 {1 * MS} r{12 * MS}
task 1 {2 * MS} r{12 * MS}
"""
IN_PROPORTION = {"light": (1, 1, 0, (24,)), "heavy": (1, 1, 0, (15,))}


def check_plan(
    test: harness.Test, harts: int, expected: dict = EXPECTED, policy: str = "priority"
) -> None:
    counted = not test.build.is_hosted
    machine = Machine(harts, icount=counted)
    done = test.run("/bin/workload", "/workload.plan", machine=machine, append=f"policy={policy}")
    rows = {}
    for line in done.text.replace("\r", "").splitlines():
        name, *numbers = line.split("\t")
        if name not in ("start", "deadlines", "wakes"):
            rows[name] = [int(number) for number in numbers]
    what = f"{policy}, {harts} hart{'s' if harts > 1 else ''}"
    whole = done.status == 0 and list(rows) == list(expected)
    test.check(whole, f"{what}: one line per class", done.text)
    for name, (arrived, finished, missed, responses) in expected.items():
        row = rows.get(name, [0] * 7)
        counts = row[:2] == [arrived, finished]
        test.check(counts, f"{what}: {name}: {arrived} arrive, {finished} end", done.text)
        if counted and harts == 1:
            test.check(row[2] == missed, f"{what}: {name}: {missed} miss the deadline", done.text)
            for label, wanted, is_ in (
                ("mean", sum(responses) / len(responses), row[3]),
                ("longest", max(responses), row[6]),
            ):
                near = abs(is_ / MS - wanted) < 0.2
                test.check(near, f"{what}: {name}: {label} {wanted:g} ms", done.text)


# More work than time: the task of `first` does not end, and those of `last` do not start.
OVERLOAD = f"""cotrap-plan 1
until {50 * MS} after 0
locks channels
class first 3 0 1024 0 0 255
class last 20 {5 * MS} 1024 0 0 255
task 0 {1 * MS} r{60 * MS}
task 1 {2 * MS} r{MS}
task 1 {48 * MS} r{MS}
"""


def check_overload(test: harness.Test) -> None:
    counted = not test.build.is_hosted
    done = test.run("/bin/workload", "/workload.plan", machine=Machine(1, icount=counted))
    lines = done.text.replace("\r", "").splitlines()
    nothing = "\t0" * 4
    well = f"first\t1\t0\t0{nothing}" in lines and f"last\t2\t0\t1{nothing}" in lines
    test.check(well, "an unfinished task counts as arrived and may count as missed", done.text)
    if counted:
        said = "deadlines\tlast\t1\t1" in lines
        test.check(said, "the kernel counts overdue work as missed", done.text)
    test.check("unbegun\tlast\t2" in lines, "tasks that did not start are reported", done.text)


# No task of `hopeless` can end before its deadline, and every task of `easy` can, under every policy.
IN_VAIN = f"""cotrap-plan 1
until {100 * MS} after 0
locks channels
class hopeless 3 {1 * MS} 1024 0 0 255
class easy 20 {30 * MS} 1024 0 0 255
class free 20 0 1024 0 0 255
task 0 {10 * MS} r{2 * MS}
task 1 {20 * MS} r{MS}
task 0 {30 * MS} r{2 * MS}
task 1 {40 * MS} r{MS} w{3 * MS} r{MS} n{10 * MS} r{MS}
task 0 {70 * MS} r{2 * MS}
task 2 {80 * MS} r{MS}
"""
# By class: the pieces of work that the kernel counts, those that miss their deadline, and the wakes.
COUNTED_BY_THE_KERNEL = {"hopeless": (3, 3, 3), "easy": (3, 0, 4), "free": (0, 0, 1)}


def check_counts(test: harness.Test, policy: str) -> None:
    """The kernel counts each missed deadline once, and the program each wake."""
    machine = Machine(1, icount=not test.build.is_hosted)
    done = test.run("/bin/workload", "/workload.plan", machine=machine, append=f"policy={policy}")
    found = {}
    for kind, name, *numbers in (line.split("\t") for line in done.text.replace("\r", "").splitlines()):
        found[kind, name] = [int(number) for number in numbers]
    for name, (ended, missed, wakes) in COUNTED_BY_THE_KERNEL.items():
        counts = found.get(("deadlines", name), [0, 0])
        what = f"{policy}: {name}: {missed} of {ended} deadlines are missed"
        test.check(counts == [ended, missed], what, done.text)
        number, p50, p99, longest, *places = found.get(("wakes", name), [0] * 10)
        well = number == sum(places) == wakes and p50 <= p99 <= longest < MS
        test.check(well, f"{policy}: {name}: {wakes} wakes are in the histogram", done.text)


# At the program's end one task is late, and another one is not. `blocker` keeps both from running.
ENDED_EARLY = f"""cotrap-plan 1
until {50 * MS} after 0
locks channels
class blocker 3 0 1024 0 0 255
class late 20 {5 * MS} 1024 0 0 255
class early 20 {10_000 * MS} 1024 0 0 255
task 0 {1 * MS} r{60 * MS}
task 1 {2 * MS} r{MS}
task 2 {3 * MS} r{MS}
"""


def check_ends(test: harness.Test) -> None:
    """The end of a thread ends its work."""
    machine = Machine(1, icount=not test.build.is_hosted)
    done = test.run("/bin/sh", "-c", "workload /workload.plan; cat /proc/deadlines", machine=machine)
    lines = done.text.replace("\r", "").splitlines()
    test.check("1\t1\t1\t0\t0" in lines, "late work of a thread that ends counts as missed", done.text)
    test.check("2\t1\t0\t0\t0" in lines, "  … and other work as ended", done.text)


# `top` waits for a lock of `high`, and `high` waits for a lock of `low`. `middle` would keep `low` from
# running, but `low` inherits the priority of `top` over both locks.
INHERITED = f"""cotrap-plan 1
until {100 * MS} after 0
locks i i channels
class top 1 0 1024 0 0 255
class high 3 0 1024 0 0 255
class middle 10 0 1024 0 0 255
class low 20 0 1024 0 0 255
task 3 {1 * MS} l0 r{6 * MS} u0 r{2 * MS}
task 1 {2 * MS} l1 r{1 * MS} l0 r{1 * MS} u0 u1
task 2 {4 * MS} r{30 * MS}
task 0 {5 * MS} l1 r{1 * MS} u1
"""
BY_INHERITANCE = {
    "top": (1, 1, 0, (5,)),  # `low` unlocks at 8 ms, and `high` at 9 ms
    "high": (1, 1, 0, (8,)),
    "middle": (1, 1, 0, (36,)),
    "low": (1, 1, 0, (41,)),
}


# `long` runs when `short` arrives with an earlier deadline.
WORKLOAD = """# Two periodic tasks
duration 60ms
class short
  arrive every 10ms from 2ms
  deadline 8ms
  priority 20
  run 2ms
class long
  arrive every 25ms
  deadline 25ms
  priority 10
  run 12ms
"""


def command(test: harness.Test, *words) -> subprocess.CompletedProcess:
    return subprocess.run(
        [harness.ROOT / "cotrap", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * harness.TIMEOUT,
    )


def shortened(folder: Path, name: str, duration: str) -> Path:
    """A copy of a workload of the simulator with another duration."""
    text = (harness.ROOT / "async" / "sim" / "workloads" / f"{name}.workload").read_text()
    short = folder / f"{name}.workload"
    short.write_text(re.sub("^duration .*$", f"duration {duration}", text, flags=re.MULTILINE))
    return short


def check_inheritance(test: harness.Test, folder: Path) -> None:
    """As on Mars Pathfinder: without inheritance, tasks of `bus` miss their deadlines, because they wait for
    a lock of `weather` while `communication` runs. The arrivals have a period of two seconds, so a longer
    run adds nothing."""
    without = "pathfinder-without-inheritance"
    for name, policy, missed in (
        ("pathfinder", "priority", 0), ("pathfinder", "edf", 0), (without, "priority", 1)
    ):
        workload = shortened(folder, name, "2s")
        done = command(
            test, "run", workload, "--policy", policy, "--build", test.folder, "--icount"
        )
        row = re.search(r"^bus +kernel +16 +16 +(\d+) ", done.stdout, re.MULTILINE)
        well = row is not None and int(row[1]) == missed
        what = f"{name} under {policy}: {missed} missed deadlines"
        test.check(well, what, done.stdout + done.stderr)
        counted = re.search(r"^bus +16 +(\d+) +16 ", done.stdout, re.MULTILINE)
        same = counted is not None and int(counted[1]) == missed
        test.check(same, "  … and the kernel counts the same", done.stdout + done.stderr)


def check_reservations(test: harness.Test, folder: Path) -> None:
    """A task gets its reservation at once on arrival, whatever other tasks use. In a second `audio` arrives
    100 times."""
    workload = shortened(folder, "reservations", "1s")
    done = command(
        test, "run", workload, "--policy", "edf", "--build", test.folder, "--icount"
    )
    longest = re.search(r"^audio +kernel .* (\S+) (ms|µs|s)$", done.stdout, re.MULTILINE)
    well = longest is not None and longest[2] == "ms" and float(longest[1]) < 2
    test.check(well, "a reservation takes effect at once", done.stdout + done.stderr)


def check_decisions(test: harness.Test, folder: Path) -> None:
    """The command records the kernel's decisions, the simulator replays them, and counted runs repeat."""
    workload = folder / "two.workload"
    workload.write_text(WORKLOAD)
    record, timeline = folder / "two.schedule", folder / "two.json"
    hosted = test.build.is_hosted
    how = ["--build", test.folder, *(["--machine", "hosted"] if hosted else ["--icount"])]
    outputs = ["--record", record, "--trace", timeline]
    first = command(test, "run", workload, "--policy", "edf", *how, *outputs)
    test.check(first.returncode == 0, "a workload runs, with options behind it", first.stderr)
    made = timeline.read_text() if timeline.exists() else "{}"
    has_threads = "workload" in made and "traceEvents" in json.loads(made)
    test.check(has_threads, "the command writes its timeline", first.stderr)
    recorded = record.read_text() if record.exists() else ""
    lines = recorded.partition("decisions\n")[2].splitlines()
    comes = any(re.fullmatch(r"\d+ 0 \d+ short( \d+)+", line) for line in lines)
    test.check(comes and len(lines) >= 9, "the command records its decisions", recorded)
    for limit, reports in ((5, True), (30, False)):
        done = command(test, "run", workload, "--policy", "fifo", *how, "--starving", str(limit))
        report = re.search(r"starvation: workload \d+ \(process 1\) is ready for \S+ ms", done.stdout)
        verb = "is" if reports else "is not"
        test.check(
            bool(report) is reports,
            f"10 ms in state ready {verb} reported with --starving {limit}",
            done.stdout + done.stderr,
        )
    if hosted:
        return
    hashes = re.findall(r"schedule hash (\w{16})", first.stdout)
    again = command(test, "run", workload, "--policy", "edf", *how)
    same = len(hashes) == 1 and hashes == re.findall(r"schedule hash (\w{16})", again.stdout)
    test.check(same, "two counted runs have the same schedule hash", first.stdout + again.stdout)
    page = folder / "two.html"
    other = command(test, "run", workload, *how, "--trace", page)
    text = page.read_text() if page.exists() else ""
    test.check("seed" in text, "the page of a timeline names the seed of the workload", other.stderr)
    differs = hashes != re.findall(r"schedule hash (\w{16})", other.stdout)
    test.check(differs, "another policy has another schedule hash", first.stdout + other.stdout)

    replayed = command(test, "sim", "--replay", record)
    well = replayed.returncode == 0 and "the same order" in replayed.stdout
    test.check(well, "the simulator makes the kernel's decisions", replayed.stdout + replayed.stderr)
    record.write_text(recorded.replace("policy=edf", "policy=fifo"))
    replayed = command(test, "sim", "--replay", record)
    report = re.search(
        r"change 2 of hart 0 differs\n  before:   \S+ ms: hart 0, task 2 \(short\), of 1 2\n"
        r"  recorded: 4\.\d+ ms: hart 0, task 1 \(long\)\n  now:      14\.\d+ ms: hart 0, task 3 \(short\)\n"
        r"  why:      task 1 was ready in the kernel, but is not in the simulator\n"
        r"    task 1 in the simulator: has not arrived yet, or has ended\n"
        r"    task 3 in the simulator: is ready, priority 20, deadline at 20.000 ms\n",
        replayed.stdout,
    )
    test.check(
        replayed.returncode == 1 and bool(report),
        "a replay under another policy reports both decisions and the reason",
        replayed.stdout + replayed.stderr,
    )


def check_pauses(test: harness.Test, folder: Path) -> None:
    """In this workload the hart is idle for a quarter of the time, because all threads sleep."""
    periodic = folder / "periodic.schedule"
    how = ["--policy", "edf", "--build", test.folder, "--icount"]
    command(test, "run", shortened(folder, "liu-layland", "1s"), *how, "--record", periodic)
    again = command(test, "sim", "--replay", periodic)
    well = again.returncode == 0 and "the same order" in again.stdout
    what = "the simulator makes the kernel's decisions in a run with idle times, to its end"
    test.check(well, what, again.stdout + again.stderr)


def plans(test: harness.Test, plan: Path) -> None:
    for harts in (1, 4):
        check_plan(test, harts)
    for text, expected, policy in (
        (DEADLINES, IN_TIME, "edf"),
        (WEIGHTS, IN_PROPORTION, "stride"),
        (INHERITED, BY_INHERITANCE, "priority"),
    ):
        plan.write_text(text)
        check_plan(test, 1, expected, policy)
    plan.write_text(OVERLOAD)
    check_overload(test)
    plan.write_text(ENDED_EARLY)
    check_ends(test)
    if not test.build.is_hosted:
        plan.write_text(IN_VAIN)
        for policy in policies.known():
            check_counts(test, policy)
    for wrong, message in (
        ("task 0 0 r1", "no class 0"),
        (f"{A}\ntask 0 0 q1", "'q' is not a step"),
        (f"{A}\ntask 0 0 l7", "no lock 7"),
        (f"{A}\ntask 0 0 rx", "'x' in the plan is not a number"),
        ("nonsense", "'nonsense' is not a statement of a plan"),
    ):
        plan.write_text(wrong + "\n")
        done = test.run("/bin/workload", "/workload.plan")
        reported = done.status == 1 and message in done.text
        test.check(reported, f"an error in a plan is reported: {message}", done.text)


with harness.Test(__doc__) as test, tempfile.TemporaryDirectory() as folder:
    plan = Path(folder) / "plan"
    plan.write_text(PLAN)
    test.add(plan, "workload.plan")
    if test.everyday:
        plans(test, plan)
        check_decisions(test, Path(folder))
    if test.rest and not test.build.is_hosted:
        check_inheritance(test, Path(folder))
        check_reservations(test, Path(folder))
        check_pauses(test, Path(folder))
