"""Figures in one style, each drawn by one function from plain arrays."""
