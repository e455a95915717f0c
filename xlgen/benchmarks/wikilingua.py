"""WikiLingua-0 (Vu et al. 2022, section 2.1): how-to articles -> their summaries, of one language each."""

from xlgen.benchmarks.base import Benchmark
from xlgen.languages import LANGUAGES

# Evaluated as GEM splits it; of validation, the paper takes the first 250 examples (section 2.2.2).
WIKILINGUA0 = Benchmark(
    name="wikilingua0",
    source="wikilingua0",
    pieces="mt5-pieces",
    languages=tuple(LANGUAGES),
    description="WikiLingua-0: wikiHow articles -> summaries, all 18 languages; to be downloaded",
)
