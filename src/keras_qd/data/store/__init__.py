"""Stored data sets: Zarr groups, written shard by shard, resumable after any interruption."""
