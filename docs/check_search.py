"""Check that the search of the built site answers what people ask with the right page first.

``python docs/check_search.py docs/_build`` runs the search as a browser would: Sphinx's own script,
the index and ``_ext/scorer.js``, without a browser.
"""

import json
import sys
from pathlib import Path

import quickjs

#: What is typed -> the page that comes first.
FIRST = {
    "own potentials": "how-to/your-own-potentials",
    "your own potentials": "how-to/your-own-potentials",
    "stability diagram": "devices",
    "plug-ins": "plugins",
    "adversarial training": "concepts/adversarial-training",
    "inverse design": "inverse-design",
    "metrics": "concepts/metrics",
    "quick start": "quickstart",
    "accuracy": "accuracy",
    "own data": "formats",
    "own task": "gallery/11_own_task",
    "cluster": "clusters",
}
#: The little of a browser that the script touches.
BROWSER = """
var window = globalThis, SPHINX_HIGHLIGHT_ENABLED = false, _ready = () => {}, _ = (text) => text;
var document = {
  documentElement: { dataset: { content_root: "" } },
  addEventListener: () => {},
  getElementById: () => null,
};
"""
FOUND = "JSON.stringify(Search._performSearch(...Search._parseQuery({query})).map((r) => r[0]))"


def engine(site: Path) -> quickjs.Context:
    """Return an interpreter in which the search of a built site is ready."""
    context = quickjs.Context()
    context.eval(BROWSER)
    for name in ("_static/language_data.js", "_static/searchtools.js", "searchindex.js"):
        context.eval((site / name).read_text(encoding="utf-8"))
    return context


def results(search: quickjs.Context, query: str) -> list[str]:
    """Return the pages that a query finds, best first."""
    # The script sorts them with the best one last, and pops one after another.
    return json.loads(search.eval(FOUND.format(query=json.dumps(query))))[::-1]


def wrong_answers(site: Path) -> list[str]:
    """Return what is wrong with the answers, if anything is."""
    search = engine(site)
    answers = {query: results(search, query)[:1] for query in FIRST}
    return [
        f"{query!r} finds {answers[query] or 'nothing'} first, not {page}"
        for query, page in FIRST.items()
        if answers[query] != [page]
    ]


if __name__ == "__main__":
    wrong = wrong_answers(Path(sys.argv[1]))
    print("\n".join(wrong) or f"the search answers {len(FIRST)} questions with the right page")
    sys.exit(bool(wrong))
