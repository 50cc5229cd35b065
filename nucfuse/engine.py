"""One small interface to workers: `concurrent.futures`, whatever is behind it."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from nucfuse.errors import DataError

Item = TypeVar("Item")
Result = TypeVar("Result")


class SerialExecutor(Executor):
    """Runs each job at once, in the calling thread: for debugging and for comparison."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn`` now; the future that comes back is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def open_engine(name: str) -> Executor:
    """Workers by name; close them with ``with``.

    Parameters
    ----------
    name : str
        ``"serial"``: none. ``"local:8"``: eight threads of this process (reading and the compiled
        kernels release the GIL). ``"dask://host:8786"``: the workers of a Dask scheduler that see
        the same files; needs the extra ``nucfuse[dask]``.

    Raises
    ------
    DataError
        If the name is none of these, the number is not from 1, or Dask is not installed.

    Examples
    --------
    >>> with open_engine("local:2") as engine:
    ...     list(in_order(engine, abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    if name == "serial":
        return SerialExecutor()
    kind, _, count = name.partition(":")
    if kind == "local" and count.isdecimal() and int(count) >= 1:
        return ThreadPoolExecutor(int(count), thread_name_prefix="nucfuse")
    if kind == "dask" and count.startswith("//") and len(count) > 2:
        return _dask_executor("tcp:" + count)
    raise DataError(
        f"engine must be 'serial', 'local:N' (N >= 1) or 'dask://host:port', got {name!r}"
    )


class _DaskExecutor(Executor):
    """The workers of a Dask scheduler; closes the connection in the end, as Dask's own does not."""

    def __init__(self, client: Any, address: str) -> None:
        self._client, self._address = client, address
        self._executor = client.get_executor(pure=False)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn`` on a worker; a DataError if the scheduler is gone."""
        if self._client.status != "running":
            raise self.lost()
        future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
        return future

    def await_result(self, future: Future[Any]) -> None:
        """Wait until a job has ended; a DataError if the scheduler is gone for too long.

        Where it goes at the wrong moment, Dask leaves a job without an end.
        """
        gone_since = None
        while not wait([future], timeout=1).done:
            if self._client.status == "running":
                gone_since = None
            elif gone_since is None:
                gone_since = time.monotonic()
            elif time.monotonic() - gone_since > _CONNECTING:
                raise self.lost()

    def lost(self) -> DataError:
        """Say that the connection has broken."""
        return DataError(
            f"the Dask scheduler at {self._address} no longer answers; see why it ended, start it "
            "again, and begin anew"
        )

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the jobs that were begun, or cancel them, and leave the scheduler."""
        is_there = self._client.status == "running"
        if is_there:
            self._executor.shutdown(wait=wait and not cancel_futures)
        self._client.close(timeout=None if is_there else _LEAVING)


_CONNECTING = 10  # seconds to wait for a scheduler, when a run begins and when it stops answering
_LEAVING = 2  # seconds to wait for one that is gone


def _dask_executor(address: str) -> Executor:
    import asyncio  # a tenth of a second, which other engines do without

    try:
        from distributed import Client
    except ImportError:
        raise DataError("engine 'dask://…' needs Dask: pip install 'nucfuse[dask]'") from None
    # It says on stderr what we say in one sentence.
    for name in ("distributed.client", "distributed.comm", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with ThreadPoolExecutor(1) as apart:  # this thread may have an event loop, as in Jupyter
            apart.submit(asyncio.run, _check_scheduler(address)).result()
        return _DaskExecutor(Client(address, timeout=_CONNECTING), address)
    except (OSError, ValueError) as error:  # also of what is no address
        said = str(error).partition("\n")[0]
        reason = said or f"nothing was heard within {_CONNECTING} s"
        raise DataError(
            f"no Dask scheduler answers at {address}: {reason}; the engine is dask://host:port"
        ) from None


async def _check_scheduler(address: str) -> None:
    """Raise an error unless a scheduler answers: for what is silent a client waits for ever."""
    from asyncio import wait_for

    from distributed.core import rpc

    async def kind() -> str:
        async with rpc(address) as there:
            return str((await there.identity())["type"])

    found = await wait_for(kind(), _CONNECTING)
    if found != "Scheduler":
        raise ValueError(f"this is a {found}")


def _result(engine: Executor, future: Future[Result]) -> Result:
    """Return the result of a job; what went wrong with Dask, not with the job, is a DataError."""
    if isinstance(engine, _DaskExecutor):
        engine.await_result(future)
    try:
        return future.result()
    except CancelledError:
        if isinstance(engine, _DaskExecutor):
            raise engine.lost() from None
        raise
    except Exception as error:
        if type(error).__name__ != "KilledWorker":  # Dask's, which need not be installed
            raise
        raise DataError(
            "several Dask workers died of one image; is there enough memory for it?"
        ) from None


def in_order(
    engine: Executor, job: Callable[[Item], Result], items: Iterable[Item], ahead: int = 64
) -> Iterator[Result]:
    """Results in the order of the items, with at most ``ahead`` jobs begun and not yet taken.

    The bound keeps the memory of 10^5 images that of a few. When a job raises, or the caller stops
    early, the jobs not yet begun are cancelled.
    """
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(engine.submit(job, item))
            if len(waiting) >= ahead:
                yield _result(engine, waiting.popleft())
        while waiting:
            yield _result(engine, waiting.popleft())
    finally:
        for future in waiting:
            future.cancel()
