"""XL-Sum (Hasan et al. 2021): BBC articles -> their summaries, zero-shot from English as WikiLingua-0 is."""

from xlgen.benchmarks.base import Benchmark
from xlgen.languages import LANGUAGES
from xlgen.sources.published import XLSUM as DATA

XLSUM = Benchmark(
    name="xlsum",
    source="xlsum",
    languages=tuple(code for code in LANGUAGES if code in DATA.languages),
    description="XL-Sum: BBC news -> summaries, 14 of the 18 languages; to be downloaded",
)
