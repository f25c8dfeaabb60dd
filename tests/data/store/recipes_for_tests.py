"""Small recipes whose samples cost nothing, and which can be made to fail."""

import errno
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from keras_qd.data import Field, Recipe
from keras_qd.errors import PhysicsError
from keras_qd.physics.potentials.base import sample_generator


@dataclass(frozen=True, kw_only=True)
class Noise(Recipe):
    """Random images and their sums."""

    kind: ClassVar[str] = "noise"
    version: ClassVar[int] = 1
    identity: ClassVar[str] = "image"

    n_pixels: int = 8
    seed: int = 0
    shard: int = 4
    pause: float = 0.0

    @property
    def fields(self):
        side = self.n_pixels
        return {
            "image": Field((side, side), "Ha*", "noise"),
            "total": Field((), "", "sum of the image", "float64"),
        }

    @property
    def shard_samples(self):
        return self.shard

    def make(self, indices):
        time.sleep(self.pause * len(indices))
        images = np.stack([self.image(index) for index in indices])
        return {"image": images, "total": images.sum(axis=(1, 2))}

    def image(self, index):
        return sample_generator(self.seed, index).normal(size=(self.n_pixels, self.n_pixels))

    def configuration(self):
        configuration = super().configuration()
        del configuration["pause"]  # how slowly it works decides nothing
        return configuration


@dataclass(frozen=True, kw_only=True)
class BatchedNoise(Noise):
    """Noise made several samples at a time, with what depends on the division of the work."""

    batch: ClassVar[int] = 3
    shard: int = 6

    def make(self, indices):
        assert indices.start % 3 == 0
        assert len(indices) == 3
        made = super().make(indices)
        made["total"] = made["total"].cumsum()
        return made


@dataclass(frozen=True, kw_only=True)
class Failing(Noise):
    """Noise that fails at one sample in a chosen way, while the file `until` does not exist."""

    failure: str = "nan"
    at: int = 9
    until: str = ""

    def configuration(self):
        return Noise(n_pixels=self.n_pixels, seed=self.seed, shard=self.shard).configuration()

    def make(self, indices):
        if self.at not in indices or (self.until and os.path.exists(self.until)):
            return super().make(indices)
        return getattr(self, f"_{self.failure}")(super().make(indices))

    def _nan(self, made):
        made["image"][0, 2, 3] = np.nan
        return made

    def _shape(self, made):
        made["image"] = made["image"][:, :-1]
        return made

    def _refused(self, made):
        raise PhysicsError("the potential is too sharp")

    def _bug(self, made):
        raise ZeroDivisionError("a mistake in the recipe")

    def _full(self, made):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _dies(self, made):
        os._exit(41)

    def _dies_once(self, made):
        Path(self.until).touch()
        os.kill(os.getpid(), signal.SIGKILL)

    def _prints(self, made):
        print("not an answer")
        return made


@dataclass(frozen=True, kw_only=True)
class Choosy(Recipe):
    """Random numbers; the solver refuses those below a limit."""

    kind: ClassVar[str] = "choosy"
    version: ClassVar[int] = 1
    identity: ClassVar[str] = "number"
    fields: ClassVar = {"number": Field((), "Ha*", "a number", "float64")}

    limit: float = 0.5
    shard_samples: ClassVar[int] = 8

    def sample(self, generator):
        number = generator.random()
        if number < self.limit:
            raise PhysicsError(f"{number:.2g} is too small")
        return {"number": number}


@dataclass(frozen=True, kw_only=True)
class Threads(Noise):
    """Noise that tells in its numbers how many more threads matrix products have started."""

    def make(self, indices):
        made = super().make(indices)
        matrix = np.ones((600, 600))
        for _ in range(3):
            matrix = matrix @ matrix / 600
        # Threads of the process that Python knows nothing of: those of the BLAS library.
        made["total"][:] = len(os.listdir("/proc/self/task")) - threading.active_count()
        return made
