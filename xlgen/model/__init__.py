"""The T5 family in PyTorch, with an untied head and prompts as extra encoder positions."""

from xlgen.registry import Table

# Name -> what it is; the folders stand in xlgen/assets, each with its model card.
MODELS = {
    "nano": "the packaged model, 13.4 M parameters",
    "pico": "its small sibling for tests and studies of scale, 1.6 M parameters",
}

# How models lie on disk -> who reads them; what `xlgen convert` takes.
LAYOUTS = Table(
    "layout",
    {
        "t5x": "xlgen.model.t5x:T5XCheckpoint",
        "hugging-face": "xlgen.model.load:HuggingFaceFolder",
    },
)
