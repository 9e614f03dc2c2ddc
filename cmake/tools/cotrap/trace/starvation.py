"""Who has been ready for longer than anybody should be."""

from dataclasses import dataclass

from .story import Slice, Story, Track


@dataclass(frozen=True)
class Starved:
    """ready: until it ran, or the trace ended. before: what it had waited for; None: it was put
    aside, or gave way, or is new."""

    track: Track
    ready: Slice
    before: Slice | None

    def __str__(self) -> str:
        ready = self.ready
        text = (
            f"starvation: {self.track.name} ({self.track.group}) is ready for "
            f"{(ready.end - ready.begin) / 1e6:.3f} ms from {ready.begin / 1e6:.3f} ms on"
        )
        if by := ready.about.get("woken by"):
            text += f", made so by {by}"
        if self.before:
            text += f"\n    it had waited: {self.before.name}"
            if chain := self.before.about.get("await chain"):
                text += f", awaits: {chain}"
        return text


def starved(story: Story, limit_ns: float) -> list[Starved]:
    """Every time that somebody was ready for longer, the first one first."""
    found = []
    for track in story.tracks:
        before = None
        for each in track.slices:
            if each.kind == "ready" and each.end - each.begin > limit_ns:
                found.append(Starved(track, each, before))
            before = each if each.kind == "waiting" else None
    return sorted(found, key=lambda each: each.ready.begin)


def tell(story: Story, limit_ms: float) -> str:
    """The first one, and how many there are; nothing where there is none."""
    if not (found := starved(story, limit_ms * 1e6)):
        return ""
    more = f"\n    and {len(found) - 1} times more" if len(found) > 1 else ""
    return f"{found[0]}{more}"
