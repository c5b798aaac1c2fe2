"""Where the OAuth2 server answers: at its own paths, and at Google's for clients that have those built in."""

from typing import Any

import falcon.asgi

from gstack.auth.addresses import AUTH_PATHS, REVOKE_PATHS, TOKEN_PATHS
from gstack.auth.auth import Auth
from gstack.auth.oauth.authorize import AuthorizeEndpoint, consent_endpoint
from gstack.auth.oauth.metadata import CERTS_PATH, CertsEndpoint, ConfigurationEndpoint
from gstack.auth.oauth.revoke import RevokeEndpoint
from gstack.auth.oauth.token import TokenEndpoint
from gstack.auth.oauth.userinfo import TokeninfoEndpoint, UserinfoEndpoint
from gstack.auth.pages.console import (
    Certificate,
    CertificateEndpoint,
    ClientTexts,
    ConsoleEndpoint,
    Zones,
    create_key_endpoint,
    revoke_key_endpoint,
    revoke_session_endpoint,
)
from gstack.auth.pages.rendering import FILES, FileEndpoint
from gstack.auth.pages.signin import (
    PAIR_PATH,
    SIGN_IN_PATH,
    SIGN_OUT_PATH,
    pair_endpoint,
    sign_in_endpoint,
    sign_out_endpoint,
)

USERINFO_PATHS = (
    "/v1/userinfo",
    "/userinfo/v2/me",
    "/oauth2/v3/userinfo",
    "/oauth2/v2/userinfo",
    "/oauth2/v1/userinfo",
)
TOKENINFO_PATHS = ("/tokeninfo", *(f"/oauth2/v{version}/tokeninfo" for version in (1, 2, 3)))


def mount(
    app: falcon.asgi.App[Any, Any], auth: Auth, zones: Zones, texts: ClientTexts, certificate: Certificate
) -> None:
    """Add every route of the OAuth2 server to the app. The console shows zones, texts and the certificate."""
    routes: tuple[tuple[tuple[str, ...], object], ...] = (
        (("/",), ConsoleEndpoint(auth, zones, texts)),
        ((SIGN_IN_PATH,), sign_in_endpoint(auth)),
        ((PAIR_PATH,), pair_endpoint(auth)),
        ((SIGN_OUT_PATH,), sign_out_endpoint(auth)),
        (("/keys",), create_key_endpoint(auth)),
        (("/keys/revoke",), revoke_key_endpoint(auth)),
        (("/sessions/revoke",), revoke_session_endpoint(auth)),
        (("/ca.pem",), CertificateEndpoint(certificate)),
        (tuple(FILES), FileEndpoint()),
        (("/oauth2/consent",), consent_endpoint(auth)),
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
