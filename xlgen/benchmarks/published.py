"""Published data sets as they lie here, counted beside what their publishers say they have."""

from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.progress import progress
from xlgen.sources.published import MC4, SPLITS, publication
from xlgen.sources.readers import each_record, holds_html
from xlgen.sources.rows import BadRow, Row


@dataclass
class Counted:
    """One language and split: records here and as published; what is left out, and HTML in targets."""

    language: str
    split: str
    published: int
    records: int = 0
    left_out: int = 0
    html_targets: int = 0
    characters: int = 0  # of all targets together
    first: list[str] = field(default_factory=list)  # left out, the first three as messages

    @property
    def state(self) -> str:
        """How far the records are those published."""
        if not self.records:
            return "missing"
        difference = self.records - self.published
        return f"{difference:+,} records" if difference else "as published"

    @property
    def target_length(self) -> int:
        """The mean characters of a target."""
        return round(self.characters / max(1, self.records - self.left_out))

    def count(self, row: Row | BadRow, found: Example | str) -> None:
        """Take in a record, and the example it makes or why it makes none."""
        self.records += 1
        if isinstance(found, str):
            self.left_out += 1
            self.first += [f"{row.file}:{row.number}: {found}"][: 3 - len(self.first)]
        else:
            self.characters += len(found.target)
            self.html_targets += holds_html(found.target)


def count_published(source: str) -> dict[str, Any]:
    """Count every language and split of NAME or NAME:FOLDER; what is missing is told.

    Raises `InputError` where the folder is missing, nothing is in it, or a file is damaged.
    """
    data = publication(source)
    if data is MC4:
        raise InputError(
            f"{source}: is text without labels; `xlgen data encode {source} --model MODEL` reads it"
        )
    if not data.sizes:
        raise InputError(
            f"{source}: expected a data set whose published sizes are known here; `xlgen reproduce TABLE"
            " --dry-run` says which files of it are missing"
        )
    parts = {
        (language, split): Counted(language, split, published)
        for language in (code for code in LANGUAGES if code in data.sizes)
        for split, published in zip(SPLITS, data.sizes[language])
    }
    for row, found in progress(each_record(source), f"Counting {source}"):
        values = (
            {"language": row.language, "split": row.split}
            if isinstance(row, BadRow)
            else row.values
        )
        parts[values["language"], values["split"]].count(row, found)
    same = sum(part.state == "as published" for part in parts.values())
    return {
        "data set": source,
        "published sizes": data.told_by,
        "licence": data.licence,
        "as published": f"{same} of {len(parts)} parts",
        "parts": [
            asdict(part) | {"target_length": part.target_length, "state": part.state}
            for part in parts.values()
        ],
    }


def count_table(counted: dict[str, Any]) -> RichTable:
    """Return what `count_published` found as a table: a row a language, ours of those published."""
    table = RichTable(
        "", *SPLITS, "left out", "HTML", "target", title=Text(counted["data set"], style="bold"),
        title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False,
        caption_justify="left",
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    by_language: dict[str, list[dict[str, Any]]] = {}
    for part in counted["parts"]:
        by_language.setdefault(part["language"], []).append(part)
    for language, parts in by_language.items():
        sizes = [
            Text(
                f"{part['records']:,} of {part['published']:,}",
                style="bold" if part["state"] != "as published" else "",
            )
            for part in parts
        ]
        sums = (sum(part[name] for part in parts) for name in ("left_out", "html_targets"))
        lengths = [part["target_length"] for part in parts if part["records"]]
        mean = f"{sum(lengths) / len(lengths):.0f}" if lengths else ""
        table.add_row(language, *sizes, *(f"{count:,}" for count in sums), mean)
    table.caption = Text(
        f"Records here of those published, as {counted['published sizes']} tells: {counted['as published']}"
        f" are equal. HTML: targets with tags or entities; target: its mean characters. {counted['licence']}."
    )
    return table
