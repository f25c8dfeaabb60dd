"""Pairs of images: finding them, reading them without loss, and preparing them for learning."""
