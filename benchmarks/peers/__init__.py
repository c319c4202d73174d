"""The libraries that compare.py sets side by side: a file and a line here for each. Imports none of them.

A module of this package defines `Peer`, a `peers.base.Peer`; it is imported in the process of that peer alone.
"""

MODULES = {
    "pyconv": "peers.pyconv_peer",
    "torch": "peers.torch_peer",
    "onnxruntime": "peers.onnxruntime_peer",
    "openvino": "peers.openvino_peer",
    "tensorflow": "peers.tensorflow_peer",
    "litert": "peers.litert_peer",
    "ncnn": "peers.ncnn_peer",
    "mnn": "peers.mnn_peer",
}

# Other kernels of ours, for those who ask for them.
TABLES = {"x86_64_v3": "peers.x86_64_v3_peer"}

# Those whose whole networks networks.py compares.
RUNNERS = {**MODULES, "torch_compiled": "peers.torch_compiled_peer"}

# Those whose training steps training.py compares.
TRAINERS = {"pyconv": MODULES["pyconv"], "torch": MODULES["torch"], "keras": "peers.keras_peer"}
