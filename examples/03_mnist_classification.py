"""Teach networks to read digits: the one of the course, and a small residual one that does better.

python examples/03_mnist_classification.py [EPOCHS] [FILTERS]
"""

import sys

import keras_qd

epochs, filters = (int(word) for word in (sys.argv[1:] or ["10", "32"]))

course = keras_qd.task("mnist-classification", epochs=epochs)
better = keras_qd.task(
    "mnist-classification-resnet", epochs=epochs, model_config={"filters": (filters, 2 * filters)}
)
for task in (course, better):
    name = task.name
    run = keras_qd.train(task, f"runs/{name}")
    evaluation = keras_qd.evaluate(run)
    accuracy = evaluation.score("accuracy")
    low, high = accuracy.interval
    print(
        f"{name}: accuracy {accuracy.value:.4f} ({low:.4f} to {high:.4f}), "
        f"most frequent class {accuracy.baseline:.4f}"
    )
    print("report:", keras_qd.evaluation.write_report(run))

digits = keras_qd.load("mnist").split("test")
found = keras_qd.predict(run, digits["image"][:3])
for digit, predicted, probabilities in zip(
    digits["digit"], found["digit"], found["digit_probabilities"], strict=False
):
    print(f"a {digit} is taken for a {predicted} with probability {probabilities.max():.3f}")
