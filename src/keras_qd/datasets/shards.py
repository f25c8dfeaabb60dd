"""Which samples of a split lie together on disk, and an order that reads each place once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shards:
    """The rows of a split that is read shard by shard.

    Parameters
    ----------
    numbers : ndarray of int, shape (n,)
        Numbers of the shards that have rows in the split.
    edges : ndarray of int, shape (n + 1,)
        The rows of shard i are those from ``edges[i]`` to ``edges[i + 1] - 1``.
    window : int
        How many shards are shuffled together, and so have to be in memory at a time.
    """

    numbers: np.ndarray
    edges: np.ndarray
    window: int

    @classmethod
    def of_samples(cls, samples: np.ndarray, shard_samples: int, window: int) -> Shards:
        """Divide a split.

        Parameters
        ----------
        samples : ndarray of int
            Ascending numbers of the split's samples in the store.
        shard_samples : int
            Samples in a shard of the store.
        window : int
            How many shards are shuffled together.

        Examples
        --------
        >>> Shards.of_samples(np.array([0, 2, 3, 9, 11]), 4, window=2).edges
        array([0, 3, 5])
        """
        numbers, first = np.unique(samples // shard_samples, return_index=True)
        return cls(numbers, np.append(first, len(samples)), window)

    def shuffled(self, generator: np.random.Generator) -> np.ndarray:
        """Return all rows in a random order: random shards, then random rows of a window of them.

        Parameters
        ----------
        generator : numpy.random.Generator
            Alone decides on the order.

        Returns
        -------
        ndarray of int
            Rows of one window come before those of the next, so that each shard is read once.
        """
        order = generator.permutation(len(self.numbers))
        windows = [
            np.concatenate([np.arange(*self.edges[[one, one + 1]]) for one in order[start:stop]])
            for start, stop in self._windows()
        ]
        return np.concatenate([generator.permutation(rows) for rows in windows])

    def _windows(self) -> list[tuple[int, int]]:
        starts = range(0, len(self.numbers), self.window)
        return [(start, start + self.window) for start in starts]
