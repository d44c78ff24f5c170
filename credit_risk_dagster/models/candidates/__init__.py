"""The candidates of a training: one module each, behind the interface of `interface`."""
