"""Saved models that any backend can load."""

from __future__ import annotations

from typing import Any


def portable_config(config: Any) -> Any:
    """Return a compile configuration that names no backend.

    On torch, Keras writes optimizers as ``keras.src.backend.torch.optimizers.torch_adam.Adam``,
    which another backend cannot import; here they are ``keras.optimizers.Adam``, which every
    backend understands. Whether to compile is left to the backend that loads the model: Keras
    writes what the one that saved it had chosen.

    Parameters
    ----------
    config : dict
        Serialized by Keras, nested as it comes.

    Examples
    --------
    >>> portable_config({"module": "keras.src.backend.torch.optimizers.torch_adam"})
    {'module': 'keras.optimizers'}
    >>> portable_config({"loss": "mae", "jit_compile": True})
    {'loss': 'mae', 'jit_compile': 'auto'}
    """
    if isinstance(config, (list, tuple)):
        return [portable_config(item) for item in config]
    if not isinstance(config, dict):
        return config
    portable = {key: portable_config(value) for key, value in config.items()}
    if "jit_compile" in portable:
        portable["jit_compile"] = "auto"
    if str(portable.get("module")).startswith("keras.src.backend.torch.optimizers"):
        portable["module"] = "keras.optimizers"
        if "registered_name" in portable:
            portable["registered_name"] = None
    return portable
