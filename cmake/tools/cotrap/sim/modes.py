"""The modes of `./cotrap sim`, and the options that each takes. An option that has no effect in a mode is an
error, because a user would expect an effect."""

from ..errors import UsageError
from .options import DEFAULTS, EXPLORING

_RUN = ("workload", "harts", "seeds", "slice", "duration", "costs", "cost", "policy", "record")
_LIMITS = ("starving", "stalled", "faults")
_SIMULATE = "simulate"
# By mode: the options that it takes, besides the option that selects it. All modes take --build.
_TAKES = {
    "list": (),
    "list_policies": ("policy_header",),
    "merge": ("csv", "html"),
    "replay": ("policy_header", "debug"),
    "explore": (*_RUN, *_LIMITS, *EXPLORING),
    _SIMULATE: (*_RUN, *_LIMITS, "policy_header", "shard", "jobs", "csv", "html"),
}


def check(arguments) -> None:
    """Raises UsageError if options exclude each other. Sets the options that were left out to their
    defaults."""
    own = [name for name in _TAKES if name != _SIMULATE and _is_given(arguments, name)]
    if len(own) > 1:
        raise UsageError(f"{_option(own[0])} and {_option(own[1])} exclude each other: give one of them")
    mode = own[0] if own else _SIMULATE
    known = dict.fromkeys(name for takes in _TAKES.values() for name in takes)
    for name in known:
        if _is_given(arguments, name) and name not in _TAKES[mode]:
            raise UsageError(_why_not(name, mode))
    if mode == "explore":
        _check_exploring(arguments)
    for name, value in DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)


def _is_given(arguments, name: str) -> bool:
    return getattr(arguments, name) not in (None, False, [])


def _option(name: str) -> str:
    named = {"workload": "WORKLOAD", "seeds": "--seed"}
    return named.get(name, f"--{name.replace('_', '-')}")


def _why_not(name: str, mode: str) -> str:
    if name in EXPLORING and mode != "explore":
        return f"{_option(name)} works only with --explore: add that, or leave out {_option(name)}"
    if mode == _SIMULATE:
        modes = " or ".join(_option(each) for each in _TAKES if name in _TAKES[each])
        return f"{_option(name)} works only with {modes}"
    takes = ", ".join(map(_option, _TAKES[mode])) or "no other option"
    return f"{_option(name)} has no effect with {_option(mode)}, which takes {takes}: leave it out"


def _check_exploring(arguments) -> None:
    if arguments.bound and arguments.pct:
        raise UsageError("--pct and --bound exclude each other: give one of them")
    others = [name for name in ("bound", "pct", "most") if _is_given(arguments, name)]
    if arguments.schedule is not None and others:
        raise UsageError(f"{_option(others[0])} and --schedule exclude each other: give one of them")
    if arguments.seeds and len(arguments.seeds) > 1:
        raise UsageError("--explore takes one seed: give --seed S instead of --seeds")
