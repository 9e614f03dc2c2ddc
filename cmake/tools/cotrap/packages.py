"""Imports modules late: those of the commands, because each run of `./cotrap` needs only one of them, and
modules that few runs need. Some of them need Python libraries which may be missing; `./cotrap setup`,
which installs the libraries, must start without them."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from .errors import ToolError
from .signals import blocked

# Chart.js, which draws the charts of pages (Debian's libjs-chart.js).
CHARTS = Path("/usr/share/javascript/chart.js/chart.min.js")


def module(name: str, package: str) -> ModuleType:
    """Imports a module. name: relative to `package`, as in an import statement. Raises ToolError if a library
    that the module imports is missing. A signal's exception comes after the import: during the import
    Python could print it as a traceback instead."""
    try:
        with blocked():
            return import_module(name, package)
    except ModuleNotFoundError as error:
        why = f"Python's {error.name} is not installed: on Debian, `./cotrap setup` installs it"
        raise ToolError(why) from error


def check_charts() -> None:
    """Raises ToolError if Chart.js is missing. Call it before the command runs, measures or simulates, so
    that the user does not lose that time."""
    if not CHARTS.is_file():
        raise ToolError(f"Chart.js ({CHARTS}) is not installed: on Debian, `./cotrap setup` installs it")


def page_module(name: str, package: str) -> ModuleType:
    """The module, which makes a page. Raises ToolError if a part of the page is not installed."""
    check_charts()
    return module(name, package)
