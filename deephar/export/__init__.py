"""Networks written for other runtimes: ONNX, OpenVINO, LiteRT and TensorFlow's SavedModel."""
