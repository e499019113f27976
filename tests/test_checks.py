import numpy as np
import pytest

from deephar import checks


def test_what_is_accepted_comes_back_plain():
    assert checks.one_of("grid", "a", ("a", "b")) == "a"
    assert checks.pair("size", np.int64(2)) == (2, 2) and checks.pair("size", [np.int32(3), 1]) == (3, 1)
    assert checks.between("sigma", np.float32(0.5), 0) == 0.5 and checks.between("alpha", 1, 0, 1) == 1
    found = [
        checks.whole("depth", np.int64(4)),
        *checks.pair("size", np.int64(2)),
        checks.between("a", np.float64(1), 0),
    ]
    assert [type(value) for value in found] == [int, int, int, float]
    assert checks.whole("root", 0, least=0) == 0


PAIR = "`size` must be a whole number above 0 or a pair of them"


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (lambda: checks.one_of("grid", "c", ("a", "b")), "`grid` must be one of a, b. Received: grid='c'"),
        (lambda: checks.whole("depth", 0), "`depth` must be a whole number, 1 or more. Received: depth=0"),
        (lambda: checks.whole("depth", 2.0), "`depth` must be a whole number, 1 or more. Received: depth=2.0"),
        (lambda: checks.whole("depth", True), "`depth` must be a whole number, 1 or more. Received: depth=True"),
        (lambda: checks.whole("depth", None), "`depth` must be a whole number, 1 or more. Received: depth=None"),
        (lambda: checks.pair("size", (1, 0)), f"{PAIR}. Received: size=(1, 0)"),
        (lambda: checks.pair("size", "22"), f"{PAIR}. Received: size='22'"),
        (lambda: checks.pair("size", 0), f"{PAIR}. Received: size=0"),
        (lambda: checks.between("a", 0, 0, low_included=False), "`a` must be a number above 0. Received: a=0"),
        (lambda: checks.between("weight", -1, 0), "`weight` must be a number at least 0. Received: weight=-1"),
        (lambda: checks.between("alpha", 2, 0, 1), "`alpha` must be a number in [0, 1]. Received: alpha=2"),
        (lambda: checks.between("sigma", "x", 0), "`sigma` must be a number at least 0. Received: sigma='x'"),
        (lambda: checks.between("sigma", float("inf"), 0), "`sigma` must be a number at least 0. Received: sigma=inf"),
        (lambda: checks.between("sigma", float("nan"), 0), "`sigma` must be a number at least 0. Received: sigma=nan"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(check, sentence):
    with pytest.raises(ValueError) as caught:
        check()
    assert str(caught.value) == sentence


POSES = "pose (B, ..., J, 2) and, if any, maps (B, ..., H, W, J)"


@pytest.mark.parametrize(
    "shapes",
    [
        [(5, 3, 2)],
        [(5, 3, 2), (5, 8, 9, 3)],
        [(None, None, 2), (5, 8, 9, 3)],
        [(5, 7, 3, None), (5, None, 8, 9, 3)],
        [(0, 3, 2), (0, 8, 9, 3)],
    ],
)
def test_axes_that_agree(shapes):
    checks.axes("Layer", POSES, *shapes)


@pytest.mark.parametrize(
    "shapes",
    [
        [(3, 2)],
        [(5, 3, 3)],
        [(5, 3, 2), (5, 8, 9, 4)],
        [(5, 3, 2), (4, 8, 9, 3)],
        [(5, 3, 2), (5, 7, 8, 9, 3)],
        [(5, 6, 3, 2), (5, 7, 8, 9, 3)],
        [(5, 3, 2), (8, 9, 3)],
    ],
)
def test_axes_that_do_not(shapes):
    with pytest.raises(ValueError, match=r"^Layer needs pose \(B, ..., J, 2\) and, if any, maps") as caught:
        checks.axes("Layer", POSES, *shapes)
    received = ", ".join(f"{name} {shape}" for name, shape in zip(("pose", "maps"), shapes, strict=False))
    assert str(caught.value).endswith(f"Received: {received}")
