"""Speed of the exact solvers on one core, beside what else is at hand.

python benchmarks/physics.py [--only 1d | 2d | pairs] [--figure FILE]
"""

import importlib

from timing import processor  # isort: skip  (sets the threads before NumPy is imported)

import click

PARTS = {"1d": "line", "2d": "two_dimensional", "pairs": "two_electrons"}


@click.command()
@click.option("--only", type=click.Choice(sorted(PARTS)), help="One part alone.")
@click.option("--figure", type=click.Path(), help="Draw the growth of the cost in 2D here.")
def main(only, figure):
    """Measure the exact solvers; ratios are taken within one run."""
    click.echo(f"processor seconds of one core: {processor()}")
    for part in [only] if only else PARTS:
        settings = {"figure": figure} if part == "2d" else {}
        importlib.import_module(PARTS[part]).main(**settings)


if __name__ == "__main__":
    main()
