"""The settings of beam search: refused values and the line that names a search."""

import pytest

from xlgen.config import from_json, to_json
from xlgen.errors import InputError
from xlgen.generation.settings import BeamSettings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beams": 0}, "beams: expected at least 1, got 0"),
        ({"max_length": 0}, "max_length: expected at least 1"),
        ({"max_input": 0}, "max_input"),
        ({"penalty": "GNMT"}, "expected gnmt or hf, got 'GNMT'"),
        ({"early_stopping": "always"}, "expected true, false or never"),
        ({"alpha": -1.0}, "the gnmt penalty needs at least 0"),
        ({"min_length": 9, "max_length": 8}, "expected 0 to max_length"),
    ],
)
def test_wrong_values_are_named(wrong, message):
    with pytest.raises(InputError, match=message):
        BeamSettings(**wrong)


def test_signature_holds_all_that_decides_the_output():
    same = [BeamSettings(), BeamSettings(early_stopping=True)]  # T5X knows no early stopping
    others = [
        BeamSettings(beams=1),
        BeamSettings(beams=5),
        BeamSettings(alpha=1.0),
        BeamSettings(penalty="hf"),
        BeamSettings(penalty="hf", early_stopping=True),
        BeamSettings(penalty="hf", early_stopping="never"),
        BeamSettings(max_length=128),
        BeamSettings(max_input=512),
        BeamSettings(min_length=2),
        BeamSettings(forbidden=(4, 3)),
    ]
    signatures = {settings.signature for settings in others}
    assert len(signatures) == len(others)
    assert same[0].signature == same[1].signature not in signatures


def test_settings_survive_json():
    settings = BeamSettings(penalty="hf", early_stopping="never", forbidden=(3, 4))
    assert from_json(BeamSettings, to_json(settings)) == settings
