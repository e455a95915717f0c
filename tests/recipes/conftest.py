"""A small corpus that the pretraining recipes share."""

import pytest


@pytest.fixture(scope="session")
def corpus_of_six(tmp_path_factory, article_1):
    """Return a folder of <language>.txt: thirty documents in each of six languages."""
    folder = tmp_path_factory.mktemp("corpus")
    for language, text in article_1.items():
        documents = [f"{text} {number}\n{text}" for number in range(30)]
        (folder / f"{language}.txt").write_text("\n\n".join(documents), "utf-8")
    return folder
