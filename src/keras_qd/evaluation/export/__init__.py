"""Trained models as files of other programs, in physical units, with a card that tells of them."""
