"""Networks by the names of their weights, for any runtime: the file is made once, and kept."""

import hashlib
import json
import logging
import pathlib

import deephar
from deephar.runtimes import about, choosing
from deephar.runtimes.exported import Exported
from deephar.typed import Path
from deephar.weights import catalogue, download, loading

logger: logging.Logger = logging.getLogger(__name__)


def opened(
    weights: Path, runtime: str, precision: str = "float32", calibration: Path | None = None, part: str | None = None
) -> Exported:
    """The network that some weights are for, in a runtime.

    The first time, it is exported, checked against Keras, and kept in the folder of downloads, see
    `deephar.weights.download.cache_folder`; from then on, neither Keras nor a backend is imported.

    Args:
        weights: a name that `deephar pretrained` lists, a weight file beside its model.json, or "people", the
            detector's.
        runtime: one of `deephar.runtimes.choosing.RUNTIMES`.
        precision: one of the runtime's. For int8, a file in that precision is made and kept, too, by NNCF; how far its
            joints are from those of float32 is logged, as a warning.
        calibration: folder or zip of photographs for int8, see `deephar.export.calibration.pictures`.
        part: of a clip network, see `deephar.weights.loading.load_part`; None for the whole of any.

    Raises:
        ValueError: if there are no such weights, or another result is computed from the file than by Keras; or, for
            int8, see `deephar.export.int8.write`.
        ImportError: if the runtime or what it takes to export is not installed; with the command.
    """
    choosing.check(runtime, precision)
    path = place(weights, choosing.RUNTIMES[runtime], part)
    if not path.is_file():
        try:
            from deephar.export import writing
        except ModuleNotFoundError as error:
            raise ImportError(
                f"{weights} must be exported once, which needs Keras and TensorFlow ({error}). Do it elsewhere, "
                f"and use the file instead: deephar export {weights} --format {choosing.RUNTIMES[runtime].format}"
            ) from None
        writing.export(weights, choosing.RUNTIMES[runtime].format, path, part=part)
    return choosing.open_file(_in_int8(path, calibration) if precision == "int8" else path, runtime, precision)


def _in_int8(path: pathlib.Path, photographs: Path | None) -> pathlib.Path:
    """Path of an exported file in int8, made of the one in float32 if need be."""
    from deephar.export import calibration, int8

    digest = hashlib.sha256(calibration.fingerprint(photographs).encode()).hexdigest()[:8]
    made = path.with_name(f"{path.stem}-int8-{digest}{path.suffix}")
    if not made.is_file():
        logger.warning("%s", f"{path.stem.rpartition('-')[0]} in int8: {int8.write(path, made, photographs)}")
    return made


def place(weights: Path, runtime: choosing.Runtime, part: str | None = None) -> pathlib.Path:
    """Path of the file that `opened` makes: another for other weights, another description or version of deephar."""
    people = str(weights) == "people"
    file = catalogue.shipped_file("people") if people else loading.weight_file(weights)
    told = {} if people else loading.describe(weights).to_json()
    digest = hashlib.sha256(file.read_bytes())
    digest.update(json.dumps([about.FORMAT, deephar.__version__, told], sort_keys=True).encode())
    stem = "-".join(filter(None, (file.name.partition(".")[0], part, digest.hexdigest()[:16])))
    return download.cache_folder() / "exports" / f"{stem}{runtime.suffixes[0]}"
