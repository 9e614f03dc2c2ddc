"""Cotrap's gdb commands, which `./cotrap debug` loads. In gdb, `help COMMAND` explains each."""

import os
import re
import sys
from contextlib import contextmanager

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))

import gdb  # noqa: E402

from cotrap.errors import ToolError  # noqa: E402
from cotrap.functions import short  # noqa: E402
from cotrap.gdb import kernel  # noqa: E402
from cotrap.trace import recording  # noqa: E402

_RAM = int(os.environ.get("COTRAP_RAM", "-1"))  # a descriptor of the machine's RAM, from ./cotrap debug
_KERNEL_MODE = os.environ.get("COTRAP_MODE", "1")  # on RISC-V: 1 is supervisor mode, 3 is machine mode


@contextmanager
def _kernel_mode():
    """Sets the hart to the kernel's mode. In user mode, QEMU lets gdb read only the program's memory."""
    try:
        mode = int(gdb.parse_and_eval("$priv"))
        gdb.execute(f"set $priv = {_KERNEL_MODE}", to_string=True)
    except (gdb.error, ValueError):  # the hosted machine has no such register
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
            with _kernel_mode():
                self.run(line.strip())
        except (gdb.MemoryError, UnicodeError) as error:
            raise gdb.GdbError(
                f"{self.name}: the kernel's data is not initialised yet, or damaged: {error}"
            ) from error


def _function(code: int) -> str:
    symbol = gdb.execute(f"info symbol {code:#x}", to_string=True).partition(" in section")[0]
    place = gdb.find_pc_line(code)
    where = f" ({os.path.basename(place.symtab.filename)}:{place.line})" if place.symtab else ""
    return short(symbol.strip()) + where


def _last_events() -> tuple[dict[int, recording.Event], recording.Recording | None]:
    """The last event of each job, by job, and the trace. No events and None if the kernel has no trace."""
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
    """coroutines [TEXT]: list all jobs, or those whose name or reason contains TEXT.

    The columns are: address (for `await-chain`), state, priority, hart, name, reason of its wait, time of
    its last event (seconds since boot, if the kernel has a trace) and the coroutine that waits. The name of
    a thread is its program, process and thread.
    """

    name = "coroutines"

    def run(self, line: str) -> None:
        last, kept = _last_events()
        count = 0
        for job in kernel.jobs():
            if line not in f"{job.label} {job.reason}":
                continue
            count += 1
            since = ""
            if job.address in last:
                ns = kept.first_ns + (last[job.address].ticks - kept.first_tick) * kept.period_ns
                since = f"since {ns / 1e9:.6f}"
            chain = job.chain() if job.state == "waiting" else []
            leaf = _function(chain[0]) if chain else ""
            print(
                f"{job.address:#x}  {job.state:<7}  p{job.priority:<2}  h{job.hart}  {job.label:<24} "
                f"{job.reason:<22} {since:<15} {leaf}".rstrip()
            )
        print(f"{count} coroutines")


class AwaitChain(_Command):
    """await-chain JOB: list the coroutines of a job, from the one that waits to the root.

    JOB is an address that `coroutines` prints, or a name. Of several jobs with this name, the first is
    shown."""

    name = "await-chain"

    def run(self, line: str) -> None:
        if not line:
            raise gdb.GdbError("await-chain: give a job; `coroutines` lists all of them")
        for job in kernel.jobs():
            if line in (f"{job.address:#x}", job.label, job.label.partition(" ")[0]):
                break
        else:
            raise gdb.GdbError(f"await-chain: there is no job '{line}'; `coroutines` lists all of them")
        what = f" for {job.reason}" if job.reason else ""
        print(f"{job.label}, {job.state}{what}")
        if job.state == "running":
            print("  it is running: `backtrace` in its hart's thread shows its calls")
        else:
            for code in job.chain():
                print(f"  {_function(code)}")


class Harts(_Command):
    """harts: list the harts, the job that each runs, and its number of ready jobs."""

    name = "harts"

    def run(self, line: str) -> None:
        labels = {job.address: job.label for job in kernel.jobs()}
        ready = [job.hart for job in kernel.jobs() if job.state == "ready"]
        for hart, job in kernel.running().items():
            does = f"runs {labels.get(job, hex(job))}" if job else "idle, or between two steps"
            print(f"hart {hart}: {does}, {ready.count(hart)} ready")


class Hart(_Command):
    """hart NUMBER print EXPRESSION: print an expression with the per-hart variables of one hart.

    Per-hart variables are those that the kernel declares `thread_local`. gdb knows those with an `asm`
    name, such as cotrap_current_thread, by that name. The hart need not be the one that gdb has selected."""

    name = "hart"
    _NAME = re.compile(r"(?<![\w$.>:'])[A-Za-z_]\w*(?:::\w+)*")

    def run(self, line: str) -> None:
        number, _, rest = line.partition(" ")
        command, _, expression = rest.strip().partition(" ")
        if not number.isdecimal() or command not in ("print", "p") or not expression:
            raise gdb.GdbError("hart: give a hart's number, `print` and an expression")
        data = kernel.hart_data()
        if int(number) not in data:
            raise gdb.GdbError(f"hart: hart {number} does not run; `harts` lists those that do")

        def in_hart(name: re.Match) -> str:
            offset = kernel.per_hart_offset(name[0])
            if offset is None:
                return name[0]
            symbol = gdb.lookup_symbol(name[0])[0]
            if symbol is None:  # gdb 16 does not find a variable by its assembler name
                raise gdb.GdbError(f"hart: gdb {gdb.VERSION} does not know the type of {name[0]}")
            pointer = symbol.type.pointer()
            own = f"{name[0].replace('::', '_')}_of_hart_{number}"
            gdb.set_convenience_variable(own, gdb.Value(data[int(number)] + offset).cast(pointer))
            return f"(*${own})"

        gdb.execute(f"print {self._NAME.sub(in_hart, expression)}")


class Areas(_Command):
    """areas PID: list the memory areas of a process: addresses, access, size, and source of the contents."""

    name = "areas"

    def run(self, line: str) -> None:
        if not line.isdecimal():
            raise gdb.GdbError("areas: give the number of a process; `coroutines` shows the numbers")
        for process in kernel.processes():
            if int(process["id_"]) == int(line):
                break
        else:
            raise gdb.GdbError(f"areas: there is no process {line}; `coroutines` shows the numbers")
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


class StopInProgram(_Command):
    """stop-in-program START FILE: stop at the first instruction of the first program that runs, and load its
    symbols.

    START is the instruction's address in the program's file. It is for machines without an MMU: there
    the kernel chooses the address in memory. Give the command before a program runs."""

    name = "stop-in-program"

    def run(self, line: str) -> None:
        entry = gdb.Breakpoint("cotrap_enter_user", temporary=True)
        entry.commands = f"silent\nprogram-starts {line}\ncontinue"


class ProgramStarts(_Command):
    """program-starts START FILE: at cotrap_enter_user, do what stop-in-program promises."""

    name = "program-starts"

    def run(self, line: str) -> None:
        start, _, file = line.partition(" ")
        context = kernel.at(int(gdb.parse_and_eval("$a0")), "trap::UserContext")
        place = int(context["pc"])
        quoted = file.replace("\\", r"\\").replace('"', r"\"")
        gdb.execute(f'add-symbol-file "{quoted}" -o {place - int(start, 0):#x}')
        gdb.execute(f"tbreak *{place:#x}")


for command in (Coroutines, AwaitChain, Harts, Hart, Areas, StopInProgram, ProgramStarts):
    command()
