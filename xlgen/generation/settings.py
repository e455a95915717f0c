"""How to search for an output: the settings of beam search, and the line that names them in a score."""

from dataclasses import dataclass
from typing import Literal

from xlgen.errors import InputError


@dataclass(frozen=True)
class BeamSettings:
    """Settings of one search; the defaults are the paper's (section 3: beam 4, length penalty 0.6).

    `penalty` says what a hypothesis of L tokens (with </s>) has its log-probability divided by, and
    with it when the search may end: "gnmt", ((5 + L) / 6) ** alpha and the rules of T5X; "hf", L **
    alpha and the rules of transformers' `generate`. `early_stopping` is transformers' setting of that
    name and means nothing to T5X. One beam is greedy search: it ends with the first </s>.
    An output has at least `min_length` tokens before </s> and at most `max_length` with it (transformers'
    `min_new_tokens` and `max_new_tokens`); an input is cut to `max_input`, </s> kept. `forbidden` ids
    are never generated.
    """

    beams: int = 4
    alpha: float = 0.6
    penalty: Literal["gnmt", "hf"] = "gnmt"
    early_stopping: bool | Literal["never"] = False
    max_length: int = 512
    max_input: int = 1024
    min_length: int = 0
    forbidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("beams", "max_length", "max_input"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if self.penalty not in ("gnmt", "hf"):
            raise InputError(f"penalty: expected gnmt or hf, got {self.penalty!r}")
        if self.early_stopping not in (True, False, "never"):
            got = repr(self.early_stopping)
            raise InputError(f"early_stopping: expected true, false or never, got {got}")
        if self.penalty == "gnmt" and self.alpha < 0:
            raise InputError(f"alpha: the gnmt penalty needs at least 0, got {self.alpha}")
        if not 0 <= self.min_length <= self.max_length:
            raise InputError(
                f"min_length: expected 0 to max_length ({self.max_length}), got {self.min_length}"
            )

    def divisor(self, length: int) -> float:
        """Return what the log-probability of `length` tokens is divided by.

        >>> [round(BeamSettings().divisor(length), 3) for length in (1, 10, 64, 512)]
        [1.0, 1.733, 4.329, 14.495]
        """
        return ((5 + length) / 6 if self.penalty == "gnmt" else length) ** self.alpha

    @property
    def signature(self) -> str:
        """Return all that decides the output, for a score's signature.

        >>> BeamSettings(max_length=128).signature
        'beam:4|penalty:gnmt0.6|max:128|input:1024'
        >>> BeamSettings(beams=1).signature
        'greedy|max:512|input:1024'
        """
        parts = ["greedy"]
        if self.beams > 1:
            parts = [f"beam:{self.beams}", f"penalty:{self.penalty}{self.alpha:g}"]
            if self.penalty == "hf":
                parts.append(f"early:{str(self.early_stopping).lower()}")
        parts += [f"max:{self.max_length}", f"input:{self.max_input}"]
        parts += [f"min:{self.min_length}"] * (self.min_length > 0)
        parts += ["forbid:" + ",".join(map(str, sorted(self.forbidden)))] * bool(self.forbidden)
        return "|".join(parts)
