"""What building says, and where the tests' musl comes from; ninja and apt are shell scripts here."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support  # which finds the command's modules
from cotrap import build, musl
from cotrap.errors import ToolError


class Faked(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)
        patched = mock.patch.dict(os.environ, PATH=f"{self.path}:{os.environ['PATH']}")
        patched.start()
        self.addCleanup(patched.stop)

    def program(self, name: str, script: str) -> None:
        file = self.path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)


class Building(Faked):
    def says(self, *lines: str, status: int = 0) -> str:
        text = "\n".join(lines)
        self.program("ninja", f"cat <<'END'\n{text}\nEND\nexit {status}")
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            build._compile("a-preset", self.path, ())
        return said.getvalue()

    def test_nothing_is_said_when_nothing_is_built(self):
        self.assertEqual(self.says("ninja: no work to do."), "")
        globbing = "[0/2] Re-checking globbed directories..."
        self.assertEqual(self.says(globbing, "ninja: no work to do."), "")

    def test_work_is_one_line_and_the_compilers_words_pass(self):
        self.assertEqual(
            self.says("[1/2] Building a", "a.cpp: warning", "[2/2] Linking"),
            "cotrap: building a-preset\na.cpp: warning\n",
        )

    def test_a_failure_is_one_of_the_command(self):
        with self.assertRaises(ToolError):
            self.says("[1/2] Building a", status=1)


_BUILDS = """
import sys
from pathlib import Path
from unittest import mock
import support
from cotrap import policy_header

folder, name = Path(sys.argv[1]), sys.argv[2]
with mock.patch.object(policy_header, "preset_folder", return_value=folder / "policy"):
    for _ in range(2):
        policy_header.build(policy_header.PolicyHeader(Path(name), "Mine", "mine"), "p", "t")
print((folder / "policy" / "program").read_text(), flush=True)
sys.stdin.read()
print((folder / "policy" / "program").read_text(), flush=True)
"""


class OfHeaders(Faked):
    def builds(self, name: str) -> subprocess.Popen:
        """A command that says what it has built, and what is there when its input has ended."""
        return subprocess.Popen(
            [sys.executable, "-c", _BUILDS, self.path, name],
            cwd=support.HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_what_a_command_has_built_stays_until_it_ends(self):
        program = self.path / "policy" / "program"
        keep = "s/.*COTRAP_POLICY_HEADER=\\([^ ]*\\).*/\\1/p"
        make = f"mkdir -p {program.parent}\nprintf %s \"$*\" | sed -n '{keep}'"
        self.program("cmake", f"{make} >{self.path}/header")
        self.program("ninja", f"cp {self.path}/header {program}")
        with self.builds("one.h") as one:
            self.assertEqual(one.stdout.readline(), "one.h\n")
            with self.builds("two.h") as two:
                with self.assertRaises(subprocess.TimeoutExpired):
                    two.wait(0.5)
                self.assertEqual(program.read_text().strip(), "one.h")
                self.assertEqual(one.communicate()[0].strip(), "one.h")
                self.assertEqual(two.communicate()[0].split(), ["two.h", "two.h"])


class Stale(Faked):
    def test_a_build_of_another_tree_is_refused(self):
        (self.path / "CMakeCache.txt").write_text("CMAKE_HOME_DIRECTORY:INTERNAL=/elsewhere\n")
        with self.assertRaisesRegex(ToolError, "another source tree"):
            build._is_stale(self.path)
        self.assertTrue(build._is_stale(self.path / "nothing yet"))


class Musl(Faked):
    def setUp(self):
        super().setUp()
        for name, value in (("ROOT", self.path), ("_FOLDER", self.path / "build" / "musl")):
            patched = mock.patch.object(musl, name, value)
            patched.start()
            self.addCleanup(patched.stop)
        (self.path / "build").mkdir()

    def fetch(self) -> str:
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            musl.ensure()
        return said.getvalue()

    def test_the_systems_mirror_is_asked_for_our_suite(self):
        self.program(
            "apt-get",
            f"""case $* in
            *indextargets*)
              echo 'http://mirror/security/ bookworm-security $(SIGNED_BY)'
              echo 'http://mirror/debian/ bookworm /key.gpg' ;;
            *update*) cp sources.list {self.path} ;;
            *download*) touch musl-dev.deb ;;
            esac""",
        )
        self.program("dpkg-deb", 'touch "$3/libc.a"')
        self.assertEqual(self.fetch(), "")
        self.assertTrue((self.path / "build" / "musl" / "libc.a").exists())
        self.assertEqual(
            (self.path / "sources.list").read_text(),
            "deb [signed-by=/key.gpg] http://mirror/debian/ trixie main\n",
        )

    def test_without_it_there_is_a_line_and_nothing_else(self):
        self.program("apt-get", "echo 'E: no network' >&2; exit 100")
        self.assertIn("not to be had: E: no network)\n", self.fetch())
        self.program("apt-get", "true")
        self.assertIn("not to be had: apt knows no mirror", self.fetch())
        self.assertEqual(list((self.path / "build").iterdir()), [])


if __name__ == "__main__":
    unittest.main()
