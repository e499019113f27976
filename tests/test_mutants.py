"""The mistakes of benchmarks/mutation.py, on functions of a few lines."""

import sys

import pytest
from scripts import ROOT

SOURCE = '''"""A docstring."""

LIMIT = 3


@decorated(2)
def larger(a: int, b=1):
    """Another docstring."""
    if a > b and not done():
        return max(a, b)
    raise ValueError("expected more than", 1)
'''


@pytest.fixture
def mutants(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import mutants

    yield mutants
    del sys.modules["mutants"]


def test_every_mistake_of_a_small_module_by_hand(mutants):
    """Neither docstrings, annotations, decorators nor the words of errors; the same ones at every call."""
    found = [mutants.mutant(SOURCE, number) for number in range(mutants.count(SOURCE))]
    assert [(one.operator, one.after) for one in found] == [
        ("constant", "LIMIT = 4"),
        ("constant", "LIMIT = 2"),
        ("constant", "def larger(a: int, b=2):"),
        ("constant", "def larger(a: int, b=0):"),
        ("condition", "if not (a > b and (not done())):"),
        ("boolean", "if a > b or not done():"),
        ("comparison", "if a >= b and (not done()):"),
        ("comparison", "if a <= b and (not done()):"),
        ("unary", "if a > b and (not not done()):"),
        ("return", "return None"),
        ("call", "return max(a)"),
        ("call", "return max(b, a)"),
        ("name", "return min(a, b)"),
    ]
    assert [one.before for one in found[:3]] == ["LIMIT = 3", "LIMIT = 3", "def larger(a: int, b=1):"]
    assert [one.imported for one in found] == [True] * 4 + [False] * 9
    assert [list(one.lines) for one in (found[0], found[2], found[4], found[9])] == [[3], [7], [9], [10]]
    assert {one.where for one in found[2:]} == {"larger"} and found[0].where == ""


def test_a_mutant_differs_by_its_mistake_alone(mutants):
    plain = mutants.ast.unparse(mutants.ast.parse(SOURCE)) + "\n"
    for number in range(mutants.count(SOURCE)):
        one = mutants.mutant(SOURCE, number)
        pairs = zip(plain.splitlines(), one.source.splitlines(), strict=True)
        (changed,) = [(a.strip(), b.strip()) for a, b in pairs if a != b]
        assert changed == (one.before, one.after)
        compile(one.source, "mutant", "exec")
