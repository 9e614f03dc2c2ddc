"""Generates docs/reference/system-calls.md from the tables of system calls, the ABI's numbers and the comment
above each handler's declaration (kernel/syscalls/calls.h describes its form)."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ..paths import ROOT

_KERNEL = ROOT / "kernel"
_SYSCALLS = _KERNEL / "syscalls"
_ABI = ROOT / "trap" / "include" / "abi"

_DISPATCH = _KERNEL / "dispatch"
_TABLE = _DISPATCH / "all_calls.h"
_PRIVATE_TABLE = _DISPATCH / "private_calls.h"
_COMPAT_TABLE = _DISPATCH / "x86_64" / "compat.cpp"
_COMPAT_NUMBERS = ROOT / "trap" / "x86_64" / "include" / "abi" / "x86_64.h"

_KEYS = ("flags", "linux", "cotrap", "only")
# A parameter with one of these names selects a variant of the call, so the comment must have a line `flags:`.
_CHOICES = {
    "access", "advice", "clock", "command", "flags", "form", "how", "mode", "operation", "options",
    "request", "resource", "which", "whence", "who",
}  # fmt: skip
# Calls whose parameter with a name of _CHOICES is permission bits, and selects no variant.
_NO_CHOICE = {"mkdirat", "fchmod", "fchmodat"}

_DECLARATION = re.compile(r"(?:template <bool shares = false>\n)?(?:inline )?[\w:<>, ]+? (\w+)\((Thread\b[^;{]*)", re.DOTALL)
_OUTSIDE = r"(?:,\s+(?:sys::\w+<true>|Shared(?:<sys::\w+<true>>::answer)?|Changing<[\w:,\s]+>::answer))?"
_ENTRY = re.compile(r"\.with\w*<sys::(\w+)(?:<>)?" + _OUTSIDE + r">\(\s*(?:Call::)?(\w+)")
_ENTRY_BY_NAME = re.compile(r"\.with_entry\((\d+),\s+\{\.answer = (\w+)")
# syscalls/registered_calls.h: the macros that add a call outside the tables.
_REGISTERED = re.compile(r"^KERNEL_(?:PRIVATE_CALL\((\d+), |CALL\()(\w+), (?:\w+::)*(\w+)\);", re.MULTILINE)
_GROUP = re.compile(r"^ +// (.+)$")
_CONSTANT = re.compile(r"\b_*[A-Z][A-Z0-9_]{2,}\b")
_CODE = re.compile(rf"{_CONSTANT.pattern}|\b[a-z]+(?:_[a-z0-9]+)+\b|\bTrips::\w+|(?<!\w)/(?:tmp|proc)\b")
_ERROR = re.compile(r"\bE[A-Z0-9]{2,}\b")


@dataclass
class Text:
    """The comment above a handler's declaration, and the names of the handler's parameters."""

    lines: dict[str, str] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)


@dataclass
class Row:
    number: int
    name: str
    handler: str
    source: Path | None = None  # of a registered call


def page() -> str:
    private = [_PRIVATE_TABLE.read_text(), *_included(_PRIVATE_TABLE)]
    registered = [path.read_text() for path in registering_sources()]
    texts = {**read_texts(_included(_TABLE)), **read_texts(private), **read_texts(registered)}
    groups, own = table_rows(), private_rows()
    _check(texts, [*(row for rows in groups.values() for row in rows), *own])
    parts = [_INTRODUCTION]
    for group, rows in groups.items():
        parts.append(f"## {group[0].upper()}{group[1:]}\n")
        parts.append(_table(("number", "call", "flags", "differences from Linux"), [
            (str(row.number), f"`{row.name}`", *_cells(texts[row.handler], "linux"))
            for row in sorted(rows, key=lambda row: row.number)
        ]))  # fmt: skip
    parts.append(_PRIVATE_INTRODUCTION)
    parts.append(_table(("number", "call", "flags", "what it does", "header", "in"), [
        (
            f"{row.number:#x}", f"`{row.name}`", *_cells(texts[row.handler], "cotrap"),
            _header(row), _marked(texts[row.handler].lines.get("only", "every kernel")),
        )
        for row in own
    ]))  # fmt: skip
    parts.append(_compat_part())
    parts.append(_missing_part({row.name for rows in groups.values() for row in rows}))
    return "\n".join(parts)


# ── Reading ──


def call_numbers() -> dict[str, int]:
    """By name: the numbers of Linux's calls that the ABI's header lists."""
    found = re.findall(r"X\((\w+), (\d+)\)", (_ABI / "numbers.h").read_text())
    return {name: int(number) for name, number in found}


def read_texts(headers: list[str]) -> dict[str, Text]:
    """By handler: its comment."""
    found: dict[str, Text] = {}
    for header in headers:
        block: list[str] = []
        lines = header.split("\n")
        for at, line in enumerate(lines):
            if line.startswith("///"):
                block.append(line)
                continue
            declared = _DECLARATION.match("\n".join(lines[at : at + 6]))
            if declared and not line.startswith(("//", " ", "#")):
                lines_by_key = _keyed(block)
                if lines_by_key:
                    parameters = set(re.findall(r"(\w+)(?=[,)])", declared[2]))
                    found[declared[1]] = Text(lines_by_key, parameters)
            block = []
    return found


def registering_sources() -> list[Path]:
    """The sources that add calls outside the tables."""
    return [path for path in sorted(_KERNEL.rglob("*.cpp")) if _REGISTERED.search(path.read_text())]


def _registered(private: bool) -> list[Row]:
    """The private calls that register themselves, or Linux's."""
    first = _first_private() if private else 0
    numbers = call_numbers()
    return [
        Row(first + int(offset) if private else numbers[name], name, handler, path)
        for path in registering_sources()
        for offset, name, handler in _REGISTERED.findall(path.read_text())
        if bool(offset) == private
    ]


def table_rows() -> dict[str, list[Row]]:
    """The entries of all_calls.h, grouped by the comments that head its parts, and those that register
    themselves."""
    numbers = call_numbers()
    groups: dict[str, list[Row]] = {}
    for line in _TABLE.read_text().split("\n"):
        if heading := _GROUP.match(line):
            groups[heading[1]] = []
        elif entry := _ENTRY.search(line):
            rows = groups[next(reversed(groups))]
            rows.append(Row(numbers[entry[2]], entry[2], entry[1]))
    if registered := _registered(private=False):
        groups["other calls"] = registered
    return groups


def private_rows() -> list[Row]:
    names = {
        int(number): name
        for header in sorted(_ABI.glob("*.h"))
        for name, number in re.findall(
            r"constexpr Call (\w+)\{first_private_call \+ (\d+)\}", header.read_text()
        )
    }
    text = _PRIVATE_TABLE.read_text()
    entries = [(int(number), handler) for handler, number in _ENTRY.findall(text)]
    entries += [(int(number), handler) for number, handler in _ENTRY_BY_NAME.findall(text)]
    first = _first_private()
    registered = _registered(private=True)
    numbers = {*(number for number, _ in entries), *(row.number - first for row in registered)}
    if not names.keys() <= numbers or not {number for number, _ in entries} <= names.keys():
        raise ValueError("private_calls.h and the ABI's headers have different private calls")
    rows = [Row(first + number, names[number], handler) for number, handler in entries]
    return sorted(rows + registered, key=lambda row: row.number)


def _first_private() -> int:
    return int(re.search(r"first_private_call = (0x\w+)", (_ABI / "numbers.h").read_text())[1], 16)


def _included(header) -> list[str]:
    """The headers of kernel/syscalls and kernel/rings that `header` includes."""
    names = re.findall(r'#include "((?:syscalls|rings)/\w+\.h)"', header.read_text())
    return [(_KERNEL / name).read_text() for name in names]


def _keyed(block: list[str]) -> dict[str, str]:
    """By key: the text of a comment's line `KEY: text`, with its continuation lines."""
    texts: dict[str, str] = {}
    key = None
    for line in block:
        if start := re.fullmatch(r"/// (\w+): (.+)", line):
            key = start[1] if start[1] in _KEYS else None
            if key:
                texts[key] = start[2]
        elif key and (more := re.fullmatch(r"///   (\S.*)", line)):
            texts[key] += " " + more[1]
        else:
            key = None
    return texts


# ── Checks ──


def _check(texts: dict[str, Text], rows: list[Row]) -> None:
    wrong = []
    for row in rows:
        text = texts.get(row.handler)
        if not text or not text.lines.keys() & {"linux", "cotrap"}:
            wrong.append(f"{row.name}: add a line `linux:` above its declaration")
            continue
        chooses = text.parameters & _CHOICES and row.handler not in _NO_CHOICE
        if chooses and "flags" not in text.lines:
            wrong.append(f"{row.name}: add a line `flags:` above its declaration")
        wrong += [f"{row.name}: {name} is not in the sources" for name in _unknown(text)]
    if wrong:
        raise ValueError("; ".join(wrong))


def _unknown(text: Text) -> list[str]:
    """Names of errors and of accepted flags in the comment that do not appear in the sources."""
    known = _known_names()
    accepted = text.lines.get("flags", "").split(";")
    accepted = [part for part in accepted if not _ERROR.search(part) and "no effect" not in part]
    flags = [name for part in accepted for name in _CONSTANT.findall(part)]
    errors = [name for line in text.lines.values() for name in _ERROR.findall(line)]
    return [name for name in [*flags, *errors] if name not in known]


@cache
def _known_names() -> set[str]:
    sources = [path for folder in (_SYSCALLS, _KERNEL / "rings") for path in folder.glob("*.cpp")]
    sources += _ABI.glob("*.h")
    return set(re.findall(r"\w+", "\n".join(path.read_text() for path in sources).upper()))


# ── Writing ──


def _marked(text: str) -> str:
    """The text with its names marked as code, in Markdown."""
    pieces = text.split("`")
    pieces[::2] = [_CODE.sub(lambda name: f"`{name[0]}`", piece) for piece in pieces[::2]]
    return "`".join(pieces).replace("|", r"\|")


def _cells(text: Text, key: str) -> tuple[str, str]:
    return _marked(text.lines.get("flags", "none")), _marked(text.lines[key])


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n".replace("| --- ", "|---").replace("--- |", "---|")
                   for line in lines)  # fmt: skip


def _header(row: Row) -> str:
    """A link to the ABI's header that describes the call: one of its comments begins with `NAME(`. Or to the
    source that registers the call."""
    name = row.name
    for header in sorted(_ABI.glob("*.h")):
        if re.search(rf"^// +{name}\(", header.read_text(), re.MULTILINE):
            return f"[{header.name}](../../{header.relative_to(ROOT)})"
    if row.source:
        return f"[{row.source.name}](../../{row.source.relative_to(ROOT)})"
    raise ValueError(f"no header of the ABI describes {name}: add a comment that begins with {name}(")


def _compat_part() -> str:
    numbers = dict(re.findall(r"call_(\w+) = (\d+)", _COMPAT_NUMBERS.read_text()))
    names = re.findall(r"\.with<(?:[\w:]+, )?sys::x86_64::\w+>\(call_(\w+)\)", _COMPAT_TABLE.read_text())
    calls = sorted((int(numbers[name]), name) for name in names)
    rows = [(str(number), f"`{name}`") for number, name in calls]
    return _COMPAT_INTRODUCTION + "\n" + _table(("number", "call"), rows)


def _missing_part(answered: set[str]) -> str:
    missing = [f"`{name}` ({number})" for name, number in call_numbers().items() if name not in answered]
    return _MISSING_INTRODUCTION + "\n" + ", ".join(missing) + ".\n"


_INTRODUCTION = """\
# System calls

<!-- Made by `/usr/bin/python3 cmake/tools/reference.py` from kernel/ and trap/include/abi/. -->

The kernel takes Linux's system calls for riscv64: the number in `a7`, the arguments in `a0` to `a5`, and the
result or a negative error number in `a0`. This page lists every call that the kernel answers. It is generated
from the kernel's table ([all_calls.h](../../kernel/dispatch/all_calls.h)), from the calls that register
themselves ([registered_calls.h](../../kernel/syscalls/registered_calls.h)), and from the comment above each
handler. The last column has the known differences from Linux's manual page.

These differences hold for every call:

- Every program runs as the superuser. A process may give up capabilities, which some calls check.
- The tree of files is read-only outside `/tmp`, `/dev/shm` and folders of the host
  ([files.md](../files.md#the-tree)).
- A call with an unknown number fails with `ENOSYS`. The kernel logs each such number once.
"""

_PRIVATE_INTRODUCTION = """\
## Private calls

Linux does not have these calls. Their numbers start at 0x1000. Such a call may have a seventh argument, in `a6` (on the
[hosted machine](../hosted.md) in `rbx`). For each call the table links the header that describes it in full.
"""

_COMPAT_INTRODUCTION = """\
## Programs for x86_64

The kernel of the [hosted machine](../hosted.md) also takes the numbers of Linux on x86_64. Most of them are
the calls above under another number ([x86_64.h](../../trap/x86_64/include/abi/x86_64.h)). The calls below have
no number on riscv64, another order of arguments or another structure:
"""

_MISSING_INTRODUCTION = """\
## Known by name only

The kernel's log has names for these calls, but they fail with `ENOSYS`:
"""
