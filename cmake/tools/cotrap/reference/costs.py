"""docs/benchmarks.svg: the record of instructions as bars, in the form of `./cotrap bench --icount --svg FILE`."""

from .. import packages
from ..bench.results import Report, from_json
from ..paths import ROOT

RECORD = ROOT / "tests" / "bench" / "instructions.json"


def record() -> Report:
    return from_json(RECORD.read_text(), RECORD.name)


def picture() -> str:
    return packages.module("..bench.page", __package__).picture(record())
