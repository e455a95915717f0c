"""Say in plain words what the scores show: who does better where, how much is in the wrong language."""

from collections.abc import Sequence
from dataclasses import dataclass

from xlgen.languages import KNOWN, SOURCE
from xlgen.reports.grid import (
    ALL_ENGLISH,
    WRONG_WORDS,
    Average,
    Grid,
    difference,
    empty_share,
    measure,
    metric_label,
    wrong_references,
    wrong_share,
)
from xlgen.reports.read import Cell
from xlgen.reports.text import listed, number, one_line

CLOSE = "too close to call"
NOTHING_BEATS = "No method beats"
UNLIKE = "The quality scores cannot be compared: they were measured in different ways."


@dataclass(frozen=True)
class Glance:
    """One system on the first screen."""

    system: str
    english: Cell | None
    others: Average | None
    wrong: Average | None
    empty: Average | None


@dataclass(frozen=True)
class Findings:
    """The answer: one title, warnings that must not be missed, sentences with the numbers."""

    title: str
    warnings: tuple[str, ...]
    sentences: tuple[str, ...]
    glance: tuple[Glance, ...]

    @property
    def headline(self) -> tuple[str, ...]:
        """All of it as sentences, for the terminal."""
        return (self.title, *self.warnings, *self.sentences)


def find(grid: Grid) -> Findings:
    """Compute the answer from one benchmark; a comparison is clear when its 95 % interval excludes 0."""
    methods = [i for i, run in enumerate(grid.runs) if not run.is_baseline]
    baselines = [i for i, run in enumerate(grid.runs) if run.is_baseline]
    glance = tuple(_glance(grid, system) for system in range(len(grid.systems)))
    unlike = _unlike(grid)
    if unlike:
        sentences = tuple(
            text for text in (_wrong(grid, glance), _switching(grid), _empty(grid, glance)) if text
        )
        return Findings(UNLIKE, (unlike,), sentences, glance)
    compared = _title(grid, methods)
    title = _beaten(grid, methods, baselines, compared)
    return Findings(
        title=title,
        warnings=(
            *_uneven(grid),
            *(
                text
                for method in methods
                for base in baselines
                if (text := _below(grid, method, base))
            ),
        ),
        sentences=tuple(
            text
            for text in (
                compared if title.startswith(NOTHING_BEATS) else "",
                _place(grid, methods, languages=[SOURCE], place="In English"),
                _place(grid, methods, languages=grid.others, place=_elsewhere(grid)),
                _wrong(grid, glance),
                _switching(grid),
                _empty(grid, glance),
            )
            if text
        ),
        glance=glance,
    )


def _glance(grid: Grid, system: int) -> Glance:
    return Glance(
        system=grid.systems[system],
        english=grid.cell(SOURCE, grid.quality, system),
        others=grid.average(grid.quality, system),
        wrong=wrong_share(grid, system, languages=grid.others),
        empty=empty_share(grid, system, languages=grid.others),
    )


def _unlike(grid: Grid) -> str:
    """Say which systems' quality scores were measured in another way; empty if all are alike."""
    measures = {
        system: dict.fromkeys(
            measure(cell)
            for (_, metric, of), cell in grid.cells.items()
            if metric == grid.quality and of == system and cell.signature
        )
        for system in range(len(grid.systems))
    }
    if len({text for found in measures.values() for text in found}) < 2:
        return ""
    found = "; ".join(
        f"{grid.systems[system]}: {', '.join(map(one_line, texts))}"
        for system, texts in measures.items()
    )
    quality = metric_label(grid.quality)
    return f"The signatures of {quality} differ: {found}. Evaluate all with the same --spm."


def _uneven(grid: Grid) -> list[str]:
    """Say where the systems were scored on different numbers of examples."""
    uneven = [
        f"{KNOWN[code].name} {grid.count(code)}"
        for code in grid.languages
        if len(grid.counts(code)) > 1
    ]
    if not uneven:
        return []
    return [
        "The systems were scored on different numbers of examples "
        f"({listed(uneven)}), so that their scores are not of the same articles: evaluate all with the "
        "same --limit."
    ]


def _elsewhere(grid: Grid) -> str:
    count = len(grid.others)
    return f"On average over the {count} other languages" if count != 1 else "In the other language"


def _ranked(grid: Grid, systems: Sequence[int], languages: Sequence[str]) -> list[int]:
    """Order systems by their mean over the languages that all of them have."""
    quality = grid.quality
    shared = [c for c in languages if all(grid.cell(c, quality, s) is not None for s in systems)]
    total = {
        s: sum(cell.value for code in shared if (cell := grid.cell(code, quality, s)))
        for s in systems
    }
    return sorted(systems, key=lambda s: -total[s]) if shared else []


def _leader(grid: Grid, systems: Sequence[int], languages: Sequence[str]) -> str | None:
    """Name the system that is clearly ahead of the next; None if the interval includes zero."""
    ranked = _ranked(grid, systems, languages)
    if len(ranked) < 2:
        return None
    gap = difference(grid, (ranked[0], ranked[1]), languages=languages)
    clear = gap is not None and gap.low is not None and gap.low > 0
    return grid.systems[ranked[0]] if clear else None


def _title(grid: Grid, methods: Sequence[int]) -> str:
    if not methods:
        return f"Only a baseline was scored: {listed(list(grid.systems))}."
    if len(methods) == 1:
        return f"{grid.systems[methods[0]]} on {grid.benchmark}: one method, nothing to compare."
    here = _ranked(grid, methods, [SOURCE]) and (_leader(grid, methods, [SOURCE]) or CLOSE)
    there = _ranked(grid, methods, grid.others) and (_leader(grid, methods, grid.others) or CLOSE)
    if not there:
        return f"In English, {_does(here)}; no other language was scored by all."
    if not here:
        return f"In the other languages, {_does(there)}; English was not scored by all."
    if here == there == CLOSE:
        return "In English and in the other languages, the methods are too close to call."
    if here == there:
        return f"{here} does better, in English and in the other languages."
    if CLOSE not in (here, there):
        return f"{here} does better in English, {there} in the other languages."
    return f"In English, {_does(here)}; in the other languages, {_does(there)}."


def _beaten(grid: Grid, methods: Sequence[int], baselines: Sequence[int], compared: str) -> str:
    """Put into the title where a baseline is clearly ahead of every method."""
    places = {"in English": [SOURCE], "on average elsewhere": list(grid.others)}
    scored = {name: codes for name, codes in places.items() if _ranked(grid, methods, codes)}
    for base in baselines:
        gaps = {
            name: [difference(grid, (base, method), languages=codes) for method in methods]
            for name, codes in scored.items()
        }
        lost = [
            name
            for name, found in gaps.items()
            if found
            and all(gap is not None and gap.low is not None and gap.low > 0 for gap in found)
        ]
        name = grid.systems[base]
        if lost and len(lost) == len(scored):
            copies = f"{NOTHING_BEATS} {name}, which just copies the beginning of the article"
            return f"{copies}, {' or '.join(lost)}."
        if lost:
            return f"{compared[:-1]}; {lost[0]}, {name} is ahead of every method."
    return compared


def _does(leader: str | list[int]) -> str:
    return f"the methods are {CLOSE}" if leader == CLOSE or not leader else f"{leader} does better"


def _below(grid: Grid, method: int, base: int) -> str:
    """Say it plainly if a method does worse than, or no better than, a baseline."""
    worse, level = [], []
    for place, languages in (("in English", [SOURCE]), ("in the other languages", grid.others)):
        gap = difference(grid, (method, base), languages=languages)
        if gap is None:
            continue
        if gap.value < 0 and (gap.high is None or gap.high < 0):
            worse.append(f"{place} by {_points(gap, sign=-1)}")
        elif gap.low is None or gap.low <= 0:
            level.append(f"{place} (difference {_points(gap)})")
    name, other = grid.systems[method], grid.systems[base]
    texts = [f"{name} does worse than {other} {' and '.join(worse)}."] if worse else []
    texts += [f"{name} is not clearly better than {other} {' and '.join(level)}."] if level else []
    ahead = _ahead(grid, method, base) if texts else []
    texts += [f"It is clearly ahead of it in {listed(ahead)}."] if ahead else []
    return " ".join(texts)


def _ahead(grid: Grid, method: int, base: int) -> list[str]:
    """Name the other languages in which a method is clearly ahead."""
    gaps = {code: difference(grid, (method, base), languages=[code]) for code in grid.others}
    return [
        KNOWN[code].name
        for code, gap in gaps.items()
        if gap is not None and gap.low is not None and gap.low > 0
    ]


def _place(grid: Grid, methods: Sequence[int], *, languages: Sequence[str], place: str) -> str:
    """Compare the two best methods in one place."""
    ranked = _ranked(grid, methods, languages)
    if not ranked:
        return ""
    if len(ranked) == 1:
        return f"{place}, {grid.systems[ranked[0]]} scores {_value(grid, ranked[0], languages)}."
    first, second = ranked[:2]
    gap = difference(grid, (first, second), languages=languages)
    assert gap is not None, "ranked systems share a language"
    names = grid.systems[first], grid.systems[second]
    values = " against ".join(_value(grid, system, languages) for system in (first, second))
    if gap.low is None or gap.low <= 0:
        return f"{place}, {listed([*names])} are {CLOSE}: {values}, a difference of {_points(gap)}."
    wins = _wins(grid, first, second, languages) if len(languages) > 1 else ""
    return f"{place}, {names[0]} leads {names[1]} by {_points(gap)}: {values}.{wins}"


def _value(grid: Grid, system: int, languages: Sequence[str]) -> str:
    score = (
        grid.cell(SOURCE, grid.quality, system)
        if list(languages) == [SOURCE]
        else grid.average(grid.quality, system)
    )
    return number(score.value if score else None)


def _wins(grid: Grid, first: int, second: int, languages: Sequence[str]) -> str:
    gaps = [difference(grid, (first, second), languages=[code]) for code in languages]
    known = [gap for gap in gaps if gap is not None]
    ahead = sum(gap.value > 0 for gap in known)
    clear = sum(gap.low is not None and gap.low > 0 for gap in known)
    return f" It is ahead in {ahead} of {len(known)} languages, clearly so in {clear}."


def _wrong(grid: Grid, glance: Sequence[Glance]) -> str:
    """Give the wrong-language shares; that of the references tells how often identification errs."""
    shares = [(g.system, run, g.wrong) for g, run in zip(glance, grid.runs, strict=True) if g.wrong]
    methods = [
        f"{_percent(share)} of {name}'s" for name, run, share in shares if not run.is_baseline
    ]
    if not methods:
        return ""
    text = f"In the other languages, {listed(methods)} non-empty outputs are in the wrong language."
    references = wrong_references(grid)
    if references is None:
        return text
    return (
        f"{text} Of the references, {_percent(references)} are taken for another language: "
        "so often the identification itself errs on such texts."
    )


def _switching(grid: Grid) -> str:
    """Give the shares of wrong words and of outputs wholly in English, where they were measured."""
    shares = [
        f"{_percent(words)} of the words of {name}'s outputs are in another language, and "
        f"{_percent(whole)} of its outputs are wholly in English"
        for system, name in enumerate(grid.systems)
        if (words := grid.average(WRONG_WORDS, system))
        and (whole := grid.average(ALL_ENGLISH, system))
        and not grid.runs[system].is_baseline
    ]
    return f"In the other languages, {'; '.join(shares)}." if shares else ""


def _empty(grid: Grid, glance: Sequence[Glance]) -> str:
    shares = [
        f"{_percent(row.empty)} of {row.system}'s"
        for row, run in zip(glance, grid.runs, strict=True)
        if row.empty and row.empty.value > 0 and not run.is_baseline
    ]
    return f"In the other languages, {listed(shares)} outputs are empty." if shares else ""


def _percent(share: Average) -> str:
    if share.low is None or share.high is None:
        return f"{number(share.value)} %"
    return f"{number(share.value)} % ({number(share.low)} to {number(share.high)})"


def _points(gap: Average, *, sign: int = 1) -> str:
    value = f"{number(sign * gap.value)} points"
    if gap.low is None or gap.high is None:
        return f"{value} (no interval: scores per example are missing)"
    low, high = sorted((sign * gap.low, sign * gap.high))
    return f"{value} ({number(low)} to {number(high)})"
