"""`./cotrap bench conflicts` finds the lines that two calls share, and counts pairs of calls."""

import struct
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from support import FakeBuild, called

from cotrap.bench.conflicts import naming, summary
from cotrap.bench.conflicts.naming import Named, Variable
from cotrap.bench.conflicts.run import PROGRAM, TRACER
from cotrap.bench.conflicts.summary import Pair
from cotrap.bench.conflicts.trace import Access, Conflict, conflicts, traced_calls
from cotrap.errors import ToolError

LOAD, STORE = 0, 256
CODE = 0xFFFF_FFC0_8020_0000


def traced_call(hart: int, *accesses: tuple[int, int, int]) -> bytes:
    """A call of the trace. Each access is (address, size, LOAD or STORE)."""
    words = [hart, len(accesses)]
    for at, (address, size, kind) in enumerate(accesses):
        words += [address, CODE + 4 * at, size + kind]
    return struct.pack(f"<{len(words)}Q", *words)


def read(*parts: bytes):
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(parts))
        file.flush()
        return list(traced_calls(Path(file.name)))


def found(first: list[tuple], second: list[tuple]):
    return conflicts(*read(traced_call(0, *first), traced_call(1, *second)))


class Trace(unittest.TestCase):
    def test_two_loads_of_a_line_are_no_conflict(self):
        self.assertEqual(found([(0x1000, 8, LOAD)], [(0x1000, 8, LOAD)]), [])

    def test_a_store_conflicts_with_a_load_and_with_a_store_of_the_other_call(self):
        for first, second in ((STORE, LOAD), (LOAD, STORE), (STORE, STORE)):
            [one] = found([(0x1008, 8, first)], [(0x1008, 8, second)])
            self.assertEqual((one.line, one.is_false_sharing), (0x1000 // 64, False))
            self.assertTrue(one.store.is_store)

    def test_stores_of_one_call_are_no_conflict(self):
        self.assertEqual(found([(0x1000, 8, STORE), (0x1000, 8, LOAD)], [(0x1040, 8, STORE)]), [])

    def test_other_bytes_of_a_line_are_false_sharing(self):
        [one] = found([(0x1000, 4, STORE)], [(0x1004, 4, LOAD)])
        self.assertTrue(one.is_false_sharing)

    def test_a_line_with_common_bytes_is_named_by_them(self):
        [one] = found([(0x1000, 8, STORE), (0x1010, 8, STORE)], [(0x1014, 4, LOAD), (0x1020, 8, STORE)])
        self.assertEqual((one.first.address, one.second.address), (0x1010, 0x1014))
        self.assertFalse(one.is_false_sharing)

    def test_each_line_is_one_conflict(self):
        lines = [(0x1000, 8, STORE), (0x1008, 8, STORE), (0x2000, 8, STORE)]
        self.assertEqual([each.line for each in found(lines, lines)], [0x1000 // 64, 0x2000 // 64])

    def test_calls_keep_their_order_and_hart(self):
        self.assertEqual([each.hart for each in read(traced_call(1), traced_call(0, (64, 8, LOAD)))], [1, 0])

    def test_a_trace_that_ends_early_is_an_error(self):
        whole = traced_call(0, (64, 8, LOAD))
        for length in (8, len(whole) - 8):
            with self.assertRaisesRegex(ToolError, "ends early"):
                read(whole[:length])


LOCK, HINT = Variable("Strand::taken_", True), Variable("other, Strand::last_", True)
COUNTER, OBJECT = Variable("counter", True), Variable("store()", False)


def pair(first: str, second: str, *variables: Variable, state: str = "threads", false: bool = False) -> Pair:
    shared = tuple(Named(each, (f"{first}()", f"{second}()"), false) for each in variables)
    return Pair(state, (first, second), shared)


PAIRS = [
    pair("getpid", "getpid"),
    pair("getpid", "read"),
    pair("read", "read", LOCK),
    pair("read", "open", LOCK, COUNTER),
    pair("open", "open", LOCK, COUNTER, OBJECT, state="processes"),
]


class Summary(unittest.TestCase):
    def test_a_pair_counts_once_in_the_row_of_each_of_its_calls(self):
        rows = {name: (row.pairs, row.free) for name, row in summary.by_call(PAIRS).items()}
        self.assertEqual(rows, {"getpid": (2, 2), "read": (3, 1), "open": (2, 0)})

    def test_the_total_and_the_states_count_each_pair_once(self):
        self.assertEqual((summary.total(PAIRS).free, summary.total(PAIRS).percent), (2, 40))
        rows = {state: (row.pairs, row.free) for state, row in summary.by_state(PAIRS).items()}
        self.assertEqual(rows, {"threads": (4, 2), "processes": (1, 0)})

    def test_variables_come_in_the_order_in_which_they_free_pairs(self):
        listed = summary.shared(PAIRS)
        self.assertEqual([each.variable for each in listed], [LOCK, COUNTER, OBJECT])
        self.assertEqual([each.pairs for each in listed], [3, 2, 1])
        self.assertEqual([each.alone for each in listed], [1, 1, 0])
        self.assertEqual([each.free_without for each in listed], [3, 4, 5])

    def test_a_pair_is_unlocked_if_it_conflicts_only_at_the_strands_lock_word_and_hints(self):
        pairs = [pair("a", "a", LOCK, HINT), pair("a", "b", HINT), pair("b", "b", LOCK, OBJECT)]
        row = summary.total(pairs)
        self.assertEqual((row.free, row.unlocked, row.percent_unlocked), (0, 2, 200 / 3))

    def test_a_pair_shares_falsely_if_all_its_conflicts_at_the_variable_do(self):
        both = Named(COUNTER, ("a()", "b()"), False), Named(COUNTER, ("a()", "b()"), True)
        pairs = [pair("a", "b", COUNTER, false=True), Pair("threads", ("a", "c"), both)]
        [one] = summary.shared(pairs)
        self.assertEqual((one.pairs, one.false_sharing), (2, 1))

    def test_two_lines_of_a_variable_are_one_pair_and_two_conflicts(self):
        [one] = summary.shared([pair("open", "stat", OBJECT, OBJECT)])
        self.assertEqual((one.pairs, one.alone, one.functions.total()), (1, 1, 2))

    def test_objects_of_one_function_count_as_one_variable(self):
        self.assertEqual(str(OBJECT), "an object that store() stores to")


# By the symbolizer's input: its answer.
KNOWN = {
    "CODE 0x10": {"Symbol": [{"FunctionName": "std::__1::atomic<int>::store(int)"},
                             {"FunctionName": "async::Strand::enter_smp()"}]},
    "CODE 0x20": {"Symbol": [{"FunctionName": "kernel::Process::id() const"}]},
    "CODE 0x30": {"Symbol": [{"FunctionName": "async::Link* std::__1::load<async::Link*>(int)"}]},
    "DATA 0xffffffc000001000": {"Data": {"Name": "async::Strand::taken_", "Start": "0xffffffc000001000",
                                         "Size": "0x4"}},
    "DATA 0xffffffc000001010": {"Data": {"Name": "executors", "Start": "0xffffffc000001008", "Size": "0x20"}},
    "DATA 0xffffffc000009000": {"Data": {"Name": "executors", "Start": "0xffffffc000001008", "Size": "0x20"}},
}  # fmt: skip


class Naming(unittest.TestCase):
    def names(self, *conflicts: Conflict) -> list[Named]:
        with mock.patch.object(naming, "_symbolized", self._symbolized):
            names = naming.Names(SimpleNamespace(kernel=Path("kernel"), machine="riscv64"), conflicts)
        return list(map(names.of, conflicts))

    @staticmethod
    def _symbolized(_kernel, kind: str, addresses: list[int]) -> list[dict]:
        return [KNOWN.get(f"{kind} {address:#x}", {}) for address in addresses]

    @staticmethod
    def at(address: int, store: int, load: int) -> Conflict:
        """A store by the instruction `store`, and a load by the instruction `load`."""
        return Conflict(
            address // 64, Access(address, load, 4, False), Access(address, store, 4, True), False
        )

    def test_a_static_line_is_named_by_all_its_shared_variables(self):
        for each in self.names(self.at(0x1000, 0x10, 0x20), self.at(0x1010, 0x10, 0x20)):
            self.assertEqual(each.variable, Variable("Strand::taken_, executors+8", True))

    def test_an_object_without_a_symbol_is_named_by_the_function_that_stores(self):
        [each] = self.names(self.at(0x9000, 0x10, 0x20))
        self.assertEqual(each.variable, Variable("Strand::enter_smp", False))

    def test_a_function_of_the_library_is_named_by_its_caller_if_there_is_one(self):
        [each] = self.names(self.at(0x1000, 0x10, 0x30))
        self.assertEqual(each.functions, ("Link* load<Link*>", "Strand::enter_smp"))

    def test_code_without_debugging_information_has_no_name(self):
        [each] = self.names(self.at(0x9000, 0x40, 0x20))
        self.assertEqual(each.functions, ("Process::id", "?"))


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = FakeBuild()
        cls.addClassCleanup(cls.build.remove)

    def conflicts(self, *options):
        return called("bench", "conflicts", "--build", self.build.path, *options)

    def test_it_refuses_the_hosted_machine_and_options_without_effect(self):
        for options, word in (
            (("--machine", "hosted"), "needs QEMU"),
            (("--machine", "riscv64-nommu"), "knows only riscv64 and pc"),
            (("--save", "x.json"), "leave out --save"),
            (("--time",), "leave out --time"),
        ):
            done = self.conflicts(*options)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(word.encode(), done.stderr)

    def test_without_the_tracer_it_says_how_to_build_it(self):
        done = self.conflicts()
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn(b"cotrap_conflicts` builds it", done.stderr)

    def test_a_qemu_without_plugins_is_named_as_the_cause(self):
        for name in (TRACER, PROGRAM):
            self.addCleanup(self.build.file(name, "").unlink)
        error = "qemu-system-riscv64: plugin interface not enabled in this build"
        qemu = self.build.file("qemu", f"echo '{error}' >&2; exit 1")
        with mock.patch("cotrap.qemu._qemu", return_value=str(qemu)):
            done = self.conflicts()
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn(b"built without plugins", done.stderr)

    def test_the_list_of_benchmarks_names_it(self):
        self.assertRegex(called("bench", "--list").stdout, rb"(?m)^conflicts +pairs of calls")


if __name__ == "__main__":
    unittest.main()
