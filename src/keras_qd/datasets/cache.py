"""Where data sets made without a path are kept, to be used again."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import platformdirs

from keras_qd.data.recipe import Recipe

#: Environment variable that names another directory.
VARIABLE = "KERAS_QD_CACHE"


def cache_directory() -> Path:
    """Return the directory of kept data sets: ``$KERAS_QD_CACHE``, or one in the user's cache."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_cache_path("keras-qd") / "datasets"


def cached_path(recipe: Recipe) -> Path:
    """Return where the data set of a recipe is kept, one path for each configuration.

    The number of samples is not part of it: more of them make the same data set longer.
    """
    text = json.dumps(recipe.configuration(), sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return cache_directory() / f"{recipe.kind}-{digest}.zarr"
