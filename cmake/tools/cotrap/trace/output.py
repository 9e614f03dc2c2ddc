"""Writes a story to a file: as JSON for ui.perfetto.dev, or as a page."""

from pathlib import Path

from .. import packages
from ..paths import Build, write_output
from ..provenance import provenance
from . import perfetto
from .story import Story


def write_json(path: Path, story: Story, title: str) -> None:
    write_output(path, perfetto.to_json(story, title))


def write_page(path: Path, story: Story, title: str, of_run: dict[str, str]) -> None:
    page = packages.page_module(".page", __package__)
    write_output(path, page.to_html(story, title, of_run))


def facts(built: Build, arguments) -> dict[str, str]:
    """The facts about the run that the HTML page shows, by their names."""
    harts = f"{arguments.harts} hart{'s' * (arguments.harts > 1)}"
    counted, clock = "counted, an instruction takes a nanosecond", "by the machine's clock"
    return {
        "machine": f"{arguments.machine}, {harts}",
        "build": built.folder.resolve().name,
        "time": counted if arguments.icount else clock,
        **provenance(),
    }
