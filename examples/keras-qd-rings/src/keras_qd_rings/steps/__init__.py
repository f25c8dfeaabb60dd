"""The training step, one file a backend."""
