"""Reads the trace of a workload that ran in the kernel: its timeline, its scheduling decisions and their
hash."""

import re
from pathlib import Path

from ..errors import ToolError
from ..paths import Build, write_output
from ..trace import recording, starvation
from ..trace.names import Names
from ..trace.output import facts, write_json, write_page
from ..trace.story import Story
from ..trace.story_builder import build_story
from ..ui import Waiting, say
from . import decisions, simulator


def report(ram: int, built: Build, workload, text: str, arguments) -> None:
    """Writes the outputs that the options select, and prints the schedule hash if time was counted in
    instructions. ram: the machine's RAM. text: the program's output."""
    with Waiting("reading the trace"):
        trace = recording.read(ram)
        starving = ""
        if arguments.trace or arguments.starving:
            story = build_story(trace, Names(built.kernel, trace.anchor), arguments.icount)
            if arguments.trace:
                _write_timeline(arguments.trace, story, built, workload, arguments)
            if arguments.starving:
                starving = starvation.report(story, arguments.starving)
        plan = decisions.Plan(workload.plan)
        found = decisions.of_trace(trace, arguments.icount, plan, _start(text))
    if arguments.icount:
        number = decisions.schedule_hash(found)
        print(f"schedule hash {number}: {len(found)} changes of task")
    if starving:
        print(starving)
    if lost := sum(trace.lost):
        say(f"the oldest {lost} events are lost, with their decisions: use a shorter workload")
    if arguments.record:
        name = simulator.recorded_name(workload.path, arguments.record)
        settings = {"workload": name, "by": _name_of(built), **workload.settings}
        settings["policy"] = workload.policy
        write_output(arguments.record, decisions.to_file(found, settings))


def _write_timeline(path: Path, story: Story, built: Build, workload, arguments) -> None:
    title = workload.path.stem
    if path.suffix == ".html":
        known = {"workload": title, "policy": workload.policy, "seed": str(workload.settings["seeds"])}
        write_page(path, story, title, known | facts(built, arguments))
    else:
        write_json(path, story, title)


def _name_of(built: Build) -> str:
    return "hosted-kernel" if built.is_hosted else "kernel"


def _start(text: str) -> int:
    """The workload's start, which the program prints, in nanoseconds since boot."""
    if not (found := re.search(r"^start\t(\d+)\r?$", text, re.MULTILINE)):
        raise ToolError("the program did not print its start time")
    return int(found[1])
