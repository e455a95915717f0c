"""Results that travel: EXPORTS of a run's scores, IMPORTS of any system's outputs."""

from xlgen.registry import Table

EXPORTS = Table(
    "export",
    {
        "lm-eval": "xlgen.exchange.lm_eval:LmEval",
        "eval-results": "xlgen.exchange.eval_results:EvalResults",
        "card": "xlgen.exchange.card:Card",
    },
)

# (path, examples of a split by language) -> the outputs in it, each with its place
IMPORTS = Table(
    "form of outputs",
    {
        "records": "xlgen.exchange.forms:records",
        "lm-eval": "xlgen.exchange.forms:samples",
        "lines": "xlgen.exchange.forms:lines",
    },
)
