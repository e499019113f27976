"""`deephar doctor`: what is installed, what works, and what to do about the rest."""

import argparse
import hashlib
import json
import pathlib
import sys
from collections.abc import Callable, Sequence

from deephar import surroundings
from deephar.surroundings import Section

FORMAT = "deephar-doctor-1"
"""Of the JSON that `deephar doctor` writes; docs/commands.md describes it."""

IN_ORDER = "Everything is in order"

_HDF5 = b"\x89HDF\r\n\x1a\n"


def main(arguments: Sequence[str]) -> int:
    """Say what deephar runs on, what works and what does not, and what to do; look at a dataset, if one is named."""
    parser = argparse.ArgumentParser(prog="deephar doctor", description=main.__doc__)
    parser.add_argument("--data", metavar="PATH", help="folder or zip of a dataset: what it is, what it lacks")
    parser.add_argument("--json", metavar="FILE", help="write the same as JSON")
    options = parser.parse_args(arguments)
    if sys.stderr.isatty():
        print("trying every library: some seconds ...", file=sys.stderr)
    sections = _sections(options.data)
    todo = [line for section in sections for line in section.todo]
    try:
        if options.json:
            _write(options.json, sections, todo)
    except (ValueError, OSError) as error:
        todo.append(f"{options.json} cannot be written: {error}")
    for section in sections:
        print(f"{section.title}\n" + "\n".join(f"  {name:<{_WIDTH}}  {value}" for name, value in _rows(section)) + "\n")
    print("What to do:\n" + "\n".join(f"- {line}" for line in todo) if todo else IN_ORDER)
    return 1 if todo else 0


_WIDTH = 20


def _rows(section: Section) -> list[tuple[str, object]]:
    """Name and value of every line; a list takes several."""
    rows = []
    for name, value in section.facts.items():
        values = (value or ["none"]) if isinstance(value, list) else [value]
        rows += [("" if place else name, one) for place, one in enumerate(values)]
    return rows


def _sections(data: str | None) -> list[Section]:
    probes = surroundings.probe()
    asked: list[tuple[str, Callable[[], Section]]] = [
        ("Versions", surroundings.system),
        ("Keras and backends", lambda: surroundings.backends(probes)),
        ("Processor", surroundings.processor),
        ("Optional parts", lambda: surroundings.extras(probes)),
        ("Weights", weights),
    ]
    if data is not None:
        asked.append(("Data", lambda: dataset(data)))
    return [_safely(title, ask) for title, ask in asked]


def _safely(title: str, ask: Callable[[], Section]) -> Section:
    """A section; what cannot be found out is a thing to do, and no reason to stop."""
    try:
        return ask()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return Section(title, {"error": reason}, [f"{title} could not be examined: {reason}"])


def weights() -> Section:
    """The weights that come with deephar, and those of the original that were downloaded, checked by their md5."""
    from deephar.weights import catalogue, download

    section, folder = Section("Weights"), download.cache_folder()
    for name in catalogue.own_files():
        try:
            path = catalogue.shipped_file(name)
            section.facts[name] = f"{_megabytes(path)}, {path}"
            with path.open("rb") as file:
                if file.read(len(_HDF5)) != _HDF5:
                    section.todo.append(f"{path} is no weight file; install deephar anew")
        except (ValueError, OSError) as error:
            section.facts[name] = "missing"
            section.todo.append(f"{error}; install deephar anew")
    for name, entry in catalogue.PUBLISHED.items():
        path = folder / entry.file
        begun = path.with_name(f"{path.name}.partial")
        section.facts[name] = f"not downloaded; deephar pretrained {name}"
        if path.is_file():
            section.facts[name] = f"{_megabytes(path)}, {path}"
            with path.open("rb") as file:
                if hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() != entry.md5:
                    section.todo.append(f"{path} is damaged: delete it, and run deephar pretrained {name}")
        elif begun.is_file() and begun.stat().st_size:
            section.facts[name] = f"{_megabytes(begun)} of it, {begun}"
            section.todo.append(f"The download of {name} was cut off: deephar pretrained {name} goes on")
    return section


def _megabytes(path: pathlib.Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


def dataset(path: str) -> Section:
    """What a folder or zip holds, what is wrong with it, and what to run next."""
    from deephar.data.readers import recognise

    try:
        found = recognise.recognise(path)
    except ValueError as error:
        return Section("Data", {"path": path, "dataset": "unknown"}, [str(error)])
    run = list(found.commands) or ["no script; its reader is in deephar.data.readers"]
    facts = {"path": path, "dataset": found.dataset, "samples": found.samples, "to run": list[surroundings.Json](run)}
    return Section("Data", facts, [f"{found.dataset}: {problem}" for problem in found.problems])


def _write(path: str, sections: list[Section], todo: list[str]) -> None:
    from deephar.files import whole_file

    report = {
        "format": FORMAT,
        "in_order": not todo,
        "sections": {section.title: section.facts for section in sections},
        "todo": todo,
    }
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
