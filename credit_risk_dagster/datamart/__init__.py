"""The tables of an installation: where they live, how a month is written, the two engines."""
