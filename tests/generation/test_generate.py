"""Answers in order, whatever the batches; prompts, precision, clipping, text."""

import random

import pytest
import torch

from xlgen.data.examples import TokenizedExample
from xlgen.data.tokenizer import EOS
from xlgen.errors import InputError
from xlgen.generation.generate import generate, generate_text
from xlgen.generation.settings import BeamSettings
from xlgen.methods.base import Adapted
from xlgen.methods.model_tuning import ModelTuning
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import tiny_model

LENGTHS = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 4, 4, 4, 30, 30, 31, 32, 7, 60]


def sharp_model(seed=1, *, vocabulary=480, end=4.0):
    model = tiny_model(seed, vocabulary=vocabulary)
    with torch.no_grad():
        model.head.weight.mul_(3.0)
        model.head.bias = torch.nn.Parameter(torch.zeros(vocabulary))
        model.head.bias[EOS] = end
    return model


def make_examples(lengths=LENGTHS, *, seed=0):
    generator = random.Random(seed)
    return [
        TokenizedExample(
            id=f"{number}",
            language="th",
            task="summarization",
            input=(*(generator.randrange(3, 480) for _ in range(length - 1)), EOS),
            target=(),
        )
        for number, length in enumerate(lengths)
    ]


def attach(method, small_tokenizer, **options):
    return method(**options).attach(sharp_model(), small_tokenizer, seed=3)


@pytest.mark.parametrize("penalty", ["gnmt", "hf"])
@pytest.mark.parametrize("method", ["plain", "prompt"])
def test_company_does_not_change_an_answer(penalty, method, small_tokenizer):
    adapted = Adapted(sharp_model())
    if method == "prompt":
        adapted = attach(PromptTuning, small_tokenizer, length=7)
    settings = BeamSettings(penalty=penalty, max_length=24)
    examples = make_examples()
    alone = generate(adapted, examples, settings=settings, batch_size=1)
    assert len(set(map(len, alone))) > 4
    for batch_size, batch_tokens in ((3, 10_000), (20, 10_000), (20, 100)):
        sizes = {"batch_size": batch_size, "batch_tokens": batch_tokens}
        assert generate(adapted, examples, settings=settings, **sizes) == alone
    turned = generate(adapted, examples[::-1], settings=settings)
    assert turned == alone[::-1]


def test_a_prompt_changes_the_answers(small_tokenizer):
    settings = BeamSettings(max_length=10)
    plain = generate(Adapted(sharp_model()), make_examples(), settings=settings)
    prompted = attach(PromptTuning, small_tokenizer, length=7)
    assert generate(prompted, make_examples(), settings=settings) != plain


def test_limits_and_progress():
    limits = [1 + number % 6 for number in range(len(LENGTHS))]
    finished = []
    answers = generate(
        Adapted(sharp_model(end=-9.0)),
        make_examples(),
        settings=BeamSettings(max_length=5),
        limits=limits,
        batch_size=7,
        on_progress=finished.append,
    )
    assert [len(answer) for answer in answers] == [min(limit, 5) for limit in limits]
    assert sum(finished) == len(LENGTHS)
    with pytest.raises(InputError, match="at least 1 token"):
        generate(Adapted(sharp_model()), make_examples([2]), settings=BeamSettings(), limits=[0])


def test_long_inputs_are_cut_and_keep_their_end():
    long = make_examples([40])[0]
    cut = TokenizedExample("cut", "th", "t", (*long.input[:9], EOS), ())
    adapted = Adapted(sharp_model())
    settings = BeamSettings(max_length=8, max_input=10)
    answers = generate(adapted, [long, cut], settings=settings)
    assert answers[0] == answers[1]
    assert answers[0] != generate(adapted, [long], settings=BeamSettings(max_length=8))[0]


def test_no_examples_and_no_input():
    adapted = Adapted(sharp_model())
    assert generate(adapted, [], settings=BeamSettings()) == []
    with pytest.raises(InputError, match="'blank' has no input"):
        generate(adapted, [TokenizedExample("blank", "th", "t", (), ())], settings=BeamSettings())


def test_the_model_is_left_as_it_was(small_tokenizer):
    adapted = attach(ModelTuning, small_tokenizer)
    adapted.train()
    adapted.model.encoder.eval()
    modes = [module.training for module in adapted.modules()]
    before = {name: value.clone() for name, value in adapted.state_dict().items()}
    first = generate(adapted, make_examples(), settings=BeamSettings(max_length=8))
    generate(adapted, make_examples(), settings=BeamSettings(max_length=8), precision="bfloat16")
    assert generate(adapted, make_examples(), settings=BeamSettings(max_length=8)) == first
    assert [module.training for module in adapted.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in adapted.state_dict().items())
    assert all(parameter.requires_grad for parameter in adapted.parameters())


def test_bfloat16_answers_nearly_alike():
    adapted, examples = Adapted(sharp_model()), make_examples()
    settings = BeamSettings(max_length=12)
    exact = generate(adapted, examples, settings=settings)
    rough = generate(adapted, examples, settings=settings, precision="bfloat16")
    same = sum(a == b for a, b in zip(exact, rough, strict=True))
    assert same >= len(examples) // 4  # a random model is flat: close calls abound
    assert len(rough) == len(exact)


def test_forbidden_tokens_and_shortest_length():
    adapted, examples = Adapted(sharp_model()), make_examples()
    free = generate(adapted, examples, settings=BeamSettings(max_length=12))
    common = {token for answer in free for token in answer}
    forbidden = tuple(sorted(common))[: len(common) // 2]
    held = generate(
        adapted, examples, settings=BeamSettings(max_length=12, min_length=4, forbidden=forbidden)
    )
    assert min(map(len, free)) < 4 <= min(map(len, held))
    assert not set(forbidden) & {token for answer in held for token in answer}


def test_text_of_every_script(small_tokenizer, article_1):
    texts = [*article_1.values(), ""]
    examples = [
        TokenizedExample(str(n), "und", "t", (*small_tokenizer.encode(text), EOS), ())
        for n, text in enumerate(texts)
    ]
    adapted = Adapted(
        sharp_model(vocabulary=512, end=0.0)
    )  # more rows than the tokenizer has pieces
    settings = BeamSettings(max_length=12)
    answers = generate_text(adapted, examples, tokenizer=small_tokenizer, settings=settings)
    assert len(answers) == len(texts)
    assert all(isinstance(answer, str) for answer in answers)
    assert len(set(answers)) > len(texts) // 2
