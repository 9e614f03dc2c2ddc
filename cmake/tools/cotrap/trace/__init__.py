"""`./cotrap trace`: what the kernel has noted in the guest's RAM (kernel/trace/format.h), as a timeline.

    recording.py   RAM → events        names.py   addresses in the kernel → texts, functions
    clock.py       their times         story.py   events → what every job and hart did, and when
    perfetto.py    … for ui.perfetto.dev          page.py   … as a page of its own
"""

from ..errors import ToolError

EVENTS = 1 << 16  # kept of every hart, usually
EVENTS_LIMIT = 1 << 20  # kernel/trace/format.h: chunk_events, most_chunks


def run(arguments) -> int:
    try:
        from . import command  # takes a library, which other commands do without
    except ModuleNotFoundError as error:
        raise ToolError(
            f"Python's {error.name} is not installed: `./cotrap setup` does that"
        ) from error
    return command.run(arguments)
