"""Reading what others have written: arrays in files that this package did not make."""
