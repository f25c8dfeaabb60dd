"""Electrons on a ring in a magnetic field, for keras-qd."""
