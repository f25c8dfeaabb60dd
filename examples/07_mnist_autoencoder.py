# %% [markdown]
# # Compress digits
#
# An autoencoder makes a few numbers of the 784 grey values of a digit, and a digit of the numbers
# again. How many does it take? Five minutes.

# %%
import os

import matplotlib.pyplot as plt

import keras_qd

REDUCED = "KERAS_QD_REDUCED" in os.environ  # seconds, for tests
epochs, filters, sizes = (1, 4, (2, 8)) if REDUCED else (8, 16, (2, 4, 8, 16, 32, 64))

# %%
errors, runs = {}, {}
for size in sizes:
    task = keras_qd.task(
        "mnist-autoencoder-residual",
        epochs=epochs,
        model_config={"latent_shape": (size,), "filters": (filters, 2 * filters)},
    )
    runs[size] = keras_qd.train(task, f"runs/latent-{size}")
    errors[size] = keras_qd.evaluate(runs[size]).score("mse", space="scaled")
    print(f"{size} numbers: mean square error {errors[size].value:.4f}")

# %% [markdown]
# The error against the number of numbers, beside that of the mean image, which takes none.

# %%
figure, panel = plt.subplots(figsize=(5, 3.2), layout="constrained")
panel.loglog(sizes, [errors[size].value for size in sizes], "o-", label="autoencoder")
panel.axhline(errors[sizes[0]].baseline, color="C1", label="mean image")
panel.set(xlabel="latent numbers", ylabel="mean square error, grey values from 0 to 1")
panel.legend(frameon=False)
panel.grid(alpha=0.3, which="both")
figure.savefig("07_error_over_latent_size.png", dpi=150)

# %% [markdown]
# The same digits through fewer and more numbers.

# %%
images = keras_qd.load("mnist").split("test")["image"]
figure, rows = plt.subplots(
    len(sizes) + 1, 10, figsize=(7, 0.72 * len(sizes) + 0.72), layout="constrained"
)
some = images[:: len(images) // 10][:10]
restored = [some, *(keras_qd.predict(run, some)["image"] for run in runs.values())]
for row, label, pictures in zip(rows, ("original", *sizes), restored, strict=True):
    row[0].set_ylabel(label, rotation=0, ha="right", va="center")
    for panel, picture in zip(row, pictures, strict=True):
        panel.imshow(picture.squeeze(), cmap="gray_r")
        panel.set(xticks=[], yticks=[])
figure.savefig("07_restored_digits.png", dpi=150)

# %% [markdown]
# The last network compresses images into a file: a byte a number. From a shell it is `keras-qd
# compress RUN --out digits.kqd`.

# %%
done = keras_qd.compress(runs[sizes[-1]], images, "digits.kqd")
print(
    f"{done.n_images} images: {done.bytes_in} bytes -> {done.bytes_out} bytes, a ratio of "
    f"{done.ratio:.1f} (zlib, without loss: {done.bytes_in / done.bytes_deflated:.1f}), "
    f"error {done.error:.1f} of 255"
)
print("restored:", keras_qd.decompress("digits.kqd")["image"].shape)
