"""A small folder in the form of Multi_SummEval, of Article 1 in its eight languages: not its data.

Texts are lower-cased, a sentence a line; Chinese file names are filled with zeros, the ids are not; a
pointer-generator's texts end in a line break and have spaces around punctuation, as there.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from udhr import ARTICLE_1

LANGUAGES = ("de", "en", "es", "fr", "id", "ru", "tr", "zh")
SYSTEMS = ("BERT", "PG")


def write_judged(root: Path, languages: Sequence[str] = LANGUAGES, *, documents: int = 12) -> Path:
    """Write judged summaries: the more of the reference is left, the better they are judged, with noise."""
    for code in languages:
        generator = np.random.default_rng(LANGUAGES.index(code))
        lines = ["id,model,focus,coverage"]
        for number in range(documents):
            document = str(2 + 7 * number)
            name = document.zfill(6) if code == "zh" else document
            units = (
                list(ARTICLE_1[code].lower()) if code == "zh" else ARTICLE_1[code].lower().split()
            )
            units = units[number % 5 :]
            put(root / code.upper() / "gold" / name, _text(units, code))
            for system in SYSTEMS:
                kept = generator.random()
                left = [unit for unit in units if generator.random() < kept] or units[:1]
                end = "\n" if system == "PG" else ""
                put(root / code.upper() / f"pred_{system}" / name, _text(left, code) + end)
                focus, coverage = (4 * kept - 2 + generator.normal(scale=0.5, size=2)).tolist()
                lines.append(f"{document},{system},{focus!r},{coverage!r}")
        put(root / code.upper() / "score.csv", "\n".join(lines) + "\n")
    return root


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="")


def _text(units: Sequence[str], code: str) -> str:
    """Join words, or Chinese characters, in two lines."""
    middle, joint = len(units) // 2, "" if code == "zh" else " "
    return "\n".join(joint.join(part) for part in (units[:middle], units[middle:]) if part)
