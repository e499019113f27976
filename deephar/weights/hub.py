"""Weights on the Hugging Face Hub: `hf://OWNER/NAME` wherever weights are named, and folders made to be uploaded.

Downloads need huggingface_hub: `pip install "deephar[hub]"`.
"""

import importlib
import json
import pathlib
import re
import shutil

from deephar import files
from deephar.typed import Path
from deephar.weights import description
from deephar.weights.catalogue import SHIPPED, shipped_entry, shipped_file

SCHEME = "hf://"
FILE = "model.weights.h5"
"""Name of the weights in a repository, beside their model.json."""

_NAME = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w.-]+))?(?:/(?P<file>[\w./-]+))?")


def fetch(name: str) -> pathlib.Path:
    """Local path of weights on the Hub, downloaded to its cache if needed, with their model.json beside them.

    Args:
        name: `hf://OWNER/NAME`, optionally `@REVISION` and `/FILE`; `FILE` by default.

    Returns:
        `pathlib.Path`.

    Raises:
        ValueError: for another name, or if the repository or one of its files cannot be had.
        ImportError: without huggingface_hub.
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise ValueError(
            f"Expected hf://OWNER/NAME, hf://OWNER/NAME@REVISION or hf://OWNER/NAME/FILE. Received: {name}"
        )
    try:
        client = importlib.import_module("huggingface_hub")
    except ImportError:
        raise ImportError(f'{name} needs huggingface_hub; install it with: pip install "deephar[hub]"') from None
    file = pathlib.PurePosixPath(found["file"] or FILE)
    try:
        for wanted in (file.with_name("model.json"), file):
            path = client.hf_hub_download(found["repo"], str(wanted), revision=found["revision"])
    except Exception as error:  # of many classes: no network, no repository, no file, no access
        raise ValueError(f"{name} cannot be downloaded: {error or type(error).__name__}") from None
    return pathlib.Path(path)


def write_folder(weights: Path, folder: Path, title: str, text: str, licence: str, **fields: object) -> None:
    """A folder that can be uploaded as a repository of the Hub: weights, model.json, and a README.md with its fields.

    Args:
        weights: a `.weights.h5` with its model.json beside it, or one that comes with deephar, or its name.
        folder: made where missing; files of the same names are replaced.
        title: heading of the README.
        text: the card below it, Markdown.
        licence: an identifier that the Hub knows, e.g. "mit", or "other", which needs a field `license_name`.
        **fields: others of the card's metadata, e.g. `datasets=["lsp"]`.

    Raises:
        ValueError: if the weights, their description or the licence's name are missing, or weights that come with
            deephar have other terms.
    """
    weights = shipped_file(str(weights)) if str(weights) in SHIPPED else pathlib.Path(weights)
    folder, beside = pathlib.Path(folder), weights.with_name("model.json")
    shipped = None if beside.exists() else shipped_entry(weights)
    about = shipped.about if shipped else description.read(beside)
    if not weights.is_file():
        raise ValueError(f"No such weights: {weights}")
    if shipped and not shipped.is_free and licence != "other":
        raise ValueError(f'{weights.name} is for {shipped.licence}: licence "other". Received: {licence!r}')
    if licence == "other" and "license_name" not in fields:
        raise ValueError('Licence "other" needs a name for the Hub: license_name="..."')
    task = "video-classification" if about.judges_actions else "keypoint-detection"
    metadata = {"library_name": "keras", "pipeline_tag": task, "license": licence, "tags": ["deephar"], **fields}
    head = "\n".join(f"{name}: {json.dumps(value)}" for name, value in metadata.items())  # JSON is YAML
    use = f"```python\nimport deephar\n\nmodel = deephar.load({SCHEME + 'OWNER/NAME'!r})\n```"
    about.write(folder / "model.json")
    with files.whole_file(folder / FILE) as temporary:
        shutil.copyfile(weights, temporary)
    with files.whole_file(folder / "README.md") as temporary:
        temporary.write_text(f"---\n{head}\n---\n\n# {title}\n\n{text.strip()}\n\n{use}\n", encoding="utf-8")
