"""The task: it names the parts and says how they go together."""

from keras_qd.tasks import Task

OSCILLATOR_TO_ENERGY = Task(
    name="oscillator-to-energy",
    description="parabolic well to the energy of one electron in it",
    dataset="oscillators",
    inputs="potential",
    targets="energy",
    model="dense-net",
    metrics=("l1", "r2", "largest-error"),
    scaling={"potential": "standard", "energy": "standard"},
    epochs=20,
    schedule="cosine",
)
