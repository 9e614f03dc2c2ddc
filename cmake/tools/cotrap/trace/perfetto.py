"""Writes a story in the Trace Event Format, which ui.perfetto.dev and chrome://tracing open. Its times are in
microseconds."""

import json

from .story import Slice, Story


def to_json(story: Story, title: str) -> str:
    groups = list(dict.fromkeys(track.group for track in story.tracks))
    place = {
        id(track): {"pid": groups.index(track.group) + 1, "tid": number}
        for number, track in enumerate(story.tracks, 1)
    }
    events = [
        {"ph": "M", "name": "process_name", "pid": number, "args": {"name": group}}
        for number, group in enumerate(groups, 1)
    ]
    for order, track in enumerate(story.tracks):
        where = place[id(track)]
        events.append({"ph": "M", "name": "thread_name", **where, "args": {"name": track.name}})
        events.append(
            {"ph": "M", "name": "thread_sort_index", **where, "args": {"sort_index": order}}
        )
        events += [_slice(each, where) for each in track.slices]
    for number, arrow in enumerate(story.arrows, 1):
        common = {"name": "wake", "cat": "wake", "id": number}
        events.append({"ph": "s", "ts": arrow.begin / 1000, **common, **place[id(arrow.waker)]})
        events.append(
            {"ph": "f", "bp": "e", "ts": arrow.end / 1000, **common, **place[id(arrow.woken)]}
        )
    about = {"program": title, "lost events": story.lost, "traps": story.routes}
    return json.dumps({"displayTimeUnit": "ns", "otherData": about, "traceEvents": events})


def _slice(each: Slice, where: dict) -> dict:
    return {
        "ph": "X",
        "name": each.name,
        "cat": each.kind,
        "ts": each.begin / 1000,
        "dur": (each.end - each.begin) / 1000,
        **where,
        **({"args": each.about} if each.about else {}),
    }
