"""Read licences and holders out of Debian copyright files, and Debian's control format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


def copyright_path(package: str) -> str:
    """Return where Debian policy 12.5 puts the package's copyright file."""
    return f"usr/share/doc/{package}/copyright"


# Short names for licence names that packages spell in their own way (longest match first).
FREE_TEXT_LICENCES = (
    (r"Mozilla Public License,? [Vv](?:ersion|\.)? ?2\.0", "MPL-2.0"),
    (r"(?:CC[- ]BY[- ]SA|Attribution[- ]Share ?Alike)[^0-9\n]{0,40}4\.0", "CC-BY-SA-4.0"),
    (r"(?:CC[- ]BY[- ]SA|Attribution[- ]Share ?Alike)[^0-9\n]{0,40}3\.0", "CC-BY-SA-3.0"),
    (r"GFDL|Free Documentation License", "GFDL"),
    (r"Lesser General\s+Public\s+License|LGPL", "LGPL"),
    (r"GPL-3|GPL\s*(?:version|v)\s*3", "GPL-3"),
    (r"GPL-2|GPL\s*(?:version|v)\s*2|General\s+Public\s+License", "GPL"),
    (r"Apache License", "Apache-2.0"),
    (r"Redistribution and use in source and binary forms", "BSD"),
    (r"Permission is hereby granted, free of charge", "MIT"),
    (r"Artistic License|Artistic licen[cs]e", "Artistic"),
    (r"public domain", "public-domain"),
)


@dataclass(frozen=True)
class Copyright:
    """Who holds a work and under which licence, as its Debian copyright file says."""

    licence: str  # empty when it could not be read
    holders: str


def read_copyright(text: str, path: str) -> Copyright:
    """Return the licence that a `debian/copyright` text gives for the file at `path`.

    In the machine-readable form (DEP-5) the last `Files:` paragraph whose pattern matches counts.
    In free text, the first licence of FREE_TEXT_LICENCES that is named counts.
    """
    if re.search(r"^Format:", text[:2000], re.M):
        found = Copyright("", "")
        for fields in deb822(text):
            patterns = fields.get("Files", "").split()
            if any(_matches(pattern, path) for pattern in patterns):
                name = fields.get("License", "").split("\n")[0].strip()
                found = Copyright(name, " ".join(fields.get("Copyright", "").split()))
        return found
    licence = next((name for form, name in FREE_TEXT_LICENCES if re.search(form, text)), "")
    lines = re.findall(r"^\W*((?:Copyright\b|\(C\)|©).*\d{4}.*)$", text, re.M | re.I)
    return Copyright(licence, " ".join("; ".join(line.strip() for line in lines[:5]).split()))


def deb822(text: str) -> Iterator[dict[str, str]]:
    """Yield the paragraphs of a Debian control text; continued lines stay joined by newlines.

    >>> list(deb822("Package: a\\nDescription: x\\n more\\n\\nPackage: b"))
    [{'Package': 'a', 'Description': 'x\\n more'}, {'Package': 'b'}]
    """
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.split("\n"):
            if line[:1] in (" ", "\t"):
                if name:
                    fields[name] += "\n" + line
            elif ":" in line and not line.startswith("#"):
                name, value = line.split(":", 1)
                fields[name] = value.strip()
        if fields:
            yield fields


def _matches(pattern: str, path: str) -> bool:
    """Match as DEP-5 does: `*` and `?` cross slashes, everything else is literal."""
    form = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(form, path) is not None
