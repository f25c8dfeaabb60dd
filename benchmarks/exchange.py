"""Exchange energies of the double dots of the literature, without a magnetic field, with errors.

The quartic well of Burkard, Loss and DiVincenzo (1999) and the crossing parabolas of Helle, Harju
and Nieminen (2005), for distances 2a between the minima in units of the oscillator length
``1 / sqrt(omega)``. Each is solved to several accuracies of the density: the values converge within
their errors. Bare 1/r; a hard wall lies 4.5 oscillator lengths beyond either minimum. The cusp
between parabolas is sampled eight times as finely, and the cosines that the pixels hold are kept.
"""

from timing import processor  # isort: skip  (sets the threads before NumPy is imported)

import datetime as dt
import math
import time

import click
import numpy as np
from scipy.fft import dctn, idctn

from keras_qd import physics

GAAS = physics.Material("GaAs, as in the papers", effective_mass=0.067, permittivity=12.4)

#: Distance of the walls from the minima, in oscillator lengths; pixels to a length, and samples to
#: a pixel.
MARGIN, PIXELS, SAMPLES = 4.5, 6, 8

ACCURACIES = (1e-3, 3e-4, 1e-4)


def quartic(x, y, a):
    """``((x^2 - a^2) / 2a)^2 / 2 + y^2 / 2`` of Burkard, Loss and DiVincenzo, at omega = 1."""
    return 0.5 * (((x**2 - a**2) / (2 * a)) ** 2 + y**2)


def parabolas(x, y, a):
    """Lower one of two parabolas, by Helle, Harju and Nieminen, at omega = 1."""
    return 0.5 * (np.minimum((x - a) ** 2, (x + a) ** 2) + y**2)


WELLS = {"quartic well": quartic, "two parabolas": parabolas}


@click.command()
@click.option("--omega", multiple=True, type=float, help="Of GaAs, in meV.  [default: 3, 6]")
@click.option("--half-distance", multiple=True, type=float, help="a in oscillator lengths.")
def main(omega, half_distance):
    """Print J with its error at each accuracy."""
    click.echo(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {processor()}")
    click.echo(f"GaAs: {GAAS.hartree:.4g} meV, {GAAS.bohr_radius:.4g} nm")
    start = time.process_time()
    for name, well in WELLS.items():
        click.echo(f"\n{name}\n{header()}")
        for each in omega or (3.0, 6.0):
            for a in half_distance or (0.7, 1.2, 1.6, 2.0, 2.4):
                click.echo(row(well, each, a))
    click.echo(f"\n{time.process_time() - start:.0f} s of one core")


def header():
    accuracies = "".join(f"{f'J, {accuracy:g}':>17}" for accuracy in ACCURACIES)
    return f"{'meV':>5}{'omega':>8}{'a':>5}{'2a, nm':>8}{accuracies}{'J, meV':>15}"


def row(well, energy, a):
    """Format one dot; lengths of the well scale with 1 / sqrt(omega)."""
    omega = energy / GAAS.hartree
    length = 1 / math.sqrt(omega)
    box = physics.Box((2 * a + 2 * MARGIN) * length)
    potential = omega * sampled(well, a)
    found = [physics.exchange(potential, box, accuracy=accuracy) for accuracy in ACCURACIES]
    best = found[-1]
    in_mev = physics.Estimate(best.value * GAAS.hartree, best.error * GAAS.hartree)
    values = "".join(f"{each!s:>17}" for each in found)
    distance = 2 * a * length * GAAS.bohr_radius
    return f"{energy:5g}{omega:8.4f}{a:5.1f}{distance:8.1f}{values}{in_mev!s:>15}"


def sampled(well, a):
    """Potential at the pixels, without the waves that are too short for them."""
    side = 2 * (a + MARGIN)
    n_pixels = math.ceil(PIXELS * side)
    x, y = (each - side / 2 for each in physics.Box(side).mesh(SAMPLES * n_pixels))
    cosines = dctn(well(x, y, a), norm="forward")
    return idctn(cosines[:n_pixels, :n_pixels], norm="forward")


if __name__ == "__main__":
    main()
