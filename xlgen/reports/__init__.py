"""Run folders -> tables, figures and one self-contained page. Reads files only; never imports torch.

FINDINGS: the paper's claims, which the report of a study tests.
"""

from xlgen.registry import Table

FINDINGS = Table(
    "finding",
    {
        "english-favours-model": "xlgen.reports.claims:ENGLISH_FAVOURS_MODEL",
        "model-forgets-more": "xlgen.reports.claims:MODEL_FORGETS_MORE",
        "forgetting-grows": "xlgen.reports.claims:FORGETTING_GROWS",
        "capacity-paradox": "xlgen.reports.claims:CAPACITY_PARADOX",
        "larger-forget-less": "xlgen.reports.claims:LARGER_FORGET_LESS",
        "mixing-restores": "xlgen.reports.claims:MIXING_RESTORES",
        "mix-all-near-mix": "xlgen.reports.claims:MIX_ALL_NEAR_MIX",
        "factorized-restore": "xlgen.reports.claims:FACTORIZED_RESTORE",
        "intermediate-hurts": "xlgen.reports.claims:INTERMEDIATE_HURTS",
        "mixing-beats-lm": "xlgen.reports.claims:MIXING_BEATS_LM",
        "supervision-above": "xlgen.reports.claims:SUPERVISION_ABOVE",
    },
)
