"""Check that every link between files of this repository leads somewhere, heading included.

``python docs/check_links.py`` prints what does not, and exits with 1. Links that lead out of the
repository are left alone: nothing here needs a network.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Folders whose pages are written while the site is built, which checks the links to them itself.
GENERATED = tuple(
    ROOT / "docs" / name for name in ("commands", "drawn", "gallery", "project", "reference")
)
SKIPPED = (*GENERATED, ROOT / "docs" / "_build", ROOT / ".tox", ROOT / ".ci")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """Return the Markdown files that people read."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path for path in found if not any(path.is_relative_to(skip) for skip in SKIPPED))


def anchors(path: Path) -> set[str]:
    """Return what the headings of a page are called in links."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


def broken_link(page: Path, link: str) -> str | None:
    """Return what is wrong with a link of a page, if anything is."""
    if re.match(r"[a-z]+:", link):
        return None
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if any(target.is_relative_to(folder) for folder in GENERATED):
        return None
    where = page.relative_to(ROOT)
    if not target.exists():
        return f"{where}: there is no {name}"
    if anchor and anchor not in anchors(target):
        return f"{where}: {name or 'the page itself'} has no heading #{anchor}"
    return None


def broken_links() -> list[str]:
    """Return what is wrong with the links of all pages."""
    found = [
        broken_link(page, link)
        for page in pages()
        for link in LINK.findall(page.read_text(encoding="utf-8"))
    ]
    return [each for each in found if each is not None]


if __name__ == "__main__":
    wrong = broken_links()
    print("\n".join(wrong) or f"all links of {len(pages())} pages lead somewhere")
    sys.exit(bool(wrong))
