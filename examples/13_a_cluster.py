# %% [markdown]
# # A cluster
#
# One data set, made in three ways: by one process, by two of which the work is taken away halfway,
# and by a cluster of Dask workers. Bit for bit it is the same. Half a minute.

# %%
import os
import time
from importlib.util import find_spec

from keras_qd.data import QuantumDots, generate

REDUCED = "KERAS_QD_REDUCED" in os.environ  # seconds, for tests
samples, orbitals = (160, 6) if REDUCED else (800, 20)
recipe = QuantumDots(n_electrons=2, family="random-mixture", n_orbitals=orbitals, seed=7)

# %% [markdown]
# The work is cut into shards, of about a megabyte a field. Sample i depends on the settings, the
# seed and i alone, so it does not matter who makes which shard, or when.

# %%
start = time.perf_counter()
alone = generate("alone.zarr", recipe, samples, workers=1)
seconds = time.perf_counter() - start
print(f"one process: {alone.n_shards} shards in {seconds:.1f} s, digest {alone.digest()}")

# %% [markdown]
# Two processes; at half time somebody presses Ctrl-C. What is finished stays, and the same call
# goes on from there. A power failure would do no harm either.


# %%
def interrupt_halfway(done, total):
    """Do what Ctrl-C does."""
    if 2 * done >= total:
        raise KeyboardInterrupt


try:
    generate("interrupted.zarr", recipe, samples, workers=2, progress=interrupt_halfway)
except KeyboardInterrupt:
    print("interrupted")
resumed = generate("interrupted.zarr", recipe, samples, workers=2)
print(f"gone on with: digest {resumed.digest()}")
if resumed.digest() != alone.digest():
    raise SystemExit("the data sets differ")

# %% [markdown]
# A Dask cluster: a scheduler and two workers, here on this machine, each a process that knows
# nothing of the others but the scheduler's address. On a real cluster they are started by
#
#     dask scheduler                                             # on one machine
#     dask worker tcp://node7:8786 --nthreads 1 --nworkers 16    # on each of the others
#
# or, under Slurm and other batch systems, by dask-jobqueue (docs/clusters.md has the script). What
# follows is then the same with that address.

# %%
if find_spec("distributed") is None:
    print("Dask is not installed: pip install 'keras-qd[dask]'")
else:
    from distributed import SubprocessCluster

    with SubprocessCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
    ) as cluster:
        made = generate("cluster.zarr", recipe, samples, scheduler=cluster.scheduler_address)
    print(f"a cluster: digest {made.digest()}")
    if made.digest() != alone.digest():
        raise SystemExit("the data sets differ")

# %% [markdown]
# Raise `samples` later, and the first ones stay as they are. Everything that reads a data set
# reads this one: `keras-qd train potential-to-density --data cluster.zarr`.
