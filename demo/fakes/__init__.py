"""Small servers that behave as providers and accounting programs do, for the demo and for tests.

Each takes the place of a provider whose address a setting names: `TARN_STRIPE_URL` for `stripe`.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

FAKES = {
    "stripe": "StripeFake",
    "gocardless": "GocardlessFake",
    "adyen": "AdyenFake",
    "netsuite": "NetsuiteFake",
    "xero": "XeroFake",
}

# What is set beside the address, where a connection alone does not do.
KEYS = {"xero": {"TARN_NANGO_SECRET_KEY": "the-demo-takes-any"}}


def make_fake(name: str, file: Path | None = None, **options: Any) -> Any:
    """Return the stand-in of this name, with what it held when it last wrote its file."""
    return getattr(import_module(f"demo.fakes.{name}"), FAKES[name])(file, **options)
