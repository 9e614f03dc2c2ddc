"""What the trace of a workload in the kernel tells: its timeline, its scheduling decisions, and one
number for them all."""

import re
from pathlib import Path

from ..errors import ToolError
from ..paths import Build, write_output
from ..trace import command, recording, starvation
from ..trace.names import Names
from ..trace.story import Story
from ..trace.teller import tell
from ..ui import Waiting, say
from . import decisions, simulator


def report(ram: int, built: Build, workload, text: str, arguments) -> None:
    """text: what the program has printed. Says the hash where runs repeat."""
    with Waiting("the trace is being read"):
        told = recording.read(ram)
        starving = ""
        if arguments.trace or arguments.starving:
            story = tell(told, Names(built.kernel, told.anchor), arguments.icount)
            if arguments.trace:
                _write_timeline(arguments.trace, story, built, workload, arguments)
            if arguments.starving:
                starving = starvation.tell(story, arguments.starving)
        plan = decisions.Plan(workload.plan)
        found = decisions.of_trace(told, arguments.icount, plan, _start(text))
    if arguments.icount:
        number = decisions.schedule_hash(found)
        print(f"schedule hash {number}: {len(found)} changes of task")
    if starving:
        print(starving)
    if lost := sum(told.lost):
        say(f"{lost} events are lost, and what was decided at first: a shorter one has fewer")
    if arguments.record:
        name = simulator.recorded_name(workload.path, arguments.record)
        of = {"workload": name, "by": _name_of(built), **workload.told}
        of["policy"] = workload.policy
        write_output(arguments.record, decisions.to_file(found, of))


def _write_timeline(path: Path, story: Story, built: Build, workload, arguments) -> None:
    title = workload.path.stem
    if path.suffix == ".html":
        facts = {"workload": title, "policy": workload.policy, "seed": str(workload.told["seeds"])}
        command.write_page(path, story, title, facts | command.facts(built, arguments))
    else:
        command.write_json(path, story, title)


def _name_of(built: Build) -> str:
    return "hosted-kernel" if built.is_hosted else "kernel"


def _start(text: str) -> int:
    """In nanoseconds since boot."""
    if not (said := re.search(r"^start\t(\d+)\r?$", text, re.MULTILINE)):
        raise ToolError("the program does not say when it began")
    return int(said[1])
