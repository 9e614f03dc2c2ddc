"""Builds print short messages, and musl for the tests is fetched; ninja and apt are shell scripts here."""

import contextlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import support  # finds the command's modules
from cotrap import build, host_memory, musl, ninja, policy_header, setup, ui
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


class Elsewhere(Faked):
    """cmake/build-elsewhere.cmake, as a script."""

    def build(self, required: str) -> subprocess.CompletedProcess:
        folder = self.path / "another-preset"
        folder.mkdir(exist_ok=True)
        (folder / "build.ninja").write_text("build thing: phony\n")
        (folder / "CMakeCache.txt").write_text(
            "CMAKE_PROJECT_NAME:STATIC=p\nPATH_OF_TRAPS:STRING=shared\nNOTHING:PATH=\n"
            f"CMAKE_GENERATOR:INTERNAL=Ninja\nCMAKE_MAKE_PROGRAM:FILEPATH={shutil.which('ninja')}\n"
        )
        script = support.ROOT / "cmake" / "build-elsewhere.cmake"
        return subprocess.run(
            ["cmake", f"-DBUILD={folder}", "-DTARGET=thing", f"-DREQUIRED={required}", "-P", script],
            capture_output=True,
            text=True,
        )

    def test_a_target_is_built_in_a_folder_with_the_required_options(self):
        done = self.build("PATH_OF_TRAPS=shared;NOTHING=")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_folder_with_another_option_is_refused(self):
        for required in ("PATH_OF_TRAPS=trampoline", "NOTHING=something", "PATH_OF_TRAPS=shared;MISSING=1"):
            done = self.build(required)
            self.assertNotEqual(done.returncode, 0, required)
            self.assertIn("cmake --fresh --preset another-preset", " ".join(done.stderr.split()))


class Building(Faked):
    def says(self, *lines: str, status: int = 0) -> str:
        text = "\n".join(lines)
        self.program("ninja", f"cat <<'END'\n{text}\nEND\nexit {status}")
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed):
            build._compile("a-preset", self.path, ())
        return printed.getvalue()

    def test_a_build_without_work_prints_nothing(self):
        self.assertEqual(self.says("ninja: no work to do."), "")
        globbing = "[0/2] Re-checking globbed directories..."
        self.assertEqual(self.says(globbing, "ninja: no work to do."), "")

    def test_a_build_prints_one_line_and_passes_compiler_messages(self):
        self.assertEqual(
            self.says("[1/2] Building a", "a.cpp: warning", "[2/2] Linking"),
            "cotrap: building a-preset\na.cpp: warning\n",
        )

    def test_compilers_get_the_options_for_memory_and_the_users_own_win(self):
        self.program("ninja", f'echo "$GLIBC_TUNABLES" > {self.path}/options')
        large = host_memory._LARGE_PIECES
        for own, expected in ((None, large), ("glibc.malloc.perturb=1", "glibc.malloc.perturb=1")):
            with mock.patch.dict(os.environ), self.subTest(own=own):
                os.environ.pop("GLIBC_TUNABLES", None)
                if own:
                    os.environ["GLIBC_TUNABLES"] = own
                build._compile("a-preset", self.path, ())
                self.assertEqual((self.path / "options").read_text(), f"{expected}\n")
                self.assertEqual(os.environ.get("GLIBC_TUNABLES"), own)

    def test_without_a_terminal_lines_report_the_progress(self):
        go_on = self.path / "go-on"
        wait = f"until test -e {go_on}; do sleep 0.01; done"
        self.program("ninja", f"echo '[1/3] one'; echo '[2/3] two'; {wait}; echo '[3/3] three'")
        with support.printed_lines(ninja, until="2 of 3", flag=go_on) as printed:
            build._compile("a-preset", self.path, ())
        self.assertIn("building a-preset", printed)
        self.assertRegex("\n".join(printed), r"(?m)^building a-preset, 2 of 3 after \d+ s$")

    def test_ninja_gets_the_number_of_jobs(self):
        self.program("ninja", 'echo "$@" > ' + f"{self.path / 'given'}")
        build._compile("a-preset", self.path, (), jobs=4)
        self.assertEqual((self.path / "given").read_text().split()[:2], ["-j", "4"])
        build._compile("a-preset", self.path, ())
        self.assertNotIn("-j", (self.path / "given").read_text().split())

    def test_a_progress_line_is_printed_every_30_seconds(self):
        self.assertEqual(ui.LINE_EVERY, 30)

    def test_configuring_reports_its_time_too(self):
        go_on = self.path / "go-on"
        self.program("cmake", f"until test -e {go_on}; do sleep 0.01; done")
        with support.printed_lines(until="configuring", flag=go_on) as printed:
            build._configure("a-preset")
        self.assertRegex(printed[0], r"^configuring a-preset after \d+ s$")

    def test_a_failed_build_is_a_failure_of_the_command(self):
        with self.assertRaises(ToolError):
            self.says("[1/2] Building a", status=1)


class Together(unittest.TestCase):
    """Several presets that are built at once."""

    def making(self, make, wanted: dict) -> None:
        with (
            mock.patch.object(build, "make", make),
            mock.patch.object(build.setup, "ensure_for", lambda _preset: None),
        ):
            build.make_all(wanted)

    def test_two_presets_are_built_at_the_same_time(self):
        both = threading.Barrier(2, timeout=support.HANGS)  # it breaks if only one build waits at it
        made = {}

        def make(preset: str, *targets: str, report, jobs) -> None:
            report(f"building {preset}")
            both.wait()
            made[preset] = targets

        self.making(make, {"one": (), "other": ("a", "b")})
        self.assertEqual(made, {"one": (), "other": ("a", "b")})

    def test_each_build_uses_its_part_of_the_processors_and_the_last_one_all(self):
        for processors, part in ((1, 1), (2, 1), (8, 4)):
            given = {}

            def make(preset: str, report, jobs, given=given) -> None:
                given[preset] = jobs

            with self.subTest(processors=processors), mock.patch.object(
                build.os, "sched_getaffinity", lambda _, n=processors: set(range(n))
            ):
                self.making(make, {"one": (), "two": (), "three": ()})
                self.assertEqual(given, {"one": part, "two": part, "three": None})

    def test_a_failed_build_is_a_failure_and_no_further_build_begins(self):
        begun = []

        def make(preset: str, report, jobs) -> None:
            begun.append(preset)
            if preset == "preset-1":
                raise ToolError("does not build")
            time.sleep(0.01)

        with self.assertRaisesRegex(ToolError, "does not build"):
            self.making(make, {f"preset-{number}": () for number in range(1000)})
        self.assertLess(len(begun), 1000)


class Configuring(Faked):
    def test_files_that_no_target_makes_are_removed(self):
        programs = self.path / "bin"
        (programs / "folder").mkdir(parents=True)
        for name in ("kept", "also-kept", "removed-demo", "kept.temp-stream-1", ".hidden"):
            (programs / name).touch()
        script = self.path / "script.cmake"
        module = support.ROOT / "cmake" / "remove-other-files.cmake"
        call = f"cotrap_remove_other_files({programs} kept also-kept not-built)"
        script.write_text(f"include({module})\n{call}\n")
        done = subprocess.run(["cmake", "-P", script], capture_output=True, text=True, check=True)
        self.assertEqual({path.name for path in programs.iterdir()}, {"kept", "also-kept", "folder"})
        self.assertIn("removed-demo: no target makes it", done.stdout)


_BUILDS = """
import sys
from pathlib import Path
from unittest import mock
import support
from cotrap import policy_header

folder, name = Path(sys.argv[1]), sys.argv[2]
with (
    mock.patch.object(policy_header, "preset_folder", return_value=folder / "policy"),
    mock.patch.object(policy_header.setup, "ensure_for"),
):
    for _ in range(2):
        policy_header.build(policy_header.PolicyHeader(Path(name), "Mine", "mine"), "p", "t")
print((folder / "policy" / "program").read_text(), flush=True)
sys.stdin.read()
print((folder / "policy" / "program").read_text(), flush=True)
"""


class OfHeaders(Faked):
    def builds(self, name: str) -> subprocess.Popen:
        """Starts a process that builds with this policy header. It prints the header that the build used, and
        prints it once more when its standard input ends."""
        return subprocess.Popen(
            [sys.executable, "-c", _BUILDS, self.path, name],
            cwd=support.HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_a_build_for_a_command_stays_until_the_command_ends(self):
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

    def build_with_header(self) -> Path:
        with (
            mock.patch.object(policy_header, "preset_folder", return_value=self.path / "policy"),
            mock.patch.object(policy_header.setup, "ensure_for"),
            mock.patch.object(policy_header, "_held", {}) as held,
        ):
            header = policy_header.PolicyHeader(Path("/x/mine.h"), "Mine", "mine")
            try:
                return policy_header.build(header, "a-preset", "cotrap_sim")
            finally:
                held.popitem()[1].close()

    def test_lines_report_the_progress_as_for_other_builds(self):
        go_on = self.path / "go-on"
        self.program("cmake", "exit 0")
        wait = f"until test -e {go_on}; do sleep 0.01; done"
        self.program("ninja", f"echo '[1/3] one'; echo '[2/3] two'; {wait}; echo '[3/3] three'")
        with support.printed_lines(ninja, until="2 of 3", flag=go_on) as printed:
            self.assertEqual(self.build_with_header(), self.path / "policy")
        self.assertIn("building cotrap_sim with mine.h", printed)
        self.assertRegex("\n".join(printed), r"(?m)^building cotrap_sim with mine\.h, 2 of 3 after \d+ s$")

    def test_a_header_that_does_not_build_is_an_error_with_the_compilers_messages(self):
        self.program("cmake", "exit 0")
        self.program("ninja", "echo '[1/2] one'; echo 'mine.h:3: error'; exit 1")
        with self.assertRaisesRegex(ToolError, r"/x/mine\.h does not build:\nmine\.h:3: error"):
            with support.printed_lines(ninja, until="", flag=self.path / "flag"):
                self.build_with_header()
        self.program("cmake", "echo no compiler; exit 1")
        with self.assertRaisesRegex(ToolError, "does not build:\nno compiler"):
            self.build_with_header()


class Stale(Faked):
    def test_a_build_without_a_test_compiler_is_configured_again_when_one_may_be_installed(self):
        made, stamps = self.path / "build.ninja", self.path / "setup"
        stamps.mkdir()
        cache = f"CMAKE_HOME_DIRECTORY:INTERNAL={support.ROOT}\nCOTRAP_LINUX_CC:FILEPATH=%s\n"
        for stamp, compiler, stale in (
            (None, "COTRAP_LINUX_CC-NOTFOUND", False),
            ("run", "COTRAP_LINUX_CC-NOTFOUND", False),
            ("test", "/usr/bin/gcc", False),
            ("test", "COTRAP_LINUX_CC-NOTFOUND", True),
        ):
            made.touch()
            (self.path / "CMakeCache.txt").write_text(cache % compiler)
            if stamp:
                (stamps / stamp).touch()
                later = made.stat().st_mtime + 1
                os.utime(stamps / stamp, (later, later))
            with mock.patch.object(setup, "_STAMPS", stamps):
                self.assertIs(build._is_stale(self.path), stale, (stamp, compiler))

    def test_a_build_of_another_tree_is_refused(self):
        (self.path / "CMakeCache.txt").write_text("CMAKE_HOME_DIRECTORY:INTERNAL=/elsewhere\n")
        with self.assertRaisesRegex(ToolError, "another source tree"):
            build._is_stale(self.path)
        self.assertTrue(build._is_stale(self.path / "nothing yet"))


class Spaces(unittest.TestCase):
    def test_a_quotation_mark_in_the_path_is_an_error_that_says_so(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "it's"
            tree.mkdir()
            shutil.copy(support.ROOT / "CMakeLists.txt", tree)
            done = subprocess.run(
                ["cmake", "-S", tree, "-B", tree / "build"], capture_output=True, text=True, check=False
            )
            self.assertEqual(done.returncode, 1)
            self.assertIn("the path has a quotation mark", done.stderr)

    def test_a_tree_may_be_in_a_folder_with_spaces_in_its_name(self):
        """No command of a build splits the folder's name into words."""
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "two spaces within"
            tree.mkdir()
            for entry in support.ROOT.iterdir():
                if entry.name not in ("build", ".git"):
                    (tree / entry.name).symlink_to(entry)
            for preset in ("riscv64-release", "hosted-release", "host-asan"):
                self.printed(["cmake", "--preset", preset], cwd=tree)
                commands = self.printed(["ninja", "-C", tree / "build" / preset, "-t", "commands"])
                self.assertIn(str(tree), commands)
                pieces = [
                    word
                    for command in commands.splitlines()
                    for word in shlex.split(command)
                    if word.startswith(("spaces", "within"))
                ]
                self.assertEqual(sorted(set(pieces)), [], preset)

    def printed(self, command: list, **options) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=support.HANGS, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout


class ReadOnly(unittest.TestCase):
    """A tree with builds to which the user of the command cannot write."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name) / "tree"
        for name in ("cotrap", "cmake/tools", "CMakePresets.json"):
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (support.ROOT / name).is_dir() else shutil.copy2
            copy(support.ROOT / name, self.tree / name)
        shutil.copy2(support.HERE / "fake_qemu.py", self.tree)
        fake = support.FakeBuild()
        self.addCleanup(fake.remove)
        fake.demo("good", "-", "echo fine")
        fake.program("greet", "echo hello; exit 7")
        shutil.copytree(fake.path, self.tree / "build" / "riscv64-release")
        for preset in ("riscv64-release", "host-debug", "host-asan"):
            self.file(f"{preset}/CMakeCache.txt", f"CMAKE_HOME_DIRECTORY:INTERNAL={self.tree}\n")
            self.file(f"{preset}/build.ninja", "")
            tests = f"add_test({preset} true)\nset_tests_properties({preset} PROPERTIES LABELS everyday)\n"
            self.file(f"{preset}/CTestTestfile.cmake", tests)
        self.file("setup/test", "")
        for path in (self.tree.parent, self.tree, *self.tree.rglob("*")):
            mode = 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644
            path.chmod(mode if os.geteuid() == 0 or path == self.tree.parent else mode & 0o555)
            self.addCleanup(path.chmod, mode)

    def file(self, name: str, text: str) -> None:
        path = self.tree / "build" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def cotrap(self, *arguments: str) -> subprocess.CompletedProcess:
        other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.run(
            [self.tree / "cotrap", *arguments],
            cwd=self.tree,
            env=os.environ | {"COTRAP_QEMU": str(self.tree / "fake_qemu.py"), "TMPDIR": "/tmp"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=support.HANGS,
            **other,
        )

    def test_a_read_only_tree_runs_its_builds_and_lists_its_tests(self):
        done = self.cotrap("run", "-q", "greet")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, b"hello\n", b""))
        done = self.cotrap("demo", "--list")
        self.assertEqual((done.returncode, done.stdout.split()[0], done.stderr), (0, b"good", b""))
        done = self.cotrap("test", "--list")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout.split(), [b"host-debug", b"host-asan", b"riscv64-release"])

    def test_a_missing_build_in_a_read_only_tree_is_an_error_of_one_line(self):
        done = self.cotrap("run", "-q", "--build", "riscv64-debug", "greet")
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (125, 1), done.stderr)
        self.assertIn(b"riscv64-debug is not built, and", done.stderr)


class Musl(Faked):
    def setUp(self):
        super().setUp()
        for name, value in (("ROOT", self.path), ("_FOLDER", self.path / "build" / "musl")):
            patched = mock.patch.object(musl, name, value)
            patched.start()
            self.addCleanup(patched.stop)
        (self.path / "build").mkdir()

    def fetch(self) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed):
            musl.ensure()
        return printed.getvalue()

    def test_musl_comes_from_the_systems_mirror_and_our_suite(self):
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

    def test_without_musl_the_build_prints_one_line(self):
        self.program("apt-get", "echo 'E: no network' >&2; exit 100")
        self.assertIn("cannot download Debian's package musl-dev for riscv64: E: no network)\n", self.fetch())
        self.program("apt-get", "true")
        self.assertIn("riscv64: apt's sources list no mirror", self.fetch())
        self.assertEqual(list((self.path / "build").iterdir()), [])


if __name__ == "__main__":
    unittest.main()
