"""Measure how the package is divided: ``python tests/house.py [SRC]`` prints the figures.

Files are the modules below ``keras_qd`` without ``__init__``; a line of code is one that is neither
blank nor comment nor docstring. To follow a public function is to read the module that defines it,
every module of its own folder that it needs in turn, and the modules of other folders that those
import directly. Imports inside functions count; those for type checking only do not.
"""

from __future__ import annotations

import ast
import io
import statistics
import sys
import tokenize
from pathlib import Path
from types import MappingProxyType

PACKAGE = "keras_qd"
#: Public function -> the folder whose stub names its module, and the module in keras-qd 0.1.
FOLLOWED = {
    "pix2pix": ("models", "models.pix2pix"),
    "evaluate": ("evaluation", "evaluation.evaluating"),
    "invert": ("inverse", "physics.inversion.inverter"),
}


def find_modules(source):
    """Return module name -> file, without ``__init__``."""
    root = Path(source) / PACKAGE
    return {
        ".".join((PACKAGE, *path.relative_to(root).with_suffix("").parts)): path
        for path in sorted(root.rglob("*.py"))
        if path.name != "__init__.py" and "templates" not in path.parts
    }


def find_public_names(source):
    """Return public name -> the module that it is imported from in the stub of its package."""
    found = {}
    for stub in (Path(source) / PACKAGE).rglob("__init__.pyi"):
        package = ".".join(stub.parent.relative_to(source).parts)
        for node in ast.parse(stub.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                module = f"{package}.{node.module}"
                found.update({f"{package}.{alias.name}": module for alias in node.names})
    return found


def count_code_lines(path):
    """Return the number of lines that are neither blank nor comment nor docstring."""
    text = path.read_text(encoding="utf-8")
    kept = set()
    quiet = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (*quiet, tokenize.ENDMARKER):
            kept.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str):
            kept.difference_update(range(node.lineno, node.end_lineno + 1))
    return len(kept)


class _Imports(ast.NodeVisitor):
    """Collects imported names; those under ``if TYPE_CHECKING`` are left out."""

    def __init__(self, module):
        self.package = module.rpartition(".")[0]
        self.eager, self.all, self._depth = set(), set(), 0

    def visit_If(self, node):
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self.generic_visit(node)

    def visit_FunctionDef(self, node):
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def visit_Import(self, node):
        self._add(alias.name for alias in node.names)

    def visit_ImportFrom(self, node):
        base = node.module or ""
        if node.level:
            parents = self.package.split(".")[: 1 - node.level or None]
            base = ".".join([*parents, *filter(None, [node.module])])
        self._add([base, *(f"{base}.{alias.name}" for alias in node.names)])

    def _add(self, names):
        names = list(names)
        self.all.update(names)
        if not self._depth:
            self.eager.update(names)


def read_imports(modules, public=MappingProxyType({})):
    """Return module -> modules it imports, twice: all imports, and those outside functions."""
    everything, eager = {}, {}
    for name, path in modules.items():
        found = _Imports(name)
        found.visit(ast.parse(path.read_text(encoding="utf-8")))
        for imports, names in ((everything, found.all), (eager, found.eager)):
            defined = {public.get(each, each) for each in names}
            imports[name] = defined & set(modules) - {name}
    return everything, eager


def reach(imports, start, inside=lambda name: True):
    """Return the modules that `start` imports in turn, among those that are `inside`."""
    found, waiting = set(), [start]
    while waiting:
        new = {name for name in imports[waiting.pop()] if inside(name)} - found
        found |= new
        waiting.extend(new)
    return found


def follow(imports, start):
    """Return the modules to read to follow a function: in the folder of `start`, and elsewhere."""
    folder = start.rpartition(".")[0] + "."
    own = {start} | reach(imports, start, lambda name: name.startswith(folder))
    return own, {name for each in own for name in imports[each]} - own


def single_importers(imports):
    """Return the modules that only one other imports, which lies in the same folder."""
    importers = {name: [each for each in imports if name in imports[each]] for name in imports}
    return [
        name
        for name, found in importers.items()
        if len(found) == 1 and found[0].rpartition(".")[0] == name.rpartition(".")[0]
    ]


def measure(source):
    """Return the figures of one source tree, by what they are of."""
    modules = find_modules(source)
    lines = [count_code_lines(path) for path in modules.values()]
    public = find_public_names(source)
    imports, eager = read_imports(modules, public)
    figures = {
        "files": len(modules),
        "lines of code": sum(lines),
        "median lines of code": statistics.median(lines),
        "files in a circle of imports": sum(name in reach(eager, name) for name in eager),
        "files with one importer, beside it": len(single_importers(imports)),
    }
    for name, (folder, former) in FOLLOWED.items():
        start = public.get(f"{PACKAGE}.{folder}.{name}", f"{PACKAGE}.{former}")
        own, others = follow(imports, start)
        figures[f"files to follow {name}"] = len(own | others)
        figures[f"  {name}: of its folder"] = len(own)
    return figures


if __name__ == "__main__":
    default = Path(__file__).parents[1] / "src"
    for name, value in measure(sys.argv[1] if len(sys.argv) > 1 else default).items():
        print(f"{name:<36} {value:>6}")
