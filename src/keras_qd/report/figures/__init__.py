"""Figures in one style; each function draws one from plain arrays."""
