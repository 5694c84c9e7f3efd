"""A figure, and the table of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Figure:
    """What was measured, and what the design asks for."""

    name: str
    measured: str
    asked: str
    holds: bool


def at_most(name: str, value: float, most: float, unit: str, note: str = "") -> Figure:
    """Return a figure that should be small."""
    return Figure(name, f"{value:.3g} {unit}{note}".strip(), f"≤ {most:g} {unit}".strip(), value <= most)


def at_least(name: str, value: float, least: float, unit: str, note: str = "") -> Figure:
    """Return a figure that should be great."""
    return Figure(name, f"{value:.3g} {unit}{note}".strip(), f"≥ {least:g} {unit}".strip(), value >= least)


def p99(values: Sequence[float]) -> float:
    """Return what 99 of 100 values do not exceed."""
    return quantiles(values, n=100, method="inclusive")[98]


def spread(values: Sequence[float]) -> str:
    """Return the least and the greatest of values whose median is told."""
    return f" ({min(values):.3g} to {max(values):.3g})"


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return median(values)


def show(figures: Sequence[Figure], write: Callable[[str], object]) -> None:
    """Write the figures as a table in Markdown."""
    write("| figure | measured | asked for | |")
    write("|---|---|---|---|")
    for figure in figures:
        write(f"| {figure.name} | {figure.measured} | {figure.asked} | {'holds' if figure.holds else '**misses**'} |")
