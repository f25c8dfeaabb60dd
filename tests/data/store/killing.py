"""Processes that generate, to be killed at any moment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from keras_qd.data import open_store

# Begun in the background, a test hands down an interrupt (Ctrl-C) that is ignored.
SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from recipes_for_tests import *
from keras_qd.data import *

generate(sys.argv[1], eval(sys.argv[3]), int(sys.argv[2]), workers=2)
"""


def start(path, n_samples, recipe="Noise(pause=0.005)"):
    """Start a generating process and return it, the leader of a group of its own."""
    search = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), str(n_samples), recipe],
        env=os.environ | {"PYTHONPATH": search},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )


def kill_after(process, seconds, kind=signal.SIGKILL):
    """Kill a process and return whether it was still at work."""
    time.sleep(seconds)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, kind)
    process.wait()
    return alive


def kill_until_done(path, n_samples, generator, recipe="Noise(pause=0.005)", longest=1.0):
    """Start and kill until the store is finished; return how often it was killed at work."""
    kills = 0
    while True:
        process = start(path, n_samples, recipe)
        # A little longer each time, so that it ends on a busy machine as well.
        if not kill_after(process, generator.uniform(0.2, longest * (1 + 0.3 * kills))):
            assert process.returncode == 0
            return kills
        kills += 1
        assert_only_finished_counts(path)


def assert_only_finished_counts(path):
    """Whatever was killed: what the store says it has is sound, and nothing else is read."""
    if path.exists():
        store = open_store(path)
        assert store.damaged() == []
