"""Inverse design: a trained model proposes a potential, the exact solver refines and checks it."""
