"""The setup installs missing packages from the right source and nothing else. apt is a stand-in."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from support import ROOT

from cotrap import debugger, setup
from cotrap.errors import ToolError

DEB822 = """\
# the base
Types: deb
# a comment inside
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/example.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
ONE_LINE = """\
# deb http://old.example/debian bookworm main
deb [signed-by=/keys/example.gpg] http://mirror.example/debian bookworm main contrib
deb http://mirror.example/debian bookworm-updates main
"""
FAKES = {
    "id": "echo 0",
    # All packages except those in $FAKE/missing are installed, with new enough versions.
    "dpkg-query": """
        shift 2
        printf '%s\\n' "$@" | grep -vxFf $FAKE/missing | sed 's/.*/installed & 99:1/'""",
    "apt-get": """
        case $1 in indextargets) cat $FAKE/releases; exit ;; esac
        echo "$@" >>$FAKE/log
        case " $* " in *" install "*)
          printf '%s\\n' "$@" >$FAKE/given
          grep -vxFf $FAKE/given $FAKE/missing >$FAKE/rest
          mv $FAKE/rest $FAKE/missing ;;
        esac""",
}


class Setup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)
        self.tools = self.path / "source" / "cmake" / "tools"
        self.tools.mkdir(parents=True)
        for name in ("setup.sh", "packages.txt"):
            shutil.copy(ROOT / "cmake" / "tools" / name, self.tools)
        (self.path / "etc/apt/sources.list.d").mkdir(parents=True)
        for name, script in FAKES.items():
            self.write(f"bin/{name}", f"#!/bin/sh\n{script}\n").chmod(0o755)
        self.write("missing", "")
        self.write("releases", "bookworm\n")
        self.log = self.write("log", "")
        self.release("debian", "12")

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def release(self, system: str, version: str) -> None:
        self.write("etc/os-release", f'ID={system}\nVERSION_ID="{version}"\n')

    def setup_says(self, *arguments: str, status: int = 0) -> str:
        environment = {
            "PATH": f"{self.path}/bin:{os.environ['PATH']}",
            "FAKE": str(self.path),
            "COTRAP_ETC": str(self.path / "etc"),
        }
        done = subprocess.run(
            ["sh", self.tools / "setup.sh", *arguments],
            env=environment,
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_the_setup_needs_only_the_standard_library(self):
        for command in ("setup", "sim", "bench", "trace"):
            done = subprocess.run(
                ["/usr/bin/python3", "-S", "-P", "-m", "cotrap", command, "--help"],
                env={"PYTHONPATH": str(ROOT / "cmake" / "tools")},
                capture_output=True,
                text=True,
            )
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_nothing_is_installed_when_nothing_is_missing(self):
        self.assertEqual(self.setup_says("--quiet"), "")
        self.assertIn("are installed", self.setup_says())
        self.assertEqual(self.log.read_text(), "")
        stamps = self.path / "source/build/setup"
        self.assertEqual([path.name for path in stamps.iterdir()], ["run"])
        self.setup_says("--quiet", "debug", "sim")
        self.assertEqual({path.name for path in stamps.iterdir()}, {"run", "debug", "sim"})

    def installed(self, *purposes: str) -> set[str]:
        """The packages that the setup installs on an empty machine."""
        packages = [line.split()[0] for line in self.packages()]
        self.write("missing", "\n".join(packages) + "\n")
        self.write("releases", "bookworm\nbookworm-backports\n")
        self.log.write_text("")
        self.setup_says("--quiet", *purposes)
        installs = [line for line in self.log.read_text().splitlines() if " install " in line]
        return {word for line in installs for word in line.split() if word in packages}

    def packages(self) -> list[str]:
        lines = (self.tools / "packages.txt").read_text().splitlines()
        return [line for line in lines if line and not line.startswith("#")]

    def test_packages_of_the_tests_are_installed_for_tests_only(self):
        for_tests = {"chromium", "valgrind", "gdb-multiarch", "qemu-user", "python3-pexpect", "catch2"}
        for release, machine in (("12", "qemu-system-misc"), ("13", "qemu-system-riscv")):
            self.release("debian", release)
            small, whole = self.installed(), self.installed("test")
            self.assertLessEqual({"clang-22", "cmake", "opensbi", machine}, small)
            self.assertEqual(small & for_tests, set())
            self.assertLessEqual(for_tests | small, whole)
            own = [line for line in self.packages() if line.split()[int(release) - 10] != "-"]
            self.assertEqual(whole, {line.split()[0] for line in own})

    def test_a_command_adds_its_own_packages(self):
        small = self.installed()
        for purpose, package in (
            ("debug", "gdb-multiarch"),
            ("sim", "catch2"),
            ("hosted", "valgrind"),
        ):
            added = self.installed(purpose) - small
            self.assertIn(package, added)
            self.assertNotIn("chromium", added)

    def test_the_last_line_names_the_installed_set_and_how_to_get_the_other(self):
        printed = self.setup_says()
        self.assertIn("`./cotrap demo`, `run`, `trace`, `top` and `bench` are installed", printed)
        self.assertRegex(printed, r"the tests need \d+ more packages, including Chromium: ?.* `./cotrap setup --all`")
        self.assertNotIn("--all", self.setup_says("test"))

    def test_each_command_checks_for_its_own_packages(self):
        asked = []
        with mock.patch.object(setup, "ensure", lambda *purposes: asked.append(purposes)):
            for preset in ("riscv64-release", "hosted-asan", "host-debug"):
                setup.ensure_for(preset)
            with self.assertRaisesRegex(ToolError, "no debugger is installed: install one of no-such-debugger"):
                debugger.find("no-such-debugger")
        self.assertEqual(asked, [(), ("hosted",), ("sim",), ("debug",)])

    def test_the_set_of_the_tests_contains_all_other_sets(self):
        stamps = self.path / "setup"
        installed = []
        with (
            mock.patch.object(setup, "_STAMPS", stamps),
            mock.patch.object(setup, "_INPUTS", ()),
            mock.patch.object(setup, "install", lambda *purposes, quiet: installed.append(purposes)),
        ):
            setup.ensure("debug")
            self.write("setup/run", "")
            setup.ensure("debug")
            setup.ensure()
            self.write("setup/debug", "")
            setup.ensure("debug")
            setup.ensure("test")
            self.write("setup/test", "")
            setup.ensure("test")
            setup.ensure("sim")
        self.assertEqual(installed, [("debug",), ("debug",), ("test",)])

    def test_only_missing_packages_are_installed(self):
        self.write("missing", "ninja-build\n")
        self.assertIn("1 packages: ninja-build", self.setup_says("--quiet"))
        update, install = self.log.read_text().splitlines()
        self.assertTrue(update.endswith(" update"))
        self.assertTrue(install.endswith(" install -y --no-install-recommends ninja-build"))

    def check_backports(self, expected: str):
        self.write("missing", "catch2\nqemu-system-misc\n")
        self.assertIn("backports", self.setup_says("sim"))
        written = list((self.path / "etc/apt/sources.list.d").glob("cotrap-backports.*"))
        self.assertEqual([path.read_text() for path in written], [expected])
        install = self.log.read_text().splitlines()[-1]
        self.assertTrue(install.endswith("-t bookworm-backports qemu-system-misc catch2"), install)

    def test_backports_use_the_mirror_in_use_and_its_key(self):
        self.write("etc/apt/sources.list.d/debian.sources", DEB822)
        self.check_backports(
            "URIs: http://mirror.example/debian\n"
            "Signed-By: /usr/share/keyrings/example.gpg\n"
            "Types: deb\nSuites: bookworm-backports\nComponents: main\n"
        )

    def test_backports_use_the_mirror_of_one_line_sources_too(self):
        self.write("etc/apt/sources.list", ONE_LINE)
        self.check_backports(
            "deb [signed-by=/keys/example.gpg] "
            "http://mirror.example/debian bookworm-backports main\n"
        )

    def test_enabled_backports_stay_unchanged(self):
        self.write("releases", "bookworm\nbookworm-backports\n")
        self.write("missing", "catch2\n")
        self.setup_says("sim")
        self.assertEqual(list((self.path / "etc/apt/sources.list.d").iterdir()), [])

    def test_without_a_source_entry_the_setup_prints_instructions(self):
        self.write("missing", "opensbi\n")
        self.assertIn("by hand", self.setup_says(status=1))

    def test_debian_13_needs_no_backports(self):
        self.release("debian", "13")
        self.write("missing", "catch2\nqemu-system-riscv\nqemu-system-misc\n")
        self.setup_says("sim")
        install = self.log.read_text().splitlines()[-1]
        self.assertTrue(install.endswith("-recommends qemu-system-riscv catch2"), install)

    def test_on_another_system_the_setup_prints_the_packages_and_installs_none(self):
        self.release("arch", "")
        self.write("missing", "clang-22\n")
        tools = ("clang-22 ld.lld-22 llvm-objcopy-22 cmake ninja python3 "
                 "riscv64-unknown-elf-gcc qemu-system-riscv64").split()  # fmt: skip
        for tool in tools:
            self.write(f"bin/{tool}", "#!/bin/sh\n").chmod(0o755)
        self.assertEqual(self.setup_says("--quiet"), "")
        self.assertEqual(self.log.read_text(), "")


if __name__ == "__main__":
    unittest.main()
