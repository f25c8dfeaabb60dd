"""How much of the solver's speed generation keeps, on one core and on several.

Run ``python benchmarks/generation.py``. The bare rate is that of ``Recipe.make`` in this process,
on one thread, for the very samples that are generated then. Processor time tells what generation
adds even on a busy machine; the clock tells how well the cores are used.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from timing import processor  # isort: skip  (sets the threads before NumPy is imported)

from keras_qd._parallel import usable_cores
from keras_qd.data import QuantumDots, Wells, generate


def measure_bare(recipe, n_samples):
    """Return seconds by the clock and of the processor that one sample takes the solver."""
    few = n_samples // 4
    recipe.make(range(recipe.batch))
    clock, cpu = time.perf_counter(), time.process_time()
    for start in range(few, n_samples, recipe.batch):
        recipe.make(range(start, start + recipe.batch))
    return tuple(
        (now - then) / (n_samples - few)
        for now, then in ((time.perf_counter(), clock), (time.process_time(), cpu))
    )


def measure_generated(recipe, n_samples, workers):
    """Return the same for a stored sample, between a short and a long run: start-up cancels."""
    few = n_samples // 4
    short, long = (_generate(recipe, n, workers) for n in (few, n_samples))
    return tuple((b - a) / (n_samples - few) for a, b in zip(short, long, strict=True))


def _generate(recipe, n_samples, workers):
    with tempfile.TemporaryDirectory() as folder:
        clock, cpu = time.perf_counter(), _processor_time()
        generate(Path(folder) / "store", recipe, n_samples, workers=workers)
        return time.perf_counter() - clock, _processor_time() - cpu


def _processor_time():
    """Return the processor time of this process and of its workers that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(kind) for kind in kinds]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1024, help="quantum dots to make")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(processor())
    print(f"{'data set':14}{'workers':>8}{'samples/s':>11}{'of bare':>9}{'of bare, processor':>20}")
    for recipe, n_samples in (
        (QuantumDots(), arguments.samples),
        (Wells(), 160 * arguments.samples),
    ):
        for _ in range(arguments.rounds):
            clock, cpu = measure_bare(recipe, n_samples)
            print(f"{recipe.kind:14}{'bare':>8}{1 / clock:11.0f}")
            for workers in sorted({1, 2, usable_cores()}):
                made_clock, made_cpu = measure_generated(recipe, n_samples, workers)
                print(
                    f"{recipe.kind:14}{workers:8}{1 / made_clock:11.0f}"
                    f"{clock / made_clock:9.2f}{cpu / made_cpu:20.2f}"
                )


if __name__ == "__main__":
    main()
