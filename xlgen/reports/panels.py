"""A panel a language: what a study's figures share. The printed means are hollow, and apart from ours."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlgen.languages import KNOWN, SOURCE
from xlgen.reports.figures import Picture, colour, marker
from xlgen.reports.grid import ENGLISH, TARGET
from xlgen.reports.published import Printed
from xlgen.reports.study import Summary
from xlgen.reports.svg import PAPER, SOFT, inline_svg, plain_settings

PLAIN = {
    "prompt": "PromptTuning",
    "model": "ModelTuning",
}  # in the order of their colours and shapes
HOLLOW = "Hollow: printed in the paper, of mT5 on WikiLingua-0, not to be compared number by number"
WIDTH = 11.0  # inches, as all figures
Dot = Summary | Printed | None
Grid = Sequence[Sequence[Axes]]


@contextmanager
def panels(rows: int, languages: Sequence[str], *, height: float) -> Iterator[tuple[Figure, Grid]]:
    """Give a figure of `rows` x languages, `height` inches, each column headed by its language."""
    with matplotlib.rc_context(plain_settings()):
        figure = Figure(figsize=(WIDTH, height))
        grid = figure.subplots(rows, len(languages), sharey="row", squeeze=False)
        for axes, code in zip(grid[0], languages, strict=True):
            axes.set_title(KNOWN[code].name)
        for axes in figure.axes:
            axes.tick_params(length=0, labelcolor=SOFT)
        yield figure, [list(line) for line in grid]


def share_metric(language: str) -> str:
    """Return the LID that says how much is in the language itself."""
    return ENGLISH if language == SOURCE else TARGET


def draw_line(
    axes: Axes, places: Sequence[float], *, dots: Sequence[Dot], system: int, hollow: bool = False
) -> None:
    """Join what was measured, with bars of one standard deviation; what is missing breaks nothing."""
    known = [(x, dot) for x, dot in zip(places, dots, strict=True) if dot is not None]
    axes.plot(
        [x for x, _ in known], [dot.mean for _, dot in known], color=colour(system), linewidth=1.4,
        linestyle="--" if hollow else "-", alpha=0.5 if hollow else 1.0,
    )  # fmt: skip
    for x, dot in known:
        draw_dot(axes, (x, dot.mean), spread=(0, dot.std or 0), system=system, hollow=hollow)


def draw_dot(
    axes: Axes,
    place: tuple[float, float],
    *,
    system: int,
    hollow: bool = False,
    spread: tuple[float, float] = (0.0, 0.0),
    shape: str | None = None,
    size: float = 6.0,
) -> None:
    """Draw one mean, with bars of `spread` along x and y; hollow for the paper's."""
    for axis, width in enumerate(spread):
        if width:
            ends = [place[axis] - width, place[axis] + width]
            at = [place[1 - axis]] * 2
            axes.plot(
                *((ends, at) if axis == 0 else (at, ends)), color=colour(system), linewidth=1.1
            )
    axes.plot(
        [place[0]], [place[1]], marker=shape or marker(system), markersize=size, linestyle="none",
        color=PAPER if hollow else colour(system), markeredgecolor=colour(system) if hollow else PAPER,
        markeredgewidth=1.3 if hollow else 0.8, clip_on=False, zorder=3,
    )  # fmt: skip


def handle(system: int, label: str, *, hollow: bool = False) -> Line2D:
    """Return a system's entry of the legend."""
    return Line2D(
        [], [], marker=marker(system), markersize=7, linewidth=1.4, label=label, color=colour(system),
        markerfacecolor=PAPER if hollow else colour(system), linestyle="--" if hollow else "-",
    )  # fmt: skip


def shape_handle(shape: str, label: str, *, hollow: bool = False) -> Line2D:
    """Return an entry of the legend that is about a shape alone."""
    return Line2D(
        [], [], marker=shape, markersize=7, linestyle="none", label=label, color=SOFT,
        markerfacecolor=PAPER if hollow else SOFT,
    )  # fmt: skip


def finish(
    figure: Figure,
    handles: Sequence[Line2D],
    *,
    name: str,
    title: str,
    caption: str,
    left: float = 0.6,
    bottom: float = 0.55,
) -> Picture:
    """Add the legend, set margins (inches) and return the picture."""
    height = figure.get_size_inches()[1]
    if handles:
        figure.legend(
        handles=list(handles), loc="upper left", ncols=len(handles), frameon=False,
        borderaxespad=0.1, handlelength=1.5, columnspacing=1.2, handletextpad=0.5, fontsize=9.5,
    )  # fmt: skip
    figure.subplots_adjust(
        left=left / WIDTH, right=0.985, top=1 - (0.68 if handles else 0.35) / height, bottom=bottom / height,
        wspace=0.1, hspace=0.14,
    )  # fmt: skip
    svg = inline_svg(figure, name=name, title=title, description="The tables hold the numbers.")
    return Picture(svg, title, caption)
