"""The pack of a simulated repository: one commit with a README.

The smart HTTP protocol, version 0 (https://git-scm.com/docs/pack-protocol). As at Azure Repos, a
client that requests version 2 gets version 0.
"""

from __future__ import annotations

import re
import struct
import zlib
from hashlib import sha1
from typing import Final

FLUSH: Final = b"0000"
ABILITIES: Final = "multi_ack multi_ack_detailed side-band-64k ofs-delta shallow no-progress"
_KINDS: Final = {"commit": 1, "tree": 2, "blob": 3}
_BY: Final = "Ada Example <ada@contoso.example> 1774507333 +0000"
_BAND: Final = 65000
_HAVE: Final = re.compile(rb"have ([0-9a-f]{40})\n?")


def packet(line: str | bytes) -> bytes:
    """One pkt-line."""
    data = line.encode() if isinstance(line, str) else line
    return b"%04x" % (len(data) + 4) + data


def _read_packets(body: bytes) -> list[bytes]:
    """The pkt-lines of a request, a flush as an empty one, up to an invalid one."""
    found = []
    while match := re.match(rb"[0-9a-f]{4}", body):
        size = int(match[0], 16) or 4
        found.append(body[4:size])
        body = body[max(size, 4) :]
    return found


def _objects(name: str) -> dict[str, tuple[str, bytes]]:
    """The objects of a repository by id; the commit is last."""
    made: dict[str, tuple[str, bytes]] = {}

    def keep(kind: str, data: bytes) -> str:
        head = f"{kind} {len(data)}\0".encode()
        identifier = sha1(head + data, usedforsecurity=False).hexdigest()
        made[identifier] = (kind, data)
        return identifier

    readme = keep("blob", f"# {name}\n\nA repository of the simulation.\n".encode())
    tree = keep("tree", b"100644 README.md\0" + bytes.fromhex(readme))
    about = f"tree {tree}\nauthor {_BY}\ncommitter {_BY}\n\nBegin {name}\n"
    keep("commit", about.encode())
    return made


def commit_of(name: str) -> str:
    """The id of the commit of a repository."""
    return list(_objects(name))[-1]


def _pack(name: str) -> bytes:
    objects = _objects(name).values()
    made = b"PACK" + struct.pack(">II", 2, len(objects))
    for kind, data in objects:
        size = len(data)
        byte, size = _KINDS[kind] << 4 | size & 15, size >> 4
        while size:
            made += bytes([byte | 128])
            byte, size = size & 127, size >> 7
        made += bytes([byte]) + zlib.compress(data)
    return made + sha1(made, usedforsecurity=False).digest()


def upload(name: str, body: bytes) -> bytes:
    """Answer a POST to `git-upload-pack`: negotiate until “done”, then send the pack."""
    asked, commit = _read_packets(body), commit_of(name).encode()
    if not any(line.startswith(b"want " + commit) for line in asked):
        return packet("ERR upload-pack: not our ref\n")
    answer = b""
    if any(line.startswith(b"deepen ") for line in asked):
        answer = FLUSH  # a commit without parents is not shallow
    has_it = any(have[1] == commit for have in map(_HAVE.fullmatch, asked) if have)
    known = packet(b"ACK " + commit + b"\n") if has_it else packet("NAK\n")
    if not any(line.strip() == b"done" for line in asked):
        if any(map(_HAVE.fullmatch, asked)):
            common = packet(b"ACK " + commit + b" common\n") if has_it else b""
            answer += common + packet("NAK\n")
        return answer
    sent = _pack(name)
    if b"side-band-64k" not in asked[0]:
        return answer + known + sent
    bands = (sent[at : at + _BAND] for at in range(0, len(sent), _BAND))
    return answer + known + b"".join(packet(b"\1" + band) for band in bands) + FLUSH
