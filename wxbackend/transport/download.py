"""A large file on its way to the disk: unpacked and hashed as it comes, so that memory does not grow with it."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterable
from typing import BinaryIO, Final, cast

from wxbackend.domain.errors import UnreadableBill

FILE_BYTES_MAX: Final = 4 * 1024**3
"""Unpacked; about ten million rows of a bill."""
PIECE_BYTES: Final = 256 * 1024
_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW_BITS: Final = 31


def keep(chunks: Iterable[bytes], digest: str) -> BinaryIO:
    """The file in a temporary one, from its start; it is gone when it is closed. Raises `UnreadableBill`."""
    file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
    try:
        sha1, size = hashlib.sha1(usedforsecurity=False), 0
        for piece in _unpacked(chunks):
            size += len(piece)
            if size > FILE_BYTES_MAX:
                raise UnreadableBill(f"it is larger than {FILE_BYTES_MAX} bytes")
            sha1.update(piece)
            file.write(piece)
        if sha1.hexdigest() != digest:
            raise UnreadableBill("its SHA-1 is not the one that the signed answer named; fetch it again")
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _unpacked(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """The bytes themselves, whether they come packed or not: the first two tell."""
    pending = iter(chunks)
    first = b""
    for chunk in pending:
        first += chunk
        if len(first) >= len(_GZIP):
            break
    if first[: len(_GZIP)] != _GZIP:
        yield first
        yield from pending
        return
    unpacking = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        packed = first
        while True:
            while packed and not unpacking.eof:
                yield unpacking.decompress(packed, PIECE_BYTES)
                packed = unpacking.unconsumed_tail
            following = next(pending, None)
            if following is None:
                break
            packed = following
    except zlib.error as error:
        raise UnreadableBill("its gzip is torn; fetch it again") from error
    if not unpacking.eof:
        raise UnreadableBill("its gzip ends in the middle; fetch it again")
