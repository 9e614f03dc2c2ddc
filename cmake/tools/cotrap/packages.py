"""Libraries that only some commands need: imported when it comes to that, since `setup`, which
installs them, has to start without."""

from importlib import import_module
from types import ModuleType

from .errors import ToolError


def module(name: str, package: str) -> ModuleType:
    """The module of ours called `name`, of `package`, which imports such a library."""
    try:
        return import_module(name, package)
    except ModuleNotFoundError as error:
        why = f"Python's {error.name} is not installed: `./cotrap setup` does that on Debian"
        raise ToolError(why) from error
