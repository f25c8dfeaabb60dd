"""The task: potential and field to density and energy."""

from keras_qd.tasks import Task

TASK = Task(
    name="rings-to-density-and-energy",
    description="potential around a ring and magnetic field to density and energy",
    dataset="rings",
    inputs=("potential", "field"),
    targets=("density", "energy"),
    model="ring-net",
    metrics=("l1", "r2", "mae", "ring-moment-error"),
    followed={"density": ("l1", "ring-moment-error"), "energy": ("mae",)},
    loss_weights={"energy": 0.3},
    scaling={"potential": "max", "field": "max", "density": "standard", "energy": "standard"},
    augmentation="turns",
    epochs=30,
    schedule="cosine",
)
