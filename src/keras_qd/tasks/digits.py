"""The two tasks on handwritten digits: which digit an image shows, and compressing the image.

With the architectures and settings of a machine-learning course for physicists by default; better
ones go by the names that docs/teaching-tasks.md gives.
"""

from __future__ import annotations

from keras_qd.tasks.task import Task

MNIST_CLASSIFICATION = Task(
    name="mnist-classification",
    description="image of a handwritten digit to the digit",
    dataset="mnist",
    inputs="image",
    targets="digit",
    model="digit-cnn",
    metrics=("accuracy", "cross-entropy"),
    followed=("accuracy",),
    loss="categorical_crossentropy",
    optimizer="adam",
    scaling={"image": "max", "digit": "one-hot"},
    epochs=5,
    batch_size=250,
)

MNIST_AUTOENCODER = Task(
    name="mnist-autoencoder",
    description="image of a handwritten digit to a few numbers, and back to the image",
    dataset="mnist",
    inputs="image",
    targets="image",
    model="conv-autoencoder",
    metrics=("rmse", "l1", "r2", "ssim", "psnr"),
    followed=("rmse",),
    loss="mean_squared_error",
    optimizer={"class_name": "adadelta", "config": {"learning_rate": 1.0}},
    scaling={"image": "max"},
    epochs=30,
    batch_size=128,
)
