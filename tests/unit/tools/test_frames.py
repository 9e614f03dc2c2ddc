"""`./cotrap bench --frames` computes the sizes of coroutine frames from the await chains in a trace."""

import contextlib
import io
import unittest

import support  # noqa: F401

from cotrap.bench import frames
from cotrap.bench.frames import Frame
from cotrap.trace.recording import Event, Kind, Recording

LEAF, ROOT = 0x100, 0x200  # addresses of code


class Symbols:
    def symbol(self, address: int) -> str:
        return {LEAF: "leaf.resume", ROOT: "root.resume"}[address]


def recording(*events: tuple[Kind, int, int]) -> Recording:
    """A recording of events: (kind, job or frame, address of code)."""
    noted = [Event(tick, 0, kind, 0, job, code) for tick, (kind, job, code) in enumerate(events)]
    return Recording(1, 0, 0, 0, None, None, [noted], [[]], [0], {})


def wait(job: int, frame: int) -> list[tuple[Kind, int, int]]:
    """The events of a job that waits in the coroutine LEAF, which the coroutine ROOT awaits."""
    return [(Kind.WAIT, job, 0), (Kind.AWAIT, frame, LEAF), (Kind.AWAIT, frame + 0x1000, ROOT)]


def counted(*events) -> dict[str, Frame]:
    found = {name: Frame(name, name, 96) for name in ("leaf", "root")}
    frames._count(recording(*events), Symbols(), found)
    return found


class Frames(unittest.TestCase):
    def test_coroutines_that_wait_at_the_end_are_live(self):
        found = counted(*wait(1, 0x10000), *wait(2, 0x20000), *wait(3, 0x30000), (Kind.DONE, 1, 0))
        self.assertEqual([(each.most, each.live) for each in found.values()], [(3, 2), (3, 2)])

    def test_of_several_demos_the_largest_number_counts(self):
        found = {name: Frame(name, name, 96) for name in ("leaf", "root")}
        for jobs in (2, 1):
            events = [event for job in range(jobs) for event in wait(job, 0x10000 * (job + 1))]
            frames._count(recording(*events), Symbols(), found)
        self.assertEqual([each.live for each in found.values()], [2, 2])

    def test_the_pool_rounds_to_8_bytes_and_above_1024_to_powers_of_two(self):
        for size, taken in ((8, 8), (9, 16), (96, 96), (1023, 1024), (1025, 2048), (2048, 2048)):
            self.assertEqual(Frame("leaf", "leaf", size).taken, taken)

    def test_rounding_has_a_column_if_a_frame_is_rounded(self):
        for size, is_there in ((96, False), (2000, True)):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                frames._show([Frame("leaf", "leaf", size, most=1, pooled=1)])
            self.assertEqual("rounded up by" in printed.getvalue(), is_there)


if __name__ == "__main__":
    unittest.main()
