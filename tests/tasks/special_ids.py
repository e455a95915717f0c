"""The ids that tasks ask a tokenizer for; text is below 1000, sentinels descend from 1099."""


class SpecialIds:
    """A tokenizer as far as tasks need one; a 101st sentinel is an error."""

    eos = 1

    def sentinel(self, k: int) -> int:
        assert 0 <= k < 100
        return 1099 - k


IDS = SpecialIds()
