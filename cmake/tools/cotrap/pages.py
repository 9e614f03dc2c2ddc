"""What all pages have in common. A page is one file that loads nothing: the style sheet, the charting
library and the scripts are part of it."""

import json
import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from . import packages

_HERE = Path(__file__).parent


def fill(template: Path, *scripts: str, **values) -> str:
    """The page. template: a file in this folder or below. The pages extend base.html. `scripts` are files
    beside this one, which use the charting library; base.html puts both in."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    files = (packages.CHARTS, *map(_HERE.joinpath, scripts)) if scripts else ()
    environment.filters["in_script"] = lambda data: Markup(in_script(data))
    return environment.get_template(template.relative_to(_HERE).as_posix()).render(
        style=Markup((_HERE / "page.css").read_text()),
        scripts=Markup("").join(map(_script, files)),
        **values,
    )


def in_script(data) -> str:
    """JSON between <script> and </script>. HTML has no escapes there; so "<" is escaped as JSON does
    it, and no text can end the script or begin a comment."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _script(path: Path) -> Markup:
    return Markup(f"<script>\n{escaped(path.read_text())}\n</script>\n")


def escaped(script: str) -> str:
    """The script, changed so that it has no texts that end it or begin a comment in HTML, and still means
    the same. These texts can only be in strings, regular expressions and comments."""
    return re.sub(r"<(?=/script|script|!--)", r"\\x3c", script, flags=re.IGNORECASE)
