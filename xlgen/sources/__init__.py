"""Where text comes from. A source reads `(path or name, split)` into rows; readers.py checks them.

JUDGEMENTS read what people think of systems' outputs, `(folder, languages)` -> judgements.
BUILDERS make the packaged data anew, `(cache, out)` -> statistics.
"""

from xlgen.registry import Table

SOURCES = Table(
    "source",
    {
        "jsonl": "xlgen.sources.rows:jsonl_rows",
        "csv": "xlgen.sources.rows:csv_rows",
        "tsv": "xlgen.sources.rows:tsv_rows",
        "parquet": "xlgen.sources.rows:parquet_rows",
        "howto0": "xlgen.sources.packaged:packaged_rows",
        "howto0-short": "xlgen.sources.packaged:packaged_rows",
        "wikilingua0": "xlgen.sources.wikilingua:wikilingua_rows",
        "wikilingua0-clean": "xlgen.sources.wikilingua:clean_rows",
        "xlsum": "xlgen.sources.xlsum:xlsum_rows",
        "gigaword": "xlgen.sources.gigaword:gigaword_rows",
        "xnli": "xlgen.sources.sentences:XNLI",
        "pawsx": "xlgen.sources.sentences:PAWSX",
        "squad": "xlgen.sources.questions:SQUAD",
        "xquad": "xlgen.sources.questions:XQUAD",
        "mlqa": "xlgen.sources.questions:MLQA",
        "tydiqa": "xlgen.sources.questions:TYDIQA",
        "wikiann": "xlgen.sources.entities:WIKIANN",
    },
)

JUDGEMENTS = Table(
    "set of human judgements",
    {"multi-summeval": "xlgen.sources.judgements:read_multi_summeval"},
)

BUILDERS = Table(
    "data set to build",
    {
        "howto0": "xlgen.sources.build:build_howto",
        "howto0-short": "xlgen.sources.build:build_short",
        "parallel": "xlgen.sources.build:build_parallel",
        "corpus": "xlgen.sources.corpus:build_corpus",
    },
)
