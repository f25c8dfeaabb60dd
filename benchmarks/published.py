"""Two published benchmarks, on data of this package's solvers.

    KERAS_BACKEND=tensorflow python benchmarks/published.py mills --potentials random
    python benchmarks/published.py snyder

`mills`: the ground-state energy of one electron in four classes of potentials of 256 x 256 pixels,
arXiv:1702.01361. `snyder`: the kinetic energy of N fermions without interaction from their density,
arXiv:1112.5441. docs/published.md has the results.
"""

import os
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import click
import numpy as np
from machine import hold_to, processor
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter

from keras_qd.physics import states_1d
from keras_qd.physics.davidson import davidson
from keras_qd.physics.line.potentials import GaussianWellsLine
from keras_qd.physics.potentials.base import sample_generator

#: Side of the plane in a0 and pixels along it; pixels of the network, and sines of its states.
LENGTH, PIXELS, SEEN, WAVES = 40.0, 256, 32, 48
#: Half waves of the states of the network, and factor on its correction in Ha.
NET_WAVES, CORRECTION = 30, 0.01
#: Largest energy of a potential that is kept, and height of the walls of a well, in Ha.
HIGHEST, WALL = 0.4, 20.0

CENTRES = (np.arange(PIXELS) + 0.5) * LENGTH / PIXELS - LENGTH / 2
X, Y = np.meshgrid(CENTRES, CENTRES)


def harmonic(rng):
    """A parabola along each side, and its energy, which is the sum of theirs."""
    (kx, ky), (x, y) = rng.uniform(0, 0.16, 2), rng.uniform(-8, 8, 2)
    along_x, along_y = 0.5 * kx * (CENTRES - x) ** 2, 0.5 * ky * (CENTRES - y) ** 2
    return along_x + along_y[:, None], line_energy(along_x) + line_energy(along_y)


def well(rng):
    """A rectangle between high walls, and the energy between infinite ones."""
    while True:
        (x, y), energy, side = rng.uniform(-8, 8, 2), rng.uniform(0, HIGHEST), rng.uniform(4, 15)
        rest = 2 * energy / np.pi**2 - 1 / side**2
        if rest > 1 / (2 * (LENGTH / 2 - 8)) ** 2:
            break
    sides = rng.permutation([side, rest**-0.5])
    inside = (np.abs(X - x) < sides[0] / 2) & (np.abs(Y - y) < sides[1] / 2)
    return np.where(inside, 0.0, WALL), energy


def double_gaussian(rng):
    depths, widths, centres = rng.uniform(2, 4, 2), rng.uniform(1.6, 8, 4), rng.uniform(-8, 8, 4)
    wells = sum(
        depths[i]
        * np.exp(-(((X - centres[2 * i]) / widths[2 * i]) ** 2))
        * np.exp(-(((Y - centres[2 * i + 1]) / widths[2 * i + 1]) ** 2))
        for i in range(2)
    )
    return wells.max() - wells


def random(rng):
    """A blurred grid of zeros and ones less a smaller one, to a power, within a smooth outline."""
    large = np.kron(rng.integers(0, 2, (16, 16)), np.ones((16, 16)))
    large[64:192, 64:192] -= np.kron(rng.integers(0, 2, (16, 16)), np.ones((8, 8)))
    values = np.abs(gaussian_filter(large, rng.uniform(6, 10))) ** rng.choice([0.5, 1.0, 2.0])
    angle, waves = np.arctan2(Y, X), np.arange(1, 6)
    wobbles = rng.normal(0, 2, 5) / waves
    phases = rng.uniform(0, 2 * np.pi, 5)
    radius = 12 + np.tensordot(
        wobbles, np.cos(waves[:, None, None] * angle + phases[:, None, None]), 1
    )
    values = values * gaussian_filter((np.hypot(X, Y) < radius).astype(float), 8)
    return values.max() - values


CLASSES = {
    "random": random,
    "harmonic": harmonic,
    "infinite-well": well,
    "double-gaussian": double_gaussian,
}


def sines(n_waves, n_points):
    """Sine functions at the centres of points, so that sums of products are integrals."""
    centres = (np.arange(n_points) + 0.5) / n_points
    return np.sqrt(2 / n_points) * np.sin(np.pi * np.outer(centres, np.arange(1, n_waves + 1)))


def line_kinetic(n_waves):
    return 0.5 * (np.pi / LENGTH * np.arange(1, n_waves + 1)) ** 2


def kinetic(n_waves):
    return line_kinetic(n_waves)[:, None] + line_kinetic(n_waves)


def line_energy(potential):
    """Lowest energy on a line of `PIXELS` points, in `WAVES` sines."""
    functions = sines(WAVES, PIXELS)
    acted = functions.T @ (potential[:, None] * functions)
    return np.linalg.eigvalsh(acted + np.diag(line_kinetic(WAVES)))[0]


def ground_energy(potential, n_waves=WAVES, n_start=12):
    """Lowest energy in all products of so many sines, by Davidson's method."""
    functions, free = sines(n_waves, PIXELS), kinetic(n_waves)
    few, n_few = functions[:, :n_start], n_start**2
    blocks = np.einsum("yx,xi,xk->yik", potential, few, few, optimize=True)
    matrix = np.einsum("yik,yj,yl->jilk", blocks, few, few, optimize=True).reshape(n_few, n_few)
    values, vectors = np.linalg.eigh(matrix + np.diag(free[:n_start, :n_start].ravel()))
    starts = np.zeros((4, n_waves, n_waves))
    starts[:, :n_start, :n_start] = vectors[:, :4].T.reshape(4, n_start, n_start)

    def apply(rows):
        waves = rows.reshape(-1, n_waves, n_waves)
        acted = functions.T @ ((functions @ waves @ functions.T) * potential) @ functions
        return (acted + free * waves).reshape(len(rows), -1)

    floor = float(potential.mean() if potential.max() < WALL / 2 else values[0])

    def precondition(remainders, energies):
        distance = energies[:, None] - free.ravel() - floor
        return remainders / np.where(distance < 0, np.minimum(distance, -0.05), -0.05)

    # The energy errs by the square of this over the gap: less than 1e-5 Ha.
    found, _ = davidson(apply, precondition, starts.reshape(4, -1), 1, tolerance=5e-4)
    return found[0]


def reduced(potential):
    """Potential on every second pixel without its shortest cosines, which no product of states has.

    Sums over these pixels are integrals of up to `NET_WAVES` half waves, as on all pixels.
    """
    cosines = dctn(potential, norm="ortho")[: PIXELS // 2, : PIXELS // 2]
    return idctn(cosines / 2, norm="ortho")


def made(name, index):
    """One potential, reduced, and its energy: the first draw whose energy is not too high."""
    rng = sample_generator(list(CLASSES).index(name) + 1, index)
    while True:
        drawn = CLASSES[name](rng)
        potential, energy = drawn if isinstance(drawn, tuple) else (drawn, ground_energy(drawn))
        if energy <= HIGHEST:
            return reduced(potential).astype(np.float16), energy


def data(work, name, n_samples):
    """Potentials (n, 128, 128) and energies (n,), kept in a folder."""
    path = work / f"{name}-{n_samples}.npz"
    if not path.exists():
        start = time.process_time()
        found = [made(name, index) for index in range(n_samples)]
        potentials, energies = (np.array(each) for each in zip(*found, strict=True))
        seconds = time.process_time() - start
        np.savez(path, potentials=potentials, energies=energies, seconds=seconds)
    with np.load(path) as kept:
        return kept["potentials"], kept["energies"], float(kept["seconds"])


def energy_network(filters, learning_rate):
    """Potential to a positive trial state, its energy, and a small correction to that."""
    import keras
    from keras import ops

    import keras_qd
    from keras_qd.models.residual_unet import gather

    inputs = keras.Input((PIXELS // 2, PIXELS // 2, 1))
    above = keras.layers.AveragePooling2D(PIXELS // 4 // SEEN)(inputs)
    above = above - ops.min(above, axis=(1, 2), keepdims=True)
    image = ops.concatenate([ops.arcsinh(above), ops.tanh(4 * above)], axis=-1)
    network = keras_qd.build(
        "transformer-unet",
        input_shape={"image": (SEEN, SEEN, 8)},
        output_shape={"state": (SEEN, SEEN, 1), "correction": (1,)},
        filters=filters,
        learning_rate=learning_rate,
    )
    found = network({"image": gather(image, 2)})
    # High walls leave little of any state.
    walls = keras.layers.AveragePooling2D(2)(ops.log1p(ops.maximum(above, 0.0)))
    logarithm = found["state"] - 2 * walls
    state = ops.exp(logarithm - ops.max(logarithm, axis=(1, 2), keepdims=True))[..., 0]
    coarse, fine = (sines(NET_WAVES, n).astype("float32") for n in (SEEN, PIXELS // 2))
    waves = ops.matmul(ops.matmul(coarse.T, state), coarse)
    squares = ops.matmul(ops.matmul(fine, waves), fine.T) ** 2
    energy = ops.sum(waves**2 * kinetic(NET_WAVES).astype("float32"), axis=(1, 2))
    energy = energy + ops.sum(inputs[..., 0] * squares, axis=(1, 2))
    energy = energy / ops.sum(waves**2, axis=(1, 2))
    model = keras.Model(inputs, energy[:, None] + CORRECTION * found["correction"])
    model.compile(network.optimizer, "mae")
    return model


def learnt(model, potentials, energies, epochs, batch_size, seed):
    """Train, each sample turned and mirrored at random; return processor seconds."""
    import keras

    from keras_qd.tasks.task import learning_rate_factor
    from keras_qd.training import Batches, FollowEpochs, feed

    batches = Batches(
        potentials[..., None],
        energies[:, None].astype(np.float32),
        batch_size,
        shuffle=True,
        augmentation="square-symmetries",
        seed=seed,
    )
    rate = float(model.optimizer.learning_rate)

    def schedule(epoch, _):
        return rate * learning_rate_factor("cosine", epoch, epochs)

    callbacks = [FollowEpochs(batches), keras.callbacks.LearningRateScheduler(schedule)]
    start = time.process_time()
    model.fit(feed(batches), epochs=epochs, callbacks=callbacks, shuffle=False, verbose=2)
    return time.process_time() - start


@click.group()
def main():
    """Run a published benchmark."""


@main.command()
@click.option("--potentials", type=click.Choice(list(CLASSES)), default="random")
@click.option("--samples", default=1300, show_default=True, help="Potentials to train on.")
@click.option("--test", default=300, show_default=True, help="Potentials to test on.")
@click.option("--epochs", default=18, show_default=True)
@click.option("--filters", default=24, show_default=True)
@click.option("--learning-rate", default=4e-3, show_default=True)
@click.option("--batch-size", default=16, show_default=True)
@click.option("--cores", default=1, show_default=True, help="Cores to run on; 0: all.")
@click.option("--work", type=click.Path(path_type=Path), default=Path("mills"), help="Data kept.")
@click.option("--seed", default=0, show_default=True, help="Of the training.")
def mills(potentials, samples, test, epochs, filters, learning_rate, batch_size, cores, work, seed):
    """Energies of one electron: errors in mHa."""
    hold_to(cores)
    import keras

    work.mkdir(parents=True, exist_ok=True)
    images, energies, made_in = data(work, potentials, test + samples)
    keras.utils.set_random_seed(seed)
    model = energy_network(filters, learning_rate)
    seconds = learnt(model, images[test:], energies[test:], epochs, batch_size, seed)
    symmetries = keras_qd_symmetries()
    found = np.mean(
        [
            model.predict(symmetries.apply(images[:test, ..., None], np.full(test, k)), verbose=0)
            for k in range(symmetries.n_elements)
        ],
        axis=0,
    )
    single = model.predict(images[:test, ..., None], batch_size=50, verbose=0)
    click.echo(
        f"{processor()}, Keras {keras.__version__} on {keras.config.backend()}: {potentials}, "
        f"{samples} samples, made in {made_in:.0f} s, {epochs} epochs in {seconds:.0f} s of "
        f"processor time"
    )
    for what, prediction in (("one prediction", single), ("mean over symmetries", found)):
        errors = 1e3 * np.abs(prediction[:, 0] - energies[:test])
        share = 1 - np.mean(errors**2) / np.var(1e3 * energies[:test])
        click.echo(
            f"{what}: mean {errors.mean():.2f} mHa, median {np.median(errors):.2f}, R2 {share:.5f}"
        )


def keras_qd_symmetries():
    from keras_qd.data.augmentation import build_augmentation

    return build_augmentation("square-symmetries")


#: kcal/mol in a Hartree, nodes on the line, densities to train on and to test on.
KCAL, NODES, N_TRAIN, N_TEST = 627.509, 199, 100, 1000


def line_systems(n_electrons, n_samples, seed):
    """Densities (n, nodes) and kinetic energies in Ha of fermions without spin or interaction."""
    family = GaussianWellsLine(most=3, depth=(1.0, 10.0), width=(0.03, 0.1), centre=(0.4, 0.6))
    rng, potentials = np.random.default_rng(seed), []
    while len(potentials) < n_samples:  # always three wells
        values, drawn = family.sample(rng, 1.0, NODES)
        if drawn["n_wells"] == 3:
            potentials.append(values)
    energies, orbitals = states_1d(np.array(potentials), 1.0, n_electrons)
    densities = (orbitals**2).sum(axis=1)
    return densities, energies.sum(axis=1) - (densities * potentials).sum(axis=1) / (NODES + 1)


def kernel(a, b, width):
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.exp(-np.maximum(squares, 0) / ((NODES + 1) * 2 * width**2))


def regression(train, values, test, width, ridge):
    """Kernel ridge regression about the mean."""
    matrix = kernel(train, train, width) + ridge * np.eye(len(train))
    mean = values.mean()
    return mean + kernel(test, train, width) @ np.linalg.solve(matrix, values - mean)


def validated(densities, kinetics, folds=10):
    """Width and ridge of the least absolute error in cross-validation."""
    parts = np.arange(len(densities)) % folds

    def error(setting):
        return np.mean(
            [
                np.abs(
                    regression(
                        densities[parts != k], kinetics[parts != k], densities[parts == k], *setting
                    )
                    - kinetics[parts == k]
                ).mean()
                for k in range(folds)
            ]
        )

    return min(
        ((w, r) for w in np.geomspace(0.1, 100, 16) for r in np.geomspace(1e-14, 1e-4, 11)),
        key=error,
    )


@main.command()
@click.option("--seed", default=0, show_default=True, help="Of the potentials.")
def snyder(seed):
    """Kinetic energies of fermions on a line: errors in kcal/mol by kernel ridge regression."""
    click.echo("| N | mean | median | largest |\n|---|---|---|---|")
    for n_electrons in range(1, 5):
        densities, kinetics = line_systems(n_electrons, N_TRAIN + N_TEST, seed)
        train, test = slice(N_TRAIN), slice(N_TRAIN, None)
        setting = validated(densities[train], kinetics[train])
        found = regression(densities[train], kinetics[train], densities[test], *setting)
        errors = KCAL * np.abs(found - kinetics[test])
        found = f"{errors.mean():.3f} | {np.median(errors):.3f} | {errors.max():.2f}"
        click.echo(f"| {n_electrons} | {found} |")


if __name__ == "__main__":
    main()
