"""Any recipe over all combinations of some settings: the grid of a user's own JSON file."""

import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from xlgen.errors import InputError
from xlgen.recipes.evaluation import Evaluation
from xlgen.recipes.resolve import resolve
from xlgen.run import Adaptation
from xlgen.studies.index import Row
from xlgen.studies.plan import Grid, Plan


@dataclass(frozen=True)
class Product(Grid):
    """`recipe` with `settings` (key=value), once for every combination of the values in `over`.

    The last setting in `over` changes fastest. Each run is scored in `languages` of `benchmark` (None: all).
    """

    name: ClassVar[str] = "product"
    recipe: str = "howto.prompt"
    settings: tuple[str, ...] = ()
    over: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    benchmark: str = "howto0"
    languages: tuple[str, ...] | None = None
    validation_limit: int | None = 250
    limit: int | None = None

    def plan(self, root: Path) -> Plan:
        plan = Plan(root)
        for values in itertools.product(*self.over.values()):
            chosen = [
                f"{key}={json.dumps(value, ensure_ascii=False)}"
                for key, value in zip(self.over, values, strict=True)
            ]
            self._add(plan, chosen)
        return plan

    def _add(self, plan: Plan, chosen: list[str]) -> None:
        config = resolve(self.recipe, [*self.settings, *chosen])
        if not isinstance(config, Adaptation):
            raise InputError(
                f"recipe: expected an adaptation, {self.recipe} is a {config.name} run"
            )
        label = ", ".join([self.recipe, *(c for c in chosen if not c.startswith("training.seed="))])
        seed = config.training.seed
        run = plan.job(f"{label} s{seed}", config)
        evaluation = Evaluation(
            run_folder=run,
            benchmark=self.benchmark,
            languages=self.languages,
            validation_limit=self.validation_limit,
            limit=self.limit,
        )
        scores = plan.job(f"{label} s{seed} scores", evaluation)
        plan.row(Row(label, scores.name, config.model, seed=seed))
