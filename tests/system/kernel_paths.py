"""The paths that a benchmark takes through the kernel, from the addresses that it executes, and where the kernel's
symbols are."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import harness  # noqa: F401  # makes the package cotrap known
from cotrap.llvm import llvm_output


def symbols(kernel: Path) -> dict[str, int]:
    """The addresses of the kernel's symbols."""
    listed = llvm_output("nm", "--defined-only", kernel).splitlines()
    return {name: int(at, 16) for at, _, name in (line.split() for line in listed)}


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
        elif address >> 63:
            path.append(address)
        else:
            path = None
    return paths
