"""`./cotrap bench scale --icount`: for how long harts hold the strand alone, in counted instructions."""

from collections import Counter
from dataclasses import dataclass

from ..ui import faint
from .results import percentile
from .rounds import Counted

_LEAST, _MOST = 7, 15  # the histogram: up to 2^7 instructions, from 2^15 on


@dataclass(frozen=True)
class Row:
    """operations, instructions, holds: of all harts in the window. instructions: without the firmware's.
    holds: each length, and how many holds have it, in ascending order."""

    name: str
    operations: int
    instructions: int
    holds: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        return sum(times for _, times in self.holds)

    @property
    def held(self) -> int:
        """The instructions of all holds."""
        return sum(length * times for length, times in self.holds)

    @property
    def alone(self) -> float:
        """The share of the instructions in which a hart holds the strand alone."""
        return self.held / self.instructions

    @property
    def longest(self) -> int:
        return self.holds[-1][0]

    def hold(self, share: float) -> float:
        """The percentile of the holds' lengths: `share` of the holds take at most this many instructions."""
        return percentile(self.holds, share)

    def wait(self, share: float) -> int:
        """The percentile of the waits. A hart that comes at a random instruction of a hold waits for the rest
        of the hold."""
        allowed = self.held - share * self.held  # instructions at which a longer wait begins
        low, high = 1, self.longest
        while low < high:
            middle = (low + high) // 2
            longer = sum((length - middle) * times for length, times in self.holds if length > middle)
            if longer <= allowed:
                high = middle
            else:
                low = middle + 1
        return low

    @property
    def histogram(self) -> dict[int, int]:
        """The number of holds by their length, rounded up to a power of two. The keys are the exponents. The
        first and the last entry include all shorter and all longer holds."""
        found = dict.fromkeys(range(_LEAST, _MOST + 1), 0)
        for length, times in self.holds:
            found[min(max((length - 1).bit_length(), _LEAST), _MOST)] += times
        return found


def row_of(counted: Counted) -> Row:
    windows = counted.round.windows
    return Row(
        counted.name,
        counted.operations,
        sum(each.kernel + each.program for each in windows),
        tuple(sorted(Counter(hold for each in windows for hold in each.holds).items())),
    )


def show(found: list[Row], harts: int) -> None:
    width = max(map(len, ("instructions", *(row.name for row in found))))
    print(faint(f"holds of the strand by one hart alone, on {harts} counted harts, in instructions"))
    print(
        f"  {'':<{width}}  operations  holds each    alone   harts  median     99 %      max   "
        "wait  99 %"
    )
    for row in found:
        each = row.operations and row.count / row.operations
        figures = f"{row.operations:>10,}  {each:>10.2f}  {row.alone:>6.1%}"
        if row.holds:
            figures += f"  {1 / row.alone:>6,.0f}" if row.alone < 0.1 else f"  {1 / row.alone:>6.1f}"
            figures += f"  {row.hold(0.5):>6,.0f}  {row.hold(0.99):>7,.0f}  {row.longest:>7,}"
            figures += f"  {row.wait(0.5):>5,}  {row.wait(0.99):>5,}"
        print(f"  {row.name:<{width}}  {figures}")
    print()
    print(faint("the number of holds by their length"))
    heads = (_head(power) for power in range(_LEAST, _MOST + 1))
    print(f"  {'instructions':<{width}}" + "".join(f"  {head:>8}" for head in heads))
    for row in found:
        if row.holds:
            counts = "".join(f"  {count or '':>8}" for count in row.histogram.values())
            print(f"  {row.name:<{width}}{counts}".rstrip())


def _head(power: int) -> str:
    return f"> {1 << power - 1:,}" if power == _MOST else f"≤ {1 << power:,}"
