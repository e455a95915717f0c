"""METHODS: what is trained, and how it meets the model. One file and one line each."""

from xlgen.registry import Table

METHODS = Table(
    "method",
    {
        "model-tuning": "xlgen.methods.model_tuning:ModelTuning",
        "factorized-prompts": "xlgen.methods.factorized:FactorizedPrompts",
        "language-prompts": "xlgen.methods.language_prompts:LanguagePrompts",
        "prompt-tuning": "xlgen.methods.prompt_tuning:PromptTuning",
    },
)
