"""STUDIES: named grids of runs, each a function without arguments that returns its configuration.

A grid says which runs there are; `xlgen sweep` runs them, each in a folder named by its content. GRIDS names
the kinds of grid, so that a JSON file can hold one.
"""

from xlgen.registry import Table

GRIDS = Table(
    "kind of grid",
    {
        "rows": "xlgen.studies.rows:Rows",
        "product": "xlgen.studies.product:Product",
    },
)

STUDIES = Table(
    "study",
    {
        "night": "xlgen.studies.named:night",
        "kappas": "xlgen.studies.named:kappas",
        "paper": "xlgen.studies.named:paper",
        **{f"table{n}": f"xlgen.studies.named:table_{n}" for n in range(2, 8)},
        "table8": "xlgen.studies.named:table_8",
        "table10": "xlgen.studies.named:table_10",
        "table11": "xlgen.studies.named:table_11",
    },
)
