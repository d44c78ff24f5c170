"""Functions that contracts of the tests name."""

import ibis.expr.types as ir


def half(value: ir.FloatingValue) -> ir.FloatingValue:
    """Return what can be used."""
    return value / 2


def endless(value: ir.FloatingValue) -> ir.FloatingValue:
    """Divide by 0 where a value is 0."""
    return (value + 1).cast("float64") / value


def words(value: ir.FloatingValue) -> ir.StringValue:
    """Return no number."""
    return value.cast("string")


def broken(value: ir.FloatingValue) -> ir.FloatingValue:
    """Fail."""
    raise RuntimeError(f"no such thing as {type(value).__name__}")
