"""HowTo-0: summaries of software manuals, and its short form from installer questions (docs/data.md)."""

from xlgen.benchmarks.base import Benchmark
from xlgen.languages import LANGUAGES

# No manual of a shippable licence is translated into Thai, Hindi or Arabic (docs/data.md).
HOWTO0 = Benchmark(
    name="howto0",
    source="howto0",
    languages=tuple(code for code in LANGUAGES if code not in ("th", "hi", "ar")),
    description="sections of LibreOffice and GNOME help -> their headings",
)

HOWTO0_SHORT = Benchmark(
    name="howto0-short",
    source="howto0-short",
    languages=tuple(LANGUAGES),
    description="explanations of installer questions -> their one-line form, all 18 languages",
)
