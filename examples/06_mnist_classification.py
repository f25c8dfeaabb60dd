# %% [markdown]
# # Classify digits
#
# Two networks classify handwritten digits: that of the course and a better one, a small residual
# network. This takes two minutes.

# %%
import matplotlib.pyplot as plt

import keras_qd

epochs, filters = 10, 32

# %% [markdown]
# The images are the 5,000 included in keras-qd, or all of MNIST if it is available. On 360 test
# images a difference of half a per cent is not significant: see the intervals.

# %%
course = keras_qd.task("mnist-classification", epochs=epochs)
better = keras_qd.task(
    "mnist-classification-resnet", epochs=epochs, model_config={"filters": (filters, 2 * filters)}
)
for task in (course, better):
    run = keras_qd.train(task, f"runs/{task.name}")
    accuracy = keras_qd.evaluate(run).score("accuracy")
    low, high = accuracy.interval
    print(
        f"{task.name}: accuracy {accuracy.value:.4f} ({low:.4f} to {high:.4f}), "
        f"most frequent class {accuracy.baseline:.4f}"
    )
    print("report with confusion matrix and mistakes:", keras_qd.report.write_report(run))

# %% [markdown]
# Some test digits, with the class and the probability that the second network predicts.

# %%
test = keras_qd.load("mnist").split("test")
some = slice(0, None, len(test["digit"]) // 8)  # they are in the order of their digits
digits = {name: test[name][some][:8] for name in ("image", "digit")}
found = keras_qd.predict(run, digits["image"])
figure, panels = plt.subplots(1, 8, figsize=(10, 1.7), layout="constrained")
for panel, image, digit, predicted, probabilities in zip(
    panels,
    digits["image"],
    digits["digit"],
    found["digit"],
    found["digit_probabilities"],
    strict=True,
):
    print(f"a {digit} is classified as {predicted} with probability {probabilities.max():.3f}")
    panel.imshow(image.squeeze(), cmap="gray_r")
    panel.set(xticks=[], yticks=[])
    panel.set_title(f"{predicted}: {probabilities.max():.2f}", fontsize=10)
figure.savefig("06_mnist_classification.png", dpi=150)
