"""Milliseconds a system of networks and of the exact solver, on one core, and their ratio.

    KERAS_BACKEND=torch python benchmarks/inference.py
    KERAS_BACKEND=jax python benchmarks/inference.py --systems 128

Processor time. Networks map a potential of 64 x 64 pixels to a density, in batches; their weights
do not matter. The solver makes all labels of a random potential, as for a data set. A network pays
off after as many systems as its training and their data took, over what each saves.
"""

import time
from datetime import date

import click
import numpy as np
from machine import hold_to, processor
from timing import seconds_each

from keras_qd.data.quantum_dots import QuantumDots

#: Name of a model -> its settings in the task potential-to-density.
NETWORKS = {
    "transformer-unet": {},
    "pix2pix": {"filters": 16, "normalization": "instance", "dropout": 0.0},
}


@click.command()
@click.option("--systems", default=192, show_default=True, help="That each network predicts.")
@click.option("--solved", default=6, show_default=True, help="Dots that each solver solves.")
@click.option("--batch-size", default=64, show_default=True)
@click.option("--electrons", multiple=True, type=int, default=(2, 3, 4), help="Of the solver.")
@click.option("--seconds", default=3464.0, show_default=True, help="That a training took.")
@click.option("--samples", default=12000, show_default=True, help="Systems that it was made with.")
def main(systems, solved, batch_size, electrons, seconds, samples):
    """Measure, and print a table."""
    hold_to(1)
    import keras

    times = {name: network_seconds(name, systems, batch_size) for name in NETWORKS}
    click.echo(
        f"{date.today()}, {processor()}, Keras {keras.__version__} on {keras.config.backend()}, "
        f"one core, batches of {batch_size}"
    )
    for name, each in times.items():
        click.echo(f"{name}: {1e3 * each:.2f} ms a system")
    click.echo(
        "\n| N | solver, ms | ratio to transformer-unet | pays off after |\n|---|---|---|---|"
    )
    network = times["transformer-unet"]
    for n_electrons in electrons:
        solver = solver_seconds(n_electrons, solved)
        saved = solver - network
        after = "never" if saved <= 0 else f"{(seconds + samples * solver) / saved:,.0f}"
        click.echo(f"| {n_electrons} | {1e3 * solver:.1f} | {solver / network:.1f} | {after} |")


def network_seconds(name, systems, batch_size):
    """Processor seconds a system, after two batches: JAX compiles again for the second."""
    import keras_qd

    model = keras_qd.build(name, input_shape=(64, 64, 1), **NETWORKS[name])
    potentials = np.random.default_rng(0).normal(size=(systems, 64, 64, 1)).astype("float32")
    for _ in range(2):
        model.predict_on_batch(potentials[:batch_size])
    start = time.process_time()
    for first in range(0, systems, batch_size):
        np.asarray(model.predict_on_batch(potentials[first : first + batch_size]))
    return (time.process_time() - start) / systems


def solver_seconds(n_electrons, solved):
    recipe = QuantumDots(n_electrons=n_electrons)
    rng = np.random.default_rng(0)
    potentials = [recipe._draw(rng)[0].astype(np.float64) for _ in range(solved)]
    return seconds_each(recipe.solve, potentials)


if __name__ == "__main__":
    main()
