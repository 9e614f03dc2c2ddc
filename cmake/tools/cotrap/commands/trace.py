"""`./cotrap trace`: runs a program as `./cotrap run` does, and writes a timeline of the run."""

import os
from pathlib import Path

from .. import packages, terminal
from ..errors import UsageError
from ..paths import check_output
from ..preparation import machine, prepare, program_name
from ..qemu import Boot, memory_file
from ..standard_streams import run_on
from ..trace import EVENTS_LIMIT, recording, starvation
from ..trace.names import Names
from ..trace.output import facts, write_json, write_page
from ..trace.story import Story
from ..trace.story_builder import build_story
from ..ui import Waiting, say


def run(arguments) -> int:
    _take_last_options(arguments)
    if not (arguments.output or arguments.html):
        arguments.output = Path("trace.json")
    outputs = [path for path in (arguments.output, arguments.html) if path]
    for path in outputs:
        check_output(path)
    if len(set(outputs)) < len(outputs):
        raise UsageError(f"-o and --html are both {outputs[0]}: give each its own file")
    arguments.append.append(f"trace={arguments.events}")
    boot = prepare(arguments, terminal.is_ours())
    if arguments.html:
        packages.check_charts()
    ram = memory_file("ram", b"")
    try:
        try:
            return run_on(machine(arguments, ram=ram), boot, arguments)
        finally:  # also after a timeout or a signal
            _write(ram, boot, arguments)
    finally:
        os.close(ram)


def _write(ram: int, boot: Boot, arguments) -> None:
    with Waiting("writing the timeline"):
        trace = recording.read(ram)
        story = build_story(trace, Names(boot.build.kernel, trace.anchor), arguments.icount)
        title = " ".join([program_name(arguments), *arguments.arguments])
        if arguments.output:
            write_json(arguments.output, story, title)
        if arguments.html:
            write_page(arguments.html, story, title, facts(boot.build, arguments))
    _report(story, arguments)
    if arguments.starving and (found := starvation.report(story, arguments.starving)):
        say(found)


def _take_last_options(arguments) -> None:
    """`trace PROGRAM -o FILE`: takes -o and --html at the end of the line as options of the command, not of
    the program, unless one of them stands before PROGRAM."""
    if arguments.output or arguments.html:
        return
    words = arguments.arguments
    while len(words) >= 2 and words[-2] in ("-o", "--html"):
        option, path = words[-2:]
        del words[-2:]
        name = "output" if option == "-o" else "html"
        if getattr(arguments, name) is not None:
            raise UsageError(f"{option}: give it only once")
        setattr(arguments, name, Path(path))
    if words and words[-1] in ("-o", "--html"):
        raise UsageError(f"{words[-1]} needs the name of a file")


def _report(story: Story, arguments) -> None:
    slices = sum(len(track.slices) for track in story.tracks)
    where = " and ".join(str(path) for path in (arguments.output, arguments.html) if path)
    say(f"{len(story.tracks)} tracks, {slices} slices, {len(story.arrows)} wakes: {where}")
    if any(story.lost):
        lost = ", ".join(
            f"{count} of hart {hart}" for hart, count in enumerate(story.lost) if count
        )
        more = ": --events N keeps more" if arguments.events < EVENTS_LIMIT else ""
        say(f"the oldest events are lost ({lost}){more}")
