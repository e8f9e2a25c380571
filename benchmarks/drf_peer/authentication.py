"""Who calls."""

from hashlib import sha256

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from drf_peer.models import ApiKey


class KeyAuthentication(BaseAuthentication):
    """Finds the key by its hash."""

    def authenticate(self, request: Request) -> tuple[ApiKey, None]:
        scheme, _, key = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            raise AuthenticationFailed
        current = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        try:
            found = ApiKey.objects.select_related("organization").get(
                current, key_hash=sha256(key).digest()
            )
        except ApiKey.DoesNotExist:
            raise AuthenticationFailed from None
        return found, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
