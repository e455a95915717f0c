"""What a claim compares: rows, sizes, prompt lengths, steps, or a row with the best of others.

A comparison is a difference with the sign that the claim expects; the same one is taken of the paper's
printed means, which stand beside ours and decide nothing.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from xlgen.languages import KNOWN, SOURCE
from xlgen.metrics.words import LATIN
from xlgen.reports.certainty import Estimate, Parts, Scored, estimate, subtract
from xlgen.reports.published import SIZES, published, published_rows
from xlgen.reports.study import Study

Where = Literal["English", "other languages", "other scripts"]
NEAR = 2.0  # points of SP-ROUGE; ours, the paper says "similar" and loses at most 2.6 (RU, XXL)
ZERO_SHOT = ("", ", mix-unsup", ", mix-unsup-all", ", it-gigaword", ", it-lm", ", fp", ", fp-en")


@dataclass(frozen=True)
class View:
    """A study at one size and one way of choosing checkpoints."""

    study: Study
    size: str
    selection: str

    def parts(self, row: str, *, metric: str, where: Where, size: str | None = None) -> Parts:
        """Return a row's scores by language and seed, at this size or another."""
        return self.study.parts(
            row, size or self.size, languages=languages_of(self.study.languages, where),
            metric=metric, selection=self.selection,
        )  # fmt: skip

    def lacks(self, *rows: str) -> str:
        """Name the rows that were not run at this size; empty if all have scores."""
        states = {row: self.study.state(row, self.size) for row in rows}
        found = [f"{row.upper()} {s}" for row, s in states.items() if s.startswith("not")]
        return ", ".join(found)


@dataclass(frozen=True)
class Part:
    """One comparison: what is compared, ours with its interval or what is missing, the paper's.

    `sign` is what the claim expects of the difference; with 0 it expects less than `NEAR` either way.
    `asked` are the languages that it is about, `planned` those of them that its rows are made for, `of` the
    seeds that the sweep lists, `notes` what is behind the rows' names. `neighbours` show where between two
    ends a difference arises; no verdict weighs them.
    """

    label: str
    metric: str
    where: Where
    sign: int
    ours: Estimate | None
    missing: str
    paper: tuple[tuple[str, float], ...]
    asked: tuple[str, ...]
    planned: tuple[str, ...]
    of: int
    notes: tuple[tuple[str, str], ...] = ()
    neighbours: tuple["Part", ...] = ()


@dataclass(frozen=True)
class Comparison(ABC):
    """What a claim compares; `metric` is a name of METRICS."""

    metric: str
    where: Where
    sign: int

    @abstractmethod
    def part(self, view: View) -> Part:
        """Return the difference in a study, and the paper's."""

    def _part(
        self,
        label: str,
        ours: Estimate | None,
        *,
        missing: str,
        paper: Iterator[tuple[str, float]],
        view: View,
        rows: Sequence[str],
    ) -> Part:
        why = "" if ours else missing or "no language and seed that both were scored in"
        asked = languages_of(view.study.languages, self.where)
        planned = tuple(
            code
            for code in asked
            if all(view.study.jobs_of(row, view.size, language=code) for row in rows)
        )
        seeds = [view.study.listed_seeds(row, view.size) for row in rows]
        return Part(
            label, self.metric, self.where, self.sign, ours, why, tuple(paper), asked, planned,
            of=max(seeds, default=0) if all(seeds) else 0,
            notes=tuple((row, view.study.note(row)) for row in rows),
        )  # fmt: skip


@dataclass(frozen=True)
class Rows(Comparison):
    """The first row minus the second, at the same size."""

    first: str
    second: str

    def part(self, view: View) -> Part:
        """Pair both rows by seed and document."""
        ours = subtract(
            *(
                view.parts(row, metric=self.metric, where=self.where)
                for row in (self.first, self.second)
            )
        )
        rows = (self.first, self.second)
        return self._part(
            f"{self.first.upper()} minus {self.second.upper()}", estimate(ours),
            missing=view.lacks(*rows), paper=self._printed(), view=view, rows=rows,
        )  # fmt: skip

    def _printed(self) -> Iterator[tuple[str, float]]:
        for size in SIZES:
            gap = printed_gap((self.first, size), (self.second, size), comparison=self)
            if gap is not None:
                yield size.upper(), gap


@dataclass(frozen=True)
class Sizes(Comparison):
    """A row at the largest size minus the same at the smallest."""

    row: str

    def part(self, view: View) -> Part:
        """Pair both sizes by seed and document; a study of one size has nothing to compare."""
        listed = [size for size in view.study.sizes if view.study.has(self.row, size)]
        sizes = [size for size in listed if view.study.state(self.row, size) != "not run"]
        told, estimated = "largest minus smallest", None
        if len(sizes) > 1:
            told = f"{sizes[-1]} minus {sizes[0]}"
            large, small = (
                view.parts(self.row, metric=self.metric, where=self.where, size=size)
                for size in (sizes[-1], sizes[0])
            )
            estimated = estimate(subtract(large, small))
        return self._part(
            f"{self.row.upper()}, {told}", estimated, missing=f"{self.row.upper()} at a second size",
            paper=self._printed(), view=view, rows=(self.row,) if len(listed) > 1 else (),
        )  # fmt: skip

    def _printed(self) -> Iterator[tuple[str, float]]:
        gap = printed_gap((self.row, SIZES[-1]), (self.row, SIZES[0]), comparison=self)
        if gap is not None:
            yield f"{SIZES[-1].upper()} minus {SIZES[0].upper()}", gap


@dataclass(frozen=True)
class Lengths(Comparison):
    """The longest prompt minus the shortest; as neighbours, each length minus the next shorter one.

    The ends are known before any score is; the best length would be chosen by the scores that judge it.
    """

    def part(self, view: View) -> Part:
        """Take the lengths that were run; the plain prompt counts with its own."""
        listed = {
            row: length
            for row in reversed(view.study.rows)
            if view.study.has(row, view.size) and (length := view.study.length(row, view.size))
        }
        rows = {length: row for row, length in listed.items() if not view.lacks(row)}
        lengths = sorted(rows)
        if len(lengths) < 2:
            return self._part(
                "PROMPT, longest minus shortest", None, missing="prompts of two lengths",
                paper=self._printed(), view=view,
                rows=tuple(listed) if len({*listed.values()}) > 1 else (),
            )  # fmt: skip
        ends = self._between(view, rows, shorter=lengths[0], longer=lengths[-1])
        between = [
            self._between(view, rows, shorter=shorter, longer=longer)
            for shorter, longer in (pairwise(lengths) if len(lengths) > 2 else ())
        ]
        neighbours = tuple(replace(one, label=f"{one.label} (neighbours)") for one in between)
        return replace(ends, paper=tuple(self._printed()), neighbours=neighbours)

    def _between(self, view: View, rows: Mapping[int, str], *, shorter: int, longer: int) -> Part:
        pair = Rows(self.metric, self.where, self.sign, rows[longer], rows[shorter])
        return replace(pair.part(view), label=f"PROMPT, L={longer:,} minus L={shorter:,}")

    def _printed(self) -> Iterator[tuple[str, float]]:
        for size in SIZES:
            gap = printed_gap(("prompt, l=1000", size), ("prompt, l=1", size), comparison=self)
            if gap is not None:
                yield f"{size.upper()} (L=1,000)", gap


@dataclass(frozen=True)
class Steps(Comparison):
    """A validation score at the last checkpoint minus that at the first, over seeds; no documents."""

    row: str

    def part(self, view: View) -> Part:
        """Compare within each run; the paper draws these curves (Figure 3) and prints no numbers."""
        found: dict[str, dict[int | None, Scored]] = {}
        for job in view.study.jobs:
            if (job.row, job.size) == (self.row, view.size):
                for code in languages_of(tuple({p.language for p in job.curve}), self.where):
                    curve = [
                        p.value for p in job.curve
                        if (p.language, p.metric) == (code, self.metric) and p.value is not None
                    ]  # fmt: skip
                    if len(curve) > 1:
                        found.setdefault(code, {})[job.seed] = Scored(curve[-1] - curve[0], {})
        return self._part(
            f"{self.row.upper()}, last minus first checkpoint", estimate(found),
            missing=f"learning curves of {self.row.upper()}", paper=iter(()), view=view, rows=(self.row,),
        )  # fmt: skip


@dataclass(frozen=True)
class AboveAll(Comparison):
    """A row minus the best of the zero-shot rows: who is above the best is above all."""

    row: str

    def part(self, view: View) -> Part:
        """Choose the best by its mean over the languages that this row has too."""
        ours = view.parts(self.row, metric=self.metric, where=self.where)
        rivals = {
            row: gap
            for row in self._zero_shot(view.study.rows)
            if (
                gap := estimate(
                    subtract(ours, view.parts(row, metric=self.metric, where=self.where))
                )
            )
        }
        whole = max((len(gap.languages) for gap in rivals.values()), default=0)
        full = {row: gap for row, gap in rivals.items() if len(gap.languages) == whole}
        best = min(full, key=lambda row: full[row].value, default=None)
        return self._part(
            f"{self.row.upper()} minus the best zero-shot row" + (f" ({best.upper()})" if best else ""),
            full[best] if best else None, missing=view.lacks(self.row) or "a zero-shot row",
            paper=self._printed(), view=view, rows=(self.row, best) if best else (self.row,),
        )  # fmt: skip

    def _zero_shot(self, rows: Sequence[str]) -> list[str]:
        named = {method + what for method in ("prompt", "model") for what in ZERO_SHOT}
        return [row for row in rows if row in named or row.startswith("prompt, l=")]

    def _printed(self) -> Iterator[tuple[str, float]]:
        rows = published_rows()
        for size in SIZES:
            gaps = [
                printed_gap((self.row, size), (row, size), comparison=self)
                for row in self._zero_shot(rows)
            ]
            known = [gap for gap in gaps if gap is not None]
            if known:
                yield size.upper(), min(known)


def languages_of(languages: Sequence[str], where: Where) -> tuple[str, ...]:
    """Return those of `languages` that a comparison is about.

    >>> languages_of(("en", "fr", "th"), "other scripts")
    ('th',)
    """
    kept = {
        "English": lambda code: code == SOURCE,
        "other languages": lambda code: code != SOURCE,
        "other scripts": lambda code: LATIN not in KNOWN[code].scripts,
    }[where]
    return tuple(code for code in KNOWN if code in languages and kept(code))


def printed_gap(
    first: tuple[str, str], second: tuple[str, str], *, comparison: Comparison
) -> float | None:
    """Return the mean difference of two printed rows, each (row, size), over the languages of both."""
    gaps = [
        ours.mean - theirs.mean
        for code in languages_of(tuple(KNOWN), comparison.where)
        if (ours := published(*first, language=code, metric=comparison.metric))
        and (theirs := published(*second, language=code, metric=comparison.metric))
    ]
    return math.fsum(gaps) / len(gaps) if gaps else None
