"""Trust: mapping tokens of other issuers to CloudStack key pairs. For `gstack trust`; the rows are in subjects."""

from gstack.auth.auth import Auth
from gstack.auth.keys.service_accounts import email_of
from gstack.auth.oauth.subjects import Condition, Subject, new_subject
from gstack.auth.tokens import key_family
from gstack.cloudstack.signing import KeyPair
from gstack.errors import Problem

POOL = "//iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/gstack/providers/"


async def add(
    auth: Auth, keys: KeyPair, issuer: str, conditions: tuple[Condition, ...], *, project: str = "", label: str = ""
) -> Subject:
    """Prove a CloudStack key pair and let tokens that meet the conditions stand for it.

    Raises Problem 400 for an issuer that the settings do not name, or conditions that would let strangers in; 401
    where CloudStack does not accept the pair.
    """
    if issuer not in auth.issuers.trust:
        known = ", ".join(sorted(auth.issuers.trust)) or "none"
        raise Problem.invalid("issuer", f"the settings name no [trust.{issuer}] (they name: {known}).")
    new_subject(issuer, conditions, "", "", "")  # refused before anything is asked
    credential = await auth.proved(keys)
    email = await email_of(auth, credential, project or credential.account)
    subject = new_subject(issuer, conditions, credential.id, email, label)
    await auth.subjects.add(subject)
    facts = {"account": credential.account, "project": project, "target": email, "key": subject.id, "result": "done"}
    auth.audit.write("key", what="trust added", who=credential.user, **facts)
    return subject


async def remove(auth: Auth, subject_id: str) -> bool:
    """End a subject and the access tokens that it brought; False where none in force has this id."""
    found = await auth.subjects.revoke(subject_id)
    await auth.store.revoke_family(key_family(subject_id))
    await auth.announce_revocation()
    auth.audit.write(
        "key", what="trust removed", who="operator", key=subject_id, result="done" if found else "notFound"
    )
    return found


def external_account(issuer: str, token_uri: str, source: str) -> dict[str, object]:
    """Google's external-account file for an issuer. `source`: a file, or a URL, that gives the token."""
    kind = "url" if source.startswith(("https://", "http://")) else "file"
    return {
        "type": "external_account",
        "audience": f"{POOL}{issuer}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": token_uri,
        "credential_source": {kind: source},
    }
