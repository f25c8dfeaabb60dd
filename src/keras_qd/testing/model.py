"""Checks of a model: shapes, repeatable training, and saving."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd import registry
from keras_qd.models.base import save_model
from keras_qd.tasks.pipeline import Tensors, each, leaves
from keras_qd.testing.findings import Findings, check_elsewhere, find_registered

_SAMPLES = 4


def check_model(
    name: str,
    *,
    input_shape: Sequence[int] | Mapping[str, Sequence[int]] = (16, 16, 1),
    output_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    config: Mapping[str, Any] | None = None,
    backends: Sequence[str] | None = None,
) -> None:
    """Check a registered model.

    It must be found by its name, take ``input_shape`` and ``output_shape``, come compiled, give
    finite ``float32`` values of the right shape that depend on their own sample alone, learn in
    ``fit``, do so again with the same seed and differently with another, and predict the same after
    saving and loading; all that on every installed backend.

    Parameters
    ----------
    name : str
        The registered name.
    input_shape, output_shape : sequence of int, or mapping of str to sequence of int
        Shapes of one sample, channels last, or several by name; the output is as the input if not
        given. Choose them small.
    config : mapping, optional
        Settings of the model, such as a small width.
    backends : sequence of str, optional
        Where to check: each backend but the running one in a process of its own. All installed
        ones by default; ``()`` checks on the running one alone.

    Raises
    ------
    ConformanceError
        If anything is wrong; it lists all that is.
    UnknownNameError
        If one of the backends is not installed.

    Examples
    --------
    >>> from keras_qd.testing import check_model
    >>> check_model("energy-cnn", input_shape=(32, 1), output_shape=(1,), backends=())
    """
    given = input_shape, input_shape if output_shape is None else output_shape
    shapes = each(tuple, given[0]), each(tuple, given[1])
    config = dict(config or {})
    found = Findings(f"the model {name!r}")
    component = find_registered(found, "models", name)
    if component is not None and _takes_shapes(found, component):
        _check_built(found, name, shapes, config)
        settings = {"input_shape": shapes[0], "output_shape": shapes[1], "config": config}
        check_elsewhere(found, "check_model", "models", name, settings, backends)
    found.raise_if_any()


def _takes_shapes(found: Findings, component: Any) -> bool:
    parameters = inspect.signature(component).parameters
    anything = any(entry.kind is entry.VAR_KEYWORD for entry in parameters.values())
    missing = [key for key in ("input_shape", "output_shape") if key not in parameters]
    return found.require(
        anything or not missing,
        f"it does not take {' and '.join(missing)}",
        "a task builds its model with both, shapes of one sample that its data has",
    )


def _check_built(found: Findings, name: str, shapes: Any, config: dict[str, Any]) -> None:
    model = found.attempt("building it", _build, (name, shapes, config), 0)
    if model is None:
        return
    generator = np.random.default_rng(0)
    x, y = (
        each(lambda shape: generator.normal(size=(_SAMPLES, *shape)).astype("float32"), shape)
        for shape in shapes
    )
    if found.attempt("applying it to a batch", _check_output, found, model, x, shapes) is None:
        return
    found.attempt("building it again", _check_seeds, found, model, (name, shapes, config))
    if found.require(
        bool(model.compiled) and model.loss is not None and model.optimizer is not None,
        "it is returned without loss or optimizer",
        "compile it with defaults that work, so that build(...).fit(x, y) does",
    ):
        found.attempt("training it", _check_training, found, model, x, y)
    found.attempt("saving and loading it", _check_saving, found, model, x)


def _build(made: tuple[str, Any, dict[str, Any]], seed: int) -> Any:
    name, shapes, config = made
    keras.utils.set_random_seed(seed)
    return registry.build(name, input_shape=shapes[0], output_shape=shapes[1], **config)


def _apply(model: Any, x: Tensors) -> Tensors:
    output: Tensors = each(_array, model(x, training=False))
    return output


def _array(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


def _close(first: Tensors, second: Tensors, rtol: float, atol: float) -> bool:
    pairs = zip(leaves(first), leaves(second), strict=True)
    return all(np.allclose(one, other, rtol=rtol, atol=atol) for one, other in pairs)


def _weights(model: Any) -> list[np.ndarray]:
    return [np.array(ops.convert_to_numpy(variable)) for variable in model.trainable_variables]


def _same(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    """Whether two sets of weights are equal but for rounding."""
    return len(first) == len(second) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-6)
        for a, b in zip(first, second, strict=True)
    )


def _check_output(found: Findings, model: Any, x: Tensors, shapes: Any) -> bool:
    tensors = model(x, training=False)
    output, given = each(_array, tensors), each(np.shape, x)
    expected = each(lambda shape: (_SAMPLES, *shape), shapes[1])
    fits = found.require(
        each(np.shape, output) == expected,
        f"for input of shape {given} its output has shape {each(np.shape, output)}, "
        f"expected {expected}",
        "make its last layer for the output_shape that it is given",
    )
    dtypes = {keras.backend.standardize_dtype(tensor.dtype) for tensor in leaves(tensors)}
    found.require(
        dtypes == {"float32"},
        f"its output is {' and '.join(sorted(dtypes))}",
        "give the last layer dtype='float32', also for mixed precision",
    )
    if found.require(
        all(bool(np.isfinite(values).all()) for values in leaves(output)),
        "its output holds NaN or infinity for ordinary numbers",
        "look for divisions, roots and logarithms in it",
    ):
        found.require(
            _close(output, _apply(model, x), rtol=1e-5, atol=1e-6),
            "it gives another output for the same input",
            "nothing may be random unless training=True",
        )
        alone = _apply(model, each(lambda values: values[:1], x))
        found.require(
            _close(each(lambda values: values[:1], output), alone, rtol=1e-4, atol=1e-5),
            "its output for a sample depends on the others in the batch",
            "normalise with stored statistics, or sample by sample, unless training=True",
        )
    return fits


def _check_seeds(found: Findings, model: Any, made: Any) -> None:
    first = _weights(model)
    found.require(
        _same(first, _weights(_build(made, 0))),
        "with the same seed it begins with other weights",
        "draw them with Keras' initializers, which keras.utils.set_random_seed governs",
    )
    found.require(
        not first or not _same(first, _weights(_build(made, 1))),
        "it begins with the same weights whatever the seed",
        "leave seeds to the caller: use no fixed one by default",
    )


def _check_training(found: Findings, model: Any, x: Tensors, y: Tensors) -> None:
    before, loss = _weights(model), _fit(model, x, y)
    found.require(
        bool(np.isfinite(loss)),
        f"its loss after one epoch is {loss}",
        "start with a smaller learning rate, or smaller weights",
    )
    found.require(
        not _same(before, _weights(model)),
        "training leaves all its weights as they were",
        "let the loss depend on weights that are trainable",
    )
    # From here on nothing is traced any more, which draws random numbers, too.
    state = [(v, np.array(ops.convert_to_numpy(v))) for v in _all_variables(model)]
    _fit(model, x, y)
    trained = _weights(model)
    for variable, value in state:
        variable.assign(value)
    _fit(model, x, y)
    found.require(
        _same(trained, _weights(model)),
        "from the same state with the same seed, training leads to other weights",
        "draw what is random in training with keras.random and a keras.random.SeedGenerator",
    )


def _all_variables(model: Any) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _fit(model: Any, x: Tensors, y: Tensors) -> float:
    keras.utils.set_random_seed(0)
    history = model.fit(x, y, batch_size=_SAMPLES // 2, epochs=1, shuffle=False, verbose=0)
    return float(history.history["loss"][-1])


def _check_saving(found: Findings, model: Any, x: Tensors) -> None:
    expected = _apply(model, x)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        save_model(model, path)
        loaded = keras.saving.load_model(path, safe_mode=True)
    found.require(
        _close(expected, _apply(loaded, x), rtol=1e-5, atol=1e-6),
        "after saving and loading, it predicts something else",
        "keep every setting in get_config, and every state in a variable",
    )
    found.require(
        loaded.compiled or not model.compiled,
        "it is no longer compiled after saving and loading",
        "let get_compile_config and compile_from_config restore what compile was given",
    )
