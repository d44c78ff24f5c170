"""What the assets are given by Dagster: the engine and the model tracking."""
