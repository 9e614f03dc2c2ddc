"""The modules of the command import each other in one direction. An import inside a function counts, too."""

import argparse
import ast
import re
import tempfile
import unittest
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

from support import ROOT

from cotrap.options import parser

PACKAGE = ROOT / "cmake" / "tools" / "cotrap"
COMMANDS = "cotrap.commands."
# The functions of packages.py that import a module. Its name is the first argument.
_IMPORTERS = ("module", "page_module")

Graph = dict[str, set[str]]  # by module: the modules that it imports


def graph(package: Path) -> Graph:
    """The imports between the modules of a package. Imports of other modules are left out."""
    files = {_name(package, file): file for file in sorted(package.rglob("*.py"))}
    found: Graph = {}
    for name, file in files.items():
        own = name if file.name == "__init__.py" else name.rpartition(".")[0]
        imported: set[str] = set()
        for target in _targets(ast.parse(file.read_text()), own):
            # A name that is no module is an object of the module or package before it.
            module = target if target in files else target.rpartition(".")[0]
            imported |= {each for each in _with_packages(module, own) if each in files}
        found[name] = imported - {name}
    return found


def _name(package: Path, file: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _targets(tree: ast.Module, own: str) -> Iterator[str]:
    """The absolute names of the imported modules and objects. own: the package of the importing module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), own)
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in _IMPORTERS:
            if node.args and isinstance(node.args[0], ast.Constant):
                yield resolve_name(node.args[0].value, own)


def _called(call: ast.Call) -> str:
    """For a call of packages.f(), the name f; otherwise an empty name."""
    function = call.func
    is_importer = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    return function.attr if is_importer and function.value.id == "packages" else ""


def _with_packages(module: str, own: str) -> Iterator[str]:
    """The module, and the packages around it, whose __init__.py Python runs first. The packages around the
    importing module are left out, because they run before it anyway."""
    yield module
    while module := module.rpartition(".")[0]:
        if not f"{own}.".startswith(f"{module}."):
            yield module


def circle(imports: Graph) -> list[str]:
    """The modules of a circle, where each imports the next one; empty if there is no circle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1][::-1]
    return []


def reachable(imports: Graph, module: str) -> set[str]:
    """The modules that this one imports, directly or through others."""
    found: set[str] = set()
    todo = [module]
    while todo:
        new = imports[todo.pop()] - found
        found |= new
        todo += new
    return found


class Modules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.imports = graph(PACKAGE)
        cls.commands = {name for name in cls.imports if name.startswith(COMMANDS)}

    def test_the_modules_import_each_other_without_circles(self):
        self.assertGreater(len(self.imports), 90)
        self.assertEqual(" imports ".join(circle(self.imports)), "")

    def test_commands_do_not_import_other_commands(self):
        for command in sorted(self.commands):
            others = reachable(self.imports, command) & self.commands - {command}
            self.assertEqual(others, set(), f"{command} imports them, directly or through others")

    def test_each_command_has_a_module_of_its_own(self):
        choices = next(
            action.choices
            for action in parser()._actions
            if isinstance(action, argparse._SubParsersAction)
        )
        self.assertEqual({COMMANDS + name for name in choices}, self.commands)

    def test_only_the_parser_imports_commands(self):
        importers = {name for name, found in self.imports.items() if found & self.commands}
        self.assertEqual(importers, {"cotrap.options"})

    def test_only_packages_imports_modules_by_names_that_are_no_literals(self):
        for file in PACKAGE.rglob("*.py"):
            if file == PACKAGE / "packages.py":
                continue
            text = file.read_text()
            for word in ("importlib", "import_module", "__import__"):
                self.assertNotIn(word, text, file)
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and _called(node) in _IMPORTERS:
                    self.assertIsInstance(node.args[0], ast.Constant, file)


class Tests(unittest.TestCase):
    """The tests of this folder: CTest starts each file as a program, without a search path for modules."""

    def test_each_file_finds_the_command_and_runs_its_tests(self):
        setters = {"support", "simulating"}  # modules of this folder that set the search path
        for file in sorted(Path(__file__).parent.glob("test_*.py")):
            text = file.read_text()
            imported = re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
            with self.subTest(file.name):
                self.assertIn("\n    unittest.main()\n", text)
                if "cotrap" in imported:
                    self.assertTrue(setters & set(imported[: imported.index("cotrap")]))


class Circles(unittest.TestCase):
    """graph() and circle() find circles in packages that the tests write."""

    def circle_of(self, **files: str) -> list[str]:
        """files: by module, its text; `sub_x` is the module `x` of the package `sub`."""
        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder, "tool")
            for name, text in {"__init__": "", "sub___init__": "", **files}.items():
                file = package / f"{name.replace('sub_', 'sub/', 1)}.py"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return circle(graph(package))

    def assert_circle(self, *modules: str, **files: str):
        found = self.circle_of(**files)
        self.assertEqual(set(found), {f"tool.{module}" for module in modules})

    def test_imports_in_one_direction_are_no_circle(self):
        above, middle = "from . import b\nimport os, tool.sub.y", "from .sub.x import f"
        self.assertEqual(self.circle_of(a=above, b=middle, sub_x="from . import y", sub_y=""), [])

    def test_an_import_inside_a_function_makes_a_circle(self):
        late = "def f():\n    if True:\n        from . import a"
        self.assert_circle("a", "b", a="from .b import f", b=late)

    def test_a_circle_goes_through_subpackages_and_absolute_names(self):
        down, up, absolute = "from .sub import x", "from ..b import f", "import tool.a"
        self.assert_circle("a", "sub.x", "b", a=down, sub_x=up, b=absolute)

    def test_an_import_runs_the_packages_around_the_module(self):
        files = {"a": "import tool.sub.y", "sub___init__": "from .x import f", "sub_y": ""}
        self.assert_circle("a", "sub", "sub.x", sub_x="from ..a import f", **files)

    def test_a_module_that_packages_imports_by_name_counts(self):
        named = 'from . import packages\npackages.module(".b", __package__)'
        self.assert_circle("a", "b", a=named, b="from . import a", packages="")


if __name__ == "__main__":
    unittest.main()
