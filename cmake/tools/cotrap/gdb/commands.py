"""gdb's commands for Cotrap: `./cotrap debug` loads them. `help coroutines` explains each."""

import os
import sys
from contextlib import contextmanager

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))

import gdb  # noqa: E402

from cotrap.errors import ToolError  # noqa: E402
from cotrap.functions import short  # noqa: E402
from cotrap.gdb import kernel  # noqa: E402
from cotrap.trace import recording  # noqa: E402

_RAM = int(os.environ.get("COTRAP_RAM", "-1"))  # the machine's, as ./cotrap debug gives it to gdb


@contextmanager
def _in_the_kernel():
    """While a program runs, QEMU shows what a program may read. The hart's mode is a register to gdb."""
    try:
        mode = int(gdb.parse_and_eval("$priv"))
        gdb.execute("set $priv = 1", to_string=True)
    except (gdb.error, ValueError):  # the hosted machine has none
        yield
        return
    try:
        yield
    finally:
        gdb.execute(f"set $priv = {mode}", to_string=True)


class _Command(gdb.Command):
    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)

    def invoke(self, line: str, _from_terminal: bool) -> None:
        try:
            with _in_the_kernel():
                self.run(line.strip())
        except (gdb.MemoryError, UnicodeError) as error:
            raise gdb.GdbError(
                f"{self.name}: the kernel is not there yet, or damaged: {error}"
            ) from error


def _function(code: int) -> str:
    symbol = gdb.execute(f"info symbol {code:#x}", to_string=True).partition(" in section")[0]
    place = gdb.find_pc_line(code)
    where = f" ({os.path.basename(place.symtab.filename)}:{place.line})" if place.symtab else ""
    return short(symbol.strip()) + where


def _last_events() -> tuple[dict[int, recording.Event], recording.Recording | None]:
    """By job, what was last noted of it, if the kernel keeps a trace."""
    try:
        kept = recording.read(_RAM)
    except (ToolError, OSError):
        return {}, None
    ends = (recording.Kind.WAIT, recording.Kind.YIELD, recording.Kind.WAKE, recording.Kind.RUN)
    last: dict[int, recording.Event] = {}
    for event in sorted(
        (e for hart in kept.harts for e in hart if e.kind in ends), key=lambda e: e.ticks
    ):
        last[event.job] = event
    return last, kept


class Coroutines(_Command):
    """coroutines [TEXT]: every job, or those whose name or reason has TEXT in it.

    State, priority, hart, who it is (a thread: its program, process and thread), what it waits for, since when (seconds
    since boot, while the kernel keeps a trace) and in which coroutine. The number in front is for `await-chain`.
    """

    name = "coroutines"

    def run(self, line: str) -> None:
        last, kept = _last_events()
        count = 0
        for job in kernel.jobs():
            if line not in f"{job.who} {job.reason}":
                continue
            count += 1
            since = ""
            if job.place in last:
                ns = kept.first_ns + (last[job.place].ticks - kept.first_tick) * kept.period_ns
                since = f"since {ns / 1e9:.6f}"
            chain = job.chain() if job.state == "waiting" else []
            leaf = _function(chain[0]) if chain else ""
            print(
                f"{job.place:#x}  {job.state:<7}  p{job.priority:<2}  h{job.hart}  {job.who:<24} "
                f"{job.reason:<22} {since:<15} {leaf}".rstrip()
            )
        print(f"{count} coroutines")


class AwaitChain(_Command):
    """await-chain JOB: the coroutines from the one that waits up to the job's first.

    JOB is the number that `coroutines` has in front, or a name; of several the first."""

    name = "await-chain"

    def run(self, line: str) -> None:
        if not line:
            raise gdb.GdbError("await-chain: of which? `coroutines` has them all")
        for job in kernel.jobs():
            if line in (f"{job.place:#x}", job.who, job.who.partition(" ")[0]):
                break
        else:
            raise gdb.GdbError(f"await-chain: there is no coroutine '{line}'")
        what = f" for {job.reason}" if job.reason else ""
        print(f"{job.who}, {job.state}{what}")
        if job.state == "running":
            print("  it runs: `backtrace` on its hart's thread has where")
        else:
            for code in job.chain():
                print(f"  {_function(code)}")


class Harts(_Command):
    """harts: what every hart does, and how many are ready on it."""

    name = "harts"

    def run(self, line: str) -> None:
        who = {job.place: job.who for job in kernel.jobs()}
        ready = [job.hart for job in kernel.jobs() if job.state == "ready"]
        for hart, job in kernel.running().items():
            does = f"runs {who.get(job, hex(job))}" if job else "idles, or is between two steps"
            print(f"hart {hart}: {does}, {ready.count(hart)} ready")


class Areas(_Command):
    """areas PID: the memory of a process, area by area, and what is in it at first."""

    name = "areas"

    def run(self, line: str) -> None:
        if not line.isdecimal():
            raise gdb.GdbError("areas: the number of a process (`coroutines` has them)")
        for process in kernel.processes():
            if int(process["id_"]) == int(line):
                break
        else:
            raise gdb.GdbError(f"areas: there is no process {line}")
        space = process["parts_"]["space"]["object_"]
        if not int(space):
            raise gdb.GdbError(f"areas: process {line} has ended and has no memory")
        area = space.dereference()["areas_"]["first_"]
        while int(area):
            each = area.dereference()
            rights = int(each["access"])
            letters = "".join(char if rights >> bit & 1 else "-" for bit, char in enumerate("rwx"))
            kind = str(each["backing"]["kind"]).rpartition("::")[2]
            start, end = int(each["start"]), int(each["end"])
            print(f"{start:#14x} - {end:#14x}  {letters}  {(end - start) >> 10:>9,} KiB  {kind}")
            area = each["next"]


for command in (Coroutines, AwaitChain, Harts, Areas):
    command()
