"""The models: when to train, on what, how good they are, and which one serves."""
