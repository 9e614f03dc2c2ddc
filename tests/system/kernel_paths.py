"""The paths that a benchmark takes through the kernel, from the addresses that it executes."""

from collections import Counter
from collections.abc import Iterable


def kernel_paths(executed: Iterable[int], start: int, end: range) -> Counter:
    """How often each path was executed from `start` to an address in `end`, without that address. A path on
    which the program continues before does not count."""
    paths: Counter = Counter()
    path: list[int] | None = None
    for address in executed:
        if address == start:
            path = []
        if path is None:
            continue
        if address in end:
            paths[tuple(path)] += 1
            path = None
        elif address >> 38:
            path.append(address)
        else:
            path = None
    return paths
