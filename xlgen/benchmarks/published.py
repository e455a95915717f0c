"""Published data sets as they lie here, counted beside what their publishers say they have."""

from dataclasses import asdict, dataclass, field
from typing import Any

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.progress import progress
from xlgen.sources.published import PUBLISHED, SPLITS
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
    characters: int = 0  # of all targets
    first: list[str] = field(default_factory=list)  # left out, the first three as messages

    @property
    def state(self) -> str:
        """How far the records are those published."""
        if not self.records:
            return "missing"
        difference = self.records - self.published
        return f"{difference:+,} records" if difference else "as published"

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
    data = PUBLISHED[source.partition(":")[0].removesuffix("-clean")]
    if not data.sizes:
        raise InputError(
            f"{source}: is text without labels; `xlgen data encode {source} --model MODEL` reads it"
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
        "parts": [asdict(part) | {"state": part.state} for part in parts.values()],
    }
