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
    # For an image: the modules that the kernel needs for a folder of the host (9P), in the order in which they
    # are loaded. None: the kernel cannot have one.
    modules_for_shares: Callable[[Path], list[tuple[str, bytes]]] | None = None
