"""Drawn charts: spending as PNG, the only module that knows matplotlib; bot/drawing.py runs it."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from bot.charts import Chart, Day

DPI, WIDTH, HEIGHT, BAND = 200, 5.4, 5.3, 1.15  # inches; the band is that of the month
MOST_BUTLERS = 5
LONGEST_NAME = 14
OTHERS = "others"
# Colours that nobody confuses, after Okabe and Ito, and a grey for the rest.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7")
GREY, INK, SLATE, PALE, PAGE, TODAY = "#8A8A8A", "#1F2328", "#57606A", "#D9DCE0", "#F7F7F4", "#E9E6DC"
OVER = "#B3261E"
HATCH = "////"
LOWEST = 0.004  # dollars, of the whole height: fewer would need more digits than there is room for
THOUSAND, LONG = 1000.0, 10_000.0
TINY = 1e-9  # what floats are wrong by
FAR = 2.5  # times the highest day: a cap that is further above is told, not drawn to scale
COLUMNS = 3  # of the legend
WEEK = 7
EDGE = 0.25  # of the month: words in the middle would stand out of the picture
NEAR_THE_EDGE = 3  # days: a number there would stand out of the picture
FRAME = {"facecolor": PAGE, "edgecolor": "none", "pad": 1.5, "alpha": 0.85}  # behind what may stand on bars and lines
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # matplotlib brings it along
    "font.size": 11.5,
    "text.parse_math": False,  # two dollars are no formula
    "text.color": INK,
    "axes.facecolor": PAGE,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.linewidth": 1.6,
    "hatch.color": PAGE,
}


@dataclass(frozen=True)
class _Layer:
    """One colour of the bars: what a butler spent on each day, and how much of that is estimated."""

    name: str
    colour: str
    reported: tuple[float, ...]
    estimated: tuple[float, ...]


def picture(chart: Chart) -> bytes:
    """Draw a chart and return it as PNG, the same for the same chart."""
    out = BytesIO()
    drawn(chart).savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def drawn(chart: Chart) -> Figure:
    """Draw a chart and return the figure."""
    mpl.rcdefaults()  # whatever a file of somebody's says
    mpl.rcParams.update(STYLE)
    month = 0.0 if chart.month_cap is None else BAND
    height = HEIGHT + month
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=PAGE)
    FigureCanvasAgg(figure)
    layers = _layers(chart)
    rows = _legend(figure, chart, layers, height)
    bottom = month + 0.64
    top = height - 0.62 - 0.27 * rows - 0.12
    days = figure.add_axes((0.125, bottom / height, 0.84, (top - bottom) / height))
    _draw_days(days, chart, layers)
    if chart.month_cap is not None:
        _draw_month(figure.add_axes((0.045, 0.16 / height, 0.92, (BAND - 0.2) / height)), chart.month_cap, chart)
    frame = Rectangle((0, 0), 1, 1, transform=figure.transFigure, fill=False, edgecolor=PALE, linewidth=2)
    figure.add_artist(frame)
    return figure


def _layers(chart: Chart) -> list[_Layer]:
    """Return the butlers that spent most, and all others as one."""
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for day in chart.days:
        for one in day.slices:
            totals[one.butler] += one.amount
    spenders = sorted((name for name in totals if totals[name]), key=lambda name: (-totals[name], name))
    shown = spenders if len(spenders) <= MOST_BUTLERS else spenders[:MOST_BUTLERS]
    groups = [(name, colour, {name}) for name, colour in zip(shown, COLOURS, strict=False)]
    if len(spenders) > MOST_BUTLERS:
        groups.append((OTHERS, GREY, set(spenders[MOST_BUTLERS:])))
    return [
        _Layer(
            name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…",
            colour,
            tuple(_of(day, names, estimated=False) for day in chart.days),
            tuple(_of(day, names, estimated=True) for day in chart.days),
        )
        for name, colour, names in groups
    ]


def _of(day: Day, names: set[str], *, estimated: bool) -> float:
    """Return what these butlers spent on a day."""
    wanted = (one.amount for one in day.slices if one.butler in names and one.estimated is estimated)
    return float(sum(wanted, Decimal()))


def _legend(figure: Figure, chart: Chart, layers: Sequence[_Layer], height: float) -> int:
    """Write the title and what the colours mean; return how many rows that takes."""
    figure.text(0.045, 1 - 0.2 / height, chart.title, fontsize=17, fontweight="bold", va="top")
    marks = [Patch(facecolor=layer.colour, label=layer.name) for layer in layers]
    if chart.estimated:
        marks.append(Patch(facecolor=GREY, hatch=HATCH, edgecolor=PAGE, linewidth=0, label="not reported"))
    if not marks:
        return 0
    figure.legend(
        handles=[mark for column in range(COLUMNS) for mark in marks[column::COLUMNS]],  # so that they are read in rows
        loc="upper left",
        bbox_to_anchor=(0.034, 1 - 0.6 / height),
        ncols=COLUMNS,
        frameon=False,
        fontsize=11,
        handlelength=1.1,
        handleheight=1.0,
        handletextpad=0.5,
        columnspacing=1.3,
        borderaxespad=0.0,
    )
    return -(-len(marks) // COLUMNS)


def _draw_days(axes: Axes, chart: Chart, layers: Sequence[_Layer]) -> None:
    """Draw a stacked bar for each day, and the cap across them."""
    count = len(chart.days)
    axes.axvspan(count - 1.5, count - 0.5, color=TODAY, linewidth=0, zorder=0)
    feet = [0.0] * count
    for layer in layers:
        for amounts, hatch in ((layer.reported, ""), (layer.estimated, HATCH)):
            if any(amounts):
                axes.bar(
                    range(count), amounts, 0.78, feet, color=layer.colour, hatch=hatch, edgecolor=PAGE, linewidth=0.5, zorder=2
                )
                feet = [foot + amount for foot, amount in zip(feet, amounts, strict=True)]
    highest = max(feet)
    cap = None if chart.cap is None else float(chart.cap)
    is_near = cap is not None and (highest == 0 or cap <= FAR * highest)
    top = max(highest, cap if cap is not None and is_near else 0.0, LOWEST)
    axes.set_xlim(-0.6, count - 0.4)
    axes.set_ylim(0, top * 1.16)
    peak = feet.index(highest)
    if chart.cap is not None:
        _draw_cap(axes, chart.cap, chart, near=is_near, side="right" if peak < count / 2 else "left")
    if highest:
        side = "right" if peak >= count - NEAR_THE_EDGE else "left" if peak < NEAR_THE_EDGE else "center"
        at = peak + {"right": 0.45, "left": -0.45, "center": 0.0}[side]
        told = chart.money(chart.days[peak].total)
        axes.text(at, highest + top * 0.02, told, ha=side, va="bottom", fontweight="bold", zorder=6, bbox=FRAME)
    else:
        axes.text(0.5, 0.55, "Nothing was spent.", transform=axes.transAxes, ha="center", fontsize=13, color=SLATE)
    _set_ticks(axes, chart, has_amounts=bool(highest) or is_near)


def _draw_cap(axes: Axes, amount: Decimal, chart: Chart, *, near: bool, side: Literal["left", "right"]) -> None:
    """Draw the cap of a day as a line with its amount, or say how far above all it is; the words go to a side."""
    told = f"cap {chart.money(amount)} a day"
    at = 0.01 if side == "left" else 0.99
    if not near:
        axes.text(at, 0.985, f"▲ {told}", transform=axes.transAxes, ha=side, va="top", zorder=5, bbox=FRAME)
        return
    axes.axhline(float(amount), color=INK, linestyle=(0, (5, 3)), linewidth=1.6, zorder=3)
    axes.annotate(
        told,
        (at, float(amount)),
        xycoords=axes.get_yaxis_transform(),
        xytext=(0, 4),
        textcoords="offset points",
        ha=side,
        va="bottom",
        zorder=5,
        bbox=FRAME,
    )


def _set_ticks(axes: Axes, chart: Chart, *, has_amounts: bool) -> None:
    """Name today and the same day of each week before, and few amounts."""
    last = len(chart.days) - 1
    places = list(range(last, -1, -WEEK))
    axes.set_xticks(places, ["today" if place == last else _short(chart.days[place]) for place in places])
    label = axes.get_xticklabels()[0]
    label.set_fontweight("bold")
    side: Literal["right", "center"] = "right" if last >= WEEK else "center"
    label.set_horizontalalignment(side)
    told = chart.money(chart.days[last].total)
    below = ("data", "axes fraction")
    axes.annotate(
        told, (last, 0), (0, -22), below, "offset points", ha=side, va="top", fontweight="bold", annotation_clip=False
    )
    low, high = axes.get_ylim()
    amounts = [place for place in MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if low <= place <= high]
    shown = amounts if has_amounts else [0.0]
    axes.set_yticks(shown, [f"{chart.unit}{one}" for one in _spelled(shown)])
    axes.grid(axis="y", color=PALE, linewidth=0.9, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=5)
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.spines["bottom"].set_color(GREY)


def _spelled(amounts: Sequence[float]) -> list[str]:
    """Return amounts alike, with no more digits than there is room for."""
    scale, end = (THOUSAND, "k") if max(amounts) >= LONG else (1.0, "")
    digits = next((most for most in (0, 2) if all(abs(round(one / scale, most) - one / scale) < TINY for one in amounts)), 3)
    return [f"{one / scale:,.{digits}f}{end}" if one else "0" for one in amounts]


def _short(day: Day) -> str:
    return f"{day.date.day} {day.date:%b}"


def _draw_month(axes: Axes, most: Decimal, chart: Chart) -> None:
    """Draw how much of the month's cap is spent, beside how much of the month is over."""
    spent, cap, days = float(chart.month), float(most), monthrange(chart.today.year, chart.today.month)[1]
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    is_over = spent > cap
    told = f"{chart.money(chart.month)} of {chart.money(most)}"
    axes.text(0, 0.95, f"{chart.today:%B} so far", fontsize=12, fontweight="bold", va="top")
    axes.text(1, 0.95, told, fontsize=12, fontweight="bold", va="top", ha="right", color=OVER if is_over else INK)
    axes.add_patch(Rectangle((0, 0.34), 1, 0.24, color=PALE, linewidth=0))
    share = min(spent / cap, 1.0) if cap else float(spent > 0)
    axes.add_patch(Rectangle((0, 0.34), share, 0.24, color=OVER if is_over else SLATE, linewidth=0))
    passed = chart.today.day / days
    for colour, width in ((PAGE, 6), (INK, 2.5)):
        axes.plot([passed, passed], [0.26, 0.66], color=colour, linewidth=width, solid_capstyle="butt", clip_on=False)
    side = "left" if passed < EDGE else "right" if passed > 1 - EDGE else "center"
    axes.text(passed, 0.2, f"day {chart.today.day} of {days}", fontsize=11, va="top", ha=side)
