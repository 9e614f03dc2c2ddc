"""Names the variables and the functions of conflicts, from the kernel's symbols and debugging information."""

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...functions import readable
from ...llvm import llvm_tool
from ...paths import Build
from .trace import LINE, Conflict

# By machine: the kernel's address of physical address 0 (hal/machine/memory_map.h).
_DIRECT_MAP = {"riscv64": 0xFFFF_FFC0_0000_0000, "pc": 0xFFFF_8000_0000_0000}
# Functions of the C++ library, maybe after a result type, and wrappers of an atomic word. The name of their
# caller says more.
LIBRARY = re.compile(
    r"(?:[\w:<>, ]+[ *&]+)?"
    r"(?:std::|async::platform::Atomic|async::RelaxedWord|mem(?:cpy|set|move)\b|operator )"
)
_LOCK = re.compile(r"\bStrand::(?:taken_|waiting_|last_|sharers_)")


@dataclass(frozen=True)
class Variable:
    """What the calls share. A static variable is one line of memory: `name` lists the variables there that
    calls share. Objects of the heap, page tables and pages have no symbol: `name` is the function that
    stores to them, and all of one function count as one variable."""

    name: str
    is_static: bool

    @property
    def is_strand_lock(self) -> bool:
        """Whether the line holds the strand's lock word, a hint for fairness, or the word of a hart that shares
        the strand."""
        return self.is_static and bool(_LOCK.search(self.name))

    def __str__(self) -> str:
        return self.name if self.is_static else f"an object that {self.name} stores to"


@dataclass(frozen=True)
class Named:
    """A conflict with its variable, and the functions of the first and of the second call."""

    variable: Variable
    functions: tuple[str, str]
    is_false_sharing: bool


class Names:
    """Looks up all addresses of some conflicts at once."""

    def __init__(self, build: Build, conflicts: Iterable[Conflict]):
        kernel = build.kernel
        self._direct_map = _DIRECT_MAP[build.machine]
        self._functions: dict[int, str] = {}
        self._symbols: dict[int, tuple[str, int]] = {}
        accesses = [access for each in conflicts for access in (each.first, each.second)]
        self._look_up_code(kernel, sorted({each.instruction for each in accesses}))
        self._look_up_data(kernel, sorted({each.address for each in accesses}))
        self._lines = self._name_lines({each.address for each in accesses})

    def of(self, conflict: Conflict) -> Named:
        return Named(
            self._variable(conflict),
            (self.function(conflict.first.instruction), self.function(conflict.second.instruction)),
            conflict.is_false_sharing,
        )

    def function(self, instruction: int) -> str:
        return self._functions.get(instruction, "?")

    def _variable(self, conflict: Conflict) -> Variable:
        if name := self._lines.get(conflict.line):
            return Variable(name, True)
        return Variable(self.function(conflict.store.instruction), False)

    def _name_lines(self, addresses: set[int]) -> dict[int, str]:
        lines: dict[int, list[str]] = {}
        for address in sorted(addresses):
            if address in self._symbols:
                name, offset = self._symbols[address]
                lines.setdefault(address // LINE, []).append(f"{name}+{offset}" if offset else name)
        return {line: ", ".join(dict.fromkeys(names)) for line, names in lines.items()}

    def _look_up_code(self, kernel: Path, addresses: list[int]) -> None:
        for address, found in zip(addresses, _symbolized(kernel, "CODE", addresses)):
            frames = [frame["FunctionName"] for frame in found.get("Symbol", ())]
            own = [name for name in frames if not LIBRARY.match(name)]
            if own or frames:
                self._functions[address] = readable((own or frames)[0])

    def _look_up_data(self, kernel: Path, addresses: list[int]) -> None:
        """Only addresses inside a symbol's size get a name: the symbolizer names the nearest symbol below."""
        virtual = [self._direct_map + address for address in addresses]
        for address, found in zip(addresses, _symbolized(kernel, "DATA", virtual)):
            data = found.get("Data") or {}
            offset = address + self._direct_map - int(data.get("Start", "0"), 16)
            if data.get("Name") and offset < int(data["Size"], 16):
                self._symbols[address] = (readable(data["Name"]).strip(), offset)


def _symbolized(kernel: Path, kind: str, addresses: list[int]) -> list[dict]:
    answer = subprocess.run(
        [llvm_tool("symbolizer"), f"--obj={kernel}", "--output-style=JSON"],
        input="".join(f"{kind} {address:#x}\n" for address in addresses),
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return [json.loads(line) for line in answer.splitlines()]
