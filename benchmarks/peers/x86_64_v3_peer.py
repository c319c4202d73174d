"""pyconv by its kernels for AVX2, which CPUs without AVX-512 run."""

from __future__ import annotations

from peers import pyconv_peer
from pyconv import _core


class Peer(pyconv_peer.Peer):
    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        if "x86_64_v3" not in _core.available_isas():
            raise ImportError("this CPU doesn't run x86_64_v3")
        _core.set_isa("x86_64_v3")
