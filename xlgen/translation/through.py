"""TRANS-TEST: inputs translated into English for a system that knows the task in English, outputs back.

Vu et al. 2022, section 2.2.1. That outputs are translated back is read off its results (Table 10): LID of the
target language is 93.1 (Russian) to 100 (Thai), of English 0.0.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from xlgen.data.examples import Example
from xlgen.languages import SOURCE
from xlgen.translation.base import Translator
from xlgen.translation.translate import translate

Predict = Callable[[Sequence[Example]], list[str]]


def through_english(predict: Predict, translator: Translator, *, memory: Path) -> Predict:
    """Return `predict` for examples of any language the translator has both ways, by way of English.

    What `predict` meets are English examples without a target, all at once; examples in English go to it
    without translation. Translations are kept in the file `memory`. Raises `InputError` for a language
    the translator does not have, before anything is predicted.
    """

    def predicted(examples: Sequence[Example]) -> list[str]:
        places: dict[str, list[int]] = {}
        for place, example in enumerate(examples):
            places.setdefault(example.language, []).append(place)
        foreign = [language for language in places if language != SOURCE]
        for language in foreign:
            translator.check(language, SOURCE)
            translator.check(SOURCE, language)
        inputs = [example.input for example in examples]
        for language in foreign:
            there = [inputs[place] for place in places[language]]
            found = translate(there, translator, source=language, target=SOURCE, memory=memory)
            for place, text in zip(places[language], found, strict=True):
                inputs[place] = text
        english = [
            replace(example, language=SOURCE, input=text, target="")
            for example, text in zip(examples, inputs, strict=True)
        ]
        outputs = list(predict(english))
        for language in foreign:
            here = [outputs[place] for place in places[language]]
            found = translate(here, translator, source=SOURCE, target=language, memory=memory)
            for place, text in zip(places[language], found, strict=True):
                outputs[place] = text
        return outputs

    return predicted
