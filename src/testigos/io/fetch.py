"""http(s) as a source: what came is kept, a break is resumed, and a host that stops answering is an error.

Source: RFC 9110 section 14 (range requests), section 13.1.5 (If-Range).
"""

import hashlib
import time
from typing import IO, Final

import httpx

from testigos.errors import InputError, SourceUnavailable
from testigos.io.streams import CHUNK_BYTES

__all__ = ["fetch"]

_TRIES: Final = 6
_PAUSE_S: Final = 0.5
_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
_PASSING: Final = (408, 425, 429, 500, 502, 503, 504)


def _checksum(url: str) -> str:
    fragment = httpx.URL(url).fragment
    return fragment.removeprefix("sha256=").lower() if fragment.startswith("sha256=") else ""


def _attempt(client: httpx.Client, url: str, into: IO[bytes], validator: str) -> tuple[bool, str]:
    """One request for what is still missing; whether all has come, and the validator for resuming."""
    have = into.tell()
    # identity: what is hashed and resumed are the bytes of the document, not of its transfer
    ask = {"Accept-Encoding": "identity"}
    if have:
        ask["Range"] = f"bytes={have}-"
        if validator:
            ask["If-Range"] = validator
    with client.stream("GET", url, headers=ask) as answer:
        if answer.status_code == 416 and have:
            total = answer.headers.get("Content-Range", "").rpartition("/")[2]
            if total == str(have):
                return True, validator
        if answer.status_code in _PASSING or (answer.status_code == 416 and have):
            if answer.status_code == 416:  # the document has changed: begin again
                into.seek(0)
                into.truncate()
            raise httpx.HTTPStatusError(f"HTTP {answer.status_code}", request=answer.request, response=answer)
        if answer.status_code == 206 and have:
            first = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
            if first != str(have):
                raise InputError(f"{url}: asked for bytes from {have}, the server sends them from {first!r}")
        elif answer.status_code == 200:
            into.seek(0)
            into.truncate()
        else:
            raise SourceUnavailable(f"{url}: HTTP {answer.status_code} {answer.reason_phrase}")
        tag = answer.headers.get("ETag", "")
        # RFC 9110 13.1.5: a weak validator cannot guard a range
        fresh = "" if tag.startswith("W/") else tag or answer.headers.get("Last-Modified", "")
        try:
            for piece in answer.iter_raw():
                into.write(piece)
        except httpx.TransportError:
            return False, fresh
    return True, fresh


def fetch(
    url: str,
    into: IO[bytes],
    *,
    tries: int = _TRIES,
    pause_s: float = _PAUSE_S,
    timeout: httpx.Timeout = _TIMEOUT,
) -> int:
    """Downloads ``url`` into an empty seekable file; gives the number of bytes.

    A broken transfer is resumed with a range request, at most ``tries`` times in a row without a byte gained,
    with pauses that double from ``pause_s`` seconds. A fragment ``#sha256=<hex>`` is checked.
    Raises ``SourceUnavailable`` (no such document, or no answer), ``InputError`` (wrong checksum).
    """
    address = str(httpx.URL(url).copy_with(fragment=None))
    failures, most, validator, reason = 0, 0, "", "the connection broke"
    with httpx.Client(timeout=timeout, follow_redirects=True) as client:
        while True:
            done = False
            try:
                done, validator = _attempt(client, address, into, validator)
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                reason = str(error) or type(error).__name__
            except httpx.HTTPError as error:
                raise SourceUnavailable(f"{address}: {error}") from None
            if done:
                break
            failures = 0 if into.tell() > most else failures + 1
            most = max(most, into.tell())
            if failures >= tries:
                raise SourceUnavailable(
                    f"{address}: {reason}; {into.tell()} bytes came, {tries} tries failed; try again later"
                )
            time.sleep(pause_s * 2.0**failures)
    size = into.tell()
    expected = _checksum(url)
    if expected:
        into.seek(0)
        digest = hashlib.sha256()
        while data := into.read(CHUNK_BYTES):
            digest.update(data)
        found = digest.hexdigest()
        if found != expected:
            raise InputError(f"{address}: SHA-256 is {found}, should be {expected}; {size} bytes came")
    return size
