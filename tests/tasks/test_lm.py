"""Language modelling: no context, the text as it stands."""

import numpy as np
import pytest
from special_ids import IDS

from xlgen.tasks import Limits, Pair
from xlgen.tasks.lm import LM


@pytest.mark.parametrize(
    ("tokens", "target"),
    [([5, 6, 7], (5, 6, 7, 1)), ([5, 6, 7, 8, 9], (5, 6, 7, 1)), ([5], (5, 1)), ([], (1,))],
)
def test_the_input_is_eos_alone_and_the_target_the_text(tokens, target):
    pair = LM().make(
        np.array(tokens, np.uint16), IDS, limits=Limits(512, 4), rng=np.random.default_rng(0)
    )
    assert pair == Pair(input=(1,), target=target)


@pytest.mark.parametrize("language", ["en", "th", "ar", "hi", "zh", "vi"])
def test_the_target_reads_as_the_text(language, article_1, tokenizer):
    tokens = np.array(tokenizer.encode(article_1[language]))
    pair = LM().make(tokens, tokenizer, limits=Limits(1, 512), rng=np.random.default_rng(0))
    assert pair.input == (tokenizer.eos,)
    assert tokenizer.decode(pair.target) == tokenizer.normalize(article_1[language])


def test_the_text_of_an_example_fills_the_target_and_stays_in_a_document():
    assert LM().raw_length(Limits(input=1, target=512)) == 511
    assert not LM().crosses_documents
