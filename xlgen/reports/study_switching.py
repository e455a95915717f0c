"""Code switching in a study, row by row (the paper's section 4): means over languages, then each language.

The paper shows examples of it (Table 1) and prints no numbers, so only our lines stand here.
"""

from xlgen.generation.lead import LEAD
from xlgen.languages import KNOWN
from xlgen.reports.grid import ASCII, SWITCHING_METRICS
from xlgen.reports.study import PROTOCOL, Study, Summary
from xlgen.reports.study_tables import ELSE, OTHERS, Block, Line, StudyTable, focus, our_line
from xlgen.reports.text import listed

SWITCHING = (ASCII, *SWITCHING_METRICS)
STARTS = {"Baselines": LEAD, "PromptTuning": "prompt", "ModelTuning": "model"}  # of rows' names
TOLD = (
    "What the paper's Table 1 shows by example, counted. All from 0 to 100; more is better of LPR and WPR, "
    "less of the others. In Latin script most characters are ASCII in any language. A dash stands where a "
    'measure is not defined, or a row is not planned in the language; "0 of 3" where it is to come, "2 of 3" '
    "where it is in so many seeds. Means give each language equal weight; their 95 % intervals are over "
    "documents and seeds, with one seed over documents alone."
)
Place = tuple[str, str]  # a row and a size, or a language and a metric


def without_labels(study: Study) -> tuple[str, ...]:
    """Return the languages of Tables 10 and 11 that were scored, but English."""
    return tuple(code for code in focus(study) if code in study.others)


def switching_tables(study: Study, *, selection: str = PROTOCOL) -> tuple[StudyTable, ...]:
    """Make a table of means over languages, then one of each; none where nothing was measured."""
    names = {code: KNOWN[code].name for code in without_labels(study)}
    metrics = [
        metric
        for metric in SWITCHING
        if any(
            score(study, at, column=(OTHERS, metric), selection=selection) for at in places(study)
        )
    ]
    titles = {OTHERS: f"Mean of {listed(list(names.values()))}", **names} if metrics else {}
    return tuple(
        _table(study, title, tuple((code, metric) for metric in metrics), selection=selection)
        for code, title in titles.items()
    )


def score(study: Study, at: Place, *, column: Place, selection: str) -> Summary | None:
    """Return the score of a (row, size) in a (language, metric); in OTHERS the mean over languages."""
    (row, size), (code, metric) = at, column
    if code != OTHERS:
        return study.summary(row, size, language=code, metric=metric, selection=selection)
    languages = without_labels(study)
    return study.average(row, size, languages=languages, metric=metric, selection=selection)


def places(study: Study) -> list[Place]:
    """Return every row of the sweep at each size that lists it."""
    return [
        (row, size)
        for row in study.rows
        for size in (("",) if row.startswith(LEAD) else study.sizes)
        if study.has(row, size)
    ]


def _table(study: Study, title: str, columns: tuple[Place, ...], *, selection: str) -> StudyTable:
    blocks: dict[str, list[Line]] = {name: [] for name in (*STARTS, ELSE)}
    for row, size in places(study):
        cells = {
            column: cell
            for column in columns
            if (cell := score(study, (row, size), column=column, selection=selection))
        }
        name = next((name for name, start in STARTS.items() if row.startswith(start)), ELSE)
        blocks[name].append(our_line(study, row, size=size, columns=columns, cells=cells))
    filled = (Block(name, tuple(lines)) for name, lines in blocks.items() if lines)
    return StudyTable("switching", title, columns, tuple(filled))
