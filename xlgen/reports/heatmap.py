"""The paper's Figure 8: a clustered heatmap of language prompts, with their tree and families."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from scipy.cluster import hierarchy

from xlgen.errors import InputError
from xlgen.families import FAMILIES, Relation, relations
from xlgen.files import check_writable, write_json, write_whole
from xlgen.reports.clusters import Clusters, cluster
from xlgen.reports.svg import (
    GRID,
    INK,
    PAPER,
    SOFT,
    inline_svg,
    plain_settings,
    standalone,
    write_png,
)

NUMBERED = 20  # up to so many languages there is room for a number in every cell
_MARGIN, _TREE, _STRIP, _NAMES = 0.15, 1.4, 0.34, 2.5  # inches, from left to right
_TOP, _BAR, _LINE = 0.8, 0.48, 0.22


def write_heatmap(
    prompts: Mapping[str, np.ndarray], out: Path, *, png: Path | None = None
) -> Clusters:
    """Cluster prompts [P, D]; write the figure as SVG (and PNG), and its numbers beside it as JSON."""
    numbers = out.with_suffix(".json")
    if len({out, numbers, png}) < 3:
        raise InputError(f"{out}: the figure and its numbers, {numbers}, need names of their own")
    for path in (out, numbers, png):
        if path is not None:
            check_writable(path)
    clusters = cluster(prompts)
    with matplotlib.rc_context(plain_settings()):
        figure = draw_heatmap(clusters)
        title = f"Cosine similarity of {len(prompts)} language prompts"
        told = str(clusters).replace("\n", ". ")
        svg = standalone(inline_svg(figure, name="heatmap", title=title, description=told))
        if png is not None:
            write_png(figure, png)
    write_whole(out, svg)
    write_json(numbers, clusters.to_json())
    return clusters


def draw_heatmap(clusters: Clusters) -> Figure:
    """Draw tree, families, similarities and names, in the tree's order.

    Call inside `matplotlib.rc_context(plain_settings())`. A family is told by colour and by letters.
    """
    known = [relations()[clusters.languages[leaf]] for leaf in clusters.order]
    families = [family for family in FAMILIES if any(x.family == family for x in known)]
    cell, codes = (0.36, 0.3) if len(known) <= NUMBERED else (0.19, 0.65)
    side, legend_lines = cell * len(known), -(-len(families) // 4)
    width = max(_MARGIN + _TREE + _STRIP + side + _NAMES, 9.6)
    height = _TOP + side + codes + _BAR + _LINE * legend_lines + _MARGIN
    figure = Figure(figsize=(width, height), facecolor=PAPER)

    def place(left: float, top: float, *, wide: float, high: float) -> Axes:
        bottom = height - top - high
        axes = figure.add_axes((left / width, bottom / height, wide / width, high / height))
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    strip_left = _MARGIN + _TREE
    tree = place(_MARGIN, _TOP, wide=_TREE, high=side)
    strip = place(strip_left, _TOP, wide=_STRIP, high=side)
    cells = place(strip_left + _STRIP, _TOP, wide=side, high=side)
    bar = place(strip_left + _STRIP, _TOP + side + codes + 0.05, wide=min(side, 3.0), high=0.13)
    _draw_tree(tree, clusters)
    _draw_families(strip, known)
    mesh = _draw_cells(cells, clusters, known=known, numbered=len(known) <= NUMBERED)
    colours = figure.colorbar(mesh, cax=bar, orientation="horizontal")
    assert colours.solids is not None
    colours.solids.set_rasterized(False)  # an image in an SVG is no drawing
    bar.tick_params(length=0, labelsize=8, labelcolor=SOFT)
    bar.text(
        1.03, 0.5, "cosine similarity", transform=bar.transAxes, va="center", fontsize=8, color=SOFT
    )
    _write_words(figure, clusters, height=height)
    _add_families(figure, families, known=known)
    return figure


def _draw_tree(axes: Axes, clusters: Clusters) -> None:
    drawn = hierarchy.dendrogram(clusters.linkage, no_plot=True)
    for places, depths in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        rows = [(place - 5) / 10 for place in places]  # SciPy puts leaves at 5, 15, 25, ...
        axes.plot(depths, rows, color=SOFT, linewidth=0.9, solid_joinstyle="miter")
    axes.set_xlim(float(clusters.linkage[:, 2].max()) * 1.03 or 1.0, 0)
    axes.set_ylim(len(clusters.languages) - 0.5, -0.5)
    axes.set_axis_off()


def _draw_families(axes: Axes, known: list[Relation]) -> None:
    for row, language in enumerate(known):
        axes.axhspan(row - 0.5, row + 0.5, color=family_colour(language.family), linewidth=0)
        axes.text(
            0.5, row, FAMILIES[language.family], ha="center", va="center", fontsize=8,
            color=_readable(family_colour(language.family)),
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(len(known) - 0.5, -0.5)
    axes.set_axis_off()


def _draw_cells(
    axes: Axes, clusters: Clusters, *, known: list[Relation], numbered: bool
) -> QuadMesh:
    order = list(clusters.order)
    ordered_NN = np.ma.array(
        clusters.similarity_NN[np.ix_(order, order)], mask=np.eye(len(order), dtype=bool)
    )
    colours = matplotlib.colormaps["viridis"].with_extremes(bad=GRID)
    edges = np.arange(len(order) + 1) - 0.5
    mesh = axes.pcolormesh(edges, edges, ordered_NN, cmap=colours, edgecolors="face", linewidth=0.2)
    axes.set_ylim(len(order) - 0.5, -0.5)
    small = 9 if numbered else 8
    axes.set_xticks(range(len(order)), [x.code for x in known], fontsize=small)
    if not numbered:
        axes.tick_params(axis="x", rotation=90)
    axes.set_yticks(range(len(order)), [_full_name(x) for x in known], fontsize=small)
    axes.yaxis.tick_right()
    axes.tick_params(labelcolor=INK)
    if numbered:
        shades = np.asarray(mesh.to_rgba(ordered_NN))
        for (row, column), value in np.ndenumerate(ordered_NN):
            if row != column:
                axes.text(
                    column, row, f"{value:.2f}".replace("0.", "."), ha="center", va="center",
                    fontsize=6.5, color=_readable(shades[row, column]),
                )  # fmt: skip
    return mesh


def _full_name(language: Relation) -> str:
    branch = "" if language.branch == language.name else f", {language.branch}"
    return f"{language.code}  {language.name}{branch}"


def _write_words(figure: Figure, clusters: Clusters, *, height: float) -> None:
    found = clusters.agreement
    lines = (
        f"Cosine similarity of {len(clusters.languages)} language prompts",
        f"cosine distance and family distance: {found.family}; given script: "
        f"{found.family_given_script}",
        f"dendrogram and family distance: {found.dendrogram}",
    )
    for number, line in enumerate(lines):
        figure.text(
            _MARGIN / figure.get_figwidth(), 1 - (0.24 + 0.21 * number) / height, line,
            fontsize=8.5 if number else 11.5, weight="normal" if number else "bold",
            color=SOFT if number else INK,
        )  # fmt: skip


def _add_families(figure: Figure, families: list[str], *, known: list[Relation]) -> None:
    handles = [
        Patch(
            color=family_colour(family),
            label=f"{FAMILIES[family]}  {family} ({sum(x.family == family for x in known)})",
        )
        for family in families
    ]
    figure.legend(
        handles=handles, loc="lower left", ncols=4, frameon=False, fontsize=8.5, handlelength=1.0,
        columnspacing=1.6, borderaxespad=0.4,
    )  # fmt: skip


def family_colour(family: str) -> tuple[float, float, float]:
    """Return a family's colour, the same in every figure: ten strong ones, then their pale siblings."""
    twenty = [to_rgb(matplotlib.colormaps["tab20"](number)) for number in range(20)]
    return (twenty[0::2] + twenty[1::2])[list(FAMILIES).index(family)]


def _readable(background: Sequence[float] | np.ndarray) -> str:
    """Return dark or light ink, whichever stands out (relative luminance, ITU-R BT.709)."""
    red, green, blue = background[:3]
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5 else PAPER
