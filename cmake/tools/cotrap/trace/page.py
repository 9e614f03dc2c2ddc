"""A story as a page: page.html with the story in it."""

from pathlib import Path

from .. import pages
from .story import KINDS, Story


def to_html(story: Story, title: str, facts: dict[str, str]) -> str:
    """The page as HTML. facts: facts about the run that the page shows, by name."""
    template = Path(__file__).with_name("page.html")
    scripts = ("charts.js", "timeline.js")
    return pages.fill(template, *scripts, title=title, facts=facts, story=_compact(story))


def _compact(story: Story) -> dict:
    """The story in few bytes. A text appears once, in `texts`; other places have its number there. A slice is
    [begin, length, name, kind, about]: `about` has names and values in turn. Times are whole nanoseconds."""
    texts: dict[str, int] = {}

    def text(of: str) -> int:
        return texts.setdefault(of, len(texts))

    number = {id(track): at for at, track in enumerate(story.tracks)}
    tracks = [
        {
            "group": track.group,
            "name": track.name,
            "slices": [
                [
                    round(each.begin),
                    round(each.end - each.begin),
                    text(each.name),
                    KINDS.index(each.kind),
                    [text(word) for pair in each.about.items() for word in pair],
                ]
                for each in track.slices
            ],
        }
        for track in story.tracks
    ]
    arrows = [
        [round(arrow.begin), number[id(arrow.waker)], round(arrow.end), number[id(arrow.woken)]]
        for arrow in story.arrows
    ]
    return {
        "tracks": tracks,
        "arrows": arrows,
        "latencies": {name: sorted(map(round, all)) for name, all in story.latencies.items()},
        "lost": sum(story.lost),
        "texts": list(texts),
        "kinds": KINDS,
    }
