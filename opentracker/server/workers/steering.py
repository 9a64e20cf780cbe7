"""Steering: the kernel gives each announce and scrape over UDP to the socket of the worker that owns its info_hash.

The sockets of one address are a group of SO_REUSEPORT sockets, number i of which is worker i's. A classic-BPF program
of the group computes `swarm.ownership` on the bytes of a datagram, in 0.02 microseconds. A scrape goes to the owner of
its first info_hash, which stands where that of an announce does. Other datagrams, connects among them, are spread by
address and port, as without a program. Every bound address is a group of its own.
"""

import ctypes
import logging
import socket
import struct
from collections.abc import Sequence
from typing import Final

from opentracker.protocol.udp import ANNOUNCE, INFO_HASH, SCRAPE
from opentracker.swarm.ownership import KEY, WORDS

log = logging.getLogger("opentracker")

SO_ATTACH_REUSEPORT_CBPF: Final = 51  # Linux 4.5

# Codes of instructions, from <linux/bpf_common.h>.
LOAD_LENGTH: Final = 0x80  # A = length of the datagram
LOAD_WORD: Final = 0x20  # A = 32-bit word at offset k
LOAD_X: Final = 0x61  # X = scratch memory k
STORE: Final = 0x02  # scratch memory k = A
ADD_X: Final = 0x0C
MULTIPLY: Final = 0x24  # A *= k
SHIFT_RIGHT: Final = 0x74
JUMP_EQUAL: Final = 0x15
JUMP_NOT_BELOW: Final = 0x35
RETURN: Final = 0x06
RETURN_A: Final = 0x16

SPREAD: Final = 0xFFFFFFFF  # the number of no socket: the kernel chooses by addresses and ports
ACTION: Final = 8  # offset in a datagram (BEP 15)

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, k


def program(workers: int, keys: Sequence[int]) -> bytes:
    """The instructions (struct sock_filter) for a group of `workers` sockets; `keys` as in Ownership."""
    fold: list[Instruction] = []
    for word in range(WORDS):
        fold += [(LOAD_WORD, 0, 0, INFO_HASH + 4 * word), (MULTIPLY, 0, 0, keys[word])]
        if word > 0:
            fold += [(LOAD_X, 0, 0, 0), (ADD_X, 0, 0, 0)]
        if word < WORDS - 1:
            fold.append((STORE, 0, 0, 0))
    reduce: list[Instruction] = [(SHIFT_RIGHT, 0, 0, 16), (MULTIPLY, 0, 0, workers), (SHIFT_RIGHT, 0, 0, 16)]
    owner = [*fold, *reduce, (RETURN_A, 0, 0, 0)]
    checks: list[Instruction] = [
        (LOAD_LENGTH, 0, 0, 0),
        (JUMP_NOT_BELOW, 0, len(owner) + 3, INFO_HASH + KEY),
        (LOAD_WORD, 0, 0, ACTION),
        (JUMP_EQUAL, 1, 0, ANNOUNCE),
        (JUMP_EQUAL, 0, len(owner), SCRAPE),
    ]
    whole = [*checks, *owner, (RETURN, 0, 0, SPREAD)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in whole)


def attach(sock: socket.socket, code: bytes) -> bool:
    """Attach a program to the group of a socket; returns whether the kernel took it."""
    buffer = ctypes.create_string_buffer(code, len(code))
    pointer = struct.pack("@HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))  # struct sock_fprog
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, pointer)
    except OSError as error:
        log.warning("announces are not steered to their workers: %s", error.strerror)
        return False
    return True
