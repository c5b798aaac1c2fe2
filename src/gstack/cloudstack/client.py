"""The one way to CloudStack: signed form posts over one pooled session, answers decoded straight into structs.

`CloudStack` is the connection of the process; `CloudStack.client(keys, project)` gives a `Client` that speaks with one
caller's keys, in one CloudStack project or in the account itself. Reference data is remembered here for seconds, per
caller; resources never are. No call is repeated here: who may repeat knows better (operations.runner).
"""

import asyncio
import ssl
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Self, TypeVar, overload

import aiohttp
import msgspec

from gstack.cloudstack.errors import INVALID, Refusal, Unreachable
from gstack.cloudstack.signing import KeyPair, flatten, sign
from gstack.errors import Problem

T = TypeVar("T")
_REFERENCES = 10_000  # answers remembered at most, over all callers


class CloudStack:
    """The pooled connection to one CloudStack endpoint. Use `async with`, or `close()` at the end."""

    def __init__(
        self,
        endpoint: str,
        *,
        ca_file: str = "",
        timeout: float = 30.0,
        page_size: int = 500,
        reference_seconds: float = 10.0,
    ) -> None:
        self.endpoint = endpoint
        self.page_size = page_size
        self.reference_seconds = reference_seconds
        self.calls: Counter[str] = Counter()
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(timeout, 10.0))
        self._ssl = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self._session: aiohttp.ClientSession | None = None
        self._references: OrderedDict[tuple[str, ...], tuple[float, asyncio.Future[list[Any]]]] = OrderedDict()

    def client(self, keys: KeyPair, project: str | None = None) -> "Client":
        """Speak with these keys, in the CloudStack project of this id, or in the keys' own account."""
        return Client(self, keys, project)

    async def close(self) -> None:
        """End the pooled connections."""
        if self._session:
            await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def post(self, command: str, body: str) -> tuple[int, bytes]:
        """Send one signed form body; return the HTTP status and the answer's bytes."""
        status, answer, _ = await self.exchange(command, body)
        return status, answer

    async def exchange(
        self, command: str, body: str, cookies: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send one form body with these cookies; return the HTTP status, the answer's bytes and the cookies it sets."""
        self.calls[command] += 1
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        try:
            async with self._pool().post(self.endpoint, data=body.encode(), headers=headers, ssl=self._ssl) as answer:
                given = {name: morsel.value for name, morsel in answer.cookies.items() if morsel.value}
                return answer.status, await answer.read(), given
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(command, str(error), sent=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(command, f"{type(error).__name__}: {error}", sent=True) from error

    def remembered(self, key: tuple[str, ...]) -> "asyncio.Future[list[Any]] | None":
        """Return a reference list that is fresh, or on its way, so that many who ask at once cost one call."""
        until, asked = self._references.get(key, (0.0, None))
        return asked if until > time.monotonic() else None

    def remember(self, key: tuple[str, ...], asked: "asyncio.Future[list[Any]]") -> None:
        """Keep a reference list for `reference_seconds`; one that fails is forgotten at once."""
        self._references[key] = (time.monotonic() + self.reference_seconds, asked)
        self._references.move_to_end(key)
        while len(self._references) > _REFERENCES:
            self._references.popitem(last=False)
        asked.add_done_callback(lambda done: self._drop_failed(key, done))

    def _drop_failed(self, key: tuple[str, ...], asked: "asyncio.Future[list[Any]]") -> None:
        failed = asked.cancelled() or asked.exception() is not None
        if failed and self._references.get(key, (0.0, None))[1] is asked:
            del self._references[key]

    def forget(self, prefix: tuple[str, ...]) -> None:
        """Drop what is remembered under keys that begin so."""
        for key in [key for key in self._references if key[: len(prefix)] == prefix]:
            del self._references[key]

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=30)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                trust_env=True,
                auto_decompress=True,
                cookie_jar=aiohttp.DummyCookieJar(),  # one user's session cookie must not travel with another's call
            )
        return self._session


class Client:
    """One caller's voice at CloudStack. `project` is a CloudStack project's uuid, or None for the account itself."""

    def __init__(self, cloudstack: CloudStack, keys: KeyPair, project: str | None = None) -> None:
        self._cloudstack = cloudstack
        self._keys = keys
        self.project = project

    def in_project(self, project: str | None) -> "Client":
        """The same caller in another CloudStack project (None: in the account itself)."""
        return Client(self._cloudstack, self._keys, project)

    @overload
    async def send(self, command: str, parameters: Mapping[str, object] | None = None) -> dict[str, Any]: ...
    @overload
    async def send(self, command: str, parameters: Mapping[str, object] | None, into: type[T]) -> T: ...
    async def send(
        self, command: str, parameters: Mapping[str, object] | None = None, into: Any = dict[str, Any]
    ) -> Any:
        """Call a command; return what is inside its `…response`. An asynchronous one answers `{"jobid": …, "id": …}`.

        Raises Refusal where CloudStack says no, Unreachable where it says nothing that can be read.
        """
        answer = await self._answer(command, parameters or {})
        return decoded(command, answer, into)

    async def page(
        self, command: str, into: type[T], page: int, page_size: int, parameters: Mapping[str, object] | None = None
    ) -> tuple[list[T], int]:
        """Call a list command for one page (from 1); return its items and CloudStack's count of all."""
        paging = {"page": page, "pagesize": page_size}
        answer = await self._answer(command, {"listall": True, **(parameters or {}), **paging})
        return _items(command, answer, into)

    async def list_all(self, command: str, into: type[T], parameters: Mapping[str, object] | None = None) -> list[T]:
        """Call a list command until all pages are here. An id of nothing gives an empty list."""
        items: list[T] = []
        async for batch in self.pages(command, into, parameters):
            items += batch
        return items

    async def pages(
        self, command: str, into: type[T], parameters: Mapping[str, object] | None = None
    ) -> AsyncIterator[list[T]]:
        """Yield a list command's pages. Ends on the count, on an empty page, and where a list ignores `page`."""
        seen, page, first = 0, 1, None
        size = self._cloudstack.page_size
        while True:
            try:
                items, count = await self.page(command, into, page, size, parameters)
            except Refusal as refusal:
                if refusal.missing:
                    return
                raise
            if not items or items[0] == first:
                return
            yield items
            first, seen, page = items[0], seen + len(items), page + 1
            if seen >= count or len(items) < size:
                return

    async def reference(
        self, command: str, into: type[T], parameters: Mapping[str, object] | None = None, *, fresh: bool = False
    ) -> list[T]:
        """Like `list_all`, remembered for seconds for this caller. `fresh` asks again: use it once after a miss."""
        key = self._reference_key(command, into, parameters)
        if not fresh and (known := self._cloudstack.remembered(key)) is not None:
            return list(await asyncio.shield(known))
        asked = asyncio.ensure_future(self.list_all(command, into, parameters))
        self._cloudstack.remember(key, asked)
        return list(await asyncio.shield(asked))

    def forget(self, command: str) -> None:
        """Drop this caller's remembered answers of a list command, after changing what it lists."""
        self._cloudstack.forget((self._keys.api_key, self.project or "", command))

    async def job(self, job_id: str) -> dict[str, Any]:
        """Look at an asynchronous job once: `jobstatus` 0 pending, 1 done, 2 failed; `jobresult` when ended."""
        return await self.send("queryAsyncJobResult", {"jobid": job_id})

    async def finish(self, command: str, job_id: str, *, pause: float = 0.2) -> dict[str, Any]:
        """Wait for a job outside the journal (sign-in, tests). Raises Refusal when it failed."""
        return await finished(self.job, command, job_id, pause)

    def _reference_key(self, command: str, into: type[Any], parameters: Mapping[str, object] | None) -> tuple[str, ...]:
        flat = flatten(parameters or {})
        pairs = (f"{name}={flat[name]}" for name in sorted(flat))
        kind = f"{into.__module__}.{into.__qualname__}"  # the same list in two shapes is two answers
        return (self._keys.api_key, self.project or "", command, kind, *pairs)

    async def _answer(self, command: str, parameters: Mapping[str, object]) -> msgspec.Raw:
        flat = flatten({"command": command, **parameters})
        if self.project and "projectid" not in flat:
            flat["projectid"] = self.project
        status, body = await self._cloudstack.post(command, sign(flat, self._keys))
        return opened(command, status, body)


async def finished(
    look: Callable[[str], Awaitable[dict[str, Any]]], command: str, job_id: str, pause: float
) -> dict[str, Any]:
    """Look at a job until it has ended; return what it made. Raises Refusal when it failed."""
    while True:
        state = await look(job_id)
        if state["jobstatus"] == 1:
            return result_of(state)
        if state["jobstatus"] != 0:
            raise job_refusal(command, state)
        await asyncio.sleep(pause)


class _Failure(msgspec.Struct):
    errorcode: int = 0
    errortext: str = ""


_OPENER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FAILURE = msgspec.json.Decoder(_Failure)


def opened(command: str, status: int, body: bytes) -> msgspec.Raw:
    """Return what is inside an answer's `…response`. Raises Refusal where CloudStack says no, else Unreachable."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:  # CloudStack's api.throttling, or a proxy's: later it may be sent again
        raise Unreachable(command, "HTTP 429, too many requests", sent=False)
    try:
        inner = next(iter(_OPENER.decode(body).values()))
        if status == 200:  # noqa: PLR2004  # HTTP OK
            return inner
        failure = _FAILURE.decode(inner)
    except (msgspec.DecodeError, StopIteration) as error:
        raise Unreachable(command, f"HTTP {status}, no answer of CloudStack's: {body[:200]!r}", sent=True) from error
    if status in {502, 503, 504} or (status == 500 and not failure.errorcode):  # noqa: PLR2004  # a proxy's answer
        raise Unreachable(command, f"HTTP {status}", sent=True)
    raise Refusal(command, failure.errorcode or status, failure.errortext)


def decoded(command: str, answer: msgspec.Raw, into: Any) -> Any:
    """Read what `opened` gave. Raises Problem 500 where it is not of this type."""
    try:
        return msgspec.json.decode(answer, type=into)
    except msgspec.DecodeError as error:
        raise Problem.internal_error(f"{command}: {error}") from error


def _items(command: str, answer: msgspec.Raw, into: type[T]) -> tuple[list[T], int]:
    fields = _OPENER.decode(answer)
    count = msgspec.json.decode(fields.pop("count"), type=int) if "count" in fields else 0
    for raw in fields.values():
        if memoryview(raw)[0] == ord("["):
            items: list[T] = decoded(command, raw, list[into])  # type: ignore[valid-type]  # built at run time
            return items, max(count, len(items))
    return [], count


def result_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object inside a finished job's `jobresult`: `{"volume": {…}}` gives the volume."""
    result = job.get("jobresult") or {}
    if len(result) == 1 and isinstance(inner := next(iter(result.values())), dict):
        return inner
    return dict(result)


def job_refusal(command: str, job: Mapping[str, Any]) -> Refusal:
    """Return what a failed job says, as the Refusal that a synchronous command would have raised."""
    result = job.get("jobresult") or {}
    return Refusal(command, int(result.get("errorcode", 530)), str(result.get("errortext", "")))


__all__ = ["INVALID", "Client", "CloudStack", "KeyPair", "Refusal", "Unreachable", "job_refusal", "result_of"]
