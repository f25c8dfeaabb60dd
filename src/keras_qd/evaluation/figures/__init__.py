"""Figures in one style, each made by one function from plain arrays."""
