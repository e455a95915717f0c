"""TRANSLATORS: systems that translate paragraphs, behind one interface. One file and one line each."""

from xlgen.registry import Table

TRANSLATORS = Table(
    "translator",
    {
        "apertium": "xlgen.translation.apertium:Apertium",
        "folder": "xlgen.translation.folder:FolderTranslator",
        "run": "xlgen.translation.own:RunTranslator",
    },
)
