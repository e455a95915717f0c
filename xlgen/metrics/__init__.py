"""METRICS: a score of a system's outputs. An entry makes a `base.Metric` from `pieces.Pieces`.

Scores and reports show them in this order: the paper's main score stands first.
"""

from xlgen.registry import Table

METRICS = Table(
    "metric",
    {
        "sp_rouge_lsum": "xlgen.metrics.rouge:sp_rouge_lsum",
        "sp_rouge_1": "xlgen.metrics.rouge:sp_rouge_1",
        "sp_rouge_2": "xlgen.metrics.rouge:sp_rouge_2",
        "sp_rouge_l": "xlgen.metrics.rouge:sp_rouge_l",
        "lid": "xlgen.metrics.language:lid",
        "lid_en": "xlgen.metrics.language:lid_en",
        "ascii": "xlgen.metrics.language:ascii_share",
        "wrong_words": "xlgen.metrics.switching:wrong_words",
        "all_english": "xlgen.metrics.switching:all_english",
        "lpr": "xlgen.metrics.pass_rates:lpr",
        "wpr": "xlgen.metrics.pass_rates:wpr",
        "accuracy": "xlgen.metrics.labels:accuracy",
        "answer_f1": "xlgen.metrics.answers:answer_f1",
        "answer_em": "xlgen.metrics.answers:answer_em",
        "mlqa_f1": "xlgen.metrics.answers:mlqa_f1",
        "mlqa_em": "xlgen.metrics.answers:mlqa_em",
        "span_f1": "xlgen.metrics.entities:span_f1",
    },
)
