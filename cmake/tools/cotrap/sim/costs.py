"""The kernel's costs of scheduling, for the simulator's virtual time, from results of `./cotrap bench`."""

from pathlib import Path

from ..bench.results import COUNTED_NS, INSTRUCTIONS, TIME, Report, from_json
from ..errors import UsageError
from ..paths import ROOT

NAMES = ("change", "resume", "migrate", "ipi")  # options of cotrap_sim
RECORDED = ROOT / "tests" / "bench" / "instructions.json"


def read(path: Path) -> dict[str, int]:
    """Reads a file of `./cotrap bench --save` or --json. The costs are in nanoseconds; an instruction counts
    as one. Raises UsageError.

    resume   entering the kernel and returning to the same program: a yield while no other thread is ready
    change   the additional cost of a switch to another process
    migrate  taking a job from the inbox, where another hart has put it. No benchmark measures this alone;
             the cost of a coroutine switch is an upper bound
    ipi      from a wake on one hart to the reaction of another, without the switch there
    """
    try:
        report = from_json(path.read_text(), str(path))
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"--costs {path}: {why}") from error

    def figure(name: str) -> float:
        return _figure(report, name, path)

    costs = {
        "resume": figure("yield.alone"),
        "change": figure("switch.process") - figure("yield.alone"),
        "migrate": figure("switch.coroutine"),
        "ipi": figure("wake.remote") - figure("switch.coroutine"),
    }
    return {name: max(round(ns), 0) for name, ns in costs.items()}


def _figure(report: Report, name: str, path: Path) -> float:
    """The counted result of a benchmark, or its time if it was not counted."""
    for unit in (INSTRUCTIONS, COUNTED_NS, TIME):
        if found := report.find(name, unit):
            return found.value
    raise UsageError(
        f"--costs {path}: it has no result of {name}: make one with "
        "`./cotrap bench yield switch wake.remote --harts 2 --save FILE`"
    )
