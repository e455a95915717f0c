"""A study in the paper's Figures 2, 4 and 6, under the paper's protocol of choosing checkpoints."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from xlgen.generation.lead import LEAD
from xlgen.languages import SOURCE
from xlgen.reports.figures import Picture, colour
from xlgen.reports.grid import QUALITY, TARGET
from xlgen.reports.panels import (
    HOLLOW,
    PLAIN,
    Dot,
    draw_dot,
    draw_line,
    finish,
    handle,
    panels,
    shape_handle,
    share_metric,
)
from xlgen.reports.published import SIZES, published
from xlgen.reports.study import Study
from xlgen.reports.study_curves import draw_learning
from xlgen.reports.study_tables import focus
from xlgen.reports.svg import GRID
from xlgen.reports.text import noted

SHORT = ("S", "B", "L", "XL", "XXL")  # SIZES, below an axis
LENGTHS = (1, 10, 100, 1000)
# What is done against forgetting -> its shape.
TACTICS = {
    "": "o", "mix-unsup": "^", "mix-unsup-all": "v", "fp-en": "s", "fp": "P", "it-lm": "d",
    "it-gigaword": "X",
}  # fmt: skip
HEADROOM = ("", "trans-test", "trans-train", "sup", "sup-all")
OUR_ROWS = ("SP-ROUGE-Lsum", "LID of the language")


def draw_study(study: Study) -> tuple[Picture, ...]:
    """Draw every figure that the study has scores for, in the paper's order."""
    made = (
        draw_sizes(study),
        draw_lengths(study),
        *(draw_learning(study, size) for size in reversed(study.sizes)),
        draw_headroom(study),
        draw_methods(study),
    )
    return tuple(picture for picture in made if picture is not None)


def draw_sizes(study: Study) -> Picture | None:
    """Figures 2a and 2b: SP-ROUGE and LID by size and method, a column a language."""
    languages = focus(study)
    if not any(study.has(row, size) for row in PLAIN for size in study.sizes):
        return None
    ours = [float(place) for place in range(len(study.sizes))]
    printed = [len(ours) + 0.6 + place for place in range(len(SIZES))]
    with panels(2, languages, height=4.9) as (figure, grid):
        for row, name in enumerate(OUR_ROWS):
            grid[row][0].set_ylabel(name)
            for axes, code in zip(grid[row], languages, strict=True):
                metric = share_metric(code) if row else QUALITY
                for system, method in enumerate(PLAIN):
                    dots = [_ours(study, method, size, code, metric) for size in study.sizes]
                    draw_line(axes, ours, dots=dots, system=system)
                    theirs = [published(method, s, language=code, metric=metric) for s in SIZES]
                    draw_line(axes, printed, dots=theirs, system=system, hollow=True)
                axes.axvline(len(ours) - 0.2, color=GRID, linewidth=1.2)
                ticks = [*study.sizes, *SHORT] if row else [""] * (len(ours) + len(SHORT))
                axes.set_xticks([*ours, *printed], ticks, fontsize=8.5, rotation=90)
                axes.set_xlim(-0.5, printed[-1] + 0.5)
        handles = [handle(system, name) for system, name in enumerate(PLAIN.values())]
        return finish(
            figure,
            [*handles, shape_handle("o", "the paper's mT5, S to XXL", hollow=True)],
            name="sizes",
            title="Figure 2a, 2b: quality and language by size",
            caption=f"Means over seeds, bars one standard deviation. {HOLLOW}.",
            bottom=0.6,
        )


def draw_lengths(study: Study) -> Picture | None:
    """Figure 2c: SP-ROUGE and LID by the prompt's length, a line a size."""
    languages = focus(study)
    rows = {size: _lengths(study, size) for size in study.sizes}
    if not any(len(found) > 1 for found in rows.values()):
        return None
    printed = [(len(rows) + place, size) for place, size in enumerate(("base", "xxl"))]
    with panels(2, languages, height=4.7) as (figure, grid):
        for row, name in enumerate(OUR_ROWS):
            grid[row][0].set_ylabel(name)
            for axes, code in zip(grid[row], languages, strict=True):
                metric = share_metric(code) if row else QUALITY
                for system, (size, found) in enumerate(rows.items()):
                    dots = [_ours(study, named, size, code, metric) for named in found.values()]
                    draw_line(axes, list(found), dots=dots, system=system)
                for system, size in printed:
                    theirs = [
                        published(f"prompt, l={length}", size, language=code, metric=metric)
                        for length in LENGTHS
                    ]
                    draw_line(axes, LENGTHS, dots=theirs, system=system, hollow=True)
                axes.set_xscale("log")
                axes.set_xlim(0.6, 1700)
                axes.xaxis.set_minor_locator(NullLocator())
                axes.set_xticks(LENGTHS, [f"{n}" if row else "" for n in LENGTHS], fontsize=9)
        handles = [handle(system, size) for system, size in enumerate(rows)]
        theirs_ = [handle(s, f"paper {size.upper()}", hollow=True) for s, size in printed]
        return finish(
            figure,
            [*handles, *theirs_],
            name="lengths",
            title="Figure 2c: prompt length",
            caption=f"Tokens of the prompt, on a logarithmic axis. Means over seeds. {HOLLOW}.",
            bottom=0.4,
        )


def draw_headroom(study: Study) -> Picture | None:
    """Figure 4: LEAD-64, both methods, translation, and labels in the language, by language."""
    languages = [code for code in focus(study) if code != SOURCE]
    size = study.sizes[-1] if study.sizes else ""
    rows = [row for row in study.rows if row.startswith(LEAD)]
    rows += [f"{method}, {what}".rstrip(", ") for what in HEADROOM for method in PLAIN]
    if not any(study.has(row, size) for row in rows):
        return None
    with panels(1, languages, height=1.2 + 0.3 * len(rows)) as (figure, grid):
        for axes, code in zip(grid[0], languages, strict=True):
            for place, row in enumerate(rows):
                system = 2 if row.startswith(LEAD) else list(PLAIN).index(row.split(",")[0])
                largest = "" if row.startswith(LEAD) else SIZES[-1]
                theirs: Dot = published(row, largest, language=code, metric=QUALITY)
                for dot, hollow in (
                    (theirs, True),
                    (_ours(study, row, size, code, QUALITY), False),
                ):
                    if dot is not None:
                        spread = (dot.std or 0.0, 0.0)
                        draw_dot(
                            axes, (dot.mean, place), system=system, hollow=hollow, spread=spread
                        )
            for place in range(0, len(rows), 2):
                axes.axhspan(place - 0.5, place + 0.5, color=GRID, alpha=0.28, linewidth=0)
            axes.set_ylim(len(rows) - 0.4, -0.6)
            axes.grid(visible=False, axis="y")
            axes.set_xlabel("SP-ROUGE-Lsum")
        widest = max(axes.get_xlim()[1] for axes in grid[0])
        for axes in grid[0]:
            axes.set_xlim(0, widest)
        grid[0][0].set_yticks(range(len(rows)), [row.upper() for row in rows], fontsize=9)
        return finish(
            figure,
            [shape_handle("o", size or "ours"), shape_handle("o", "paper XXL", hollow=True)],
            name="headroom",
            title="Figure 4: baselines and headroom",
            caption=f"Means over seeds, bars one standard deviation. {HOLLOW}.{_notes(study, rows)}",
            left=1.75,
        )


def draw_methods(study: Study) -> Picture | None:
    """Figure 6: SP-ROUGE against LID of each method against forgetting, a line from the plain one."""
    languages = [code for code in focus(study) if code != SOURCE]
    tried = [f"{method}, {what}" for what in TACTICS for method in PLAIN if what]
    sizes = [size for size in reversed(study.sizes) if any(study.has(row, size) for row in tried)]
    if not sizes:
        return None
    places = [*((size, False) for size in sizes), ("base", True), ("xxl", True)]
    with panels(len(places), languages, height=1.1 + 1.7 * len(places)) as (figure, grid):
        for (size, hollow), line in zip(places, grid, strict=True):
            line[0].set_ylabel(f"paper {size.upper()}" if hollow else size)
            for axes, code in zip(line, languages, strict=True):
                for system, method in enumerate(PLAIN):
                    points = _tactics(study, method, size, code, hollow)
                    _draw_tactics(axes, points, system=system, hollow=hollow)
                axes.set_xlim(-6, 106)
                axes.set_xticks((0, 50, 100), ("0", "50", "100") if line is grid[-1] else [""] * 3)
        for axes in grid[-1]:
            axes.set_xlabel("LID of the language")
        handles = [handle(system, name) for system, name in enumerate(PLAIN.values())]
        shapes = [shape_handle(shape, what.upper() or "PLAIN") for what, shape in TACTICS.items()]
        return finish(
            figure,
            [*handles, *shapes],
            name="methods",
            title="Figure 6: the methods against forgetting",
            caption="SP-ROUGE-Lsum against LID: up is better, right is more in the language asked for. A "
            f"line leads from the plain method to each. {HOLLOW}.{_notes(study, tried)}",
        )


def _ours(study: Study, row: str, size: str, language: str, metric: str) -> Dot:
    return study.summary(row, size, language=language, metric=metric)


def _notes(study: Study, rows: Sequence[str]) -> str:
    """Say what stands behind the rows' names, as the end of a caption."""
    return "".join(f" {note}." for note in noted({row: study.note(row) for row in rows}))


def _lengths(study: Study, size: str) -> dict[float, str]:
    """Return the rows by the length of their prompt; the plain prompt counts with its own."""
    found = {
        length: row
        for row in reversed(study.rows)
        if (length := study.length(row, size)) and study.has(row, size)
    }
    return {float(length): found[length] for length in sorted(found)}


def _tactics(
    study: Study, method: str, size: str, language: str, hollow: bool
) -> dict[str, tuple[float, float]]:
    """Return (LID, SP-ROUGE) of each tactic that has both."""
    found: dict[str, tuple[float, float]] = {}
    for what in TACTICS:
        row = f"{method}, {what}".rstrip(", ")
        share, quality = (
            published(row, size, language=language, metric=metric)
            if hollow
            else _ours(study, row, size, language, metric)
            for metric in (TARGET, QUALITY)
        )
        if share and quality:
            found[what] = (share.mean, quality.mean)
    return found


def _draw_tactics(
    axes: Axes, points: dict[str, tuple[float, float]], *, system: int, hollow: bool
) -> None:
    for what, place in points.items():
        if what and "" in points:
            ends: Sequence[tuple[float, float]] = (points[""], place)
            axes.plot(*zip(*ends, strict=True), color=colour(system), linewidth=0.9, alpha=0.4)
        draw_dot(axes, place, system=system, hollow=hollow, shape=TACTICS[what], size=7)
