"""What another kernel is to the benchmarks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Other:
    """`image` fetches the kernel where nobody has named one. `words` is its command line: the first
    program, /init, is the benchmark program, and is given the benchmarks' names. It powers the
    machine off at its end."""

    name: str
    about: str
    image: Callable[[], Path]
    words: Callable[[list[str]], str]
