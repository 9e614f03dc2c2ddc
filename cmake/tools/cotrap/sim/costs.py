"""What scheduling costs in the kernel, for virtual time: from figures of `./cotrap bench`."""

from pathlib import Path

from ..bench.results import COUNTED_NS, INSTRUCTIONS, TIME, Report, from_json
from ..errors import UsageError
from ..paths import ROOT

NAMES = ("change", "resume", "migrate", "ipi")  # as cotrap_sim calls them
RECORDED = ROOT / "tests" / "bench" / "instructions.json"


def read(path: Path) -> dict[str, int]:
    """Of a file of `./cotrap bench --save` or --json; nanoseconds, an instruction being one.

    resume   into the kernel and back to the program that was there: a yield with nobody else
    change   what a switch to another process takes more
    migrate  a job has come through another hart's inbox: as a switch of coroutines, which is what
             it is at most for the one who fetches it; nothing measures it alone
    ipi      from a wake on one hart to another's, without what runs there then
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
    """What is counted, if there is any."""
    for unit in (INSTRUCTIONS, COUNTED_NS, TIME):
        if found := report.find(name, unit):
            return found.value
    raise UsageError(
        f"--costs {path}: it has nothing of {name} "
        "(`./cotrap bench yield switch wake.remote --harts 2 --save FILE` does)"
    )
