"""Figures of a report: quality by language, quality against wrong-language output, learning curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from xlgen.languages import KNOWN, SOURCE
from xlgen.reports.grid import QUALITY, Grid, metric_label, wrong_share
from xlgen.reports.read import History
from xlgen.reports.svg import (
    GRID,
    INK,
    PAPER,
    SOFT,
    SYSTEM_COLOURS,
    SYSTEM_MARKERS,
    inline_svg,
    plain_settings,
)


@dataclass(frozen=True)
class Picture:
    """An inline SVG with the words under it."""

    svg: str
    title: str
    caption: str


def colour(system: int) -> str:
    """Return the colour of a system; the palette repeats after six, the names do not."""
    return SYSTEM_COLOURS[system % len(SYSTEM_COLOURS)]


def marker(system: int) -> str:
    """Return the shape of a system, so that colour is never alone."""
    return SYSTEM_MARKERS[system % len(SYSTEM_MARKERS)]


def draw_languages(grid: Grid, *, name: str) -> Picture:
    """Dots with intervals: SP-ROUGE-Lsum and the wrong-language share, one row per language."""
    title = f"Quality and wrong-language output by language, {grid.title}"
    rows = len(grid.languages)
    with matplotlib.rc_context(plain_settings()):
        figure = Figure(figsize=(11, 1.25 + 0.33 * rows))
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.45, 1])
        for system in range(len(grid.systems)):
            _draw_quality(left, grid, system)
            _draw_wrong(right, grid, system)
        left.set_yticks(range(rows), [KNOWN[code].name for code in grid.languages])
        left.set_ylim(rows - 0.4, -0.6)
        left.set_xlim(left=0)
        right.set_xlim(-4, 104)
        left.set_title(f"{metric_label(grid.quality)}, higher is better")
        right.set_title("Wrong language, %, lower is better")
        for axes in (left, right):
            axes.grid(visible=False, axis="y")
            axes.tick_params(length=0)
            axes.spines["left"].set_visible(False)
            for row in range(0, rows, 2):
                axes.axhspan(row - 0.5, row + 0.5, color=GRID, alpha=0.28, linewidth=0)
        _add_legend(figure, grid.systems)
        figure.subplots_adjust(
            left=0.1, right=0.985, top=1 - 0.82 / (1.25 + 0.33 * rows),
            bottom=0.32 / (1.25 + 0.33 * rows), wspace=0.06,
        )  # fmt: skip
        svg = inline_svg(figure, name=name, title=title, description="The table holds the numbers.")
    return Picture(
        svg,
        title,
        "Each dot is a mean over articles, each bar its 95 % interval. An output is in the wrong "
        "language when CLD3's first guess is not the target, empty outputs left out; short ones are "
        "often misjudged.",
    )


def _draw_quality(axes: Axes, grid: Grid, system: int) -> None:
    shift = _shift(system, len(grid.systems))
    for row, language in enumerate(grid.languages):
        cell = grid.cell(language, grid.quality, system)
        if cell is None:
            continue
        if cell.low is not None and cell.high is not None:
            axes.plot([cell.low, cell.high], [row + shift] * 2, color=colour(system), linewidth=1.6)
        _dot(axes, cell.value, row + shift, system)


def _draw_wrong(axes: Axes, grid: Grid, system: int) -> None:
    shift = _shift(system, len(grid.systems))
    for row, language in enumerate(grid.languages):
        share = wrong_share(grid, system, languages=[language])
        if share is None:
            continue
        if share.low is not None and share.high is not None:
            ends = [share.low, share.high]
            axes.plot(ends, [row + shift] * 2, color=colour(system), linewidth=1.6)
        _dot(axes, share.value, row + shift, system)


def _shift(system: int, count: int) -> float:
    return (system - (count - 1) / 2) * 0.66 / max(count, 3)


def _dot(axes: Axes, x: float, y: float, system: int) -> None:
    axes.plot(
        [x], [y], marker=marker(system), markersize=6.4, color=colour(system),
        markeredgecolor=PAPER, markeredgewidth=0.9, linestyle="none", clip_on=False, zorder=3,
    )  # fmt: skip


def _add_legend(figure: Figure, systems: Sequence[str]) -> None:
    handles = [
        Line2D([], [], color=colour(i), marker=marker(i), markersize=7, linewidth=1.6, label=name)
        for i, name in enumerate(systems)
    ]
    figure.legend(
        handles=handles, loc="upper left", ncols=len(systems), frameon=False,
        borderaxespad=0.1, handlelength=1.6, columnspacing=2.2, fontsize=11,
    )  # fmt: skip


def draw_tradeoff(grid: Grid, *, name: str) -> Picture | None:
    """Each language twice: quality against wrong-language share, a line from method to method."""
    methods = [i for i, run in enumerate(grid.runs) if not run.is_baseline]
    points = {
        (s, code): point
        for s in methods
        for code in grid.languages
        if (point := _point(grid, s, code))
    }
    if not points:
        return None
    title = f"Quality against wrong-language output, {grid.title}"
    with matplotlib.rc_context(plain_settings()):
        figure = Figure(figsize=(11, 4.6))
        axes = figure.subplots()
        for code in grid.languages:
            path = [points[s, code] for s in methods if (s, code) in points]
            axes.plot(*zip(*path, strict=True), color=GRID, linewidth=1.4, zorder=1)
        for (system, code), (x, y) in points.items():
            axes.plot(
                [x], [y], marker=marker(system), markersize=15, color=colour(system),
                markeredgecolor=PAPER, markeredgewidth=1, linestyle="none", clip_on=False, zorder=3,
            )  # fmt: skip
            axes.text(
                x, y, code, color=PAPER, fontsize=8.5, weight="bold", ha="center",
                va="center_baseline", zorder=4,
            )  # fmt: skip
        axes.set_xlabel("outputs in the wrong language, %")
        axes.set_ylabel(metric_label(grid.quality))
        axes.set_xlim(-4, 104)
        axes.set_ylim(bottom=0)
        axes.tick_params(length=0, labelcolor=SOFT)
        _add_legend_of(figure, grid, methods)
        figure.subplots_adjust(left=0.06, right=0.985, top=0.91, bottom=0.115)
        svg = inline_svg(figure, name=name, title=title, description="The table holds the numbers.")
    caption = "Up and to the left is better. A line joins the two methods' results in one language."
    return Picture(svg, title, caption)


def _point(grid: Grid, system: int, language: str) -> tuple[float, float] | None:
    cell = grid.cell(language, grid.quality, system)
    share = wrong_share(grid, system, languages=[language])
    return None if cell is None or share is None else (share.value, cell.value)


def _add_legend_of(figure: Figure, grid: Grid, systems: Sequence[int]) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=colour(i),
            marker=marker(i),
            markersize=9,
            linestyle="none",
            label=grid.systems[i],
        )
        for i in systems
    ]
    figure.legend(
        handles=handles, loc="upper left", ncols=len(systems), frameon=False, borderaxespad=0.1,
        columnspacing=2.2, fontsize=11,
    )  # fmt: skip


def draw_curves(
    histories: Sequence[History], systems: Sequence[str], *, name: str
) -> Picture | None:
    """One column per trained run: loss, and SP-ROUGE-Lsum per checkpoint where it was measured."""
    trained = [i for i, history in enumerate(histories) if history]
    if not trained:
        return None
    keys = [key for key in ("loss", QUALITY) if any(_has(histories[i], key) for i in trained)] or [
        "loss"
    ]
    title = "Learning curves"
    with matplotlib.rc_context(plain_settings()):
        height = 0.6 + 3.3 * len(keys)
        figure = Figure(figsize=(11, height))
        grid = figure.subplots(len(keys), len(trained), sharey="row", squeeze=False)
        for row, key in enumerate(keys):
            for column, i in enumerate(trained):
                axes = grid[row][column]
                _draw_curve(axes, histories[i], key, colour(i))
                axes.set_title(systems[i] if row == 0 else "")
                if column == 0:
                    axes.set_ylabel(
                        "loss, nats per target token" if key == "loss" else "SP-ROUGE-Lsum"
                    )
            _show_validation(grid[row], [histories[i] for i in trained], key)
        for axes in grid[-1]:
            axes.set_xlabel("step")
        figure.subplots_adjust(
            left=0.06, right=0.955, top=1 - 0.35 / height, bottom=0.5 / height, wspace=0.16
        )
        svg = inline_svg(figure, name=name, title=title, description="Loss over training steps.")
    return Picture(
        svg,
        title,
        "Thin grey: training loss. Black: validation in English. Coloured, dashed: mean of the other "
        "languages; the pale lines are the single languages.",
    )


def _has(history: History, key: str) -> bool:
    return any(key in scores for record in history for scores in _validation(record).values())


def _validation(record: Any) -> dict[str, dict[str, float]]:
    found = record.get("validation")
    return found if isinstance(found, dict) else {}


def _draw_curve(axes: Axes, history: History, key: str, line: str) -> None:
    axes.tick_params(length=0, labelcolor=SOFT)
    if key == "loss":
        points = [
            (r["step"], r["loss"]) for r in history if isinstance(r.get("loss"), (int, float))
        ]
        if points:
            axes.plot(*zip(*_thin(points), strict=True), color=SOFT, linewidth=0.7, alpha=0.7)
    curves: dict[str, list[tuple[int, float]]] = {}
    for record in history:
        for language, scores in _validation(record).items():
            if isinstance(scores.get(key), (int, float)):
                curves.setdefault(language, []).append((record["step"], scores[key]))
    others = {language: curve for language, curve in curves.items() if language != SOURCE}
    for curve in others.values():
        axes.plot(*zip(*curve, strict=True), color=line, linewidth=0.8, alpha=0.3)
    if SOURCE in curves:
        _labelled(axes, curves[SOURCE], SOURCE, INK, "-")
    if others:
        steps = sorted(set.intersection(*({s for s, _ in curve} for curve in others.values())))
        means = [sum(dict(c)[step] for c in others.values()) / len(others) for step in steps]
        if steps:
            _labelled(axes, list(zip(steps, means, strict=True)), "others", line, "--")


def _show_validation(row: Sequence[Axes], histories: Sequence[History], key: str) -> None:
    """Leave out what lies above all validation: the first training losses would press the rest flat."""
    values = [
        scores[key]
        for history in histories
        for record in history
        for scores in _validation(record).values()
        if isinstance(scores.get(key), (int, float))
    ]
    if values:
        low, high = row[0].get_ylim()
        row[0].set_ylim(low, min(high, max(values) + 0.05 * (max(values) - low)))
    for axes in row:
        _part_labels(axes)


def _part_labels(axes: Axes) -> None:
    """Move the names at the ends of curves apart where they would lie on each other."""
    labels = sorted(
        (text for text in axes.texts if isinstance(text, Annotation)), key=lambda text: text.xy[1]
    )
    low, high = axes.get_ylim()
    for below, above in pairwise(labels):
        if above.xy[1] - below.xy[1] < 0.07 * (high - low):
            below.set_position((6, -6))
            above.set_position((6, 6))


def _thin(points: list[tuple[int, float]], *, most: int = 300) -> list[tuple[float, float]]:
    """Average neighbours until at most `most` points are left."""
    size = -(-len(points) // most)
    parts = [points[i : i + size] for i in range(0, len(points), size)]
    return [(sum(x for x, _ in p) / len(p), sum(y for _, y in p) / len(p)) for p in parts]


def _labelled(axes: Axes, curve: list[tuple[int, float]], label: str, line: str, dash: str) -> None:
    axes.plot(
        *zip(*curve, strict=True),
        color=line,
        linewidth=2,
        linestyle=dash,
        marker="o",
        markersize=3.2,
    )
    x, y = curve[-1]
    axes.annotate(
        label, (x, y), xytext=(6, 0), textcoords="offset points", va="center", color=line,
        fontsize=10, annotation_clip=False,
    )  # fmt: skip
