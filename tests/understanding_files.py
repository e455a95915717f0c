"""Small files in the official formats of the understanding benchmarks, with text of the UDHR.

`write_all(root)` writes what `XLGEN_DATA=root` finds: the folders, names and columns are the publishers'.
Articles in Swahili and Hebrew are OHCHR's translations too.
"""

import json
from pathlib import Path

from udhr import ARTICLE_1

TEXTS = ARTICLE_1 | {
    "sw": "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote wamejaliwa akili na dhamiri, hivyo"
    " yapasa watendeane kindugu.",
    "he": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה"
    " עליהם לנהוג איש ברעהו ברוח של אחווה.",
}
UNSPACED = ("th", "zh", "ja")
XNLI_COLUMNS = [
    "language",
    "gold_label",
    "sentence1_binary_parse",
    "sentence2_binary_parse",
    "sentence1_parse",
    "sentence2_parse",
    "sentence1",
    "sentence2",
    "promptID",
    "pairID",
    "genre",
    "label1",
    "label2",
    "label3",
    "label4",
    "label5",
    "sentence1_tokenized",
    "sentence2_tokenized",
    "match",
]
HARD_AND_SWAHILI = ("en", "th", "ar", "hi", "zh", "vi", "sw")
HARD_AND_HEBREW = ("en", "th", "ar", "hi", "zh", "vi", "he")
CLASSES = ("neutral", "contradiction", "entailment")
TYDI = {"en": "english", "ar": "arabic", "ko": "korean", "sw": "swahili", "ru": "russian"}


def write_all(root: Path) -> Path:
    """Write every data set below `root`; return it."""
    write_xnli(root / "xnli")
    write_pawsx(root / "pawsx")
    write_questions(root)
    write_wikiann(root / "wikiann")
    return root


def parts(language: str) -> list[str]:
    """Return the words of an article, or threes of letters where words are not spaced."""
    text = TEXTS[language]
    if language in UNSPACED:
        text = text.replace(" ", "")
        return [text[at : at + 3] for at in range(0, len(text), 3)]
    return text.split()


def joined(language: str, words: list[str]) -> str:
    return ("" if language in UNSPACED else " ").join(words)


def save(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def write_xnli(
    folder: Path, languages: tuple[str, ...] = ("en", "th", "ar", "hi", "zh", "vi", "sw")
) -> None:
    """XNLI-1.0 and multinli_1.0, as their archives unpack."""
    for split in ("dev", "test"):
        lines = ["\t".join(XNLI_COLUMNS)]
        for language in languages:
            for number, label in enumerate(CLASSES):
                row = dict.fromkeys(XNLI_COLUMNS, "")
                words = parts(language)
                row |= {
                    "language": language, "gold_label": label,
                    "pairID": str(10 * len(split) + number),
                    "sentence1": joined(language, words[:8]),
                    "sentence2": joined(language, words[number : number + 4]),
                }  # fmt: skip
                lines.append("\t".join(row.values()))
        save(folder / "XNLI-1.0" / f"xnli.{split}.tsv", "\n".join(lines) + "\n")
    words = parts("en")
    records = [
        {
            "gold_label": CLASSES[number % 3], "pairID": f"{number}n", "genre": "fiction",
            "sentence1": " ".join(words[number : number + 6]),
            "sentence2": " ".join(words[number : number + 3]),
        }
        for number in range(9)
    ]  # fmt: skip
    save(folder / "multinli_1.0" / "multinli_1.0_train.jsonl", as_lines(records))


def as_lines(records: list[dict[str, str]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def write_pawsx(
    folder: Path, languages: tuple[str, ...] = ("en", "de", "es", "ja", "ko", "zh")
) -> None:
    """x-final, as its archive unpacks."""
    for language in languages:
        words = parts(language)
        for file in ("dev_2k.tsv", "test_2k.tsv", *(["train.tsv"] if language == "en" else [])):
            lines = ["id\tsentence1\tsentence2\tlabel"]
            shift = {"dev_2k.tsv": 0, "test_2k.tsv": 3, "train.tsv": 6}[file]
            for number in range(1, 5):
                first = words[shift + number : shift + number + 6]
                second = first[::-1] if number % 2 else first
                pair = joined(language, first), joined(language, second)
                lines.append(f"{number}\t{pair[0]}\t{pair[1]}\t{1 - number % 2}")
            save(folder / "x-final" / language / file, "\n".join(lines) + "\n")


def asked(language: str, identity: str, *, at: int = 2) -> dict[str, object]:
    """Return a question whose answer is two words of the article."""
    answer = joined(language, parts(language)[at : at + 2])
    return {
        "id": identity,
        "question": joined(language, parts(language)[-3:]) + "?",
        "answers": [{"text": answer, "answer_start": context(language).index(answer)}],
    }


def context(language: str) -> str:
    return joined(language, parts(language))


def squad_json(paragraphs: list[tuple[str, list[dict[str, object]]]]) -> str:
    """Return SQuAD's JSON, on one line as published."""
    data = [
        {"title": f"Article {number}", "paragraphs": [{"context": text, "qas": qas}]}
        for number, (text, qas) in enumerate(paragraphs)
    ]
    return json.dumps({"version": "1.1", "data": data}, ensure_ascii=False)


def write_questions(root: Path) -> None:
    """SQuAD, XQuAD, MLQA_V1 and TyDiQA-GoldP."""
    for split, shift in (("train", 0), ("dev", 5)):
        qas = [asked("en", f"{split}{at}", at=at + shift) for at in range(4)]
        save(root / "squad" / f"{split}-v1.1.json", squad_json([(f"{context('en')} {split}", qas)]))
        tydi = [
            (
                context(code),
                [asked(code, f"{name}--{split}-{at}", at=at + shift) for at in range(2)],
            )
            for code, name in TYDI.items()
        ]
        save(root / "tydiqa" / f"tydiqa-goldp-v1.1-{split}.json", squad_json(tydi))
    for language in ("en", "ar", "de", "es", "hi", "ru", "th", "tr", "vi", "zh"):
        qas = [asked(language, f"x{at}", at=at) for at in range(2)]
        save(root / "xquad" / f"xquad.{language}.json", squad_json([(context(language), qas)]))
    for language in ("en", "ar", "de", "es", "hi", "vi", "zh"):
        for split, shift in (("dev", 0), ("test", 4)):
            name = f"{split}-context-{language}-question-{language}.json"
            qas = [asked(language, f"m{at}", at=at + shift) for at in range(2)]
            save(root / "mlqa" / "MLQA_V1" / split / name, squad_json([(context(language), qas)]))


def write_wikiann(
    folder: Path, languages: tuple[str, ...] = ("en", "th", "ar", "hi", "zh", "vi", "he")
) -> None:
    """An archive a language, unpacked: the files have no endings."""
    for language in languages:
        words = parts(language)
        for split, shift in (("train", 0), ("dev", 2), ("test", 4)):
            lines = []
            for number in range(3):
                tokens = words[shift + number : shift + number + 5]
                tags = ["B-PER", "I-PER", "O", "B-LOC", "O"]
                tags = tags[number:] + tags[:number] if number != 1 else tags
                lines += [
                    f"{language}:{token}\t{tag}" for token, tag in zip(tokens, tags, strict=True)
                ]
                lines.append("")
            save(folder / language / split, "\n".join(lines) + "\n")
