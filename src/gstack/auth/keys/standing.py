"""Standing: whether CloudStack still accepts the key pairs behind tokens. Asked once a minute for each pair in use.

A call that reaches CloudStack learns it there. This is for what we answer by ourselves, operations and new tokens: who
deletes a pair at CloudStack, or disables its user, ends here too what stands on it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from gstack.auth.keys.proof import prove
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.errors import ApiError

HOLDS = 60.0  # seconds
_KNOWN = 10_000  # pairs remembered at most
_UNAUTHORIZED = 401
_log = structlog.get_logger("gstack.standing")


class Standing:
    """What this process knows of the pairs, by the ids of their credentials."""

    def __init__(self, cloudstack: CloudStack, clock: Callable[[], float] = time.monotonic) -> None:
        self._cloudstack = cloudstack
        self._now = clock
        self._good: OrderedDict[str, float] = OrderedDict()  # until when

    def note(self, credential_id: str) -> None:
        """Remember that a pair was proved now."""
        self._good[credential_id] = self._now() + HOLDS
        self._good.move_to_end(credential_id)
        while len(self._good) > _KNOWN:
            self._good.popitem(last=False)

    async def check(self, credential_id: str, keys: KeyPair) -> None:
        """Raise Problem 401 where CloudStack accepts the pair no more. Where it does not answer, nobody is refused."""
        if self._good.get(credential_id, float("-inf")) > self._now():
            return
        self.note(credential_id)  # before it is asked: others with this pair need not ask or wait meanwhile
        try:
            await prove(self._cloudstack, keys)
        except ApiError as problem:
            if problem.status == _UNAUTHORIZED:
                self._good.pop(credential_id, None)
                raise
            _log.info("pair not proved", status=problem.status, why=problem.message)
