"""Reading files that this package did not write."""
