"""Check the docstrings of the package: ``python docs/check_docstrings.py``.

Public names have full docstrings by numpydoc's rules. Public is what the reference shows: what the
stubs of the public packages list, the components that ``pyproject.toml`` announces, and the methods
that these classes define themselves. The others are private and need one line, which ruff checks.
The number of docstring lines is printed for both.
"""

import ast
import dataclasses
import inspect
import os
import re
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from generated_pages import PACKAGES, public_names
from numpydoc.validate import ERROR_MSGS, Validator, validate

import keras_qd
from keras_qd.registry import KINDS

# Left out, because the house style differs: docstrings begin next to the quotes, and one-line ones
# end there (GL01, GL02); summaries may be noun phrases (SS05) and need neither an extended summary
# nor "See Also" (ES01, SA01); descriptions are phrases, not sentences (PR08, PR09, RT04, RT05).
LEFT_OUT = {"GL01", "GL02", "SS05", "ES01", "SA01", "PR08", "PR09", "RT04", "RT05"}
CHECKS = set(ERROR_MSGS) - LEFT_OUT
# Parameters and returns of a method are described once: where it is first defined, or at the name
# that its summary refers to: "...; see `Measure`.", "...; else as `solve`."
SAID_ELSEWHERE = {"PR01", "PR07", "RT01", "RT03"}
REFERENCE = re.compile(r"\b(see|as)( for)? (:\w+:)?`")


def main() -> int:
    """Print every finding and the number of docstring lines; return 1 if there are findings."""
    warnings.simplefilter("ignore")
    names = sorted(set(public_names_in_full()))
    found = [(name, *finding) for name in names for finding in findings(name)]
    for name, code, message in found:
        print(f"{name}: {code} {message}")
    print(f"{len(names)} public names, {len(found)} findings")
    private = [length for name, length in docstrings() if name not in names]
    total = sum(length for _, length in docstrings())
    print(f"{total} docstring lines, {sum(private)} of them private")
    return min(len(found), 1)


def public_names_in_full() -> Iterator[str]:
    """Yield the full name of each public function, class and method."""
    for package in PACKAGES:
        module = import_module(package)
        for name in public_names(package):
            yield from with_methods(getattr(module, name))
    for kind in KINDS:
        for point in entry_points(group=f"keras_qd.{kind}"):
            if point.value.startswith("keras_qd."):
                yield from with_methods(point.load())


def with_methods(thing: object) -> Iterator[str]:
    """Yield the full name of a function, or of a class and of the methods it defines itself."""
    if not (inspect.isfunction(thing) or inspect.isclass(thing)):
        return
    own = f"{thing.__module__}.{thing.__qualname__}"
    yield own
    for name, member in vars(thing).items() if inspect.isclass(thing) else ():
        member = inspect.unwrap(getattr(member, "__func__", member))
        if not name.startswith("_") and (
            inspect.isfunction(member) or isinstance(member, property)
        ):
            yield f"{own}.{name}"


def findings(name: str) -> list[tuple[str, str]]:
    """Return code and message of what numpydoc finds in the docstring of one name."""
    excused = excuses(name)
    return [
        each for each in validate(name)["errors"] if each[0] in CHECKS and each[0] not in excused
    ]


def excuses(name: str) -> set[str]:
    """Return the checks that do not apply to this name."""
    parent, _, last = name.rpartition(".")
    owner, thing = Validator._load_obj(parent), Validator._load_obj(name)
    if inspect.isclass(thing):
        # users catch exceptions and do not create them; a protocol is never called; a constructor
        # is described where it is defined
        excused = {"EX01"} if issubclass(thing, Exception) else set()
        inherited = not dataclasses.is_dataclass(thing) and "__init__" not in vars(thing)
        described = inherited or getattr(thing, "_is_protocol", False)
        return excused | ({"PR01"} if described else set())
    if not inspect.isclass(owner):
        return set()
    summary = (thing.__doc__ or "").partition("\n\n")[0]
    if any(last in vars(base) for base in owner.__mro__[1:]) or REFERENCE.search(summary):
        return {"EX01", *SAID_ELSEWHERE}
    # "Return the length of the box, in a0*." is enough for a method without parameters
    says_all = inspect.isfunction(thing) and len(inspect.signature(thing).parameters) == 1
    return {"EX01", "RT01"} if says_all and thing.__doc__.startswith("Return ") else {"EX01"}


def docstrings() -> Iterator[tuple[str, int]]:
    """Yield the full name and the number of lines of each docstring in the package."""
    package = Path(keras_qd.__file__).parent
    for path in sorted(package.rglob("*.py")):
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        yield from docstrings_in(ast.parse(path.read_text(encoding="utf-8")), module)


def docstrings_in(node: ast.AST, name: str) -> Iterator[tuple[str, int]]:
    """Yield the docstrings of `node` and of what it defines."""
    if ast.get_docstring(node) is not None:
        yield name, node.body[0].end_lineno - node.body[0].lineno + 1
    for inner in node.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef):
            yield from docstrings_in(inner, f"{name}.{inner.name}")


if __name__ == "__main__":
    sys.exit(main())
