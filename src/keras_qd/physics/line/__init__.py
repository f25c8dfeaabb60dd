"""Systems on a line between hard walls: one electron in batches, two electrons exactly."""
