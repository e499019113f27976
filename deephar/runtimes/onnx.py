"""Networks in files of ONNX, run by ONNX Runtime on a processor."""

from deephar.runtimes import about
from deephar.runtimes.exported import Exported, library
from deephar.typed import Path


def open_file(path: Path, precision: str = "float32") -> Exported:
    """The network in a file.

    Args:
        path: .onnx.
        precision: "float32", the only one.

    Raises:
        ValueError: if the file cannot be read.
        ImportError: without ONNX Runtime; with the command.
    """
    runtime = library("onnxruntime", "onnx")
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # of classes of its own
        raise ValueError(f"{path} cannot be opened by ONNX Runtime: {error}") from None
    told = about.parse(session.get_modelmeta().custom_metadata_map.get(about.KEY), path)
    names = [output.name for output in told.outputs]

    def run(arrays):
        return dict(zip(names, session.run(names, arrays), strict=True))

    return Exported(told, run, (open_file, (path, precision)))
