"""The paper's Figure 7: a metric's scores of summaries against human judgements, a panel a language."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlgen.errors import InputError
from xlgen.files import write_whole
from xlgen.languages import KNOWN
from xlgen.registry import near_names
from xlgen.reports.figures import colour, marker
from xlgen.reports.humans import HumanCorrelation
from xlgen.reports.svg import (
    INK,
    PAPER,
    SOFT,
    inline_svg,
    plain_settings,
    standalone,
    write_png,
)
from xlgen.sources.judgements import SCALES, SYSTEMS, Judgements

FRENCH = "fr"  # Figure 7's language
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 0.75, 0.2, 1.0, 0.6, 0.28  # inches
_ALONE, _SIDE = 4.2, 1.75  # inches of one panel, and of one of many


def write_scatters(result: HumanCorrelation, folder: Path, *, language: str) -> list[Path]:
    """Draw for each metric one language's panel of focus, the paper's Figure 7, and all panels.

    Writes `figure7-METRIC` and `scatter-METRIC`, each as .svg and .png, and returns the paths.
    """
    written = []
    for metric in result.labels:
        figures = (("figure7", (language,), SCALES[:1]), ("scatter", result.languages, SCALES))
        for name, languages, scales in figures:
            stem = f"{name}-{metric}"
            with matplotlib.rc_context(plain_settings()):
                figure = draw_scatter(result, metric, languages=languages, scales=scales)
                title = f"{result.labels[metric]} and human judgements"
                svg = inline_svg(
                    figure,
                    name=name,
                    title=title,
                    description="correlation.json holds the numbers.",
                )
                write_whole(folder / f"{stem}.svg", standalone(svg))
                write_png(figure, folder / f"{stem}.png")
            written += [folder / f"{stem}.svg", folder / f"{stem}.png"]
    return written


def figure_language(judgements: Judgements, asked: str | None) -> str:
    """Return the language of Figure 7: the one asked for, or French, or the first that was read."""
    known = list(dict.fromkeys(row.language for row in judgements.rows))
    if asked is None:
        return FRENCH if FRENCH in known else known[0]
    if asked not in known:
        raise InputError(
            f"expected a language that is read, got {asked!r}: {near_names(asked, known)}"
        )
    return asked


def draw_scatter(
    result: HumanCorrelation, metric: str, *, languages: Sequence[str], scales: Sequence[str]
) -> Figure:
    """Draw a row of panels for each scale: a dot a summary, the least-squares line, Pearson's r.

    Call inside `matplotlib.rc_context(plain_settings())`. Systems differ in colour and shape.
    """
    side = _ALONE if len(languages) * len(scales) == 1 else _SIDE
    width = _LEFT + _RIGHT + len(languages) * (side + _GAP) - _GAP
    height = _TOP + _BOTTOM + len(scales) * (side + _GAP) - _GAP
    figure = Figure(figsize=(width, height), facecolor=PAPER)
    grid = figure.subplots(len(scales), len(languages), squeeze=False, sharex="col", sharey="row")
    figure.subplots_adjust(
        left=_LEFT / width, right=1 - _RIGHT / width, bottom=_BOTTOM / height, top=1 - _TOP / height,
        wspace=_GAP / side, hspace=_GAP / side,
    )  # fmt: skip
    for row, scale in enumerate(scales):
        grid[row][0].set_ylabel(f"{scale}, z-score")
        for column, code in enumerate(languages):
            _draw_panel(grid[row][column], result, metric, language=code, scale=scale)
            if row == 0:
                grid[row][column].set_title(KNOWN[code].name)
    figure.text(
        (_LEFT + (width - _LEFT - _RIGHT) / 2) / width, 0.14 / height, result.labels[metric],
        ha="center", fontsize=10.5, color=SOFT,
    )  # fmt: skip
    figure.text(
        0.08 / width, 1 - 0.28 / height, f"{result.labels[metric]} and human judgements",
        fontsize=11.5, weight="bold", color=INK,
    )  # fmt: skip
    handles = [
        Line2D([], [], linestyle="none", marker=marker(n), color=colour(n), label=name)
        for n, name in enumerate(SYSTEMS)
    ]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 1 - 0.32 / height), ncols=len(SYSTEMS),
        frameon=False, fontsize=9.5, borderaxespad=0.1, handletextpad=0.2, columnspacing=1.2,
    )  # fmt: skip
    return figure


def _draw_panel(
    axes: Axes, result: HumanCorrelation, metric: str, *, language: str, scale: str
) -> None:
    axes.tick_params(length=0, labelsize=8.5, labelcolor=SOFT)
    held = [p for p in result.points if p.language == language and metric in p.scores]
    for number, system in enumerate(SYSTEMS):
        own = [p for p in held if p.system == system]
        axes.plot(
            [p.scores[metric] for p in own], [p.judgements[scale] for p in own], linestyle="none",
            marker=marker(number), markersize=3.4, color=colour(number), markeredgewidth=0, alpha=0.65,
        )  # fmt: skip
    cell = result.cell(language, metric, scale=scale)
    if cell.value is None:
        axes.text(
            0.04, 0.94, "r not defined", transform=axes.transAxes, va="top", color=SOFT, fontsize=9
        )
        return
    x, y = (
        np.array(side) for side in zip(*[(p.scores[metric], p.judgements[scale]) for p in held])
    )
    slope, start = np.polyfit(x, y, 1)
    ends = np.array([x.min(), x.max()])
    axes.plot(ends, start + slope * ends, color=INK, linewidth=1.2)
    axes.text(
        0.04, 0.96, f"r {cell.value:.2f}", transform=axes.transAxes, va="top", color=INK, fontsize=9.5,
        weight="bold",
    )  # fmt: skip
