"""The solvers against exact and published values, row by row."""
