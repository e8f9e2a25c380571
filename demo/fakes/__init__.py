"""Small servers that behave as payment providers do, for the demo and for tests.

Each takes the place of a provider whose address a setting names: `TARN_STRIPE_URL` for `stripe`.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

FAKES = {"stripe": "StripeFake", "gocardless": "GocardlessFake", "adyen": "AdyenFake"}


def make_fake(name: str, file: Path | None = None, **options: Any) -> Any:
    """Return the stand-in of this name, with what it held when it last wrote its file."""
    return getattr(import_module(f"demo.fakes.{name}"), FAKES[name])(file, **options)
