"""The runners of a harness: a plain loop that mutates seeds, for any Python; and atheris, if it is installed.

A harness is a module beside this one with `check(data)`, which raises for a broken promise, and `WORDS`, pieces of the
format for the mutations. Its seeds are the files of corpus/NAME; what was found stays there as one more.
"""

import importlib.util
import logging
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
LONGEST: Final = 4096  # bytes of a mutated input; a harness may have a LONGEST_INPUT of its own for atheris
ODD_BYTES: Final = b"\0\x01\x02\x7f\x80\xff\n\r %&=:,;/\"'0"
# Numbers of a tracker that atheris runs: its time is for inputs, not for walks through hundreds of empty
# dicts. The code is the same, and the plain loop keeps the numbers of the product.
FEW: Final = {
    "opentracker.swarm.store.packed.shards": {"SHARDS": 4, "MASK": 3},
    "opentracker.swarm.store.packed.rows": {"BUCKET_BITS": 4, "BUCKETS": 1 << 4},
}

# Harness -> flags of which the build needs any; none: every build has what it tests.
HARNESSES: Final[dict[str, tuple[str, ...]]] = {
    "address_texts": (),
    "announces": (),
    "bencoded": (),
    "config_files": (),
    "datagrams": (),
    "encodings": ("WANT_COMPRESSION_GZIP", "WANT_COMPRESSION_ZSTD"),
    "forwarded": ("WANT_IP_FROM_PROXY",),
    "full_states": ("WANT_FULL_STATE",),
    "heads": (),
    "key_urls": ("WANT_AUTH_KEYS",),
    "list_files": ("WANT_ACCESSLIST_BLACK", "WANT_ACCESSLIST_WHITE"),
    "proxy_heads": ("WANT_PROXY_PROTOCOL",),
    "requests": (),
    "scrapes": (),
    "state_files": ("WANT_FULLSCRAPE",),
    "sync_packets": ("WANT_SYNC_LIVE",),
    "web_frames": ("WANT_WEBTORRENT",),
    "web_messages": ("WANT_WEBTORRENT",),
}


def lacking(name: str) -> str:
    """The flags of which this build would need one for a harness; empty if it has what is needed."""
    from opentracker import _features

    flags = HARNESSES[name]
    if flags and not any(getattr(_features, flag) for flag in flags):
        return " or ".join(f"{flag}=1" for flag in flags)
    return ""


def silence() -> None:
    """Log nothing more; to be said before each input, as tests that run before or behind a harness change the level."""
    log = logging.getLogger("opentracker")
    if log.level != logging.CRITICAL:  # a change of it costs more than most inputs
        log.setLevel(logging.CRITICAL)


def memory_file() -> int:
    """The descriptor of an unnamed file, which is quick to fill anew."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("fuzzed")
    handle, name = tempfile.mkstemp()
    os.unlink(name)
    return handle


def load(name: str) -> Any:
    """A harness."""
    return importlib.import_module(f"tests.fuzz.{name}")


def corpus(name: str) -> list[bytes]:
    """The seeds, always in the same order."""
    return [path.read_bytes() for path in sorted((HERE / "corpus" / name).iterdir())]


def mutated(data: bytes, seeds: Sequence[bytes], words: Sequence[bytes], dice: random.Random) -> bytes:
    """The input with one to four changes."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(changed) + 1)
        end = min(len(changed), at + int(dice.expovariate(0.2)) + 1)
        kind = dice.randrange(9)
        if kind == 0 and changed:
            changed[at - 1] ^= 1 << dice.randrange(8)
        elif kind == 1 and changed:
            changed[at - 1] = dice.choice(ODD_BYTES)
        elif kind == 2:
            changed[at:at] = dice.randbytes(dice.randint(1, 8))
        elif kind == 3:
            del changed[at:end]
        elif kind == 4:
            changed[at:at] = changed[at:end] * dice.randint(1, 3)
        elif kind == 5:
            del changed[at:]
        elif kind == 6:
            other = dice.choice(seeds)
            changed[at:] = other[dice.randrange(len(other) + 1) :]
        else:
            changed[at : end if kind == 7 else at] = dice.choice(words)
    return bytes(changed[:LONGEST])


def inputs(name: str, words: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """The seeds, then mutations of them and of their mutations, without an end; the same for the same seed."""
    dice = random.Random(seed)
    seeds = corpus(name)
    yield from seeds
    pool = list(seeds)
    while True:
        data = mutated(dice.choice(pool), pool, words, dice)
        if len(pool) < 2 * len(seeds) + 500 and dice.randrange(20) == 0:
            pool.append(data)
        elif dice.randrange(1000) == 0:
            pool[dice.randrange(len(pool))] = data
            pool[: len(seeds)] = seeds
        yield data


def run_mutations(name: str, runs: int, seed: int, seconds: float = float("inf")) -> int:
    """Check a number of inputs, or as many as there is time for; returns their number. Raises a check's exceptions."""
    harness = load(name)
    check: Callable[[bytes], None] = harness.check
    end = time.monotonic() + seconds
    count = 0
    for data in inputs(name, harness.WORDS, seed):
        if count >= runs or (count % 256 == 0 and time.monotonic() > end):
            break
        count += 1
        try:
            check(data)
        except BaseException as error:
            error.add_note(f"harness {name}, seed {seed}, input {count}: {data!r}")
            raise
    return count


def run_atheris(name: str, runs: int, seed: int, found: Path) -> None:
    """Let libFuzzer look for inputs that reach new code; ends this process. Failing inputs are written to `found`."""
    import atheris

    with atheris.instrument_imports(include=["opentracker"]):
        for module, numbers in FEW.items():  # before anything imports them
            if importlib.util.find_spec(module):
                vars(importlib.import_module(module)).update(numbers)
        harness = load(name)
    if hasattr(harness, "hasten"):  # what a harness leaves out for the sake of more inputs
        harness.hasten()
    found.mkdir(parents=True, exist_ok=True)
    new = found / "new"
    new.mkdir(exist_ok=True)
    words = found / "words"
    words.write_text(
        "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in harness.WORDS)
    )
    longest = getattr(harness, "LONGEST_INPUT", LONGEST)
    arguments = [sys.argv[0], f"-runs={runs}", f"-seed={seed}", f"-max_len={longest}", f"-dict={words}"]
    # Quick inputs are changed more often than slow ones: more of them in a night, though not the same ones each time.
    arguments.append("-entropic_scale_per_exec_time=1")
    arguments += [f"-artifact_prefix={found}/", "-print_final_stats=1", str(new)]
    atheris.Setup([*arguments, str(HERE / "corpus" / name)], harness.check)
    atheris.Fuzz()
