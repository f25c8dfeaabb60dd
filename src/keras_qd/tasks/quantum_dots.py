"""Maps between the potential, the densities and the exchange-correlation potential of a dot.

After Pantis-Simut et al., Mach. Learn.: Sci. Technol. 4, 025023 (2023), arXiv:2301.02122.
"""

from __future__ import annotations

from keras_qd.tasks.task import Task

#: How each target is scaled: to a spread of one, which sets the weight of the L1 loss against the
#: adversarial one. Potentials also lose their mean, which no density depends on.
_TARGET_SCALING = {
    "potential": "centered-standard",
    "density": "standard",
    "density_noninteracting": "standard",
}

#: How each input is scaled. The logarithm of a density resolves the regions where it is small.
_INPUT_SCALING = {
    "potential": "centered-standard",
    "density": "log",
    "density_noninteracting": "log",
}

#: pix2pix with a smaller network than the original's, normalised image by image and moved by Muon,
#: which is faster and more accurate here: docs/concepts/adversarial-training.md has the figures.
_PIX2PIX = {
    "filters": 16,
    "normalization": "instance",
    "dropout": 0.0,
    "optimizer": "muon",
    "learning_rate": 4e-3,
    "discriminator_filters": 8,
    "discriminator_learning_rate": 2e-4,
}


_FOLLOWED = ("l1", "r2")
_PLAIN = ("r2", "l1", "l2", "linf", "ssim", "psnr")

#: Metrics of an evaluation by target, the headline first.
_METRICS = {
    "potential": ("l1", "r2", "l2", "linf", "ssim", "psnr"),
    "density": ("misplaced-charge", "charge-error", *_PLAIN),
    "density_noninteracting": ("misplaced-charge", "charge-error", *_PLAIN),
}


def _map(
    name: str, source: str, target: str, description: str, model: str = "transformer-unet"
) -> Task:
    """Return the task that maps one field of the quantum dots onto another."""
    task = Task(
        name=name,
        description=description,
        dataset="quantum-dots",
        inputs=source,
        targets=target,
        model="transformer-unet",
        other_models={"pix2pix": _PIX2PIX},
        metrics=_METRICS[target],
        followed=_FOLLOWED,
        scaling={source: _INPUT_SCALING[source], target: _TARGET_SCALING[target]},
        augmentation="square-symmetries",
        batch_size=32,
        schedule="cosine",
    )
    return task.replace(model=model)


POTENTIAL_TO_DENSITY = _map(
    "potential-to-density",
    "potential",
    "density",
    "confinement potential to the density of interacting electrons",
)

#: Dots of one to four electrons, any strength and all families of potentials.
_MIXTURE = {"n_electrons": (1, 2, 3, 4), "strength": (0.0, 2.0), "family": "random-mixture"}

#: Half the usual one: better in trainings of more than a few minutes.
_LEARNING_RATE = 2e-3

#: One model for the whole mixture. Energies are in Ha*, so that charges say how they follow a
#: constant in the potential: the exchange does not.
POTENTIAL_AND_ELECTRONS_TO_DENSITY = Task(
    name="potential-and-electrons-to-density",
    description="potential, number of electrons and strength to density, energy and exchange",
    dataset="quantum-dots",
    dataset_config=_MIXTURE,
    inputs=("potential", "n_electrons", "strength"),
    targets=("density", "energy", "exchange"),
    model="transformer-unet",
    model_config={
        "charges": {"energy": "n_electrons", "exchange": 0},
        "learning_rate": _LEARNING_RATE,
    },
    metrics={
        "density": ("nmae", "l1", "l2", "r2", "charge-error"),
        "energy": ("mae", "rmse"),
        "exchange": ("mae", "rmse"),
    },
    followed={"density": ("nmae", "r2"), "energy": ("mae",), "exchange": ("mae",)},
    loss_weights={"energy": 0.2, "exchange": 0.2},
    scaling={"density": "standard"},
    augmentation="square-symmetries",
    batch_size=32,
    schedule="cosine",
)

POTENTIAL_TO_NONINTERACTING_DENSITY = _map(
    "potential-to-noninteracting-density",
    "potential",
    "density_noninteracting",
    "confinement potential to the density of non-interacting electrons",
)

#: At equal processor time pix2pix is better here: benchmarks/accuracy.py has the figures.
NONINTERACTING_TO_INTERACTING_DENSITY = _map(
    "noninteracting-to-interacting-density",
    "density_noninteracting",
    "density",
    "density without the interaction to the density with it",
    model="pix2pix",
)

DENSITY_TO_POTENTIAL = _map(
    "density-to-potential",
    "density",
    "potential",
    "density of interacting electrons back to the confinement potential",
)

#: The inverse of the map of the mixture; the density itself says how many electrons there are.
DENSITY_AND_STRENGTH_TO_POTENTIAL = Task(
    name="density-and-strength-to-potential",
    description="density and strength of the interaction back to the confinement potential",
    dataset="quantum-dots",
    dataset_config=_MIXTURE,
    inputs=("density", "strength"),
    targets="potential",
    model="transformer-unet",
    model_config={"learning_rate": _LEARNING_RATE},
    metrics=("density-weighted-l1", "density-weighted-r2", "aligned-l1", "aligned-r2"),
    followed=("aligned-l1", "aligned-r2"),
    scaling={"density": "log", "potential": "above-minimum"},
    augmentation="square-symmetries",
    batch_size=32,
    schedule="cosine",
)

NONINTERACTING_DENSITY_TO_POTENTIAL = _map(
    "noninteracting-density-to-potential",
    "density_noninteracting",
    "potential",
    "density of non-interacting electrons back to the confinement potential",
)

#: The constant is that of the ionisation energy, which the density determines: nothing is centred.
DENSITY_TO_XC_POTENTIAL = Task(
    name="density-to-xc-potential",
    description="density of two electrons to their exact exchange-correlation potential",
    dataset="quantum-dots",
    dataset_config={"kohn_sham": True},
    inputs="density",
    targets="xc_potential",
    model="residual-unet",
    metrics=(
        "density-weighted-l1",
        "density-weighted-l2",
        "density-weighted-r2",
        "aligned-l1",
        "aligned-r2",
        "l1",
        "r2",
    ),
    followed=("aligned-l1", "r2"),
    scaling={"density": "log", "xc_potential": "standard"},
    augmentation="square-symmetries",
    batch_size=32,
    schedule="cosine",
)
