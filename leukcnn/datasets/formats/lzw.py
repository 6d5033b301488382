"""Decode the LZW streams of TIFF files.

Written with NumPy, since no library does it safely and quietly: imagecodecs crashes on a damaged stream,
libtiff prints on the terminal, and neither refuses a stream that goes on after the last value. A whole run of
codes between two Clear codes is decoded at once.
"""

import numpy as np

_CLEAR, _END, _FIRST_ENTRY = 256, 257, 258
# Code k after a Clear code is read while the table has entries up to 256 + k. Codes grow one entry early.
_WIDTHS = np.repeat(np.array([9, 10, 11, 12]), [254, 512, 1024, 2050])
_STARTS = np.concatenate([[0], np.cumsum(_WIDTHS)])
_HIGHEST = _FIRST_ENTRY - 1 + np.arange(len(_WIDTHS))
_HIGHEST[0] = 255
# Up to this length, entries are written all at the same time, which pays for short ones; else one by one.
_DEEP = 64


class DamagedStream(ValueError):
    """A stream breaks the rules of LZW, or holds another number of values than expected."""


def decode(stream: bytes, size: int) -> np.ndarray:
    """Decodes a stream.

    Args:
        stream: The codes, highest bit first.
        size: How many bytes they give.

    Returns:
        (size,) uint8.

    Raises:
        DamagedStream: The stream is damaged, too short or too long.
    """
    data = np.frombuffer(stream + bytes(4), np.uint8).astype(np.uint32)
    if data[0] << 1 | data[1] >> 7 != _CLEAR:
        raise DamagedStream("it doesn't begin with a Clear code")
    values, done, bit, available = np.empty(size, np.uint8), 0, 9, 8 * len(stream)
    while True:
        codes = _codes(data, bit, available)
        marks = np.flatnonzero((codes == _CLEAR) | (codes == _END))
        run = codes[: marks[0]] if marks.size else codes
        if (run > _HIGHEST[: run.size]).any():
            raise DamagedStream("it holds a code that isn't defined yet")
        done = _append(run, values, done)
        if not marks.size and codes.size == len(_WIDTHS):
            raise DamagedStream("its table overflows")
        # Some writers leave out the code at the end.
        if not marks.size or codes[marks[0]] == _END:
            break
        bit += int(_STARTS[marks[0] + 1])
    if done != size:
        raise DamagedStream(f"it ends after {done:,} of {size:,} bytes")
    return values


def _codes(data: np.ndarray, bit: int, available: int) -> np.ndarray:
    # The codes from a bit on, up to the end of the data or a full table.
    count = int(np.count_nonzero(_STARTS[1:] <= available - bit))
    starts, widths = bit + _STARTS[:count], _WIDTHS[:count]
    byte = starts >> 3
    window = data[byte] << 16 | data[byte + 1] << 8 | data[byte + 2]
    return (window >> (24 - (starts & 7) - widths)) & ((1 << widths) - 1)


def _append(run: np.ndarray, values: np.ndarray, done: int) -> int:
    # Writes what a run of codes means after the first `done` values; returns how many there are then.
    if not run.size:
        return done
    literal = run < _CLEAR
    # Code k makes entry 257 + k: what code k - 1 means, and the first byte of what code k means.
    parent = np.where(literal, np.arange(run.size), run - _FIRST_ENTRY)
    root, depth = parent.copy(), (~literal).astype(np.int64)
    while not literal[root].all():
        depth += depth[root]
        root = root[root]
    first, size = run[root], int(depth.sum()) + run.size
    if size > len(values) - done:
        raise DamagedStream(f"it goes on after {len(values):,} bytes")
    written = values[done : done + size]
    ends = np.cumsum(depth + 1)
    starts = ends - depth - 1
    written[ends - 1] = np.where(literal, run, first[np.minimum(parent + 1, run.size - 1)])
    # All bytes of an entry but the last are where its parent was written.
    if (deepest := int(depth.max())) <= _DEEP:
        places = np.arange(size) - np.repeat(starts - starts[parent], depth + 1)
        places[ends - 1] = ends - 1
        for _ in range(deepest.bit_length()):
            places = places[places]
        written[:] = written[places]
    else:
        memory, sources = written.data, starts[parent]
        for start, source, count in zip(starts.tolist(), sources.tolist(), depth.tolist(), strict=True):
            memory[start : start + count] = memory[source : source + count]
    return done + size
