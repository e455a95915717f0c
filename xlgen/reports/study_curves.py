"""A study in the paper's Figure 3: quality and unwanted English on validation, while the methods learn."""

from itertools import pairwise

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from xlgen.languages import KNOWN
from xlgen.reports.figures import Picture, colour, marker
from xlgen.reports.grid import ASCII, QUALITY
from xlgen.reports.panels import PLAIN, WIDTH, finish
from xlgen.reports.study import Study
from xlgen.reports.svg import PAPER, SOFT, plain_settings

COLUMNS = {QUALITY: "SP-ROUGE-Lsum, higher is better", ASCII: "ASCII, % of characters"}
APART = 0.075  # of an axis: how near the names at two curves' ends may stand
ROUNDS = 50  # of moving neighbours apart

Curve = dict[int, list[float]]  # step -> the values of the seeds


def draw_learning(study: Study, size: str) -> Picture | None:
    """Figure 3: SP-ROUGE and ASCII by step, a line a language, a band from the lowest seed to the highest."""
    methods = [row for row in PLAIN if _curves(study, row, size, metric=QUALITY)]
    if not methods:
        return None
    with matplotlib.rc_context(plain_settings()):
        height = 1.0 + 2.6 * len(methods)
        figure = Figure(figsize=(WIDTH, height))
        grid = figure.subplots(len(methods), 2, sharex=True, sharey="col", squeeze=False)
        for line, row in zip(grid, methods, strict=True):
            line[0].set_ylabel(PLAIN[row])
            for axes, metric in zip(line, COLUMNS, strict=True):
                _draw(axes, _curves(study, row, size, metric=metric))
        for axes in figure.axes:
            axes.set_ylim(bottom=0)  # when all is drawn: the rows share it
        for axes in figure.axes:
            _part_names(axes)
        for axes, title in zip(grid[0], COLUMNS.values(), strict=True):
            axes.set_title(title)
        for axes in grid[-1]:
            axes.set_xlabel("step")
        return finish(
            figure,
            [],
            name=f"learning-{study.sizes.index(size)}",
            title=f"Figure 3: learning curves, {size}",
            caption="Validation scores of every checkpoint: means over seeds, bands from the lowest to the "
            "highest. In languages of other scripts, ASCII is unwanted English. The paper draws such "
            "curves and prints no numbers.",
        )


def _curves(study: Study, row: str, size: str, *, metric: str) -> dict[str, Curve]:
    """Return a row's curves by language, in the order of KNOWN."""
    found: dict[str, Curve] = {}
    for job in study.jobs:
        if (job.row, job.size) == (row, size):
            for point in job.curve:
                if point.metric == metric and point.value is not None:
                    curve = found.setdefault(point.language, {})
                    curve.setdefault(point.step, []).append(point.value)
    return {code: found[code] for code in KNOWN if code in found}


def _draw(axes: Axes, curves: dict[str, Curve]) -> None:
    axes.tick_params(length=0, labelcolor=SOFT)
    for place, (code, curve) in enumerate(curves.items()):
        steps = sorted(curve)
        means = [sum(curve[step]) / len(curve[step]) for step in steps]
        low, high = ([pick(curve[step]) for step in steps] for pick in (min, max))
        axes.fill_between(steps, low, high, color=colour(place), alpha=0.13, linewidth=0)
        axes.plot(
            steps, means, color=colour(place), linewidth=1.6, marker=marker(place), markersize=5,
            markeredgecolor=PAPER, markeredgewidth=0.7,
        )  # fmt: skip
        axes.annotate(
            code, (steps[-1], means[-1]), xytext=(8, 0), textcoords="offset points", va="center",
            color=colour(place), fontsize=10, annotation_clip=False,
        )  # fmt: skip


def _part_names(axes: Axes) -> None:
    """Move the names at the ends of curves apart where they would lie on each other."""
    names = [text for text in axes.texts if isinstance(text, Annotation)]
    names.sort(key=lambda text: text.xy[1])
    low, high = axes.get_ylim()
    heights = [(text.xy[1] - low) / (high - low) for text in names]
    for _ in range(ROUNDS):
        for below, above in pairwise(range(len(names))):
            overlap = max(0.0, APART - (heights[above] - heights[below]))
            heights[below] -= overlap / 2
            heights[above] += overlap / 2
    for name, height in zip(names, heights, strict=True):
        name.xy = (name.xy[0], low + height * (high - low))
