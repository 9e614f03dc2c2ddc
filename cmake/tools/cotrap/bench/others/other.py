"""The description of another kernel that benchmarks can run on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Other:
    """image: downloads the kernel for a machine of --machine, if the user names no file, and returns its path.
    words: returns the kernel's command line for these benchmarks. It must pass their names to the first
    program, /init, which is the benchmark program. That program powers the machine off at its end."""

    name: str
    about: str
    image: Callable[[str], Path]
    words: Callable[[list[str]], str]
