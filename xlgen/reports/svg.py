"""A Matplotlib figure -> inline SVG for a page without inline styles, or PNG; same input, same bytes."""

import io
import re
from html import escape
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from xlgen.files import replacing

# The page's style sheet maps these to its own colours, so figures follow light and dark.
INK, SOFT, GRID, PAPER = "#1f2328", "#59636e", "#d8dee4", "#fffffe"
# Okabe and Ito's palette, apart for colour-blind readers; shapes differ as well.
SYSTEM_COLOURS = ("#0072b2", "#d55e00", "#6e7781", "#009e73", "#cc79a7", "#b58900")
SYSTEM_MARKERS = ("o", "D", "s", "^", "v", "P")

FONTS = "system-ui, sans-serif"
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "xlgen",
    "text.parse_math": False,  # a name with dollar signs is a name
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": SOFT,
    "axes.titlecolor": INK,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}

_DOTS_PER_INCH = 150

# Not known as presentation attributes, or left to the page's own fonts.
_DROPPED = {"font", "font-family", "font-style", "font-stretch", "font-variant", "transform-origin"}


def plain_settings() -> "matplotlib.RcParams":
    """Return Matplotlib's defaults with ours on top, whatever the user's own settings are."""
    return matplotlib.RcParams({**matplotlib.rcParamsDefault, **SETTINGS})


def inline_svg(figure: Figure, *, name: str, title: str, description: str) -> str:
    """Draw `figure` as `<svg>` with a title for screen readers; ids begin with `name`.

    Call inside `matplotlib.rc_context(plain_settings())`.
    """
    out = io.StringIO()
    metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    FigureCanvasSVG(figure).print_svg(out, metadata=metadata)
    text = out.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<style[^>]*>.*?</style>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*</defs>\s*", "", text)
    text = re.sub(r'\sstyle="([^"]*)"', lambda found: _attributes(found[1]), text)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'xlink:href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    labels = f'aria-labelledby="{name}-title {name}-description"'
    head = re.match(r"<svg[^>]*>", text)
    assert head is not None, "Matplotlib wrote no <svg>"
    box = re.search(r'viewBox="[^"]*"', head[0])
    assert box is not None, "Matplotlib wrote no viewBox"
    opening = (
        f'<svg role="img" {labels} {box[0]} stroke-linejoin="round" stroke-linecap="butt">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>'
    )
    return opening + text[head.end() :]


def standalone(svg: str) -> str:
    """Turn what `inline_svg` drew into the text of a file: on white, in the reader's own fonts."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" font-family="{FONTS}"'
    page = '<rect width="100%" height="100%" fill="white"/>'
    return svg.replace("<svg", head, 1).replace("</desc>", f"</desc>{page}", 1) + "\n"


def write_png(figure: Figure, path: Path) -> None:
    """Draw `figure` as PNG, too; same input, same bytes. Call in the same context as `inline_svg`."""
    drawn = io.BytesIO()
    figure.set_dpi(_DOTS_PER_INCH)
    FigureCanvasAgg(figure).print_png(drawn, metadata={"Software": None})
    with replacing(path) as partial:
        partial.write_bytes(drawn.getvalue())


def _attributes(style: str) -> str:
    """Turn `fill: none; stroke: #000` into ` fill="none" stroke="#000"`."""
    pairs = (part.partition(":") for part in style.split(";") if part.strip())
    kept = ((key.strip(), value.strip()) for key, _, value in pairs)
    return "".join(f' {key}="{value}"' for key, value in kept if key not in _DROPPED)
