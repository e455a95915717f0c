"""BENCHMARKS: what is compared with what. One file and one line each."""

from xlgen.registry import Table

BENCHMARKS = Table(
    "benchmark",
    {
        "howto0": "xlgen.benchmarks.howto:HOWTO0",
        "howto0-short": "xlgen.benchmarks.howto:HOWTO0_SHORT",
        "wikilingua0": "xlgen.benchmarks.wikilingua:WIKILINGUA0",
        "xlsum": "xlgen.benchmarks.xlsum:XLSUM",
        "xnli": "xlgen.benchmarks.understanding:XNLI",
        "xquad": "xlgen.benchmarks.understanding:XQUAD",
        "mlqa": "xlgen.benchmarks.understanding:MLQA",
        "tydiqa": "xlgen.benchmarks.understanding:TYDIQA",
        "pawsx": "xlgen.benchmarks.understanding:PAWSX",
        "wikiann": "xlgen.benchmarks.understanding:WIKIANN",
    },
)
