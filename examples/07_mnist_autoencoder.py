# %% [markdown]
# # Compress digits
#
# An autoencoder reduces the 784 grey values of a digit to a few latent values, and restores the
# digit from them. How many are necessary? This takes five minutes.

# %%
import matplotlib.pyplot as plt

import keras_qd

epochs, filters, sizes = 8, 16, (2, 4, 8, 16, 32, 64)

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
    print(f"{size} latent values: mean square error {errors[size].value:.4f}")

# %% [markdown]
# The error as a function of the number of latent values, compared with the mean image.

# %%
figure, panel = plt.subplots(figsize=(5, 3.2), layout="constrained")
panel.loglog(sizes, [errors[size].value for size in sizes], "o-", label="autoencoder")
panel.axhline(errors[sizes[0]].baseline, color="C1", label="mean image")
panel.set_xticks(sizes, map(str, sizes))
panel.minorticks_off()
panel.set(xlabel="latent values", ylabel="mean square error, grey values from 0 to 1")
panel.legend(frameon=False)
panel.grid(alpha=0.3)
figure.savefig("07_error_over_latent_size.png", dpi=150)

# %% [markdown]
# The same digits restored from different numbers of latent values.

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
# The last network compresses images into a file with one byte per latent value. The command is
# `keras-qd compress RUN --out digits.kqd`.

# %%
done = keras_qd.compress(runs[sizes[-1]], images, "digits.kqd")
print(
    f"{done.n_images} images: {done.bytes_in} bytes -> {done.bytes_out} bytes, a ratio of "
    f"{done.ratio:.1f} (zlib, lossless: {done.bytes_in / done.bytes_deflated:.1f}), "
    f"error {done.error:.1f} of 255"
)
print("restored:", keras_qd.decompress("digits.kqd")["image"].shape)
