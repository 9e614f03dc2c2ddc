"""Runs a machine to its end, and returns what its program printed."""

from collections.abc import Callable

from ..console import Capture, TimedOut, relay
from ..errors import ToolError, UsageError
from ..qemu import Boot, Guest, Machine
from ..sources import Silence


def output_of(
    machine: Machine,
    boot: Boot,
    timeout: float,
    what: str,
    explain: Callable[[str], str] = lambda trouble: trouble,
) -> str:
    """what: the subject of the error that says that the machine has run for longer than `timeout` seconds.
    explain: may replace QEMU's message. The program's exit status 2 means wrong arguments."""
    capture = Capture()
    with Guest(machine, boot) as guest:
        try:
            relay(guest, Silence(), capture, timeout)
        except TimedOut as error:
            raise ToolError(f"{what} had not ended after {timeout:g} s: give a longer --timeout") from error
        text = capture.data.decode(errors="replace")
        if trouble := guest.trouble():
            raise ToolError(explain(trouble))
        if (status := guest.marks.exit_code) == 2:
            raise UsageError(text.strip())
        if status:
            raise ToolError(f"{what} ended with status {status}\n{text}")
    return text
