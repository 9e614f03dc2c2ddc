"""`./cotrap test` names tests and refuses names that none has; nothing is built here."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support  # noqa: F401  (finds the command's modules)
from cotrap import build, tests
from cotrap.errors import UsageError
from cotrap.options import parser


class Tests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for host in (self.root / "build" / name for name in ("host-asan", "host-debug")):
            host.mkdir(parents=True)
            (host / "CTestTestfile.cmake").write_text("")
        (host / "CTestTestfile.cmake").write_text("add_test(alpha true)\nadd_test(beta false)\n")
        self.built: list[tuple[str, ...]] = []
        for target, name, instead in (
            (tests, "ROOT", self.root),
            (tests.setup, "ensure", lambda: None),
            (tests.musl, "ensure", lambda: None),
            (build, "make", lambda *what: self.built.append(what)),
        ):
            patched = mock.patch.object(target, name, instead)
            patched.start()
            self.addCleanup(patched.stop)

    def run_tests(self, *arguments: str) -> int:
        return tests.run(parser().parse_args(["test", "--quick", *arguments]))

    def test_a_list_names_tests_and_says_nothing_of_what_is_not_built(self):
        file = self.root / "build" / "host-debug" / "CTestTestfile.cmake"
        file.write_text("add_test(alpha true)\nadd_test(beta /is/not/built)\n")
        with mock.patch("builtins.print") as printed:
            self.assertEqual(self.run_tests("--list"), 0)
        said = [call.args[0].split() for call in printed.call_args_list]
        self.assertEqual([line[-1] for line in said], ["alpha", "beta", "2"])

    def test_a_name_that_no_test_has_is_refused_before_anything_is_built(self):
        for arguments in (("nonesuch",), ("nonesuch", "--list"), ("alpha", "nonesuch"), ("(",)):
            with self.assertRaisesRegex(UsageError, "there is no test '"):
                self.run_tests(*arguments)
        hosts = ("host-asan", "host-debug")
        self.assertEqual(set(self.built), {(host, build.CONFIGURED) for host in hosts})

    def test_the_status_is_0_if_all_that_are_named_pass(self):
        self.assertEqual(self.run_tests("alpha"), 0)
        self.assertEqual(self.run_tests("alpha", "beta"), 1)
        self.assertIn(("host-debug",), self.built)
        self.assertNotIn("hosted-release", [preset for preset, *_ in self.built])

    def test_the_hosted_machine_is_built_and_tested_where_it_is_named(self):
        file = self.root / "build" / "host-debug" / "CTestTestfile.cmake"
        file.write_text("add_test(alpha true)\nadd_test(hosted false)\n")
        self.assertEqual(self.run_tests(), 0)
        self.assertEqual(self.run_tests("hosted"), 1)
        built = {preset for preset, *_ in self.built}
        self.assertLessEqual({"hosted-release", "hosted-asan", "hosted-tsan"}, built)

    def test_the_soak_begins_only_where_it_is_asked_for_alone(self):
        for arguments in (("soak", "--list"), ("soak", "alpha")):
            with self.assertRaisesRegex(UsageError, "goes alone"):
                self.run_tests(*arguments)
        self.assertEqual(self.built, [])

    def test_a_list_is_not_run(self):
        self.assertEqual(self.run_tests("--list", "beta"), 0)


if __name__ == "__main__":
    unittest.main()
