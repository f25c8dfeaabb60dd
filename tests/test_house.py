"""The package stays divided into files of a readable size that import one way."""

import pytest

from tests.house import count_code_lines, follow, measure, read_imports


@pytest.fixture(scope="module")
def figures(pytestconfig):
    return measure(pytestconfig.rootpath / "src")


def test_files_are_subjects(figures):
    assert figures["files"] <= 199
    assert figures["median lines of code"] >= 140


def test_imports_have_no_circle(figures):
    assert figures["files in a circle of imports"] == 0


@pytest.mark.parametrize(("name", "most"), [("pix2pix", 8), ("evaluate", 20), ("invert", 31)])
def test_functions_can_be_followed(figures, name, most):
    assert figures[f"files to follow {name}"] <= most


def test_the_counts_are_those_of_a_small_tree(tmp_path):
    package = tmp_path / "keras_qd"
    texts = {
        "a/one.py": '"""Text."""\n\nfrom keras_qd.a.two import f\n\n# comment\nx = """a\nb"""\n',
        "a/two.py": "def f():\n    import keras_qd.b.three\n",
        "b/three.py": "import typing\n\nif typing.TYPE_CHECKING:\n    import keras_qd.a.one\n",
    }
    for name, text in texts.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    modules = {f"keras_qd.{name[:-3].replace('/', '.')}": package / name for name in texts}
    assert count_code_lines(package / "a/one.py") == 3
    imports, eager = read_imports(modules)
    assert eager["keras_qd.a.two"] == set()
    assert imports["keras_qd.b.three"] == set()
    own, others = follow(imports, "keras_qd.a.one")
    assert (len(own), others) == (2, {"keras_qd.b.three"})
