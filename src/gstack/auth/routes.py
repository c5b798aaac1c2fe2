"""Where the OAuth2 server answers: its own paths, and Google's for clients that have them built in."""

from typing import Any

import falcon.asgi

from gstack.auth.addresses import AUTH_PATHS, REVOKE_PATHS, TOKEN_PATHS
from gstack.auth.auth import Auth
from gstack.auth.oauth.authorize import AuthorizeEndpoint, ConsentEndpoint
from gstack.auth.oauth.metadata import CERTS_PATH, CertsEndpoint, ConfigurationEndpoint
from gstack.auth.oauth.revoke import RevokeEndpoint
from gstack.auth.oauth.token import TokenEndpoint
from gstack.auth.oauth.userinfo import TokeninfoEndpoint, UserinfoEndpoint
from gstack.auth.pages.console import HomeEndpoint
from gstack.auth.pages.console_forms import AuthorityEndpoint, key_form, key_revocation, session_revocation
from gstack.auth.pages.rendering import FILES, FileEndpoint
from gstack.auth.pages.signin import (
    PAIR_PATH,
    SIGN_IN_PATH,
    SIGN_OUT_PATH,
    PairEndpoint,
    SignInEndpoint,
    SignOutEndpoint,
)
from gstack.auth.surroundings import Surroundings

USERINFO_PATHS = (
    "/v1/userinfo",
    "/userinfo/v2/me",
    "/oauth2/v3/userinfo",
    "/oauth2/v2/userinfo",
    "/oauth2/v1/userinfo",
)
TOKENINFO_PATHS = ("/tokeninfo", *(f"/oauth2/v{version}/tokeninfo" for version in (1, 2, 3)))


def mount(app: falcon.asgi.App[Any, Any], auth: Auth, surroundings: Surroundings) -> None:
    """Add every route of the auth room to the app."""
    routes: tuple[tuple[tuple[str, ...], object], ...] = (
        (("/",), HomeEndpoint(auth, surroundings)),
        ((SIGN_IN_PATH,), SignInEndpoint(auth)),
        ((PAIR_PATH,), PairEndpoint(auth)),
        ((SIGN_OUT_PATH,), SignOutEndpoint(auth)),
        (("/keys",), key_form(auth)),
        (("/keys/revoke",), key_revocation(auth)),
        (("/sessions/revoke",), session_revocation(auth)),
        (("/ca.pem",), AuthorityEndpoint(surroundings)),
        (tuple(FILES), FileEndpoint()),
        (("/oauth2/consent",), ConsentEndpoint(auth)),
        (AUTH_PATHS, AuthorizeEndpoint(auth)),
        (TOKEN_PATHS, TokenEndpoint(auth)),
        (REVOKE_PATHS, RevokeEndpoint(auth)),
        (USERINFO_PATHS, UserinfoEndpoint(auth)),
        (TOKENINFO_PATHS, TokeninfoEndpoint(auth)),
        ((CERTS_PATH,), CertsEndpoint(auth)),
        (("/.well-known/openid-configuration",), ConfigurationEndpoint(auth)),
    )
    for paths, endpoint in routes:
        for path in paths:
            app.add_route(path, endpoint)
