"""`./cotrap top`: runs a program, and shows which jobs run and which wait, and for what. A second thread reads
the machine's RAM and prints the tables."""

import os
import shutil
import sys
import threading
import time
from contextlib import suppress

from .. import terminal
from ..console import Capture, TimedOut, relay
from ..errors import OUTPUT_CLOSED, OWN_FAILURE, TIMED_OUT, ToolError
from ..preparation import machine, prepare, program_name
from ..qemu import Boot, Guest, memory_file
from ..sources import NoInput
from ..top.clock import Clock
from ..top.screen import lines
from ..top.snapshot import take
from ..trace import recording
from ..ui import say

_HOME, _CLEAR_REST = "\x1b[H", "\x1b[J"
_FIRST, _OFTEN = 0.5, 0.02  # seconds: until the first table, and between two polls before it
_LAST_LINES = 8  # of the program's output, at the end


def run(arguments) -> int:
    arguments.append.append("trace")
    boot = prepare(arguments, on_terminal=False)
    ram = memory_file("ram", b"")
    output = Capture()
    try:
        with Guest(machine(arguments, ram=ram), boot) as guest:
            over = threading.Event()
            known = (guest, ram, boot, arguments, over)
            watch = threading.Thread(target=_watch, args=known, daemon=True)
            watch.start()
            try:
                relay(guest, NoInput(), output, arguments.timeout)
                if over.is_set():
                    return OUTPUT_CLOSED
                trouble, status = guest.trouble(), guest.marks.exit_code
            except TimedOut:
                trouble = f"still running after {arguments.timeout:g} s (--timeout)"
                status = TIMED_OUT
            finally:
                over.set()
                watch.join()
    finally:
        os.close(ram)
    for line in output.data.decode(errors="replace").splitlines()[-_LAST_LINES:]:
        print(line)
    if trouble:
        say(trouble)
        return status or OWN_FAILURE
    return status


def _watch(guest: Guest, ram: int, boot: Boot, arguments, over: threading.Event) -> None:
    """Prints tables until `over` is set. If standard output is closed, sets `over` and ends the machine."""
    try:
        _draw(guest, ram, boot, arguments, over)
    except BrokenPipeError:
        over.set()
        guest.end()


def _draw(guest: Guest, ram: int, boot: Boot, arguments, over: threading.Event) -> None:
    """On a terminal each table replaces the last one. Elsewhere each follows the last one."""
    on_terminal = sys.stdout.isatty() and terminal.is_ours()
    name = program_name(arguments)
    process = guest.pid if boot.build.is_hosted else None
    first, since, clock = True, 0.0, Clock(arguments.icount)
    _set_clock(clock, ram, process, over, min(arguments.every, _FIRST))
    while first or not over.wait(arguments.every):
        if over.is_set():
            return
        size = shutil.get_terminal_size() if on_terminal else os.terminal_size((200, 1_000))
        try:
            taken = take(ram, process, boot.build.kernel, clock, since)
            shown, since = lines(taken, name, *size), taken.time_ns
        except ToolError:  # the trace changed during the read, or does not exist yet: try again
            over.wait(_OFTEN)
            continue
        if on_terminal:
            begin = "\x1b[2J" + _HOME if first else _HOME
            sys.stdout.write(begin + "".join(f"{line}\x1b[K\n" for line in shown) + _CLEAR_REST)
        else:
            sys.stdout.write("\n".join(shown) + "\n\n")
        sys.stdout.flush()
        first = False


def _set_clock(clock: Clock, ram: int, process: int | None, over: threading.Event, seconds: float) -> None:
    """Reads the trace often for `seconds`, so that some reading comes soon after an event and the estimate is
    close. A boot has many events."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not over.wait(_OFTEN):
        with suppress(ToolError):
            clock.now(recording.read(ram, 1, process))
