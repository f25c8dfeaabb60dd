"""Parabolic wells with one electron: an example of a plug-in for keras-qd."""
