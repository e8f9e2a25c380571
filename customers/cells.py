"""Cells that no spreadsheet takes for a formula, and the way back.

What a spreadsheet would calculate gets an apostrophe in front, as people type it there. So does
the empty text, to tell it from a cell that holds nothing. `restore(neutralize(text)) == text` for
every text, and texts such as `'s-Hertogenbosch` stay as they are both ways.
"""

_APOSTROPHE = "'"
# Also the wide forms, which spreadsheets in East Asian languages take for the narrow ones.
_BEGINS_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001
_MARKED = _BEGINS_FORMULA | {_APOSTROPHE}


def neutralize(text: str) -> str:
    """Return the text as a cell that is shown and never calculated."""
    return _APOSTROPHE + text if not text or _needs_mark(text) else text


def restore(cell: str) -> str:
    """Return the text that `neutralize` made this cell of; other cells are what they are."""
    is_marked = cell.startswith(_APOSTROPHE) and (len(cell) == 1 or cell[1] in _MARKED)
    return cell[1:] if is_marked else cell


def _needs_mark(text: str) -> bool:
    if text[0] in _BEGINS_FORMULA:
        return True
    return text[0] == _APOSTROPHE and (len(text) == 1 or text[1] in _MARKED)
