# %% [markdown]
# # A cluster
#
# One data set generated in three ways: by one process, by two processes with an interruption, and
# by a cluster of Dask workers. The results are identical bit for bit. This takes half a minute.

# %%
import time
from importlib.util import find_spec

from keras_qd.data import QuantumDots, generate

samples, orbitals = 800, 20
recipe = QuantumDots(n_electrons=2, family="random-mixture", n_orbitals=orbitals, seed=7)

# %% [markdown]
# The work is divided into shards of about a megabyte per field. Sample i depends only on the
# settings, the seed and i, so it does not matter which process computes which shard, or when.

# %%
start = time.perf_counter()
alone = generate("alone.zarr", recipe, samples, workers=1)
seconds = time.perf_counter() - start
print(f"one process: {alone.n_shards} shards in {seconds:.1f} s, digest {alone.digest()}")

# %% [markdown]
# Two processes, interrupted halfway with Ctrl-C. Finished shards are kept, and the same call
# resumes from there. A power failure would do no harm either.


# %%
def interrupt_halfway(done, total):
    """Raise what Ctrl-C raises."""
    if 2 * done >= total:
        raise KeyboardInterrupt


try:
    generate("interrupted.zarr", recipe, samples, workers=2, progress=interrupt_halfway)
except KeyboardInterrupt:
    print("interrupted")
resumed = generate("interrupted.zarr", recipe, samples, workers=2)
print(f"resumed: digest {resumed.digest()}")
if resumed.digest() != alone.digest():
    raise SystemExit("the data sets differ")

# %% [markdown]
# A Dask cluster: a scheduler and two workers, here processes on this machine that know only the
# address of the scheduler. On a real cluster they are started by
#
#     dask scheduler                                             # on one machine
#     dask worker tcp://node7:8786 --nthreads 1 --nworkers 16    # on each of the others
#
# or, under Slurm and other batch systems, by dask-jobqueue (see docs/clusters.md). The code below
# is then the same with that address.

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
# If you increase `samples` later, the existing ones stay as they are. The store is used like any
# data set: `keras-qd train potential-to-density --data cluster.zarr`.
