"""Checks of arguments that several layers have."""

from numbers import Integral


def check_units(units, name="units"):
    """Returns a positive integer, or raises a ValueError that names the argument."""
    if not isinstance(units, Integral) or isinstance(units, bool) or units < 1:
        raise ValueError(
            f"Argument `{name}` must be a positive integer. Received: {name}={units!r}"
        )
    return int(units)  # NumPy's integers, as from a search, cannot be saved


def check_rate(name, rate):
    """Returns a share from 0 to below 1 as a float, or raises a ValueError."""
    if not isinstance(rate, (int, float)) or not 0 <= rate < 1:
        raise ValueError(
            f"Argument `{name}` must be a number from 0 to below 1. "
            f"Received: {name}={rate!r}"
        )
    return float(rate)
