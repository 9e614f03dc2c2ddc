"""The faults that a kernel or the simulator injects into itself: SEED:RATE:KINDS (async/fault.h)."""

import re

# REAL: the kinds for which `real` stands. KINDS: all.
REAL = ("wake", "ipi", "ipi-once", "timer", "slow", "steal")
KINDS = (*REAL, "memory", "ipi-lost", "wake-lost")
SIMULATED = tuple(name for name in KINDS if name != "memory")


def description(kinds: tuple[str, ...]) -> str:
    """The help of an option that takes these kinds."""
    return (
        "RATE is the number of faults per 1,000 chances (places where one may occur). SEED decides which. "
        f"KINDS are names with commas between them: real ({', '.join(REAL)}), one of these, or "
        f"{', '.join(kinds[len(REAL) :])}"
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


def parse_simulated(text: str) -> str:
    """Like parse(). Also raises ValueError for `memory`, which has no effect in the simulator."""
    if "memory" in parse(text).split(":")[2].split(","):
        raise ValueError("the simulator has no fault 'memory', because its tasks allocate nothing")
    return text
