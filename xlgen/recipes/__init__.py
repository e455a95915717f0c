"""RECIPES: named runs, each a function without arguments that returns its configuration.

A configuration is a frozen dataclass with `run(folder)`; RUNS names their kinds, so that the `config.json`
of a run folder rebuilds the very object.
"""

from xlgen.registry import Table

RUNS = Table(
    "kind of run",
    {
        "adaptation": "xlgen.run:Adaptation",
        "baseline": "xlgen.recipes.evaluation:Baseline",
        "best validation": "xlgen.recipes.evaluation:BestValidation",
        "bigrams": "xlgen.recipes.bigrams:BigramStart",
        "evaluation": "xlgen.recipes.evaluation:Evaluation",
        "language prompts": "xlgen.recipes.language_tuning:LanguageTuning",
        "pretraining": "xlgen.recipes.pretrain:Pretraining",
        "text tuning": "xlgen.recipes.text_tuning:TextTuning",
        "translation": "xlgen.recipes.translation:Translation",
        "vocabulary": "xlgen.recipes.vocabulary:Vocabulary",
    },
)

RECIPES = Table(
    "recipe",
    {
        "howto.prompt": "xlgen.recipes.howto:prompt",
        "howto.model": "xlgen.recipes.howto:model",
        "howto.prompt_mix": "xlgen.recipes.howto:prompt_mix",
        "howto.model_mix": "xlgen.recipes.howto:model_mix",
        "howto.factorized": "xlgen.recipes.howto:factorized",
        "translate.howto": "xlgen.recipes.translation:howto",
        "translate.model": "xlgen.recipes.translation:model",
        "text.bank": "xlgen.recipes.text_tuning:bank",
        "text.language_prompts": "xlgen.recipes.language_tuning:language_prompts",
        "text.lm_adaptation": "xlgen.recipes.text_tuning:lm_adaptation",
        "probe.prompt": "xlgen.recipes.probe:prompt",
        "probe.model": "xlgen.recipes.probe:model",
        "probe.sup_all": "xlgen.recipes.probe:sup_all",
        "evaluate.protocol": "xlgen.recipes.evaluation:protocol",
        "demo.prompt": "xlgen.recipes.demo:prompt",
        "demo.model": "xlgen.recipes.demo:model",
        "paper.prompt": "xlgen.recipes.paper:prompt",
        "paper.model": "xlgen.recipes.paper:model",
        "paper.prompt_sup_all": "xlgen.recipes.paper:prompt_sup_all",
        "paper.model_sup_all": "xlgen.recipes.paper:model_sup_all",
        "paper.prompt_mix": "xlgen.recipes.paper:prompt_mix",
        "paper.model_mix": "xlgen.recipes.paper:model_mix",
        "paper.bank": "xlgen.recipes.paper:bank",
        "paper.factorized": "xlgen.recipes.paper:factorized",
        "paper.prompt_lm": "xlgen.recipes.paper:prompt_lm",
        "paper.model_lm": "xlgen.recipes.paper:model_lm",
        "paper.language_prompts": "xlgen.recipes.paper:language_prompts",
        "paper.lm_adaptation": "xlgen.recipes.paper:lm_adaptation",
        "paper.prompt_xnli": "xlgen.recipes.understanding:prompt_xnli",
        "paper.model_xnli": "xlgen.recipes.understanding:model_xnli",
        "paper.prompt_squad": "xlgen.recipes.understanding:prompt_squad",
        "paper.model_squad": "xlgen.recipes.understanding:model_squad",
        "paper.prompt_tydiqa": "xlgen.recipes.understanding:prompt_tydiqa",
        "paper.model_tydiqa": "xlgen.recipes.understanding:model_tydiqa",
        "paper.prompt_pawsx": "xlgen.recipes.understanding:prompt_pawsx",
        "paper.model_pawsx": "xlgen.recipes.understanding:model_pawsx",
        "paper.prompt_wikiann": "xlgen.recipes.understanding:prompt_wikiann",
        "paper.model_wikiann": "xlgen.recipes.understanding:model_wikiann",
        "pretrain.tokenizer": "xlgen.recipes.vocabulary:tokenizer",
        "pretrain.nano_start": "xlgen.recipes.bigrams:nano",
        "pretrain.nano_e5_start": "xlgen.recipes.bigrams:nano_e5",
        "pretrain.nano": "xlgen.recipes.pretrain:nano",
        "pretrain.nano_lm": "xlgen.recipes.pretrain:nano_lm",
        "pretrain.pico_start": "xlgen.recipes.bigrams:pico",
        "pretrain.pico": "xlgen.recipes.pretrain:pico",
        "pretrain.pico_lm": "xlgen.recipes.pretrain:pico_lm",
    },
)
