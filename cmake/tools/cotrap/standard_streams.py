"""Boots a machine, and connects its console to standard input, output and error."""

import os
import sys
from contextlib import ExitStack
from dataclasses import replace

from . import elf, terminal
from .console import FileSink, TimedOut, relay
from .errors import OUTPUT_CLOSED, OWN_FAILURE, TIMED_OUT
from .log_names import LogNames
from .preparation import find_own_program, program_name
from .qemu import Boot, Guest, Machine
from .sources import FramedInput, Keyboard, Quit, Silence, is_empty
from .ui import Waiting, say

_QUIT = 130  # after Ctrl-A X, as if by ^C


def run_on(machine: Machine, boot: Boot, arguments) -> int:
    """Returns the exit status of the program, or that of the command if Cotrap fails."""
    name = program_name(arguments)
    with ExitStack() as stack:
        if boot.terminal:
            stack.enter_context(terminal.raw())
            source = Keyboard(sys.stdin.fileno())
            hint = "; Ctrl-A X quits"
        else:
            file = sys.stdin.fileno()
            boot = replace(boot, has_no_input=is_empty(file))
            source = Silence() if boot.has_no_input else FramedInput(file)
            hint = ""
        boot = replace(boot, errors_apart=not _are_one_file(sys.stdout, sys.stderr))
        guest = stack.enter_context(Guest(machine, boot))
        waiting = stack.enter_context(Waiting(lambda: f"{name} is {guest.marks.state.value}{hint}"))

        def on_put() -> None:
            """The program's output ends the line of `waiting`; kernel messages only hide it for a while."""
            waiting.over() if guest.marks.program_wrote else waiting.hide()

        errors = FileSink(sys.stderr.fileno(), on_put) if boot.errors_apart else None
        sink = FileSink(
            sys.stdout.fileno(),
            on_put,
            **({} if boot.quiet else {"through": LogNames(boot.build.kernel).feed}),
        )
        try:
            relay(guest, source, sink, arguments.timeout, errors)
        except TimedOut:
            waiting.over()
            say(f"{name} was still {guest.marks.state.value} after {arguments.timeout:g} s (--timeout)")
            return TIMED_OUT
        except Quit:
            return _QUIT if arguments.program else 0
        except BrokenPipeError:
            return OUTPUT_CLOSED
    if trouble := guest.trouble():
        say(trouble)
        return OWN_FAILURE
    if guest.marks.refusal and boot.archive is None and not arguments.root:
        why = os.strerror(guest.marks.refusal)
        say(f"{boot.program} cannot be started: {why} (the build option COTRAP_BUILTIN names the programs)")
    elif arguments.program and guest.marks.refusal:
        why = elf.why_not_runnable(arguments.program, boot.build)
        say(f"{name} {why or f'cannot be started: {os.strerror(guest.marks.refusal)}'}")
        own = find_own_program(boot.build, name)
        if own and not arguments.root and not os.path.samefile(own, arguments.program):
            say(f"hint: {name} without a folder is the program in the guest's /bin")
    return guest.marks.exit_code


def _are_one_file(first, second) -> bool:
    """Whether both are the same terminal, file or pipe. Then the guest's standard output and standard error
    stay one stream, so that the bytes keep the order of the writes."""
    return os.path.samestat(os.fstat(first.fileno()), os.fstat(second.fileno()))
