"""Neural networks: layers, optimisers, schedulers and the files that hold their state."""
