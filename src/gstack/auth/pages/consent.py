"""The consent page: which client asks for what, in words, and who would grant it."""

import falcon.asgi

from gstack.auth.oauth import redirects, scopes
from gstack.auth.oauth.scope_words import words
from gstack.auth.pages import rendering as pages
from gstack.auth.pages.visits import Visit
from gstack.auth.store import Credential


def show_consent(
    response: falcon.asgi.Response,
    visitor: Visit,
    credential: Credential,
    client: str,
    redirect_uri: str,
    scope: str,
    request: str,
    here: str,
) -> None:
    """Show the page. `request` is the authorization request again, `here` the way back to it."""
    meaning = words(scopes.granted(scope).split())
    shown_here = redirect_uri in redirects.SHOWN_HERE
    place = "" if shown_here else redirects.origin(redirect_uri)
    pages.show(
        response,
        "consent.html",
        f"{client} wants access",
        form_target=place,
        csrf=visitor.csrf,
        client=client,
        user=visitor.signed_in.user_name if visitor.signed_in else credential.user,
        account=credential.account,
        sentences=meaning.sentences or ("Know that you have an account here, and nothing else",),
        ineffective=meaning.ineffective,
        place=place,
        request=request,
        next=here,
    )
