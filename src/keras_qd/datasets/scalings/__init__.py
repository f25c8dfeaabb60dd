"""The ways to scale a field, one a file."""
