"""Whether a person is still signed in, asked by a form before it is sent."""

from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token


def presence(request: HttpRequest) -> JsonResponse:
    """Say who is signed in, and the token that their forms carry since.

    Signing in anew changes the token, so that a form opened before would be refused.
    """
    return JsonResponse({"person": str(request.user.pk), "token": get_token(request)})
