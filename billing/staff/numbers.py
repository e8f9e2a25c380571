"""Whole numbers in addresses and forms, which anybody can write."""

ID_MAX = 2**63 - 1
_DIGITS = len(str(ID_MAX))


def whole_number(text: str, most: int = ID_MAX) -> int | None:
    """Return the number that a text of plain digits names; None if it names none up to `most`."""
    # Looked at before it is read: Python reads no number of many thousand digits.
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        return None
    number = int(text)
    return number if number <= most else None
