"""SQuAD, XQuAD, MLQA and TyDiQA-GoldP: a question, its context and answers out of it, in SQuAD's JSON."""

import json
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlgen.errors import InputError
from xlgen.registry import near_names
from xlgen.sources import published
from xlgen.sources.forms import pad_punctuation, question
from xlgen.sources.official import Oddities, OfficialFiles
from xlgen.sources.rows import BadRow, Row, open_bytes

LIMIT = 2**29  # bytes of a file as unpacked; the largest, TyDiQA-GoldP's training, has some 50 MB

# How the ids of TyDiQA-GoldP begin.
TYDI = {
    "arabic": "ar", "bengali": "bn", "english": "en", "finnish": "fi", "indonesian": "id", "korean": "ko",
    "russian": "ru", "swahili": "sw", "telugu": "te",
}  # fmt: skip


@dataclass(frozen=True)
class Paragraph:
    """A context with its questions, and where it stands in its file: article and paragraph."""

    context: str
    questions: list[Any]
    place: str


@dataclass(frozen=True)
class Questions(OfficialFiles):
    """A set in SQuAD's JSON. A target holds all answers, one a line; the first is what is learnt.

    `parallel` is what the translations of a question share: its "paragraph"'s place, or its "id".
    """

    parallel: str = "paragraph"

    def rows_of(self, path: Path, *, split: str, language: str) -> Iterator[Row | BadRow]:
        """Yield a question a row, numbered from 1; answers out of place are kept, counted and told."""
        odd, number = Oddities(path), 0
        for paragraph in read_paragraphs(path):
            context = pad_punctuation(paragraph.context)
            for asked in paragraph.questions:
                number += 1
                reason = _wrong(asked) or self._of_no_language(asked, language)
                if reason:
                    yield BadRow(str(path), number, reason)
                    continue
                for answer in asked["answers"]:
                    self._look(answer, paragraph.context, odd, number)
                identity = asked["id"]
                shared = identity if self.parallel == "id" else paragraph.place
                answers = [pad_punctuation(answer["text"]) for answer in asked["answers"]]
                yield Row(str(path), number, {
                    "id": identity,
                    "language": language or TYDI[_prefix(identity)],
                    "input": question(pad_punctuation(asked["question"]), context=context),
                    "target": "\n".join(answers),
                    "task": "question_answering",
                    "source": self.name,
                    "document": f"{self.name}/{split}/{shared}",
                })  # fmt: skip
        odd.tell()

    def _of_no_language(self, asked: dict[str, Any], language: str) -> str:
        prefix = _prefix(asked["id"])
        if language or prefix in TYDI:
            return ""
        known = near_names(prefix[:40], list(TYDI))
        return f"expected an id that begins with a language of {self.name}, got {prefix!r:.40}: {known}"

    @staticmethod
    def _look(answer: dict[str, Any], context: str, odd: Oddities, number: int) -> None:
        text, start = answer["text"], answer.get("answer_start")
        if text not in context:
            odd.note("an answer that is not in its context, kept", number)
        elif type(start) is not int or context[start : start + len(text)] != text:
            odd.note("an answer that does not stand at its answer_start, kept", number)


def read_paragraphs(path: Path) -> Iterator[Paragraph]:
    """Yield the paragraphs of a file; raise `InputError` where it is not SQuAD's JSON."""
    with open_bytes(path) as file:
        try:
            content = file.read(LIMIT + 1)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise InputError(f"{path}: damaged ({error!s:.80}); get the file again") from error
    if len(content) > LIMIT:
        raise InputError(
            f"{path}: expected at most {LIMIT:,} bytes of SQuAD's JSON, unpacked, got more;"
            " get the file again"
        )
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{error.lineno}: expected SQuAD's JSON ({error.msg}, column {error.colno});"
            " get the file again"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: expected SQuAD's JSON in UTF-8 ({error!s:.80}); get it again"
        ) from error
    for number, article in enumerate(_list(data, "data", path, "the file")):
        for place, paragraph in enumerate(_list(article, "paragraphs", path, f"data[{number}]")):
            where = f"data[{number}].paragraphs[{place}]"
            asked = _list(paragraph, "qas", path, where)
            context = paragraph.get("context")
            if not isinstance(context, str):
                raise InputError(
                    f"{path}: {where}: expected text in 'context', got {context!r:.40}"
                )
            yield Paragraph(context, asked, f"{number}.{place}")


def _list(record: Any, key: str, path: Path, where: str) -> list[Any]:
    found = record.get(key) if isinstance(record, dict) else None
    if not isinstance(found, list):
        raise InputError(
            f"{path}: {where}: expected a list in {key!r}, as in SQuAD's JSON, got {found!r:.40}"
        )
    return found


def _wrong(asked: Any) -> str:
    """Say what a question lacks; empty if all is well."""
    if not isinstance(asked, dict):
        return f"expected a question in {{}}, got {asked!r:.40}"
    for key in ("id", "question"):
        if not isinstance(asked.get(key), str) or not asked[key]:
            return f"expected text in {key!r}, got {asked.get(key)!r:.40}"
    answers = asked.get("answers")
    if not isinstance(answers, list) or not answers:
        return (
            f"question {asked['id']!r:.60}: expected at least one answer, got {answers!r:.40};"
            " unanswerable questions (SQuAD 2) belong to no benchmark here"
        )
    for answer in answers:
        text = answer.get("text") if isinstance(answer, dict) else None
        if not isinstance(text, str) or not text.strip():
            return f"question {asked['id']!r:.60}: expected text in an answer, got {answer!r:.40}"
    return ""


def _prefix(identity: str) -> str:
    return identity.split("-")[0]


SQUAD = Questions(
    published=published.SQUAD,
    description="SQuAD 1.1: English questions to Wikipedia, which XQuAD and MLQA are learnt from",
    languages=("en",),
    files={"train": "train-v1.1.json", "validation": "dev-v1.1.json"},
)

XQUAD = Questions(
    published=published.XQUAD,
    description="XQuAD: 1,190 of SQuAD's questions translated into 10 languages; no split but one",
    languages=("en", "ar", "de", "el", "es", "hi", "ru", "th", "tr", "vi", "zh"),
    files={"validation": "xquad.{language}.json", "test": "xquad.{language}.json"},
)

MLQA = Questions(
    published=published.MLQA,
    description="MLQA: questions to Wikipedia in 7 languages, question and context in the same one",
    languages=("en", "ar", "de", "es", "hi", "vi", "zh"),
    files={
        "validation": "dev-context-{language}-question-{language}.json",
        "test": "test-context-{language}-question-{language}.json",
    },
    parallel="id",
)

TYDIQA = Questions(
    published=published.TYDIQA,
    description="TyDiQA-GoldP: questions asked in 9 languages by their speakers, nothing translated",
    languages=("en", "ar", "bn", "fi", "id", "ko", "ru", "sw", "te"),
    files={
        "train": "tydiqa-goldp-v1.1-train.json",
        "validation": "tydiqa-goldp-v1.1-dev.json",
    },
    train=("en", "ar", "bn", "fi", "id", "ko", "ru", "sw", "te"),
)
