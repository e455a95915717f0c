"""What every page shares: its template with our style and script, and a policy that forbids all requests."""

import base64
import hashlib
import re
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

import xlgen
from xlgen.languages import KNOWN, SOURCE
from xlgen.reports.figures import Picture
from xlgen.reports.grid import meanings, metric_label
from xlgen.reports.text import number


def render_page(template: str, **values: Any) -> str:
    """Fill a template of this package; every text in `values` is escaped."""
    # Markup only around our own files and figures; Jinja escapes everything else.
    style, script = read_template("report.css"), read_template("report.js")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(read_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = number
    environment.filters["breakable"] = _breakable
    environment.filters["metric_label"] = metric_label
    environment.filters["meanings"] = meanings
    environment.globals |= {"languages": KNOWN, "source": SOURCE, "svg": _svg}
    return environment.get_template(template).render(
        version=xlgen.__version__,
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        **values,
    )


def read_template(name: str) -> str:
    """Return a file that pages are made of."""
    return resources.files("xlgen.reports").joinpath("templates", name).read_text("utf-8")


def data_uri(kind: str, text: str) -> str:
    """Return `text` as an address that needs no request."""
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode('utf-8')).decode()}"


def _svg(picture: Picture) -> Markup:
    return Markup(picture.svg)


def _breakable(name: str) -> Markup:
    """Put a name like PromptTuning on two lines, and no other breaks into it."""
    unbroken = name.replace("-", "\u2011")
    return Markup("<br>").join(re.split(r"(?<=[a-z])(?=[A-Z])", unbroken))


def _policy(style: str, script: str) -> str:
    """Forbid every request; allow only our own style sheet and script, by their hashes."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
