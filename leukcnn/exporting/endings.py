"""How the files of exported networks end."""

ENDINGS = {"onnx": ".onnx", "litert": ".tflite", "savedmodel": "", "keras": ".keras"}
"""Format -> how the names of its files end; a SavedModel is a folder."""
