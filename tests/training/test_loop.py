"""The loop: what it changes, what it must not, and when it stops."""

import json

import pytest
import torch
from faults import EXAMPLES, METHODS, FakeTokenizer, tiny_run

from xlgen.data.batches import collate
from xlgen.errors import InputError
from xlgen.model.dropout import Dropout
from xlgen.model.load import tiny_model
from xlgen.training import checkpoint
from xlgen.training.folder import RunFolder
from xlgen.training.gradients import dropout_seed
from xlgen.training.loop import DivergedError, train
from xlgen.training.optim import AdamW
from xlgen.training.precision import describe_device, memory_told
from xlgen.training.schedules import Constant
from xlgen.training.settings import TrainingConfig
from xlgen.training.validation import best_step, validation_losses


class FixedStream:
    """The same micro-batches at every step, unless told otherwise."""

    def __init__(self, *batches, at=None):
        self.batches, self.at = list(batches), at or {}

    def batch(self, step):
        return self.at.get(step, self.batches)


def weights(adapted):
    return {name: tensor.detach().clone() for name, tensor in adapted.named_parameters()}


def attach(method="model", seed=0):
    return METHODS[method].attach(tiny_model(seed, width=16), FakeTokenizer(), seed=0)


def without_dropout(adapted):
    for module in adapted.modules():
        if isinstance(module, Dropout):
            module.rate = 0.0
        elif isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
    return adapted


def run(adapted, stream, folder, **settings):
    config = TrainingConfig(**{"steps": 3, "checkpoint_every": 100, **settings})
    with RunFolder(folder, config) as opened:
        return train(adapted, stream, config=config, folder=opened)


def test_training_lowers_the_loss_and_logs_it(tmp_path):
    adapted = attach()
    result = run(adapted, FixedStream(collate(EXAMPLES[:8])), tmp_path, steps=20, log_every=5)
    lines = RunFolder(tmp_path).read_metrics()
    assert [line["step"] for line in lines] == [5, 10, 15, 20]
    assert lines[-1]["loss"] < lines[0]["loss"] - 0.1
    tokens = sum(len(example.target) for example in EXAMPLES[:8])
    assert lines[-1]["tokens"] == result.tokens == tokens * 20
    assert {"seconds", "learning_rate", "gradient_norm"} <= set(lines[0])
    assert list((tmp_path / "log").glob("events.out.tfevents.*"))


def test_what_is_frozen_keeps_its_bits_and_has_no_gradient(tmp_path):
    adapted = attach("prompt")
    before = weights(adapted)
    run(adapted, FixedStream(collate(EXAMPLES[:8])), tmp_path, schedule=Constant(0.3))
    assert not torch.equal(before.pop("prompt"), adapted.prompt)
    for name, parameter in adapted.named_parameters():
        if name != "prompt":
            assert torch.equal(parameter, before[name]), name
            assert parameter.grad is None
            assert not parameter.requires_grad


@pytest.mark.parametrize("normalization", ["none", "tokens", "batch"])
@pytest.mark.parametrize("method", METHODS)
def test_micro_batches_add_up_to_one_large_batch(tmp_path, method, normalization):
    whole, parts = (without_dropout(attach(method)) for _ in range(2))
    settings = {"steps": 2, "normalization": normalization, "optimizer": AdamW(epsilon=1e-3)}
    run(whole, FixedStream(collate(EXAMPLES[:9])), tmp_path / "whole", **settings)
    cuts = (EXAMPLES[:2], EXAMPLES[2:3], EXAMPLES[3:9])
    run(parts, FixedStream(*map(collate, cuts)), tmp_path / "parts", **settings)
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(tensor, weights(parts)[name], rtol=1e-5, atol=1e-6)
    losses = [RunFolder(tmp_path / name).read_metrics()[-1] for name in ("whole", "parts")]
    assert losses[0]["loss"] == pytest.approx(losses[1]["loss"], rel=1e-6)
    assert losses[0]["gradient_norm"] == pytest.approx(losses[1]["gradient_norm"], rel=1e-5)


def test_how_gradients_are_divided_and_clipped(tmp_path):
    batch = collate(EXAMPLES[:4])
    norms = {}
    for name, settings in {
        "none": {},
        "tokens": {"normalization": "tokens"},
        "batch": {"normalization": "batch"},
    }.items():
        adapted = without_dropout(attach())
        run(adapted, FixedStream(batch), tmp_path / name, steps=1, **settings)
        norms[name] = RunFolder(tmp_path / name).read_metrics()[0]["gradient_norm"]
    assert norms["tokens"] == pytest.approx(norms["none"] / batch.target_tokens, rel=1e-5)
    assert norms["batch"] == pytest.approx(norms["none"] / 4, rel=1e-5)
    start, clipped = weights(attach()), without_dropout(attach())
    # with a huge epsilon AdamW's step is in proportion to the gradient
    optimizer = AdamW(epsilon=1e6, weight_decay=0)
    settings = {"optimizer": optimizer, "schedule": Constant(1e6), "steps": 1}
    run(clipped, FixedStream(batch), tmp_path / "clipped", gradient_clip=0.5, **settings)
    moved = [(tensor - start[name]).norm() for name, tensor in weights(clipped).items()]
    assert torch.stack(moved).norm().item() == pytest.approx(0.5, rel=1e-3)


def test_dropout_differs_by_step_and_micro_batch_and_leaves_the_callers_seed_alone(tmp_path):
    seeds = {
        dropout_seed(seed, step=step, micro_batch=part)
        for seed in range(3)
        for step in range(9)
        for part in range(3)
    }
    assert len(seeds) == 81
    adapted = attach()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run(adapted, FixedStream(collate(EXAMPLES[:4])), tmp_path)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("at", [0, 2, 5])
def test_a_loss_that_is_no_number_stops_before_the_update(tmp_path, at):
    adapted = attach()
    batch = collate(EXAMPLES[:4])
    poison = PoisonedAt(at, adapted)
    config = TrainingConfig(steps=8, checkpoint_every=100, optimizer=AdamW())
    with RunFolder(tmp_path, config) as folder, pytest.raises(DivergedError) as told:
        train(adapted, poison, config=config, folder=folder)
    assert f"step {at + 1}: loss nan" in str(told.value)
    assert "\n" not in str(told.value)
    ids = json.loads((tmp_path / f"diverged-step-{at + 1:07d}.json").read_text())["ids"]
    assert ids == [batch.ids]
    steps = RunFolder(tmp_path).steps
    assert steps.steps() == ([at] if at else [])
    if at:
        clean = attach()
        run(clean, FixedStream(batch), tmp_path / "clean", steps=at, optimizer=AdamW())
        stored = steps.read(at).tensors
        for name, tensor in clean.state().items():
            assert torch.equal(stored[f"parameter/{name}"], tensor), name


class PoisonedAt:
    """From step `at` on one target's row of the head is NaN while the batch goes forward."""

    def __init__(self, at, adapted):
        self.at, self.calls = at, 0
        adapted.model.decoder.norm.register_forward_hook(self.poison)

    def batch(self, step):
        return [collate(EXAMPLES[:4])]

    def poison(self, module, inputs, output):
        self.calls += 1
        return output * float("nan") if self.calls == self.at + 1 else output


def test_a_run_that_is_done_is_left_alone_and_can_be_made_longer(tmp_path):
    tiny_run(tmp_path, steps=4)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    result, _ = tiny_run(tmp_path, steps=4)
    assert "is done already: 4 steps" in str(result)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    with pytest.raises(InputError, match="other settings: steps"):  # no `training.` before it here
        tiny_run(tmp_path, steps=6)


def test_more_steps_than_asked_for_are_refused(tmp_path):
    config = TrainingConfig(steps=5)
    with RunFolder(tmp_path) as folder:
        train(attach(), FixedStream(collate(EXAMPLES[:2])), config=config, folder=folder)
        with pytest.raises(InputError, match=r"has 5 steps, the configuration asks for 2"):
            train(
                attach(),
                FixedStream(collate(EXAMPLES[:2])),
                config=TrainingConfig(steps=2),
                folder=folder,
            )


def test_a_damaged_newest_step_is_passed_over_and_made_again(tmp_path, caplog):
    tiny_run(tmp_path)
    steps = RunFolder(tmp_path).steps
    path = steps.path(6) / "state.safetensors"
    whole, lines = path.read_bytes(), RunFolder(tmp_path).read_metrics()
    path.write_bytes(whole[:-1])
    result, _ = tiny_run(tmp_path)
    assert result.resumed_from == 4
    assert "step-0000006/state.safetensors: damaged" in caplog.text
    assert path.read_bytes() == whole
    assert [{**line, "seconds": 0} for line in RunFolder(tmp_path).read_metrics()] == [
        {**line, "seconds": 0} for line in lines
    ]


def test_the_best_step_is_kept_beside_the_newest(tmp_path):
    losses = {1: 5.0, 2: 3.0, 3: 4.0, 4: 4.5, 5: 6.0}
    config = TrainingConfig(steps=5, checkpoint_every=1, validate_every=1, keep=1)
    stored = []
    with RunFolder(tmp_path, config) as folder:
        result = train(
            attach("prompt"),
            FixedStream(collate(EXAMPLES[:2])),
            config=config,
            folder=folder,
            validate=lambda step: {"th": {"loss": losses[step]}, "ar": {"loss": 1.0}},
            on_checkpoint=lambda step, path: stored.append((step, path.name)),
        )
    assert folder.steps.steps() == [2, 5]
    assert result.best_step == 2
    assert stored == [(step, f"step-000000{step}") for step in range(1, 6)]
    metrics = folder.read_metrics()
    assert best_step(metrics, [3, 4]) == 3
    assert best_step(metrics, []) is None
    assert [line["validation"]["th"]["loss"] for line in metrics] == list(losses.values())


def test_the_best_step_that_is_kept_is_that_of_the_languages_selected_on(tmp_path):
    english = {1: 3.0, 2: 2.0, 3: 2.5, 4: 2.6}
    config = TrainingConfig(steps=4, checkpoint_every=1, validate_every=1, keep=1)
    with RunFolder(tmp_path, config) as folder:
        result = train(
            attach("prompt"),
            FixedStream(collate(EXAMPLES[:2])),
            config=config,
            folder=folder,
            # Thai, which nobody selects on, is forgotten from the first step on
            validate=lambda step: {"en": {"loss": english[step]}, "th": {"loss": float(step)}},
            select_on=("en",),
        )
    assert folder.steps.steps() == [2, 4]
    assert result.best_step == 2


def test_a_step_without_a_loss_in_each_language_is_never_the_best():
    metrics = [{"step": 1, "validation": {"en": {"loss": 1.0}}}, {"step": 2}]
    assert best_step(metrics, [1, 2], languages=["en"]) == 1
    assert best_step(metrics, [1, 2], languages=["en", "th"]) is None
    assert best_step(metrics, [2]) is None


def test_validation_is_per_language_and_changes_nothing():
    adapted = attach()
    adapted.train()
    settings = TrainingConfig(batch_size=3)
    together = validation_losses(adapted, EXAMPLES[:12], settings=settings)
    assert set(together) == {"en", "th", "ar"}
    thai = [example for example in EXAMPLES[:12] if example.language == "th"]
    assert validation_losses(adapted, thai, settings=settings)["th"] == together["th"]
    assert adapted.training
    assert all(parameter.grad is None for parameter in adapted.parameters())


def test_bf16_trains_float32_weights(tmp_path):
    adapted = attach()
    run(adapted, FixedStream(collate(EXAMPLES[:3])), tmp_path, steps=2, precision="bf16")
    assert all(parameter.dtype == torch.float32 for parameter in adapted.parameters())
    half = attach()
    half.model.head.weight.data = half.model.head.weight.data.bfloat16()
    with pytest.raises(InputError, match=r"head\.weight is torch\.bfloat16"):
        run(half, FixedStream(), tmp_path / "half")


@pytest.mark.parametrize("name", ["steps", "micro_batch", "log_every", "validate_every", "keep"])
def test_a_setting_that_cannot_be_is_named(name):
    with pytest.raises(InputError, match=rf"training\.{name}: expected at least 1, got 0"):
        TrainingConfig(**{name: 0})
    with pytest.raises(
        InputError, match=r"gradient_clip: expected a norm above 0 or null, got nan"
    ):
        TrainingConfig(gradient_clip=float("nan"))


def test_the_manifest_tells_what_a_reader_needs(tmp_path):
    tiny_run(tmp_path)
    facts = RunFolder(tmp_path).steps.verify(6)
    assert facts["example"] == 24
    assert len(facts["config_sha256"]) == 64
    assert {"torch", "threads", "python", "cpu", "products"} <= set(facts["fingerprint"])
    assert facts["fingerprint"]["device"] == "cpu"


def test_the_device_is_told_and_another_one_at_resume_warned_of(tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO", "xlgen")
    tiny_run(tmp_path, steps=2)
    assert caplog.text.count("training on cpu, fp32") == 1
    longer = json.loads((tmp_path / "config.json").read_text()) | {"steps": 4}
    (tmp_path / "config.json").write_text(json.dumps(longer))
    monkeypatch.setattr(checkpoint, "describe_device", lambda device: "NVIDIA H100 (CUDA 12.8)")
    tiny_run(tmp_path, steps=4)
    assert "elsewhere than before (device cpu -> NVIDIA H100 (CUDA 12.8))" in caplog.text
    caplog.clear()
    tiny_run(tmp_path, steps=4)  # done: nothing is trained
    assert "training on" not in caplog.text


def test_steps_of_before_the_device_was_stored_are_continued_in_silence(tmp_path, caplog):
    old = checkpoint.fingerprint(torch.device("cpu"))
    del old["device"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xlgen.training.loop.fingerprint", lambda device: old)
        tiny_run(tmp_path, steps=2)
    tiny_run(tmp_path, steps=2)
    assert "elsewhere" not in caplog.text


def test_running_out_of_memory_is_one_line_with_a_remedy(tmp_path):
    def validate(step):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has")

    config = TrainingConfig(steps=1, validate_every=1, batch_size=8)
    with (
        RunFolder(tmp_path, config) as folder,
        pytest.raises(InputError, match=r"^CUDA out of memory; .*training\.micro_batch=4$"),
    ):
        train(
            attach(),
            FixedStream(collate(EXAMPLES[:2])),
            config=config,
            folder=folder,
            validate=validate,
        )


def test_running_out_of_memory_on_a_cpu_is_one_line_too():
    told = r"^can't allocate memory: you tried .*; use less$"
    with pytest.raises(InputError, match=told), memory_told("use less"):
        torch.empty(10**15)
    with pytest.raises(RuntimeError, match="shape"), memory_told("use less"):
        torch.empty(2, 3) @ torch.empty(2, 3)


def test_a_gpu_is_described_with_its_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100")
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    assert describe_device(torch.device("cuda:0")) == "NVIDIA H100 (CUDA 12.8)"
