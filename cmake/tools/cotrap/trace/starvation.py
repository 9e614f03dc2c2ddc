"""Finds jobs that were ready for too long without running."""

from dataclasses import dataclass

from .story import Slice, Story, Track


@dataclass(frozen=True)
class Starved:
    """A job that was ready for too long. ready: the slice until it ran or the trace ended. before: the wait
    before that; None: the job was preempted, had yielded, or is new."""

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
            text += f", woken by {by}"
        if self.before:
            text += f"\n    before, it waited: {self.before.name}"
            if chain := self.before.about.get("await chain"):
                text += f", awaits: {chain}"
        return text


def starved(story: Story, limit_ns: float) -> list[Starved]:
    """All times that a job was ready for longer than the limit, in order."""
    found = []
    for track in story.tracks:
        before = None
        for each in track.slices:
            if each.kind == "ready" and each.end - each.begin > limit_ns:
                found.append(Starved(track, each, before))
            before = each if each.kind == "waiting" else None
    return sorted(found, key=lambda each: each.ready.begin)


def report(story: Story, limit_ms: float) -> str:
    """A text with the first case and the number of others; empty if there is none."""
    if not (found := starved(story, limit_ms * 1e6)):
        return ""
    more = f"\n    and {len(found) - 1} more cases" if len(found) > 1 else ""
    return f"{found[0]}{more}"
