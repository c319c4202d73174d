"""pyconv's models as ONNX files: export.py walks through a model, the other files say what each layer becomes."""
