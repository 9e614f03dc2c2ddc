"""`./cotrap bench NAME --profile`: how many instructions of a benchmark each function executes.

QEMU logs the address of every executed instruction (`-d exec` with one instruction per block). Two runs
differ only in their number of samples; boot, warm-up and the program's end are equal. So the difference of
their counts, divided by the difference of their operations, is the count for one operation.
"""

import json
import os
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ..console import Capture, TimedOut, relay
from ..elf import program
from ..errors import ToolError, UsageError
from ..functions import readable
from ..llvm import llvm_output, llvm_tool
from ..paths import Build
from ..qemu import Boot, Guest
from ..sources import Silence
from ..ui import Waiting, faint
from .boots import Bench, archive_for, file_of
from .catalogue import GLIBC, Benchmark

_FEW, _MORE = 1, 3  # samples
_LEAST = 0.5  # instructions per operation: fewer come from timer ticks, or from printing the samples
_TRACED = re.compile(rb"^Trace .*?\[[0-9a-f]+/([0-9a-f]+)/", re.MULTILINE)
# The addresses to trace: those of the kernel, its trampoline page and the programs. The firmware is left out,
# because its work differs between boots.
TRAMPOLINE = 0xFFFFFFFFC0000000  # hal/trampoline.h
_RANGES = {
    "riscv64": "0x1000..0x7fffffff,0x80200000..0x3fffffffff,0xffffffc080200000+0x1000000"
    f",{TRAMPOLINE:#x}+0x1000",
    "riscv64-nommu": "0x80200000..0x3fffffffff",
    "riscv64-pmp": "0x80000000..0x3fffffffff",
    "pc": "0x1000..0x7fffffffffff,0xffff800000100000+0x1000000",
}
_UPPER_HALF = range(1 << 63, 1 << 64)  # of the addresses: with an MMU, the kernel's
_OTHER_PROGRAM = "another program"


def check(benchmark: Benchmark) -> None:
    """Raises UsageError if the benchmark has no profile."""
    if benchmark.disk or benchmark.trampoline or not benchmark.exact or not benchmark.instructions:
        raise UsageError(
            f"{benchmark.name} has no profile, because its result is no plain count of instructions"
        )


def show(bench: Bench, benchmark: Benchmark) -> None:
    """Prints a line for each function, with the largest count first, and below it the functions that are
    inlined in it."""
    with Waiting(f"counting the instructions of {benchmark.name}"):
        few, _ = trace(bench, benchmark, _FEW, Counter)
        more, operations = trace(bench, benchmark, _MORE, Counter)
        each = (_MORE - _FEW) * operations
        rates = {at: (more[at] - few[at]) / each for at in more | few}
        kernel = _kernel_range(bench.build)
        start = next((at for at in few if at not in kernel), 0)
        rates = {at: rate for at, rate in rates.items() if rate}
        functions = _by_function(bench, benchmark.program, kernel, start, rates)
    total = sum(sum(parts.values()) for parts in functions.values())
    print(f"{benchmark.name}: {total:,.1f} instructions")
    for name, parts in sorted(functions.items(), key=lambda each: -sum(each[1].values())):
        own = sum(parts.values())
        if own < _LEAST:
            continue
        print(f"{own:10,.1f}  {own / total:4.0%}  {name}")
        if len(parts) > 1:
            for part, rate in sorted(parts.items(), key=lambda each: -each[1]):
                if rate >= max(_LEAST, own / 50):
                    print(faint(f"{rate:16,.1f}        {part if part != name else '(itself)'}"))


def trace(
    bench: Bench, benchmark: Benchmark, samples: int, count: Callable[[Iterator[int]], Counter]
) -> tuple[Counter, int]:
    """Boots with this number of samples. Returns what count() counts of the executed addresses, which it gets
    in their order, and the number of operations in a sample."""
    reader, writer = os.pipe()
    options = ("-accel", "tcg,one-insn-per-tb=on", "-d", "exec,nochain", "-dfilter", _RANGES[bench.build.machine])
    options += ("-D", f"/proc/{os.getpid()}/fd/{writer}")
    machine = replace(bench.machine, icount=True, extra=options)
    boot = Boot(
        bench.build,
        archive_for(bench.build, benchmark.program).pack(),
        program=f"/bin/{benchmark.program}",
        arguments=["--samples", str(samples), benchmark.name_in_program],
        append=bench.append,
    )
    capture = Capture()
    with ThreadPoolExecutor(1) as pool:
        counting = pool.submit(lambda: count(_addresses(reader)))
        try:
            with Guest(machine, boot) as guest:
                relay(guest, Silence(), capture, bench.timeout)
                trouble = guest.trouble()
        except TimedOut as error:
            raise ToolError(
                f"the profile was not complete after {bench.timeout:g} s: give a longer --timeout"
            ) from error
        finally:
            os.close(writer)
        counts = counting.result()
    if trouble:
        raise ToolError(trouble)
    name = re.escape(benchmark.name_in_program.encode())
    line = re.search(rb"^%s\t[^\t]+\t(\d+)\t" % name, capture.data, re.MULTILINE)
    if not line:
        raise ToolError(f"{benchmark.name} cannot run on this machine")
    return counts, int(line[1])


def _addresses(log: int) -> Iterator[int]:
    rest = b""
    with open(log, "rb", buffering=0) as lines:
        while block := lines.read(1 << 20):
            whole, newline, rest = (rest + block).rpartition(b"\n")
            yield from (int(at, 16) for at in _TRACED.findall(whole + newline))


def _kernel_range(build: Build) -> range:
    if build.has_mmu:
        return _UPPER_HALF
    symbols = (line.split() for line in llvm_output("nm", build.kernel).splitlines())
    at = {words[-1]: int(words[0], 16) for words in symbols if words[-1] in ("kernel_start", "kernel_end")}
    return range(at["kernel_start"], at["kernel_end"])


def _by_function(
    bench: Bench, name: str, kernel: range, start: int, rates: dict[int, float]
) -> dict[str, dict[str, float]]:
    """The rates by function, and within each function by the innermost inlined function. name: the program's.
    kernel: the kernel's addresses. start: the address of the program's first instruction. Without an MMU the
    kernel chooses where it loads a program, and other programs have other addresses."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    file = _with_symbols(bench, name)
    loaded = program(file, bench.build.processor)
    moved = 0 if bench.build.has_mmu else start - loaded.start
    bias = loaded.bias + moved
    code = range(_UPPER_HALF.start) if bench.build.has_mmu else range(bias, bias + file.stat().st_size)
    own = {at for at in rates if at in code and at not in kernel}
    for elf, addresses, origin, prefix in (
        (bench.build.kernel, {at for at in rates if at in kernel}, 0, ""),
        (file, own, bias, "the program: "),
    ):
        for at, stack in stacks_at(elf, {at - origin for at in addresses}).items():
            found[prefix + stack[-1]][stack[0]] += rates[at + origin]
    others = sum(rate for at, rate in rates.items() if at not in kernel and at not in own)
    if others:
        found[_OTHER_PROGRAM][_OTHER_PROGRAM] = others
    return found


def _with_symbols(bench: Bench, program: str) -> Path:
    """The program's file. Those in the boot archive have no symbols."""
    return file_of(bench.build, GLIBC) if program == GLIBC else bench.build.folder / "user" / "bin" / program


def stacks_at(elf: Path, addresses: set[int]) -> dict[int, list[str]]:
    """By address: the functions that are inlined there, the innermost first, and then the function that
    contains the code."""
    asked = sorted(addresses)
    answer = subprocess.run(
        [llvm_tool("symbolizer"), f"--obj={elf}", "--output-style=JSON"],
        input="".join(f"{at:#x}\n" for at in asked),
        capture_output=True,
        text=True,
    ).stdout
    stacks = {}
    for at, line in zip(asked, answer.splitlines()):
        frames = json.loads(line).get("Symbol", ())
        stacks[at] = [readable(frame["FunctionName"]) for frame in frames] or ["?"]
    return stacks
