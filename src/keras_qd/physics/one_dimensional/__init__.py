"""One-dimensional systems between hard walls: one electron in batches, two electrons exactly."""
