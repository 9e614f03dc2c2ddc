"""`./cotrap bench shapes`: the paths of traps, counted in both trap shapes and on both trap paths."""

import json
from dataclasses import replace

from .. import build
from ..errors import UsageError
from ..paths import write_output
from ..provenance import provenance
from ..qemu import Machine
from ..ui import faint
from .boots import Bench, measure
from .catalogue import BENCHMARKS
from .compare import number
from .own_table import chosen_rows

NAME = "shapes"
ABOUT = "both trap shapes on both trap paths, in instructions (runs only by this name)"

# The presets, by the shape and the path that they have.
PRESETS = {
    ("call", "shared"): "riscv64-release",
    ("handler", "shared"): "riscv64-handler",
    ("call", "trampoline"): "riscv64-trampoline",
    ("handler", "trampoline"): "riscv64-trampoline-handler",
}
ROWS = (
    "trap.roundtrip",
    "trap.roundtrip.handler",
    "syscall.null",
    "syscall.unknown",
    "yield.alone",
    "yield.process",
    "fault.zero",
    "fault.reuse",
    "irq.user",
    "irq.user.bare",
)


def run(arguments) -> int:
    """The command. arguments.names: NAME, and then the rows, by default all."""
    chosen = chosen_rows(arguments, NAME, ROWS, takes=("icount",)) or ROWS
    if arguments.build or arguments.machine != "riscv64" or arguments.harts != 1:
        raise UsageError(f"{NAME} counts builds of its own on one hart: leave out --build, --machine, --harts")
    found = {}
    for kind, preset in PRESETS.items():
        built = replace(build.ready(preset, *_targets(preset)), self_tests=True)
        found[kind] = count(Bench(built, Machine()), chosen)
    print(faint("instructions, counted, by trap shape and trap path"))
    print(f"  {'':<24}" + "".join(f"{shape:>12}" for shape, _ in found))
    print(f"  {'':<24}" + "".join(f"{path:>12}" for _, path in found))
    for row in chosen:
        cells = (number(counts[row]) if row in counts else "–" for counts in found.values())
        print(f"  {row:<24}" + "".join(f"{cell:>12}" for cell in cells))
    if arguments.json:
        results = [
            {"name": row, "shape": shape, "path": path, "instructions": counts.get(row)}
            for (shape, path), counts in found.items()
            for row in chosen
        ]
        text = json.dumps(provenance() | {"results": results}, indent=1, ensure_ascii=False) + "\n"
        write_output(arguments.json, text)
    return 0


def _targets(preset: str) -> tuple[str, ...]:
    """Only the first build has programs of its own."""
    is_first = preset == PRESETS["call", "shared"]
    return (build.KERNELS, build.PROGRAMS) if is_first else (build.KERNELS,)


def count(bench: Bench, rows) -> dict[str, float]:
    """The rows' counts on this build."""
    results = measure(bench, [BENCHMARKS[row] for row in rows], counted=True)
    return {each.name: each.value for each in results}
