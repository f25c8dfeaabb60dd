"""Densities to be designed: drawn from simple shapes, painted from an image, or given as arrays."""
