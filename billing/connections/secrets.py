"""Secrets at rest: encrypted with keys that live outside the database, bound to their row.

`cryptography` is loaded by who opens a secret: most commands never do, and it takes six megabytes.
"""

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "TARN_ENCRYPTION_KEYS must hold Fernet keys (32 bytes, URL-safe Base64), "
            "separated by commas; the first one encrypts."
        ) from error


def encrypt(plain: str, row: str) -> bytes:
    """Return the ciphertext of a text that can only be opened as part of `row`."""
    return _cipher(tuple(settings.TARN_ENCRYPTION_KEYS)).encrypt(f"{row}\n{plain}".encode())


def decrypt(sealed: bytes, row: str) -> str:
    """Return the text sealed for `row`.

    :raises ValueError: if no key opens it, or it was sealed for another row.
    """
    from cryptography.fernet import InvalidToken

    try:
        opened = _cipher(tuple(settings.TARN_ENCRYPTION_KEYS)).decrypt(bytes(sealed)).decode()
    except InvalidToken as error:
        raise ValueError("no key of TARN_ENCRYPTION_KEYS opens this secret") from error
    owner, _, plain = opened.partition("\n")
    if owner != row:
        raise ValueError("this secret was sealed for another row")
    return plain


class Secrets:
    """The named secrets of one row, opened only when asked for."""

    def __init__(self, sealed: bytes | None, row: str) -> None:
        self._sealed = sealed
        self._row = row

    def reveal(self) -> dict[str, str]:
        """Return the secrets in clear, for a call to the outside; never for a page or a log."""
        return json.loads(decrypt(self._sealed, self._row)) if self._sealed else {}

    def last_four(self) -> dict[str, str]:
        """Return the last four characters of each secret long enough to show them."""
        return {
            name: value[-4:] if len(value) >= 12 else "" for name, value in self.reveal().items()
        }

    def __repr__(self) -> str:
        return "<Secrets>"

    __str__ = __repr__


class _SecretsOfRow:
    """Gives a model instance its `Secrets`, and seals what is assigned to it as a dict."""

    def __init__(self, field: "SecretsField") -> None:
        self.field = field

    def __get__(self, instance: models.Model | None, owner: type) -> Any:
        if instance is None:
            return self
        sealed = instance.__dict__.get(self.field.attname)
        return Secrets(bytes(sealed) if sealed else None, _row(instance))

    def __set__(self, instance: models.Model, value: Any) -> None:
        if isinstance(value, dict):
            value = encrypt(json.dumps(value), _row(instance)) if value else None
        elif isinstance(value, Secrets):
            value = value._sealed
        instance.__dict__[self.field.attname] = value


def _row(instance: models.Model) -> str:
    return f"{instance._meta.db_table}:{instance.pk}"


class SecretsField(models.BinaryField):  # type: ignore[type-arg]  # generic for mypy alone
    """A dict of secrets; assign a dict to set them, read a `Secrets` back."""

    def __init__(self, **options: Any) -> None:
        options.update(null=True, blank=True, editable=False)
        super().__init__(**options)

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False
    ) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, _SecretsOfRow(self))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return model_instance.__dict__.get(self.attname)
