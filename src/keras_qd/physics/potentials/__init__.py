"""Random confinement potentials: one family a file, seeded sample by sample."""
