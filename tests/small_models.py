"""A small configuration of each registered model, for tests of what all of them share."""

_LINE = {"input_shape": (16, 1), "output_shape": (1,)}
_DIGIT = {"input_shape": (28, 28, 1), "output_shape": (10,)}

#: Model -> shapes and settings that make it small.
MODELS = {
    "conv-autoencoder": {"input_shape": (12, 12, 1)},
    "digit-cnn": _DIGIT,
    "digit-resnet": {**_DIGIT, "config": {"filters": [2, 3]}},
    "energy-cnn": {**_LINE, "config": {"units": [5]}},
    "fno": {"input_shape": (8, 8, 1), "config": {"width": 4, "modes": 2, "padding": 2}},
    "fno-1d": {**_LINE, "config": {"width": 4}},
    "pix2pix": {"input_shape": (16, 16, 1), "config": {"filters": 2, "discriminator_levels": 1}},
    "residual-1d": {**_LINE, "config": {"width": 4}},
    "residual-2d": {
        "input_shape": (8, 8, 1),
        "output_shape": (2,),
        "config": {"width": 4, "blocks": 1, "charges": [2, 0]},
    },
    "residual-unet": {"input_shape": (8, 8, 1), "config": {"filters": 2, "levels": 1}},
    "residual-autoencoder": {"input_shape": (12, 12, 1), "config": {"filters": [2, 3]}},
    "table-mlp": {"input_shape": (3,), "output_shape": (2,), "config": {"width": 4}},
    "transformer-unet": {
        "input_shape": (8, 8, 1),
        "config": {"filters": 6, "levels": 1, "heads": 2},
    },
    "unet": {"input_shape": (8, 8, 1), "config": {"filters": 2}},
}
