"""The events of several harts come in the order in which they happened."""

import unittest
from types import SimpleNamespace

import support  # noqa: F401 (finds the modules)
from cotrap.trace.clock import in_order
from cotrap.trace.recording import Event, Kind


def event(ticks: int, fine: int, kind: Kind) -> Event:
    return Event(ticks, fine, kind, detail=0, job=1, argument=0)


class InOrder(unittest.TestCase):
    def order(self, *harts: list[Event], counted: bool = False) -> list[tuple[int, Kind]]:
        recording = SimpleNamespace(
            period_ns=100, first_tick=0, first_ns=0, harts=list(harts), names=[[] for _ in harts]
        )
        return [(hart, event.kind) for _, hart, event in in_order(recording, counted)]

    def test_in_one_tick_the_fine_counter_decides(self):
        sent, runs = event(7, 900, Kind.MIGRATE), event(7, 950, Kind.RUN)
        self.assertEqual(self.order([runs], [], [sent]), [(2, Kind.MIGRATE), (0, Kind.RUN)])

    def test_between_ticks_the_clock_decides(self):
        sent, runs = event(8, 10, Kind.MIGRATE), event(7, 950, Kind.RUN)
        self.assertEqual(self.order([runs], [sent]), [(0, Kind.RUN), (1, Kind.MIGRATE)])

    def test_events_of_one_hart_keep_their_order(self):
        first, second = event(7, 20, Kind.MIGRATE), event(7, 10, Kind.RUN)
        self.assertEqual(self.order([first, second]), [(0, Kind.MIGRATE), (0, Kind.RUN)])


if __name__ == "__main__":
    unittest.main()
