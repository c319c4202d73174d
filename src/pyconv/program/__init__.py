"""Functional and Sequential models as programs of the core: graph.py, lowering, passes, memory.py, building.py.

Nobody has to know: a model that predicts makes its program by itself, see cache.py. Training runs the layers.
"""
