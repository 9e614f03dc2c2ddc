"""Short forms of the names of C++ functions, for reports."""

import re

_NAMESPACES = re.compile(r"(?:\bkernel|\basync|\(anonymous namespace\))::")
_LIBRARY = re.compile(r"std::__1::|fmt::v\d+::|\[abi:\w+\]")  # version namespaces and tags
_WIDEST = 90
_RESUME = re.compile(r" (?:\(\.resume\)|\[clone \.resume\])$")


def short(function: str) -> str:
    """`kernel::run_thread(kernel::Ref<kernel::Thread>) (.resume)` is run_thread."""
    name = _NAMESPACES.sub("", _RESUME.sub("", function))
    depth = 0
    for at, char in enumerate(name):  # find the arguments; template arguments may have brackets, too
        if char == "(" and depth == 0 and at > 0:
            return name[:at]
        depth += (char == "<") - (char == ">")
    return name


def readable(function: str) -> str:
    """As short(), without the libraries' version namespaces, and cut to _WIDEST characters."""
    name = short(_LIBRARY.sub("", function)) or "?"
    return name if len(name) <= _WIDEST else f"{name[:_WIDEST]}…"
