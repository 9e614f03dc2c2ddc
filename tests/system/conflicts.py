"""The tracer reports the memory that two calls share, and no conflict for calls that share none."""

import harness
from cotrap.bench.boots import Bench
from cotrap.bench.conflicts.run import measure
from cotrap.bench.conflicts.summary import Pair, total
from cotrap.qemu import Machine

STATES = {"threads", "processes"}
CONTROL = "control.pipe.write"  # both sides write to the same pipe
WRITES = {"Pipe::write", "Pipe::write_sharing"}
LEAST_PAIRS = 1_000
# Percent of the pairs of all calls but those of IN_STRAND: the goal.
LEAST_FREE = 95
# Calls that enter the strand, so they conflict with all others that enter or share it. file.life: the first write to a
# page of a file in memory.
IN_STRAND = {
    "file.life",
    *("tgkill.handler", "tgkill.blocked", "rt_sigaction"),
    *("setitimer", "timer_create", "timer_settime", "timerfd_settime", "timerfd.read"),
    *("pty.write", "pty.type", "pty.read"),
    *("flock", "flock.unlock", "fcntl.setlk"),
    *("socketpair", "connect", "tcp.connect", "accept4", "tcp.accept4", "epoll_ctl"),
    *("udp.sendto", "udp.recvfrom"),
}


def pairs(test: harness.Test, *calls: str) -> list[Pair]:
    return measure(Bench(test.build, Machine(harts=2), timeout=4 * harness.TIMEOUT), test.folder, list(calls))


def of(found: list[Pair], *calls: str) -> list[Pair]:
    return [pair for pair in found if pair.calls == calls]


def main_path(test: harness.Test) -> None:
    found = pairs(test, "getpid", CONTROL)
    for calls in (("getpid", "getpid"), ("getpid", CONTROL)):
        both = of(found, *calls)
        test.check({pair.state for pair in both} == STATES, f"threads and processes make {calls}")
        free = not any(pair.conflicts for pair in both)
        test.check(free, f"{calls[0]} and {calls[1]} share no line that one writes", str(both))
    for pair in of(found, CONTROL, CONTROL):
        shared = [each for each in pair.conflicts if set(each.functions) <= WRITES]
        really = any(not each.is_false_sharing for each in shared)
        what = f"two writes to one pipe conflict in the pipe ({pair.state})"
        test.check(really, what, str(pair.conflicts))
    test.check(pairs(test, "getpid", CONTROL) == found, "two runs give the same conflicts")

    states = {pair.state for pair in pairs(test, "open")}
    test.check(states == {"processes"}, "two open calls commute only in two processes", str(states))


def all_pairs(test: harness.Test) -> None:
    found = pairs(test)
    test.check(len(found) >= LEAST_PAIRS, f"the table gives {len(found)} pairs")
    share = total(pair for pair in found if not IN_STRAND & set(pair.calls)).percent
    test.check(share >= LEAST_FREE, f"at least {LEAST_FREE} % of the pairs are free: {share:.1f} %")
    for call in sorted(IN_STRAND):
        known = any(each.variable.is_strand_lock for pair in of(found, call, call) for each in pair.conflicts)
        test.check(known, f"{call} still enters the strand")
    calls = {call for pair in found for call in pair.calls}
    test.check(CONTROL not in calls, "the controls are not among them", str(calls))
    unnamed = {each for pair in found for each in pair.conflicts if "?" in each.functions}
    test.check(not unnamed, "each conflict names both functions", str(unnamed))


with harness.Test(__doc__, harness.QEMU) as test:
    if test.everyday:
        main_path(test)
    if test.rest:
        all_pairs(test)
