"""What a worker, wherever it is, must know to make shards of a store: plain text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module

from keras_qd.data.recipes import Recipe
from keras_qd.data.store.places import find_place
from keras_qd.data.store.store import Store
from keras_qd.data.store.writer import ShardWriter
from keras_qd.errors import UsageError
from keras_qd.registry import THIS_SESSION


@dataclass(frozen=True)
class Job:
    """The work on one store.

    Parameters
    ----------
    address : str
        Where the store is.
    recipe : str
        Class of the recipe, as ``"module:class"``.
    settings : str
        Its settings, as JSON.
    n_samples : int
        How many samples the store is meant to hold.
    """

    address: str
    recipe: str
    settings: str
    n_samples: int

    @classmethod
    def on(cls, store: Store, recipe: Recipe) -> Job:
        """Return the work of making samples of a store by a recipe.

        Raises
        ------
        UsageError
            If workers cannot import the recipe, or what it is made with.
        """
        for name, origin in recipe.origins.items():
            if origin == THIS_SESSION:
                raise UsageError(
                    f"worker processes do not know {name!r}, which this session has registered; "
                    "announce it as an entry point of an installed distribution, or let "
                    "write_store make the samples in this process"
                )
        settings = json.dumps(recipe.settings())
        return cls(store.place.address, _import_name(recipe), settings, store.n_samples)

    def open(self) -> ShardWriter:
        """Import and build the recipe, and open the store."""
        module, _, name = self.recipe.partition(":")
        recipe: Recipe = getattr(import_module(module), name)(**json.loads(self.settings))
        return ShardWriter(Store(find_place(self.address)), recipe)


def _import_name(recipe: Recipe) -> str:
    module, name = type(recipe).__module__, type(recipe).__qualname__
    if module == "__main__" or "<locals>" in name:
        raise UsageError(
            f"worker processes cannot import the recipe {name} from {module}; "
            "define it at the top level of a module file"
        )
    return f"{module}:{name}"
