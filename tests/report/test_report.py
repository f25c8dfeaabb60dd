"""The report: one file, complete, without references to others, right in a real browser."""

import dataclasses
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from tests.evaluation.test_cost import COST
from tests.wells import copied, make_dataset

import keras_qd
from keras_qd.errors import RunError, UsageError
from keras_qd.evaluation import Evaluation
from keras_qd.report import write_report
from keras_qd.report.report import render_report
from keras_qd.training import Run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Links(HTMLParser):
    """Collects what a page refers to, and its text."""

    def __init__(self, page):
        super().__init__()
        self.links, self.tags, self.texts = [], set(), []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [
            value for key, value in attributes if key in ("src", "srcset", "href", "action")
        ]

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def reported(evaluated, tmp_path_factory):
    """A run with a report, evaluated on other data as well."""
    path = copied(evaluated[0], tmp_path_factory.mktemp("reported")).path
    config = json.loads((path / "config.json").read_text())
    config["task"]["description"] = "<script>alert(1)</script> & more"
    (path / "config.json").write_text(json.dumps(config))
    keras_qd.evaluate(path, data=make_dataset(seed=1), n_draws=10)
    return write_report(path).parent


@pytest.fixture(scope="module")
def page(reported):
    return (reported / "report.html").read_text(encoding="utf-8")


def test_everything_is_inside(page):
    links = Links(page)
    assert len(links.links) > 6
    assert all(link.startswith("data:") for link in links.links)
    assert "script" not in links.tags
    assert "@import" not in page
    assert "url(" not in page


def test_text_of_the_user_is_escaped(page):
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page


def test_it_describes_the_run(page, trained):
    text = Links(page).text
    for fact in (
        "potential (Ha*): confinement potential",
        "density (a₀*⁻²): density of two electrons",
        trained.config["data"]["digest"],
        "24 train, 8 validation, 11 test",
        "2 epochs, batches of 8",
        f"keras=={trained.environment['packages']['keras']}",
        trained.config["backend"],
        "On other systems",
        "evaluated on 11 systems of the test split, on which it was not trained",
    ):
        assert fact in text


def test_it_holds_the_scores(page, reported):
    text = Links(page).text
    for score in Evaluation.read(reported).scores:
        assert f"{score.value:.4g}".replace("-", "−") in text


def test_figures_are_written_beside_it(reported):
    names = {path.name for path in (reported / "figures").iterdir()}
    assert names == {
        "data.npz",
        "evolution_density.gif",
        *(
            f"{name}.{suffix}"
            for name in (
                *("learning_curves", "systems", "cuts_density", "evolution_density"),
                *("errors_density", "dependence_density"),
            )
            for suffix in ("png", "pdf", "svg")
        ),
    }


def test_metrics_without_intervals_and_a_cost(evaluated):
    run, evaluation = evaluated
    streamed = tuple(
        dataclasses.replace(score, title="Streamed", interval=None, systems={})
        for score in evaluation.scores
    )
    found = dataclasses.replace(evaluation, scores=streamed, cost=COST)
    text = Links(render_report(run, found, [])).text
    # Each score has a tile and two rows; the sentences below the title name some as well.
    sentences = f"{found.verdict} {found.warning}"
    assert text.count("Streamed") == 3 * 3 + sentences.count("Streamed")
    assert COST.summary in text


@pytest.fixture
def adversarial(evaluated, tmp_path):
    """A copy of a run as if it were of pix2pix, and its evaluation."""
    run = copied(evaluated[0], tmp_path / "gan")
    config = json.loads(run.config_path.read_text())
    config["task"] |= {"model": "pix2pix", "model_config": {"filters": 4, "lambda_l1": 10.0}}
    run.config_path.write_text(json.dumps(config))
    data = {**evaluated[1].data, "adversary": "the discriminator is undecided"}
    return Run.open(run.path), dataclasses.replace(evaluated[1], data=data)


def test_an_adversarial_run_names_the_commands_that_show_the_generator_alone(adversarial):
    run, evaluation = adversarial
    text = Links(render_report(run, evaluation, [])).text
    alone = run.path.with_name(f"{run.path.name}-unet")
    assert "Adversary: the discriminator is undecided." in text
    config = run.config_path
    assert f"train --config {config} --model unet --set model.filters=4 --out {alone}" in text
    assert f"keras-qd report {run.path} --beside {alone}" in text


def test_runs_on_the_same_systems_are_listed_best_first(adversarial, evaluated):
    run, evaluation = adversarial
    worse = [dataclasses.replace(score, value=2.0) for score in evaluation.scores]
    compared = [evaluated, (run, dataclasses.replace(evaluation, scores=tuple(worse)))]
    page = render_report(run, evaluation, [], compared)
    rows = page.partition("Beside other runs")[2].partition("</table>")[0].split("<tr>")[2:]
    assert ["<code>unet</code>" in row for row in rows] == [True, False]
    assert f"{evaluation.scores[0].value:.4g}" in rows[0]
    assert "train --config" not in page


def test_runs_on_other_systems_are_not_listed(evaluated, tmp_path):
    run = copied(evaluated[0], tmp_path / "one")
    other = copied(evaluated[0], tmp_path / "other")
    metrics = json.loads((other.path / "metrics.json").read_text())
    metrics["data"]["systems"] = "0" * 64
    (other.path / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(UsageError, match="only be ranked on the same systems"):
        write_report(run, beside=[other])


def test_a_notice_of_the_data(classified):
    text = Links(render_report(*classified, [])).text
    assert "Note: only bars" in text
    assert "most frequent class" in text
    assert "scaled, without unit" not in text


def test_an_unfinished_run_is_refused(run):
    run.model_path.unlink()
    with pytest.raises(RunError, match="no trained model"):
        write_report(run.path)
    assert not (run.path / "report.html").exists()


#: Shows the report as wide as a telephone, and writes down how wide its content is.
FRAME = """<!DOCTYPE html><title>waiting</title><body>
<iframe src="report.html" style="width: 390px; height: 800px; border: 0"></iframe>
<pre id="found"></pre>
<script>
onload = () => {
  const inner = document.querySelector("iframe").contentDocument;
  const images = [...inner.images];
  document.getElementById("found").textContent = JSON.stringify({
    width: inner.documentElement.scrollWidth,
    broken: images.filter(image => !image.complete || image.naturalWidth === 0).length,
    images: images.length,
  });
};
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_a_browser_shows_it_on_a_telephone(reported, tmp_path):
    shutil.copy(reported / "report.html", tmp_path)
    (tmp_path / "frame.html").write_text(FRAME)
    process = open_in_chromium(tmp_path / "frame.html", tmp_path)
    found = json.loads(re.search(r'<pre id="found">(.*?)</pre>', process.stdout).group(1))
    assert found["width"] <= 390
    assert found["broken"] == 0
    assert found["images"] == 7
    # The console reports whatever a page may not load, or fails to.
    assert "CONSOLE" not in process.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_the_browser_would_report_a_request(reported, tmp_path):
    """The test above must be able to fail."""
    page = (reported / "report.html").read_text(encoding="utf-8")
    spoilt = page.replace("<main>", '<main><img src="https://example.org/x.png">')
    (tmp_path / "report.html").write_text(spoilt, encoding="utf-8")
    process = open_in_chromium(tmp_path / "report.html", tmp_path)
    assert "CONSOLE" in process.stderr


def open_in_chromium(page, profile):
    """Open a page without a screen and return the process: DOM on stdout, console on stderr."""
    return subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--allow-file-access-from-files",
            f"--user-data-dir={profile / 'profile'}",
            "--enable-logging=stderr",
            "--virtual-time-budget=10000",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
