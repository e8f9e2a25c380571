"""What a receiver checks: all signatures are over the exact bytes of the body.

Contract: webhooks-and-providers.md 1.2 and 1.3; Standard Webhooks for the `webhook-` headers.
"""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from billing.events.models import WebhookEndpoint


@dataclass(frozen=True, slots=True)
class Signer:
    """What the deliveries of one organization are signed with.

    :param hmac_keys: the present key, and the one before it while both are good.
    :param issuer: the base address of our API.
    """

    hmac_keys: Sequence[UUID]
    private_key: RSAPrivateKey
    issuer: str

    def headers(
        self, algorithm: str, delivery_id: UUID, timestamp: int, body: bytes
    ) -> dict[str, str]:
        """Return the headers of one attempt.

        :param timestamp: of the attempt, Unix seconds.
        """
        return {
            "Content-Type": "application/json",
            "X-Lago-Signature": self._signature(algorithm, body),
            "X-Lago-Signature-Algorithm": algorithm,
            "X-Lago-Unique-Key": str(delivery_id),
            "webhook-id": str(delivery_id),
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(
                "v1," + _mac(key, b"%s.%d.%s" % (str(delivery_id).encode(), timestamp, body))
                for key in self.hmac_keys
            ),
        }

    def _signature(self, algorithm: str, body: bytes) -> str:
        if algorithm == WebhookEndpoint.SignatureAlgo.HMAC:
            return _mac(self.hmac_keys[0], body)
        claims = {"data": body.decode(), "iss": self.issuer}
        return jwt.encode(claims, self.private_key, algorithm="RS256")


def _mac(key: UUID, content: bytes) -> str:
    return b64encode(hmac.digest(str(key).encode(), content, sha256)).decode()


def standard_secret(key: UUID) -> str:
    """Return an HMAC key as the libraries of Standard Webhooks take it."""
    return f"whsec_{b64encode(str(key).encode()).decode()}"
