"""Finds the texts, symbols and functions at addresses of the kernel."""

import subprocess
from bisect import bisect_right
from functools import cache
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from ..errors import ToolError
from ..functions import short
from ..llvm import find_llvm_tool

_LONGEST_TEXT = 80
_MARKS = ("$", ".")  # symbols that begin with these are the assembler's own, no functions


class Names:
    """anchor: the address of the symbol `cotrap_trace_anchor` in the running kernel. The difference to its
    address in the file is the kernel's relocation."""

    def __init__(self, kernel: Path, anchor: int):
        try:
            with open(kernel, "rb") as file:
                image = ELFFile(file)
                self._parts = [
                    (part["p_vaddr"], part.data()) for part in image.iter_segments("PT_LOAD")
                ]
                symbols = image.get_section_by_name(".symtab")
                found = {
                    s["st_value"]: s.name
                    for s in symbols.iter_symbols()
                    if s.name and not s.name.startswith(_MARKS)
                }
        except (ELFError, AttributeError) as error:
            raise ToolError(f"{kernel}: {error}") from error
        anchors = [at for at, name in found.items() if name == "cotrap_trace_anchor"]
        if not anchors:
            raise ToolError(f"{kernel} is no kernel that can trace: build it again")
        self._moved_by = anchor - anchors[0]
        self._places = sorted(found)
        self._symbols = found
        self._functions: dict[int, str] = {}

    @classmethod
    @cache
    def of(cls, kernel: Path, anchor: int) -> "Names":
        """Like Names(), but cached: the same arguments return the same object."""
        return cls(kernel, anchor)

    def text(self, address: int) -> str:
        """The constant text at this address, or the address in hexadecimal."""
        at = address - self._moved_by
        for start, data in self._parts:
            if start <= at < start + len(data):
                text, end, _ = data[at - start :][: _LONGEST_TEXT + 1].partition(b"\0")
                if end:
                    return text.decode(errors="replace")
        return f"{address:#x}"

    def learn_functions(self, addresses: set[int]) -> None:
        """Finds the names of these functions, with one run of the demangler. Call it before function()."""
        mangled = {}
        for address in addresses - self._functions.keys():
            mangled[address] = self.symbol(address) or f"{address:#x}"
        tool = find_llvm_tool("cxxfilt", "c++filt")
        names = list(mangled.values())
        if tool and names:
            answer = subprocess.run([tool], input="\n".join(names), capture_output=True, text=True)
            names = answer.stdout.splitlines()
        self._functions |= {at: short(name) for at, name in zip(mangled, names)}

    def symbol(self, address: int) -> str:
        """The mangled name of the symbol that contains this address; empty if there is none."""
        index = bisect_right(self._places, address - self._moved_by) - 1
        return self._symbols[self._places[index]] if index >= 0 else ""

    def function(self, address: int) -> str:
        """The short name of the function at this address. First pass the address to learn_functions()."""
        return self._functions.get(address, f"{address:#x}")
