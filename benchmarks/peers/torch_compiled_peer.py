"""PyTorch's compiler, with its weights frozen, so that it packs them and joins operations: whole networks only.

Timed: a call of the compiled module, from tensor to tensor. Needs a C++ compiler.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from peers import base, torch_peer
from problems import Problem


class Peer(torch_peer.Peer):
    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        raise base.UnsupportedError("its single layers aren't compared, torch's are")

    def prepare_network(self, folder: Path, x: base.Array) -> Callable[[], Any]:
        # What its compiler made stays there for the next run.
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder / f"inductor-{torch.__version__}"))
        return super().prepare_network(folder, x)

    def _whole(self, network: Any) -> Any:
        torch._dynamo.reset()
        return torch.compile(network, options={"freezing": True})
