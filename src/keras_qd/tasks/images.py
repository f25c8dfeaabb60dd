"""Image to image: pix2pix on the user's own pairs."""

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
