"""Where text comes from. A source reads `(path or name, split)` into rows; readers.py checks them."""

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
    },
)
