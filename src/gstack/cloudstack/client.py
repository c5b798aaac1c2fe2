"""The only way to CloudStack: signed form posts over one pooled session, with answers decoded straight into structs.

`CloudStack` is the connection of the process. `CloudStack.client(keys, project)` returns a `Client` that calls with one
caller's keys, in a CloudStack project or in the account itself. It remembers reference data of each caller for seconds,
and never resources. It repeats no call: operations.runner knows which ones may be repeated.
"""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Self, TypeVar, overload

import aiohttp
import msgspec
import structlog

from gstack.cloudstack.errors import INVALID, Refusal, Unreachable
from gstack.cloudstack.reference_data import ReferenceData
from gstack.cloudstack.signing import KeyPair, flatten, sign
from gstack.errors import Problem

T = TypeVar("T")
_log = structlog.get_logger("gstack.cloudstack")
R = TypeVar("R")


class CloudStack:
    """The pooled connection to one CloudStack endpoint. Use `async with`, or call `close()` at the end."""

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
        self.calls: Counter[str] = Counter()
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(timeout, 10.0))
        self._ssl = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self._session: aiohttp.ClientSession | None = None
        self.reference_data = ReferenceData(reference_seconds)

    def client(self, keys: KeyPair, project: str | None = None) -> "Client":
        """Return a client with these keys, for the CloudStack project of this id or for their own account."""
        return Client(self, keys, project)

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._session:
            await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def exchange(
        self, command: str, body: str, cookies: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send a form body with these cookies; return the HTTP status, the answer's bytes and the cookies that it sets.

        Raises Unreachable.
        """
        self.calls[command] += 1
        began, status = time.perf_counter(), 0
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        try:
            async with self._pool().post(self.endpoint, data=body.encode(), headers=headers, ssl=self._ssl) as answer:
                given = {name: morsel.value for name, morsel in answer.cookies.items() if morsel.value}
                status = answer.status
                return status, await answer.read(), given
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(command, str(error), sent=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(command, f"{type(error).__name__}: {error}", sent=True) from error
        finally:  # the command alone: its parameters may be secret. Status 0 means that there was no answer
            _log.debug("cloudstack", command=command, status=status, ms=round((time.perf_counter() - began) * 1000, 1))

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=30)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                trust_env=True,
                auto_decompress=True,
                cookie_jar=aiohttp.DummyCookieJar(),  # one user's session cookie must not go with another's call
            )
        return self._session


class Client:
    """Calls CloudStack for one caller. `project` is the uuid of a CloudStack project; None is the account itself."""

    def __init__(self, cloudstack: CloudStack, keys: KeyPair, project: str | None = None) -> None:
        self._cloudstack = cloudstack
        self._keys = keys
        self.project = project

    def in_project(self, project: str | None) -> "Client":
        """Return a client of the same caller for another CloudStack project, or for the account itself (None)."""
        return Client(self._cloudstack, self._keys, project)

    @overload
    async def send(self, command: str, parameters: Mapping[str, object] | None = None) -> dict[str, Any]: ...
    @overload
    async def send(self, command: str, parameters: Mapping[str, object] | None, into: type[T]) -> T: ...
    async def send(
        self, command: str, parameters: Mapping[str, object] | None = None, into: Any = dict[str, Any]
    ) -> Any:
        """Call a command and return what is inside its `…response`; for a job that is `{"jobid": …, "id": …}`.

        Raises Refusal if CloudStack refuses, and Unreachable if no answer comes that can be read.
        """
        answer = await self._answer(command, parameters or {})
        return decoded(command, answer, into)

    async def page(
        self, command: str, into: type[T], page: int, page_size: int, parameters: Mapping[str, object] | None = None
    ) -> tuple[list[T], int]:
        """Call a list command for one page, counted from 1. Return its items and CloudStack's count of all items."""
        paging = {"page": page, "pagesize": page_size}
        answer = await self._answer(command, {"listall": True, **(parameters or {}), **paging})
        return _items(command, answer, into)

    async def list_all(self, command: str, into: type[T], parameters: Mapping[str, object] | None = None) -> list[T]:
        """Call a list command until all pages are here. An unknown id yields an empty list.

        The pages end with the count, with an empty page, or with a repeated one: some commands ignore `page`.
        """
        size = self._cloudstack.page_size
        found: list[T] = []
        number, first = 1, None
        while True:
            try:
                items, count = await self.page(command, into, number, size, parameters)
            except Refusal as refusal:
                if refusal.missing:
                    return found
                raise
            if not items or items[0] == first:
                return found
            found += items
            if len(found) >= count or len(items) < size:
                return found
            number, first = number + 1, items[0]

    @overload
    async def reference(
        self, command: str, into: type[T], parameters: Mapping[str, object] | None = None, *, fresh: bool = False
    ) -> Sequence[T]: ...
    @overload
    async def reference(
        self,
        command: str,
        into: type[T],
        parameters: Mapping[str, object] | None = None,
        *,
        build: Callable[..., R],
        context: tuple[object, ...] = (),
        fresh: bool = False,
    ) -> R: ...
    async def reference(
        self,
        command: str,
        into: type[Any],
        parameters: Mapping[str, object] | None = None,
        *,
        build: Callable[..., Any] | None = None,
        context: tuple[object, ...] = (),
        fresh: bool = False,
    ) -> Any:
        """Return what `list_all` returns, remembered for seconds for this caller and shared: do not change it.

        `fresh` fetches the list again; use it once, after a miss. With `build` (a function at module level), return
        `build(items, *context)` instead. It is remembered too, while the context stays the same (reference_data).
        """
        flat = flatten(parameters or {})
        shape = f"{into.__module__}.{into.__qualname__}"  # one list in two shapes is remembered twice
        pairs = (f"{name}={flat[name]}" for name in sorted(flat))
        key = (self._keys.api_key, self.project or "", command, shape, *pairs)
        data = self._cloudstack.reference_data
        remembered = data.get(key, lambda: self.list_all(command, into, parameters), fresh=fresh)
        return await (remembered.derived(build, context) if build else remembered.items())

    def forget(self, command: str) -> None:
        """Forget this caller's remembered answers of a list command, after a change of what it lists."""
        self._cloudstack.reference_data.forget((self._keys.api_key, self.project or "", command))

    async def job(self, job_id: str) -> dict[str, Any]:
        """Query a job once. `jobstatus` is 0 (pending), 1 (done) or 2 (failed); `jobresult` comes with the end."""
        return await self.send("queryAsyncJobResult", {"jobid": job_id})

    async def finish(self, command: str, job_id: str, *, pause: float = 0.2) -> dict[str, Any]:
        """Wait for a job outside of the journal (sign-in, tests). Raises Refusal if it failed."""
        return await finished(self.job, command, job_id, pause)

    async def _answer(self, command: str, parameters: Mapping[str, object]) -> msgspec.Raw:
        flat = flatten({"command": command, **parameters})
        if self.project and "projectid" not in flat:
            flat["projectid"] = self.project
        status, body, _ = await self._cloudstack.exchange(command, sign(flat, self._keys))
        return opened(command, status, body)


async def finished(
    look: Callable[[str], Awaitable[dict[str, Any]]], command: str, job_id: str, pause: float
) -> dict[str, Any]:
    """Query a job until it ends and return the object of its result. Raises Refusal if it failed."""
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
    """Return what is inside an answer's `…response`. Raises Refusal if CloudStack refused, and else Unreachable."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:  # from CloudStack's api.throttling or a proxy; the call was not made
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
    """Decode what `opened` returned. Raises Problem 500 if it is not of this type."""
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
    """Return the object inside the `jobresult` of a finished job: the volume of `{"volume": {…}}`."""
    result = job.get("jobresult") or {}
    if len(result) == 1 and isinstance(inner := next(iter(result.values())), dict):
        return inner
    return dict(result)


def job_refusal(command: str, job: Mapping[str, Any]) -> Refusal:
    """Return the Refusal that a synchronous command would have raised instead of this failed job."""
    result = job.get("jobresult") or {}
    return Refusal(command, int(result.get("errorcode", 530)), str(result.get("errortext", "")))


__all__ = ["INVALID", "Client", "CloudStack", "KeyPair", "Refusal", "Unreachable", "job_refusal", "result_of"]
