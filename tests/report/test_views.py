"""The kind of target chooses the figures: classes, inputs, numbers, fields."""

import json

import numpy as np
import pytest
from tests.digits import copied, make_bars
from tests.wells import make_task, make_wells

import keras_qd
from keras_qd.cli.main import main
from keras_qd.evaluation import Evaluation
from keras_qd.metrics import confusion_matrix
from keras_qd.report import write_report
from keras_qd.report.figures.errors import confusion_figure
from keras_qd.report.figures.images import (
    WRONG,
    classes_figure,
    latent_image,
    latents_figure,
    reconstructions_figure,
)
from keras_qd.report.image_sections import ClassesView, ReconstructionView
from keras_qd.report.report import view_of
from keras_qd.report.sections import FieldsView, NumbersView
from keras_qd.tasks import Pipeline


@pytest.fixture(scope="module")
def classified(classifier, tmp_path_factory):
    run = copied(classifier, tmp_path_factory.mktemp("classified"))
    return run, keras_qd.evaluate(run, n_draws=200)


@pytest.fixture(scope="module")
def reconstructed(autoencoder, tmp_path_factory):
    run = copied(autoencoder, tmp_path_factory.mktemp("reconstructed"))
    return run, keras_qd.evaluate(run, n_draws=10)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, FieldsView),
        ({"targets": ("density", "energy"), "inputs": "energy"}, FieldsView),
        ({"targets": "energy", "scaling": {}}, NumbersView),
        ({"targets": "potential", "scaling": {}}, ReconstructionView),
        ({"targets": "digit", "scaling": {"digit": "one-hot"}}, ClassesView),
    ],
)
def test_the_kind_of_target_decides(settings, expected):
    fields = {**make_wells(4, 0), "digit": np.arange(4)}
    if settings.get("inputs"):
        fields["energy"] = fields["density"]
        settings = {**settings, "scaling": {}}
    pipeline = Pipeline.fit(make_task(**settings), fields)
    assert type(view_of(pipeline)) is expected


def test_classes_are_judged_by_their_probabilities(classified, bars):
    run, evaluation = classified
    exact = bars.split("test")["digit"]
    found = keras_qd.predict(run, bars.split("test"))
    probabilities = found["digit_probabilities"]
    np.testing.assert_array_equal(found["digit"], probabilities.argmax(axis=1))
    accuracy, entropy = (evaluation.score(name) for name in ("accuracy", "cross-entropy"))
    assert accuracy.value == pytest.approx(np.mean(found["digit"] == exact))
    right = probabilities[np.arange(len(exact)), exact]
    assert entropy.value == pytest.approx(-np.log(right).mean(), rel=1e-5)
    assert accuracy.interval[0] <= accuracy.value <= accuracy.interval[1]


def test_the_baseline_is_the_most_frequent_class(classified):
    _, evaluation = classified
    # Two of three bars lie, in the training split and in the test split.
    assert evaluation.data["baseline"] == "most frequent class"
    assert evaluation.score("accuracy").baseline == pytest.approx(2 / 3)
    shares = np.array([2 / 3, 1 / 3])
    expected = -(shares * np.log(shares)).sum()
    assert evaluation.score("cross-entropy").baseline == pytest.approx(expected)


def test_what_is_kept_of_classes_reads_back(classified, bars):
    run, evaluation = classified
    kept = Evaluation.read(run.path).kept
    assert kept.keys() == evaluation.kept.keys()
    exact = bars.split("test")["digit"]
    predicted = keras_qd.predict(run, bars.split("test"))["digit"]
    np.testing.assert_array_equal(kept["digit/confusion"], confusion_matrix(exact, predicted, 2))
    np.testing.assert_array_equal(kept["digit/classes/images"], bars.split("test")["image"])
    wrong = kept["digit/mistakes/exact"] != kept["digit/mistakes/predicted"]
    assert wrong.all()
    assert len(wrong) == (exact != predicted).sum()


def test_the_report_on_classes(classified):
    run, _ = classified
    page = write_report(run).read_text(encoding="utf-8")
    for text in ("most frequent class", "<h2>Confusion", "<h2>Single images", "only bars"):
        assert text in page
    assert "<h2>Errors" not in page
    assert "scaled, without unit" not in page
    names = {path.stem for path in (run.path / "figures").glob("*.png")}
    assert {"classes_digit", "confusion_digit", "learning_curves"} <= names


def test_the_report_on_reconstructions(reconstructed, bars):
    run, evaluation = reconstructed
    page = write_report(run).read_text(encoding="utf-8")
    for text in ("<h2>Single images", "<h2>Latent numbers", "<h2>Errors", "only bars"):
        assert text in page
    assert evaluation.kept["latent"].shape == (2, 2, 2, 2)
    assert evaluation.kept["latents"].shape == (2, 6, 8)
    np.testing.assert_array_equal(evaluation.kept["original"], bars.split("test")["image"][[1, 0]])
    encoder = run.load_model().network.encoder
    scaled = run.pipeline.scale_inputs({"image": bars.split("test")["image"][[1]]})
    latent = encoder.predict(scaled, verbose=0)[0]
    np.testing.assert_allclose(evaluation.kept["latent"][0], latent, atol=1e-5)


def test_wrong_classes_are_marked():
    probabilities = np.array([[0.9, 0.1], [0.25, 0.75]])
    figure = classes_figure(np.ones((2, 3, 3)), np.array([0, 0]), np.array([0, 1]), probabilities)
    right, wrong = figure.axes
    assert right.get_title() == "0 (90 %)"
    assert (wrong.get_title(), wrong.title.get_color()) == ("1 (75 %), is 0", WRONG)
    assert wrong.spines["top"].get_visible()
    assert not right.spines["top"].get_visible()


def test_the_confusion_matrix_has_its_numbers():
    figure = confusion_figure(np.array([[5, 1], [0, 7]]), "digit")
    panel = figure.axes[0]
    found = {(text.get_position(), text.get_text()) for text in panel.texts}
    assert found == {((0, 0), "5"), ((1, 0), "1"), ((1, 1), "7")}
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("predicted digit", "exact digit")


def test_latent_numbers_of_any_shape_become_images():
    numbers = np.arange(8.0).reshape(2, 2, 2)
    expected = [[0, 2, np.nan, 1, 3], [4, 6, np.nan, 5, 7]]
    np.testing.assert_array_equal(latent_image(numbers), expected)
    assert latent_image(np.arange(7.0)).shape == (2, 4)
    images = np.ones((3, 4, 4))
    assert len(reconstructions_figure(images, np.ones((3, 5)), images).axes) == 9
    assert len(reconstructions_figure(images, np.empty((0,)), images).axes) == 6
    drawn = latents_figure(np.ones((3, 4, 5)), np.arange(3)).axes
    assert [panel.get_title() for panel in drawn[:3]] == ["0", "1", "2"]


def test_predict_writes_classes_and_probabilities(classifier, tmp_path, capsys):
    np.save(tmp_path / "images.npy", make_bars(5, 7)["image"])
    arguments = ["predict", classifier.path, tmp_path / "images.npy", "--out", tmp_path / "o.npz"]
    with pytest.raises(SystemExit) as stop:
        main([*map(str, arguments), "--json"])
    assert stop.value.code == 0
    fields = json.loads(capsys.readouterr().out)["fields"]
    assert [each["field"] for each in fields] == ["digit", "digit_probabilities"]
    with np.load(tmp_path / "o.npz") as archive:
        assert archive["digit"].dtype == np.int32
        assert archive["digit_probabilities"].shape == (5, 2)
