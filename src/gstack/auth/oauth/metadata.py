"""What this server says about itself: OpenID Connect Discovery, and the keys of its id tokens."""

import falcon.asgi

from gstack.auth.addresses import AUTH_PATHS, REVOKE_PATHS, TOKEN_PATHS
from gstack.auth.auth import Auth
from gstack.auth.oauth.requests import send_json
from gstack.auth.oauth.token import GRANTS

CERTS_PATH = "/oauth2/v3/certs"


class ConfigurationEndpoint:
    """`/.well-known/openid-configuration`, with URLs under the name that the client uses for this server."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        base = self._auth.addresses.base(request.get_header("Host") or "")
        send_json(
            response,
            {
                "issuer": self._auth.id_tokens.issuer,
                "authorization_endpoint": f"{base}{AUTH_PATHS[0]}",
                "token_endpoint": f"{base}{TOKEN_PATHS[0]}",
                "revocation_endpoint": f"{base}{REVOKE_PATHS[0]}",
                "userinfo_endpoint": f"{base}/v1/userinfo",
                "jwks_uri": f"{base}{CERTS_PATH}",
                "response_types_supported": ["code"],
                "grant_types_supported": list(GRANTS),
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "email"],
                "claims_supported": ["aud", "email", "email_verified", "exp", "iat", "iss", "sub"],
            },
        )


class CertsEndpoint:
    """The public keys of our id tokens, as a JSON Web Key Set."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        send_json(response, await self._auth.id_tokens.public_keys())
