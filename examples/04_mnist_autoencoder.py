"""Compress digits to a few numbers and restore them; draw the error against the number of numbers.

python examples/04_mnist_autoencoder.py [EPOCHS] [FILTERS] [LATENT_SIZE ...]
"""

import sys

from matplotlib.figure import Figure

import keras_qd

epochs, filters, *sizes = map(int, sys.argv[1:]) if sys.argv[1:] else (8, 16, 2, 4, 8, 16, 32, 64)

errors = {}
for size in sizes:
    task = keras_qd.task(
        "mnist-autoencoder-residual",
        epochs=epochs,
        model_config={"latent_shape": (size,), "filters": (filters, 2 * filters)},
    )
    run = keras_qd.train(task, f"runs/latent-{size}")
    errors[size] = keras_qd.evaluate(run).score("mse", space="scaled")
    print(f"{size} numbers: mean square error {errors[size].value:.4f}")

figure = Figure(figsize=(5, 3.2), layout="constrained")
panel = figure.subplots()
panel.loglog(sizes, [errors[size].value for size in sizes], "o-", label="autoencoder")
panel.axhline(errors[sizes[0]].baseline, color="C1", label="mean image")
panel.set(xlabel="latent numbers", ylabel="mean square error, grey values from 0 to 1")
panel.legend()
figure.savefig("error-over-latent-size.png", dpi=160)
print("drawn: error-over-latent-size.png")

# The last run compresses; the same from a shell: keras-qd compress RUN --out digits.kqd
images = keras_qd.load("mnist").split("test")["image"]
done = keras_qd.compress(run, images, "digits.kqd")
print(
    f"{done.n_images} images: {done.bytes_in} bytes -> {done.bytes_out} bytes, a ratio of "
    f"{done.ratio:.1f} (zlib: {done.bytes_in / done.bytes_deflated:.1f}), "
    f"error {done.error:.1f} of 255"
)
print("restored:", keras_qd.decompress("digits.kqd")["image"].shape)
