"""Large stores of real samples, killed and gone on with at random moments.

``test_kill.py`` does the same with small samples that cost nothing, and runs always.
"""

import random

import numpy as np
import pytest
from killing import kill_until_done

from keras_qd.data import QuantumDots, Wells, generate, open_store

N_SAMPLES = 20_000
#: Smooth enough for few pixels, and solved in a millisecond or two.
DOTS = QuantumDots(n_pixels=16, n_orbitals=4, family_settings={"correlation_length": 0.3})


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "longest"), [(DOTS, 12.0), (Wells(), 4.0)])
def test_twenty_thousand_samples_under_fire(tmp_path, recipe, longest):
    path = tmp_path / "killed"
    settings = ", ".join(f"{name}={value!r}" for name, value in recipe.settings().items())
    call = f"{type(recipe).__name__}({settings})"
    assert kill_until_done(path, N_SAMPLES, random.Random(7), call, longest) > 0
    store = open_store(path)
    assert store.n_finished == N_SAMPLES
    assert store.damaged() == []
    assert len(np.unique(store.read("fingerprint"))) == N_SAMPLES
    whole = generate(tmp_path / "whole", recipe, N_SAMPLES, workers=2)
    assert store.digest() == whole.digest()
