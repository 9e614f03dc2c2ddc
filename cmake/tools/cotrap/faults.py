"""The faults that a kernel or the simulator injects into itself: SEED:RATE:KINDS (async/fault.h)."""

import re

# The kinds of a real machine, and those that detectors must report.
REAL = ("wake", "ipi", "ipi-once", "timer", "slow", "steal")
KINDS = (*REAL, "memory", "ipi-lost", "wake-lost")
HELP = (
    "RATE of 1,000 chances are faults, which SEED determines. KINDS are names with commas between them: "
    f"real ({', '.join(REAL)}), one of these, or {', '.join(KINDS[len(REAL) :])}"
)


def parse(text: str) -> str:
    """Raises ValueError if `text` is not SEED:RATE:KINDS."""
    match = re.fullmatch(r"(\d{1,18}):(\d{1,4}):([a-z,-]+)", text)
    if not match or int(match[2]) > 1000:
        raise ValueError(f"'{text}' is not SEED:RATE:KINDS with a RATE from 0 to 1000")
    for name in match[3].split(","):
        if name not in ("real", *KINDS):
            raise ValueError(f"'{name}' is no kind of fault: give real, or some of {', '.join(KINDS)}")
    return text
