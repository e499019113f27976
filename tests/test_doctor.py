"""`deephar doctor`: what works, what does not and what to do, whatever crashes, hangs, lacks or is damaged."""

import json
import os
import pathlib
import re
import runpy
import shutil
import subprocess
import sys
import time
import types
import zipfile

import numpy as np
import pytest
import scipy.io
from drawn import drawn_lsp, drawn_mpii
from PIL import Image

import deephar
from deephar import cli, surroundings
from deephar.cli import doctor
from deephar.data.readers import human36m_files, recognise
from deephar.surroundings import Probe
from deephar.weights import catalogue

ROOT = pathlib.Path(__file__).parents[1]
WORKING = {
    "keras": Probe("3.15.1", ("jax",)),
    "jax": Probe("0.10.2", ("cuda:0",)),
    "torch": Probe("2.13.0"),
    "av": Probe("18.1.0", ("h264", "libx264")),
}


@pytest.fixture
def probed(monkeypatch, tmp_path):
    """Function that has the libraries answer as it is told; the cache is empty."""
    monkeypatch.setenv("DEEPHAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(surroundings, "_GRAPHICS", tmp_path)

    def answer(**probes):
        found = {name: probe for name, probe in {**WORKING, **probes}.items() if probe is not None}
        monkeypatch.setattr(surroundings, "probe", lambda: found)

    answer()
    return answer


def said(capsys, *arguments):
    """Exit status, what is printed by name, and what is to be done."""
    status = cli.main(["doctor", *map(str, arguments)])
    text = capsys.readouterr().out
    rows = dict(re.findall(r"^  (\S[\w. -]*?)  +(\S.*)$", text, re.MULTILINE))
    todo = text.partition("What to do:\n")[2].splitlines()
    assert (status, text.splitlines()[-1] == doctor.IN_ORDER) in ((0, True), (1, False)) and bool(todo) == bool(status)
    return status, rows, [line.removeprefix("- ") for line in todo]


def test_where_everything_works(probed, capsys, tmp_path):
    status, rows, todo = said(capsys, "--json", tmp_path / "doctor.json")
    assert (status, todo) == (0, []) and rows["deephar"].startswith(f"{deephar.__version__}, ")
    assert rows["Keras"] == "3.15.1, on jax" and rows["jax"] == "0.10.2, cuda:0"
    assert rows["torch"] == "2.13.0, no GPU, the processor alone"
    assert rows["tensorflow"] == "not installed: pip install tensorflow"
    assert rows["H.264"] == "read; written by libx264"
    assert re.match(r"2\.\d MB, .*lsp-lite-2d.weights.h5", rows["lsp-lite-2d"])
    assert rows["mpii-2d-cvpr18"] == "not downloaded; deephar pretrained mpii-2d-cvpr18"
    report = json.loads((tmp_path / "doctor.json").read_text(encoding="utf-8"))
    assert report["format"] == "deephar-doctor-1" and report["in_order"] and report["todo"] == []
    assert report["sections"]["Keras and backends"]["jax"] == "0.10.2, cuda:0"


IN_A_PROCESS = """
import sys
from deephar import cli, surroundings
surroundings._PROBES = {probes}
status = cli.main(["doctor"])
heavy = {{"keras", "tensorflow", "torch", "jax", "av"}} & set(sys.modules)
assert not heavy, heavy
sys.exit(status)
"""
STAND_IN = "import types; m = types.SimpleNamespace(__version__='9.9'); found = ['tensorflow']"


def in_a_process(probes, folder):
    """What the command prints where nothing else was imported."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DEEPHAR_CACHE": str(folder)}
    command = [sys.executable, "-c", IN_A_PROCESS.format(probes=probes)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    assert done.stdout.endswith(f"{doctor.IN_ORDER}\n")
    return done.stdout


def test_the_command_imports_no_library_itself(tmp_path):
    said = in_a_process({"keras": STAND_IN, "tensorflow": STAND_IN}, tmp_path)
    assert re.search(r"Keras +9.9, on tensorflow\n", said)


@pytest.mark.slow
def test_on_this_machine_where_the_tests_run_all_is_in_order(tmp_path):
    said = in_a_process("surroundings._PROBES", tmp_path)
    assert re.search(rf"Keras +\S+, on {os.environ.get('KERAS_BACKEND', 'tensorflow')}\n", said)


def test_libraries_that_crash_hang_or_talk_harm_nothing():
    """At the same time: what hangs is given up after the seconds that all have."""
    begun = time.monotonic()
    found = surroundings.probe(
        {
            "works": "import json as m; m.__version__ = '1'; print('hello'); found = ['a']",
            "crashes": "import os; os.abort()",
            "hangs": "import time; time.sleep(60)",
            "fails": "import sys; print('noise', file=sys.stderr); import no_such_module",
            "leaves": "import os; print('gone'); os._exit(0)",
        },
        seconds=5,
    )
    assert time.monotonic() - begun < 20
    assert found["works"] == Probe("1", ("a",)) and found["crashes"].error == "it crashed (signal 6)"
    assert found["hangs"].error == "it did not answer in 5 seconds"
    assert found["fails"].error == "ModuleNotFoundError: No module named 'no_such_module'"
    assert found["leaves"].error == "it answered 'gone'"


def test_a_probe_is_ended_with_the_command(monkeypatch):
    """Ctrl-C leaves no process behind."""
    started = []

    class Watched(subprocess.Popen):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            started.append(self)

        def wait(self, timeout=None):
            if timeout is not None:
                raise KeyboardInterrupt
            return super().wait()

    monkeypatch.setattr(subprocess, "Popen", Watched)
    with pytest.raises(KeyboardInterrupt):
        surroundings.probe({"a": "import time; time.sleep(60)", "b": "import time; time.sleep(60)"})
    assert len(started) == 2 and all(process.poll() is not None for process in started)


@pytest.mark.parametrize(
    ("probes", "todo"),
    [
        ({"jax": None, "keras": Probe(None, error="no jax")}, "tensorflow.*not installed: pip install tensorflow"),
        ({"jax": Probe(None, error="boom")}, r"jax, the backend of Keras, does not work \(boom\)"),
        ({"keras": Probe(None, error="boom"), "tensorflow": Probe("2")}, r"Keras does not work \(boom\)"),
        ({"av": Probe(None, error="boom")}, r"PyAV does not work \(boom\)"),
        ({"av": Probe("18", ("libx264",))}, "cannot read H.264"),
    ],
)
def test_what_is_broken_is_to_be_mended(probes, todo, probed, capsys, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    probed(**probes)
    status, _, lines = said(capsys)
    assert status == 1 and len(lines) == 1 and re.search(todo, lines[0]), lines


def test_what_is_broken_but_not_needed_is_only_said(probed, capsys):
    probed(torch=Probe(None, error="boom"), tensorflow=None)
    status, rows, _ = said(capsys)
    assert status == 0 and rows["torch"] == "broken: boom"
    probed(av=Probe("12", ("h264",)))
    assert said(capsys)[1]["H.264"] == "read; MPEG-4 is written instead"


def test_a_gpu_that_the_backend_does_not_see(probed, capsys, tmp_path):
    (tmp_path / "nvidia0").touch()
    assert said(capsys)[0] == 0
    probed(jax=Probe("0.10.2"))
    assert "jax does not see the NVIDIA GPU" in said(capsys)[2][0]


def test_packages_that_are_too_old_or_missing(probed, capsys, monkeypatch):
    versions = {"keras": "3.7.1", "numpy": "2.0.0rc1", "scipy": "1.11", "pillow": "10.1.0.post1"}
    needed = {"keras": "3.8", "numpy": "1.26", "scipy": "1.11", "pillow": "10.1", "tqdm": "4.60", "tensorflow": "2.18"}
    monkeypatch.setattr(surroundings, "_needed", lambda: needed)
    monkeypatch.setattr(surroundings, "_version", versions.get)
    _, rows, todo = said(capsys)
    assert rows["tqdm"] == "not installed" and rows["scipy"] == "1.11"
    assert todo == [
        'keras 3.8 or later is needed, and it is 3.7.1: pip install "keras>=3.8"',
        'tqdm 4.60 or later is needed, and it is missing: pip install "tqdm>=4.60"',
    ]


def test_needed_packages_and_extras_are_those_of_setup(monkeypatch):
    declared = {}
    monkeypatch.setattr("setuptools.setup", lambda **settings: declared.update(settings))
    runpy.run_path(str(ROOT / "setup.py"))
    assert set(surroundings.EXTRAS) == set(declared["extras_require"]) - {"docs", "test"}
    for name, (distribution, _) in surroundings.EXTRAS.items():
        assert declared["extras_require"][name][0].startswith(f"{distribution}>="), name
    monkeypatch.setattr(
        "importlib.metadata.requires", lambda name: [*declared["install_requires"], 'x>=1; extra == "y"']
    )
    assert surroundings._needed() == dict(line.split(">=") for line in declared["install_requires"])


def test_the_processor(monkeypatch, tmp_path):
    told = "processor\t: 0\nmodel name\t: A Chip @ 2 GHz\nflags\t\t: fpu avx2 avx512f avx512_bf16\n\nprocessor\t: 1\n"
    (tmp_path / "cpuinfo").write_text(told)
    monkeypatch.setattr(surroundings, "CPUINFO", tmp_path / "cpuinfo")
    facts = surroundings.processor().facts
    assert facts["name"] == "A Chip @ 2 GHz" and re.fullmatch(r"\d+, of which \d+ may be used", facts["cores"])
    assert [facts[name] for name in ("AVX2", "AVX-512", "bfloat16")] == ["yes", "yes", "yes"]
    (tmp_path / "cpuinfo").write_text(told.replace(" avx512f avx512_bf16", ""))
    facts = surroundings.processor().facts
    assert [facts[name] for name in ("AVX2", "AVX-512", "bfloat16")] == ["yes", "no", "no"]
    monkeypatch.setattr(surroundings, "CPUINFO", tmp_path / "absent")
    facts = surroundings.processor().facts
    assert [facts[name] for name in ("AVX2", "AVX-512", "bfloat16")] == ["unknown"] * 3


def test_weights_that_are_missing_damaged_or_half_there(probed, capsys, monkeypatch, tmp_path):
    (tmp_path / "cache").mkdir()
    entry, begun = catalogue.PUBLISHED["mpii-2d-cvpr18"], catalogue.PUBLISHED["h36m-3d-cvpr18"]
    (tmp_path / "cache" / entry.file).write_bytes(b"x" * 1_500_000)
    (tmp_path / "cache" / f"{begun.file}.partial").write_bytes(b"x" * 2_000_000)
    (tmp_path / "pointer").write_text("version https://git-lfs")
    whole = ROOT / "weights" / "penn-pose-only.weights.h5"
    places = dict.fromkeys(catalogue.own_files(), whole) | {"lsp-lite-2d": tmp_path / "pointer"}
    del places["lsp-lite-3d"]

    def shipped(name):
        if name not in places:
            raise ValueError(f"This installation lacks {name}")
        return places[name]

    monkeypatch.setattr(catalogue, "shipped_file", shipped)
    _, rows, todo = said(capsys)
    assert rows["lsp-lite-3d"] == "missing" and rows["mpii-2d-cvpr18"].startswith("1.5 MB, ")
    assert rows["h36m-3d-cvpr18"].startswith("2.0 MB of it, ")
    wanted = (
        "pointer is no weight file",
        "This installation lacks lsp-lite-3d; install",
        "is damaged: delete",
        "cut off",
    )
    assert len(todo) == 4 and all(part in line for part, line in zip(wanted, todo, strict=True)), todo
    md5 = "6a9bd17e5d3fd5ef5a5ba9e0a0f6e4a5"
    monkeypatch.setattr("hashlib.file_digest", lambda *_: types.SimpleNamespace(hexdigest=lambda: md5))
    monkeypatch.setitem(catalogue.PUBLISHED, "mpii-2d-cvpr18", types.SimpleNamespace(file=entry.file, md5=md5))
    assert len(said(capsys)[2]) == 3
    (tmp_path / "cache" / f"{begun.file}.partial").write_bytes(b"")  # nothing came
    _, rows, todo = said(capsys)
    assert rows["h36m-3d-cvpr18"].startswith("not downloaded") and len(todo) == 2


def test_what_cannot_be_found_out_is_said(probed, capsys, monkeypatch, tmp_path):
    def broken():
        raise RuntimeError("no such luck")

    monkeypatch.setattr(surroundings, "processor", broken)
    status, rows, todo = said(capsys, "--json", tmp_path)
    assert status == 1 and rows["error"] == "RuntimeError: no such luck"
    assert todo[0] == "Processor could not be examined: RuntimeError: no such luck"
    assert len(todo) == 2 and "cannot be written" in todo[1]


# Datasets

SCRIPT = runpy.run_path(str(ROOT / "datasets" / "make_synthetic.py"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Function that makes a synthetic dataset of a format once, and gives a copy of its folder."""
    folder = tmp_path_factory.mktemp("made")

    def make(kind, *options):
        if not (folder / kind).is_dir():
            SCRIPT["main"](["--format", kind, "--out", str(folder / kind), *map(str, options)])
        return shutil.copytree(folder / kind, tmp_path_factory.mktemp("copy") / kind)

    return make


def check_commands(commands):
    """The scripts exist and know their options, whose paths exist."""
    shared = (ROOT / "deephar" / "training" / "options.py").read_text(encoding="utf-8")
    for command in commands:
        _, script, *rest = command.split()
        text = (ROOT / script).read_text(encoding="utf-8")
        for option, value in zip(rest[::2], rest[1::2], strict=True):
            assert f'"{option}"' in text or f'"{option}"' in shared, command
            assert "/" not in value or option == "--out" or pathlib.Path(value).exists(), command


def test_lsp_in_a_folder_and_in_a_zip(tmp_path, probed, capsys):
    folder = drawn_lsp(tmp_path / "a b" / "lspet_dataset")
    status, rows, todo = said(capsys, "--data", folder.parent)
    assert (status, rows["dataset"], rows["samples"], todo) == (0, "LSP-extended", "12", [])
    assert rows["to run"] == f"python exp/lsp/train_lsp.py --data '{folder.parent}'"
    (folder / "images" / "im00003.jpg").unlink()
    (folder / "images" / "im00004.jpg").write_bytes((folder / "images" / "im00004.jpg").read_bytes()[:700])
    with zipfile.ZipFile(tmp_path / "lsp.zip", "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(folder.parent))
    for path in (folder, tmp_path / "lsp.zip"):
        found = recognise.recognise(path)
        assert found.samples == 12 and len(found.problems) == 2
        assert re.fullmatch(r"1 of 12 photographs are missing: .*im00003.jpg", found.problems[0])
        assert re.match(r"1 of 11 pictures that were tried cannot be read: .*im00004.jpg", found.problems[1])


def test_mpii(tmp_path):
    folder = drawn_mpii(tmp_path / "mpii")
    found = recognise.recognise(tmp_path)
    assert (found.dataset, found.samples, found.problems) == ("MPII", 6, [])
    assert "--train" in found.commands[0] and "release.mat" in found.commands[0]
    check_commands(found.commands)
    (folder / "images" / "000000001.jpg").unlink()
    assert recognise.recognise(folder).problems[0].startswith("1 of 6 photographs in ")
    listed = (folder / "valid.h5").read_bytes()
    (folder / "valid.h5").unlink()
    found = recognise.recognise(folder)  # without that list, the RELEASE cannot be split
    assert "train.json" in found.commands[0] and "valid.json" in found.commands[0] and found.samples == 6
    (folder / "train.json").rename(folder / "train.json.away")
    if (folder / "train.h5").exists():
        (folder / "train.h5").unlink()
    found = recognise.recognise(folder)
    assert found.commands == [] and "the RELEASE .mat with pose-hg's valid.h5" in found.problems[0]
    (folder / "train.json.away").rename(folder / "train.json")
    (folder / "valid.h5").write_bytes(listed)
    (folder / "release.mat").unlink()
    assert "train.json" in recognise.recognise(folder).commands[0]
    for name in ("valid.h5", "valid.json"):
        (folder / name).unlink()
    found = recognise.recognise(folder)
    assert found.commands == [] and "lacks valid.h5" in found.problems[0]


def test_penn_action(made):
    folder = made("penn", "--size", "48x40", "--actions", "squat,wave", "--length", 3, 6, "--videos", 4)
    found = recognise.recognise(folder)
    assert (found.dataset, found.samples, found.problems) == ("Penn Action", 4, [])
    assert found.commands[0].endswith("--classes found")
    check_commands(found.commands)
    shutil.rmtree(folder / "frames" / "0002")
    assert recognise.recognise(folder).problems == [f"1 of 4 videos in {folder / 'frames'} are missing: 0002"]
    shutil.make_archive(str(folder / "labels"), "zip", folder, "labels")
    shutil.rmtree(folder / "labels")
    assert "labels.zip" in recognise.recognise(folder).commands[0]
    shutil.rmtree(folder / "frames")
    found = recognise.recognise(folder / "labels.zip")
    assert found.samples == 4 and "lacks frames/0001" in found.problems[0]
    assert "train_penn_pose_only.py" in found.commands[0]
    check_commands(found.commands)


def test_ntu(made):
    folder = made("ntu", "--size", "64x36", "--length", 3, 6, "--videos", 4)
    found = recognise.recognise(folder)
    assert (found.dataset, found.samples, found.problems) == ("NTU RGB+D", 12, [])
    check_commands(found.commands)
    assert ["prepare_ntu" in command for command in found.commands] == [True, False]
    first, second, *_ = sorted(folder.rglob("*_rgb.avi"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:500])
    problems = recognise.recognise(folder).problems
    assert problems[0] == f"1 of 12 clips' pictures are missing: {first.name.removesuffix('_rgb.avi')}"
    assert problems[1].startswith("1 of 11 pictures that were tried") and second.name in problems[1]
    depth = folder / "nturgb+d_depth_masked" / second.name.removesuffix("_rgb.avi")
    depth.mkdir(parents=True)
    (depth / "MDepth-00000001.png").write_bytes(b"no colours")
    assert recognise.recognise(folder).problems == problems
    for file in folder.rglob("*_rgb.avi"):
        file.unlink()
    assert "neither the clips' frames nor" in recognise.recognise(folder).problems[0]
    shutil.make_archive(str(folder / "clips"), "zip", folder)
    assert "unpack it" in recognise.recognise(folder / "clips.zip").problems[0]


def test_human36m(made):
    pytest.importorskip("cdflib")
    folder = made("h36m", "--size", "48x48", "--length", 3, 6, "--videos", 8)
    found = recognise.recognise(folder)
    assert found.dataset == "Human3.6M" and found.samples > 10, found
    check_commands(found.commands)
    first = next(folder.rglob("*.cdf"))
    first.write_bytes(first.read_bytes()[:2000])
    assert any(first.name in problem for problem in recognise.recognise(folder).problems)
    (folder / "metadata.xml").unlink()
    assert "lacks metadata.xml" in recognise.recognise(folder).problems[0]


def test_human36m_as_mmpose_has_it(tmp_path):
    known = np.ones((2, 17, 1))
    pixels = np.random.default_rng(0).uniform(0, 50, (2, 17, 2))
    names = [f"S9_Photo.{human36m_files.CAMERAS[0]}_00000{number}.jpg" for number in (1, 2)]
    np.savez(tmp_path / "a_h36m_other.npz", x=known)
    where = np.random.default_rng(0).uniform(1, 5, (2, 17, 3))
    np.savez(
        tmp_path / "h36m_test.npz", imgname=names, part=np.append(pixels, known, -1), S=np.append(where, known, -1)
    )
    found = recognise.recognise(tmp_path)
    assert (found.dataset, found.samples, found.commands) == ("Human3.6M", 2, [])
    assert "lacks a camera file, such as metadata.xml" in found.problems[0]


def test_jhmdb(tmp_path):
    for name in ("catch/a_1", "wave/b_2"):
        (tmp_path / "joint_positions" / name).mkdir(parents=True)
        scipy.io.savemat(tmp_path / "joint_positions" / name / "joint_positions.mat", {"pos_img": np.ones((2, 15, 1))})
    assert ["lacks" in problem for problem in recognise.recognise(tmp_path).problems] == [True, True]
    (tmp_path / "splits").mkdir()
    for name in ("catch", "wave"):
        (tmp_path / "splits" / f"{name}_test_split1.txt").write_text("")
    (tmp_path / "Rename_Images" / "catch" / "a_1").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(tmp_path / "Rename_Images" / "catch" / "a_1" / "00001.png")
    found = recognise.recognise(tmp_path)
    assert (found.dataset, found.samples, found.commands) == ("JHMDB", 2, [])
    assert found.problems == ["1 of 2 folders of pictures in Rename_Images are missing: wave/b_2"]


def test_what_is_no_dataset(tmp_path, probed, capsys):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    for path, part in ((tmp_path, "looks like none"), (tmp_path / "absent", "Expected a folder or a zip")):
        status, rows, todo = said(capsys, "--data", path)
        assert status == 1 and rows["dataset"] == "unknown" and part in todo[0]
    (tmp_path / "joints.mat").write_bytes(b"no MATLAB file")
    status, rows, todo = said(capsys, "--data", tmp_path)
    assert status == 1 and rows["dataset"] == "LSP-extended" and "joints.mat" in todo[0]
    assert rows["to run"].startswith("no script")
