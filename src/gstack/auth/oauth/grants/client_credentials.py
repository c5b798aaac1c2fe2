"""Client credentials (RFC 6749, 4.4): a CloudStack key pair as client id and secret, for machines."""

from gstack.auth import tokens as issue
from gstack.auth.auth import Auth
from gstack.auth.oauth import scopes
from gstack.auth.oauth.requests import Form
from gstack.auth.tokens import Granted


async def grant(auth: Auth, form: Form) -> Granted:
    """Exchange a key pair for an access token. There is no refresh token: the pair itself is at hand (4.4.3)."""
    granted = scopes.granted(form.get("scope"))
    credential = await auth.proved(form.keys)
    issued = issue.access(issue.Grant(credential.id, form.client_id, granted, issue.new_family()))
    await auth.store.add_tokens(*issued.rows)
    return Granted(issued.answer, credential.user, credential.account, granted)
