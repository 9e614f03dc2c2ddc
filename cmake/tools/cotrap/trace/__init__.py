"""`./cotrap trace`: what the kernel has noted in the guest's RAM (kernel/trace/format.h), as a timeline.

    recording.py   RAM → events        names.py   addresses in the kernel → texts, functions
    clock.py       their times         story.py   what every job and hart did, and when
    teller.py      events → story
    perfetto.py    … for ui.perfetto.dev          page.py   … as a page of its own
    starvation.py  who was ready for too long
"""

from .. import packages

EVENTS = 1 << 16  # kept of every hart, usually
EVENTS_LIMIT = 1 << 20  # kernel/trace/format.h: chunk_events, most_chunks


def run(arguments) -> int:
    return packages.module(".command", __package__).run(arguments)
