"""What a model is worth beside the exact solver: times, their ratio, and when it pays."""
