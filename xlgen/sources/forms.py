"""Examples of understanding as text to text, written as multilingual-T5 writes them (Xue et al. 2021)."""

import re
import unicodedata
from collections.abc import Sequence

_SPACE = (
    "\t\n\f\r "  # RE2's \s, which TensorFlow's regular expressions have; no-break spaces are none
)
_SPACES = re.compile(f"[{_SPACE}]+")
BETWEEN_ENTITIES = " $$ "  # WikiANN has it nowhere


class _Padded(dict[int, str | int]):
    """What each character becomes, worked out as they come."""

    def __missing__(self, code: int) -> str | int:
        character = chr(code)
        is_kept = character in f"_{_SPACE}" or unicodedata.category(character)[0] in "LMN"
        self[code] = code if is_kept else f" {character} "
        return self[code]


_PADDED = _Padded()


def pad_punctuation(text: str) -> str:
    """Put spaces around every character that is no letter, mark, digit, underscore or white space.

    Marks stay with their letters, so that accents and vowel signs survive; white space becomes one space.

    >>> pad_punctuation("1882?"), pad_punctuation("François, 北京。")
    ('1882 ? ', 'François , 北京 。 ')
    """
    return _SPACES.sub(" ", text.translate(_PADDED))


def inference(premise: str, hypothesis: str) -> str:
    """Return the input of XNLI; its target is the number of the class.

    >>> inference("premise1", "hypothesis1")
    'xnli: premise: premise1 hypothesis: hypothesis1'
    """
    return f"xnli: premise: {premise} hypothesis: {hypothesis}"


def paraphrase(first: str, second: str) -> str:
    """Return the input of PAWS-X, as T5 writes tasks of two sentences.

    >>> paraphrase("A.", "B.")
    'paws sentence1: A. sentence2: B.'
    """
    return f"paws sentence1: {first} sentence2: {second}"


def question(text: str, *, context: str) -> str:
    """Return the input of a question whose text and context are padded already.

    >>> question("Who ? ", context="Some context . ")
    'question: Who ? context: Some context . '
    """
    return _SPACES.sub(" ", f"question: {text} context: {context}")


def tagging(tokens: Sequence[str]) -> str:
    """Return the input of named entity recognition.

    >>> tagging(["rick", "and", "morty", "are", "cool", "."])
    'tag: rick and morty are cool .'
    """
    return f"tag: {' '.join(tokens)}"


def entities(spans: Sequence[tuple[str, str]]) -> str:
    """Return the target of named entity recognition: type and text of each.

    >>> entities([("PER", "rick"), ("PER", "morty")])
    'PER: rick $$ PER: morty'
    """
    return BETWEEN_ENTITIES.join(f"{kind}: {text}" for kind, text in spans)
