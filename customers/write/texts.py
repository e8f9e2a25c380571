"""The statements' texts: a file each, or a file of blocks headed `-- :name` for each part."""

import re
from pathlib import Path

_HERE = Path(__file__).parent
# Read at the start: a server that runs on while its files are replaced stays one version.
TEXTS = {file.stem: file.read_text() for file in _HERE.glob("*.sql")}


def _read_blocks(text: str) -> dict[str, str]:
    _, *pieces = re.split(r"^-- :(\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(pieces[::2], map(str.strip, pieces[1::2]), strict=True))


BLOCKS = {name: _read_blocks(text) for name, text in TEXTS.items()}
# What a customer has beside its own columns; each is a key of `CustomerChange.row`.
PARTS = ("shipping", "provider", "metadata", "taxes", "integrations", "sections", "identity")
