"""The two tasks on handwritten digits: which digit an image shows, and compressing the image.

With the architectures and settings of a machine-learning course for physicists, and with others
that are measured to be better: docs/teaching-tasks.md has the figures.
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
    metrics=("mse", "rmse", "r2", "ssim", "psnr"),
    followed=("rmse",),
    loss="mean_squared_error",
    optimizer={"class_name": "adadelta", "config": {"learning_rate": 1.0}},
    scaling={"image": "max"},
    epochs=30,
    batch_size=128,
)

#: What the better ones share: shifted images, and a learning rate that falls to zero.
_BETTER = {"augmentation": "shifts", "schedule": "cosine", "batch_size": 64}

MNIST_CLASSIFICATION_RESNET = MNIST_CLASSIFICATION.replace(
    name="mnist-classification-resnet",
    description="image of a handwritten digit to the digit, by a small residual network",
    model="digit-resnet",
    epochs=20,
    **_BETTER,
)

MNIST_AUTOENCODER_RESIDUAL = MNIST_AUTOENCODER.replace(
    name="mnist-autoencoder-residual",
    description="image of a handwritten digit to as few numbers, and back with a smaller error",
    model="residual-autoencoder",
    epochs=20,
    **_BETTER,
)
