"""The consent page: which client asks for what, in words, and who would grant it."""

import falcon.asgi

from gstack.auth.oauth import redirects, scopes
from gstack.auth.pages import rendering
from gstack.auth.pages.sessions import Visit
from gstack.auth.store import Credential


def show_consent(
    response: falcon.asgi.Response,
    visit: Visit,
    credential: Credential,
    client: str,
    redirect_uri: str,
    scope: str,
    request: str,
    here: str,
) -> None:
    """Show the page. `request` is the authorization request as a query string, `here` the path that leads back."""
    description = scopes.describe(scopes.granted(scope).split())
    target = "" if redirect_uri in redirects.SHOWN_HERE else redirects.origin(redirect_uri)
    rendering.show(
        response,
        "consent.html",
        f"{client} wants access",
        form_target=target,
        csrf=visit.csrf,
        client=client,
        user=visit.signed_in.user_name if visit.signed_in else credential.user,
        account=credential.account,
        sentences=description.sentences or ("Know that you have an account here, and nothing else",),
        ineffective=description.ineffective,
        target=target,
        request=request,
        next=here,
    )
