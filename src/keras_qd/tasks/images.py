"""Tasks on images: pairs of the user's own, and handwritten digits.

The digits are classified and compressed with the architectures and settings of a machine-learning
course for physicists, and with better ones: docs/teaching-tasks.md has the figures.
"""

from __future__ import annotations

from keras_qd.tasks.task import Task

#: With the settings of P. Isola, J.-Y. Zhu, T. Zhou and A. A. Efros, CVPR (2017), arXiv:1611.07004,
#: but for the batch size of one and 200 epochs.
IMAGE_TO_IMAGE = Task(
    name="image-to-image",
    description="one image of a pair into the other, for pairs prepared with keras-qd prepare",
    dataset="image-pairs",
    inputs="input",
    targets="target",
    model="pix2pix",
    model_config={"output_activation": "tanh"},
    metrics=("l1", "l2", "r2", "ssim", "psnr"),
    followed=("l1", "r2"),
    scaling={"input": "minmax", "target": "minmax"},
    augmentation="jitter",
    batch_size=4,
    epochs=100,
    schedule="linear",
)

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
    # The course's 128 are for fourteen times as many images: fewer make up for the missing steps.
    batch_size=16,
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
