"""docs/benchmarks.svg: the record of instructions as bars, like a picture of `./cotrap bench --svg`."""

from .. import packages
from ..bench.results import Report, from_json
from ..paths import ROOT

RECORD = ROOT / "tests" / "bench" / "instructions.json"


def record() -> Report:
    return from_json(RECORD.read_text(), RECORD.name)


def picture() -> str:
    return packages.module("..bench.page", __package__).picture(record())
