"""Makes a timeline of the events that the kernel wrote to the guest's RAM (kernel/trace/format.h).

    recording.py      reads the events from the RAM
    clock.py          computes their times
    names.py          finds the texts and functions at addresses of the kernel
    story.py          the story: the states of every job and hart, and their times
    story_builder.py  makes the story from the events
    perfetto.py       formats a story for ui.perfetto.dev
    page.py           formats a story as a page
    output.py         writes both to files
    starvation.py     finds jobs that were ready for too long
"""

EVENTS = 1 << 16  # kept of every hart, by default
EVENTS_LIMIT = 1 << 20  # kernel/trace/format.h: chunk_events, most_chunks
