"""Every training script on two logical CPUs, with a small network of its own kind, through all its stages."""

import json

import pytest
from drawn import drawn_lsp, drawn_mpii
from scripts import ROOT, printed

from deephar.data.synthetic import write_h36m, write_ntu, write_penn
from deephar.data.synthetic.writing import Settings

SEVERAL = """
import json, runpy, sys
for path, *arguments in json.loads(sys.argv[1]):
    sys.argv = [path, *arguments, "--smoke", "--strategy", "mirrored", "--logical-cpus", "2"]
    runpy.run_path(path, run_name="__main__")
"""


def run(scripts):
    """Run scripts one after another in one process, whose CPU is split once; what they printed."""
    commands = json.dumps([[str(ROOT / path), *map(str, arguments)] for path, *arguments in scripts])
    return "\n".join(printed(SEVERAL, commands, timeout=1800))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of every dataset: drawn people as lsp and mpii, synthetic ones as penn, ntu and h36m."""
    pytest.importorskip("cdflib", reason="CDF files need cdflib (the extra h36m)")
    folder = tmp_path_factory.mktemp("data")
    drawn_lsp(folder / "lsp")
    drawn_mpii(folder / "mpii")
    write_penn.write(Settings("penn", (48, 48), "laboratory", ("squat", "wave"), length=(5, 9)), folder / "penn", 16)
    ntu = Settings("ntu", (96, 54), "laboratory", ("drink", "wave"), length=(5, 9), frames_only=True)
    write_ntu.write(ntu, folder / "ntu", 12)
    write_h36m.write(Settings("h36m", (48, 48), "laboratory", ("walk",), length=(2, 7)), folder / "h36m", 7)
    return folder


def mpii(data, *names):
    """Options for the files of MPII, by a script's names for them."""
    files = (data / "mpii" / "images", data / "mpii" / "train.json", data / "mpii" / "valid.json")
    return [part for pair in zip(names, files, strict=True) for part in pair]


@pytest.mark.slow
def test_stills_train_on_two_copies(data, tmp_path):
    lsp, h36m = ("--data", data / "lsp"), ("--h36m", data / "h36m")
    said = run(
        [
            ("exp/lsp/train_lsp.py", *lsp, "--out", tmp_path / "lsp"),
            ("exp/lsp/train_lsp_3d.py", *lsp, "--out", tmp_path / "lsp_3d"),
            (
                "exp/mpii/train_mpii_singleperson.py",
                *mpii(data, "--images", "--train", "--validation"),
                *("--out", tmp_path / "mpii"),
            ),
            (
                "exp/h36m/train_h36m.py",
                *h36m,
                *mpii(data, "--images", "--train", "--validation"),
                *("--out", tmp_path / "h36m"),
            ),
        ]
    )
    assert "best PCK@0.2" in said and "best PCKh@0.5" in said and "best MPJPE" in said
    for name in ("lsp", "lsp_3d", "mpii", "h36m"):
        assert (tmp_path / name / "last.weights.h5").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["penn", "ntu"])
def test_poses_and_then_actions_train_on_two_copies(dataset, data, tmp_path):
    if dataset == "penn":
        exp, files, more = "exp/pennaction", ("--labels", data / "penn" / "labels"), ()
        files, classes = (*files, "--frames", data / "penn" / "frames"), ("--classes", "found")
    else:
        exp, files = (
            "exp/ntu",
            ("--skeletons", data / "ntu" / "nturgb+d_skeletons", "--frames", data / "ntu" / "frames"),
        )
        more, classes = ("--h36m", data / "h36m"), ()
    pose, out = tmp_path / "pose", tmp_path / "action"
    people = mpii(data, "--mpii", "--mpii-train", "--mpii-validation")
    stages = ("--pose-weights", pose / "best.weights.h5", *classes, "--stages", "small", "--out", out)
    scripts = [
        (f"{exp}/train_{dataset}_pose.py", *files, *people, *more, "--out", pose),
        (f"{exp}/train_{dataset}_ar_pe_merge.py", *files, *stages),
    ]
    if dataset == "penn":
        labels = (*files[:2], *classes, "--out", tmp_path / "poses")
        scripts.append((f"{exp}/train_penn_pose_only.py", *labels))
    said = run(scripts)
    assert "after frozen pose" in said and "after fine-tuning" in said
    assert {path.name for path in out.iterdir()} >= {"best.weights.h5", "stage1.csv", "stage2.csv"}
