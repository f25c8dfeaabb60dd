"""What a numpydoc docstring says about a component, as plain text for a terminal."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple


class Described(NamedTuple):
    """A parameter in a docstring: its type, and what it is."""

    type: str
    meaning: str


_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)
_ENTRY = re.compile(r"^(\w[\w, ]*) : (.*)\n((?:(?:    .*)?\n)*)", re.MULTILINE)


def sections(component: Any) -> dict[str, str]:
    """Return the sections of a docstring by their headings; the text before them is ``""``."""
    head, *rest = _SECTION.split((inspect.getdoc(component) or "") + "\n")
    return {"": head, **dict(zip(rest[::2], rest[1::2], strict=True))}


def parameters(component: Any) -> dict[str, Described]:
    """Return the parameters that a docstring describes, by name; inherited ones of a class, too."""
    owners = getattr(component, "__mro__", (component,))
    described = (each["Parameters"] for each in map(sections, owners) if "Parameters" in each)
    found = {}
    for match in _ENTRY.finditer(next(described, "") + "\n"):
        for name in match[1].split(", "):
            found[name] = Described(plain(match[2]), plain(match[3]))
    return found


def first_sentence(text: str) -> str:
    """Return the first sentence of a plain text, with its full stop."""
    return text.partition(". ")[0].rstrip(".") + "." if text else ""


def summary(component: Any) -> str:
    """Return the description of a task, or the first paragraph of a docstring."""
    text = getattr(component, "description", None) or sections(component)[""]
    return plain(str(text).split("\n\n")[0])


def formula(component: Any) -> str:
    """Return the formula in the text before the sections, or the summary where it has none."""
    text = sections(component)[""]
    found = re.findall(_DISPLAYED, text) or re.findall(_INLINE, text)[:1]
    return "; ".join(map(_plain_formula, found)) or summary(component)


_INLINE = r":math:`([^`]*)`"
_DISPLAYED = r"\.\. math:: ((?:.*\S.*\n?)+)"

#: Markup of reStructuredText -> what stands for it in a terminal, in this order.
_MARKUP = (
    (r" ?\[\d+\]_", ""),
    (r":\w+:`~?([^`<]*)(?: <[^`]*>)?`", r"\1"),
    (r'``"|"``|`', ""),
    (r"\s+", " "),
)


def plain(text: str) -> str:
    """Return a text without markup, its formulas as they are typed, on one line."""
    for pattern in (_INLINE, _DISPLAYED):
        text = re.sub(pattern, lambda match: _plain_formula(match[1]), text)
    for pattern, stands_for in _MARKUP:
        text = re.sub(pattern, stands_for, text)
    return text.strip()


#: Commands of LaTeX -> what stands for them; others stand for their names.
_COMMANDS = {
    "mapsto": "->",
    "cdot": "*",
    "times": "x",
    "pm": "+-",
    "le": "<=",
    "ge": ">=",
    "in": "in",
    "left": "",
    "right": "",
    "big": "",
    "Big": "",
    "qquad": " ",
    "quad": " ",
    "infty": "inf",
    "lVert": "||",
    "rVert": "||",
    "langle": "<",
    "rangle": ">",
}
#: Commands whose argument stands for itself, or is the argument of a function.
_WRAPPED = {"mathrm": "{}", "mathbf": "{}", "text": "{}", "sqrt": "sqrt({})", "bar": "mean({})"}
_WRAPPED |= {"overline": "mean({})", "hat": "{}", "tilde": "{}"}
_TOKEN = re.compile(r"\\([A-Za-z]+)|\\(.)|([{}])|([^\\{}]+)")


def _plain_formula(latex: str) -> str:
    """Return a formula as one would type it: ``\\frac{1}{N} \\sum |e|`` as ``1/N sum |e|``."""
    latex = re.sub(r"\\tfrac(\d)(\d)", r"\1/\2", " ".join(latex.split()))
    latex = re.sub(r"\\(bar|hat|tilde|mathbf) (\w)", r"\\\1{\2}", latex)
    tokens = iter([match.groups() for match in _TOKEN.finditer(latex)])
    text = _sequence(tokens)
    text = re.sub(r"_\((\w+)\)", r"_\1", re.sub(r"\^\(([\w ]+)\)", _exponent, text))
    return re.sub(r" +([,;)])", r"\1", re.sub(r"\s+", " ", text)).strip()


def _exponent(match: re.Match[str]) -> str:
    return f"^{match[1].strip()}"


def _sequence(tokens: Iterator[Any]) -> str:
    """Return the plain text of tokens up to the end of their group."""
    parts = []
    for command, sign, brace, text in tokens:
        if brace == "}":
            break
        if brace == "{":
            parts.append(f"({_sequence(tokens)})")
        elif command == "frac":
            parts.append("/".join(_in_brackets(_argument(tokens)) for _ in range(2)))
        elif command in _WRAPPED:
            parts.append(_WRAPPED[command].format(_argument(tokens)))
        elif command:
            parts.append(_COMMANDS.get(command, command))
        else:
            parts.append({",": " ", ";": " ", "!": ""}.get(sign, sign) if sign else text)
    return "".join(parts)


def _argument(tokens: Iterator[Any]) -> str:
    """Return the argument of a command: a group, a command, or the text that follows."""
    command, sign, brace, text = next(each for each in tokens if (each[3] or "x").strip())
    if brace == "{":
        return _sequence(tokens)
    return str(command or sign or text.strip())


def _in_brackets(term: str) -> str:
    return term if re.fullmatch(r"[\w.|]+", term) else f"({term})"
