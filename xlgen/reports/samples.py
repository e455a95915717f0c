"""A few articles per language with every system's output, wrong-language words marked."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from xlgen.languages import KNOWN, SOURCE
from xlgen.reports.grid import ALL_ENGLISH, ENGLISH, QUALITY, TARGET, WRONG_WORDS
from xlgen.reports.read import Prediction
from xlgen.reports.text import clip, visible

ARTICLE_CHARACTERS = 1500
OUTPUT_CHARACTERS = 1200


@dataclass(frozen=True)
class Segment:
    """A run of text; `wrong` names the language of words that are not in the target language."""

    text: str
    wrong: str = ""


# (text, language) -> segments that together are the text.
Marker = Callable[[str, str], Iterable[Segment]]


@dataclass(frozen=True)
class Shown:
    """A system whose outputs are shown; `system` is the number of its colour and shape."""

    name: str
    system: int
    predictions: Sequence[Prediction]
    note: str = ""


@dataclass(frozen=True)
class Output:
    """One system's output for one article."""

    system: int
    name: str
    note: str
    segments: tuple[Segment, ...]
    is_empty: bool
    is_wrong: bool
    quality: float | None
    target: float | None
    english: float | None
    wrong_words: float | None
    is_all_english: bool


@dataclass(frozen=True)
class Sample:
    """One article with its reference and the outputs, a system without one left out."""

    id: str
    article: str
    reference: str
    outputs: tuple[Output, ...]
    absent: tuple[str, ...]

    @property
    def is_wrong(self) -> bool:
        """Whether any output is in the wrong language."""
        return any(output.is_wrong for output in self.outputs)


@dataclass(frozen=True)
class LanguageSamples:
    """The samples of one language; `of` is how many articles there are."""

    code: str
    name: str
    right_to_left: bool
    samples: tuple[Sample, ...]
    of: int

    @property
    def wrong(self) -> int:
        """How many of these samples have an output in the wrong language."""
        return sum(sample.is_wrong for sample in self.samples)


def pick_samples(
    shown: Sequence[Shown], *, languages: Sequence[str], count: int, mark: Marker
) -> tuple[LanguageSamples, ...]:
    """Pick `count` articles per language by the hash of their id, so that no score plays a part."""
    found = [{(p.language, p.id): p for p in system.predictions} for system in shown]
    every = dict.fromkeys(key for predictions in found for key in predictions)
    picked = []
    for code in languages:
        ids = sorted((i for language, i in every if language == code), key=_hash)
        samples = tuple(
            _sample(shown, [known.get((code, i)) for known in found], mark) for i in ids[:count]
        )
        if samples:
            language = KNOWN[code]
            picked.append(
                LanguageSamples(code, language.name, language.right_to_left, samples, len(ids))
            )
    return tuple(picked)


def mark_words(text: str, language: str) -> Iterable[Segment]:
    """Mark the words in another language than `language`; names, numbers and code stay unmarked."""
    from xlgen.metrics.spans import word_languages

    return _segments(text, word_languages(text, language))


def _segments(text: str, words: Iterable[tuple[int, int, str]]) -> Iterable[Segment]:
    end = 0
    for start, stop, wrong in _phrases(text, words):
        if start > end:
            yield Segment(text[end:start])
        yield Segment(text[start:stop], wrong)
        end = stop
    if end < len(text):
        yield Segment(text[end:])


def _phrases(text: str, words: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Join wrong words of one language with only white space between."""
    phrases: list[tuple[int, int, str]] = []
    for start, stop, wrong in words:
        if phrases and phrases[-1][2] == wrong and not text[phrases[-1][1] : start].strip():
            start = phrases.pop()[0]
        phrases.append((start, stop, wrong))
    return phrases


def _hash(identity: str) -> bytes:
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).digest()


def _sample(
    shown: Sequence[Shown], predictions: Sequence[Prediction | None], mark: Marker
) -> Sample:
    given = [p for p in predictions if p is not None]
    pairs = list(zip(shown, predictions, strict=True))
    article = next((p.input for p in given if p.input), "")
    return Sample(
        id=visible(given[0].id),
        article=clip(visible(article), characters=ARTICLE_CHARACTERS),
        reference=clip(visible(given[0].reference), characters=OUTPUT_CHARACTERS),
        outputs=tuple(_output(system, p, mark) for system, p in pairs if p is not None),
        absent=tuple(system.name for system, p in pairs if p is None),
    )


def _output(shown: Shown, prediction: Prediction, mark: Marker) -> Output:
    text = clip(prediction.prediction, characters=OUTPUT_CHARACTERS)
    segments = tuple(Segment(visible(s.text), s.wrong) for s in mark(text, prediction.language))
    target = prediction.scores.get(TARGET)
    return Output(
        system=shown.system,
        name=shown.name,
        note=shown.note,
        segments=segments,
        is_empty=prediction.is_empty,
        is_wrong=target is not None and target <= 0 and not prediction.is_empty,
        quality=prediction.scores.get(QUALITY),
        target=target,
        english=None if prediction.language == SOURCE else prediction.scores.get(ENGLISH),
        wrong_words=prediction.scores.get(WRONG_WORDS),
        is_all_english=bool(prediction.scores.get(ALL_ENGLISH)),
    )
