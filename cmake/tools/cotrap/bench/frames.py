"""`./cotrap bench --frames`: how much memory the frames of the kernel's coroutines use.

The sizes come from the debugging information, in which each frame is a type. The await chains in the demos'
traces contain the address of every frame. They show how many frames exist at the same time, and whether a
frame is in the frame pool or, because the compiler elided its allocation, inside its caller's frame.
"""

import json
import os
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..console import Capture
from ..demos import Stage, read_demos, run_demo
from ..errors import ToolError
from ..functions import readable
from ..llvm import llvm_output, llvm_tool
from ..paths import ROOT, Build
from ..qemu import Machine, archive_with, memory_file
from ..trace import recording
from ..trace.clock import in_order
from ..trace.names import Names
from ..trace.recording import Kind, Recording
from ..ui import Waiting, bad, faint, say

BUDGET = ROOT / "tests" / "bench" / "frames.json"

_EVENTS = 1 << 18
_SMALL = 1024  # size classes are multiples of 8 up to here, then powers of 2 (async/frame_pool.h)
_TYPE = re.compile(r'DW_AT_name\s+\("(\S+)\.coro_frame_ty"\)\s+DW_AT_byte_size\s+\((0x[0-9a-f]+)\)')


@dataclass
class Frame:
    """The frame of a coroutine. size: in bytes. most: the largest number at the same time in one demo. live:
    the largest number at the end of a demo. elided, pooled: how many frames in the traces were inside
    another frame, and in the frame pool."""

    symbol: str
    name: str
    size: int
    most: int = 0
    live: int = 0
    elided: int = 0
    pooled: int = 0

    @property
    def place(self) -> str:
        if not (self.elided or self.pooled):
            return "not seen"
        return "elided" if not self.pooled else "both" if self.elided else "pooled"

    @property
    def taken(self) -> int:
        """The bytes that the frame takes from the pool: its size, rounded up to its size class."""
        if self.size <= _SMALL:
            return -(-self.size // 8) * 8
        return 1 << (self.size - 1).bit_length()


def sizes(kernel: Path) -> list[Frame]:
    """The frames of all coroutines in the kernel. Frames with the same name are those of a template's
    instances; of these only the largest is returned."""
    dump = [llvm_tool("dwarfdump"), "--regex", "--name=.*coro_frame_ty", str(kernel)]
    found = _TYPE.findall(subprocess.run(dump, capture_output=True, text=True).stdout)
    if not found:
        raise ToolError(f"{kernel} has no debugging information: use a build that has it")
    largest: dict[str, int] = {}
    for symbol, size in found:
        largest[symbol] = max(int(size, 16), largest.get(symbol, 0))
    filtered = llvm_output("cxxfilt", *largest).splitlines()
    return [
        Frame(symbol, readable(name), largest[symbol]) for symbol, name in zip(largest, filtered)
    ]


def budget() -> dict[str, int]:
    return json.loads(BUDGET.read_text())


def over_budget(frames: Iterable[Frame], allowed: dict[str, int]) -> list[str]:
    """A line for each frame that is larger than its budget, or that has none."""
    lines = []
    for each in frames:
        limit = allowed.get(each.symbol)
        if limit is None:
            lines.append(f"{each.name}: {each.size} bytes, but {BUDGET.name} has no budget for it")
        elif each.size > limit:
            lines.append(f"{each.name}: {each.size} bytes, more than its budget of {limit}")
    return lines


def run(build: Build, save: bool) -> int:
    frames = sizes(build.kernel)
    if save:
        BUDGET.write_text(
            json.dumps({f.symbol: f.size for f in frames}, indent=2, sort_keys=True) + "\n"
        )
        say(f"wrote the sizes of {len(frames)} frames to {BUDGET}")
        return 0
    lost = _watch_demos(build, {each.symbol: each for each in frames})
    _show(frames)
    if lost:
        print(faint(f"demos with lost events, whose numbers may be too low: {', '.join(lost)}"))
    exceeded = over_budget(frames, budget())
    for line in exceeded:
        print(bad(line))
    return 1 if exceeded else 0


def _watch_demos(build: Build, frames: dict[str, Frame]) -> list[str]:
    """Runs all demos with a trace and counts their frames. Returns the demos whose traces have
    lost events."""
    archive = archive_with(build).pack()
    lost = []
    for demo in read_demos(build):
        ram = memory_file("ram", b"")
        try:
            with Waiting(f"{demo.name} is running"):
                machine = Machine(harts=0, ram=ram)
                stage = Stage(build, archive, machine, append=f"trace={_EVENTS}", timeout=120)
                verdict = run_demo(demo, stage, Capture())
            if verdict.failure:
                say(f"{demo.name}: {verdict.failure}")
            trace = recording.read(ram)
        finally:
            os.close(ram)
        if any(trace.lost):
            lost.append(demo.name)
        _count(trace, Names(build.kernel, trace.anchor), frames)
    return lost


@dataclass
class _Chain:
    """The frames of a job in its last wait, from the leaf to the root, each with its address."""

    links: list[tuple[int, Frame | None]]

    def end(self) -> None:
        """Call it when the chain is complete. Counts each frame as elided if it is inside its caller's
        frame, the next one of the chain, and otherwise as pooled. The root is always pooled."""
        outer = [*self.links[1:], (0, None)]
        for (address, frame), (around, outer_frame) in zip(self.links, outer):
            inside = outer_frame is not None and around <= address < around + outer_frame.size
            if frame:
                frame.elided += inside
                frame.pooled += not inside


def _count(trace: Recording, names: Names, frames: dict[str, Frame]) -> None:
    """Counts the frames in the trace's await chains."""
    chains: dict[int, _Chain] = {}  # by job
    growing: dict[int, _Chain] = {}  # by hart: the chain whose events come now
    alive: Counter = Counter()
    for _, hart, event in in_order(trace, counted=False):
        if event.kind is not Kind.AWAIT and hart in growing:
            growing.pop(hart).end()
        if event.kind in (Kind.WAIT, Kind.DONE) and event.job in chains:
            alive.subtract(frame.symbol for _, frame in chains.pop(event.job).links if frame)
        if event.kind is Kind.WAIT:
            chains[event.job] = growing[hart] = _Chain([])
        elif event.kind is Kind.AWAIT and hart in growing:
            frame = frames.get(names.symbol(event.argument).removesuffix(".resume"))
            growing[hart].links.append((event.job, frame))
            if frame:
                alive[frame.symbol] += 1
                frame.most = max(frame.most, alive[frame.symbol])
    for symbol, count in alive.items():
        frames[symbol].live = max(frames[symbol].live, count)


def _show(frames: list[Frame]) -> None:
    width = max(len(each.name) for each in frames)
    print(faint(f"{'':<{width}}   bytes  pool bytes  where     most at once  live at the end"))
    for each in sorted(frames, key=lambda each: (-each.most, -each.size, each.name)):
        taken = "" if each.place == "elided" else f"{each.taken:,}"
        most, live = (f"{count:,}" if each.most else "" for count in (each.most, each.live))
        print(
            f"{each.name:<{width}}  {each.size:>6,}  {taken:>10}  {each.place:<9} {most:>12}  "
            f"{live:>15}".rstrip()
        )
    classes: dict[int, list[Frame]] = defaultdict(list)
    for each in frames:
        if each.place != "elided":
            classes[each.taken].append(each)
    _show_classes(classes)


def _show_classes(classes: dict[int, list[Frame]]) -> None:
    """Prints a line for each size class. The last column is the share of bytes that rounding up adds, for
    the largest number of frames at the same time. If it is empty in all lines, it is left out."""
    rows = []
    for taken, own in sorted(classes.items()):
        most, live = sum(each.most for each in own), sum(each.live for each in own)
        added = sum((taken - each.size) * each.most for each in own)
        share = f"{added / (taken * most):.0%}" if added else ""
        rows.append((f"{taken:>8,}  {len(own):>10}  {most:>12,}  {live:>15,}", share))
    rounded = "  rounded up by" if any(share for _, share in rows) else ""
    print(faint("\nthe pool's size classes"))
    print(faint(f"   bytes  coroutines  most at once  live at the end{rounded}"))
    for row, share in rows:
        print(f"{row}  {share:>13}".rstrip())
