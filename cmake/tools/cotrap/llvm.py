"""Finds LLVM's tools. A distribution names them with their version, such as llvm-nm-22."""

import shutil
import subprocess

from .errors import ToolError

_VERSIONS = (22, 21, 20)  # those that cmake/find-clang.cmake accepts, the best one first


def find_llvm_tool(name: str, *others: str) -> str | None:
    """The path of a tool, such as "nm" for llvm-nm, or of the first of `others` that is installed. others:
    whole names of programs that do the same. None: none is installed."""
    names = [f"llvm-{name}-{version}" for version in _VERSIONS]
    return next(filter(None, map(shutil.which, (*names, f"llvm-{name}", *others))), None)


def llvm_tool(name: str, *others: str) -> str:
    """Like find_llvm_tool(), but raises ToolError if none is installed."""
    path = find_llvm_tool(name, *others)
    if not path:
        raise ToolError(f"llvm-{name} is not installed: on Debian, `./cotrap setup` installs it")
    return path


def llvm_output(name: str, *arguments: object, given: str = "") -> str:
    """What a tool prints. given: its standard input. Raises CalledProcessError if the tool fails."""
    command = [llvm_tool(name), *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
