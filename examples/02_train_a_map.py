"""Train one map between the fields of quantum dots, judge it, and apply it to new potentials.

python examples/02_train_a_map.py [SAMPLES] [EPOCHS]
"""

import sys

import keras_qd
from keras_qd import physics

samples, epochs = (int(word) for word in (sys.argv[1:] or ["2500", "24"]))

# The data is made at the first call, and found in the user's cache at the next.
task = keras_qd.task("potential-to-density", epochs=epochs, dataset_config={"samples": samples})
run = keras_qd.train(task, "runs/example", seed=1)
evaluation = keras_qd.evaluate(run)
for metric in ("l1", "linf", "r2", "ssim"):
    score = evaluation.score(metric)
    print(f"{score.title:5s} {score.value:.4f} {score.unit}")

potentials = physics.sample_potentials(3, physics.Box(10.0), seed=123)
densities = keras_qd.predict(run, {"potential": potentials})["density"]
print("electrons in the predicted densities:", densities.sum(axis=(1, 2)) * (10.0 / 64) ** 2)
