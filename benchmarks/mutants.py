"""One small mistake at a time: a standard set of mutation operators over the syntax tree of a module.

    arithmetic  + and -, * and /, // and /, % and *, ** and *, @ and *, & and |      boolean    and, or; a dropped `not`
    comparison  < and <=, > and >=, == and !=, in, is; and its opposite              unary      a dropped - or ~
    condition   the opposite of an `if`, `while` or comprehension's condition        return     None instead of a value
    constant    n + 1, n - 1, True and False, another string        statement   a call left out
    call        the last argument, or one with a keyword, left out; the first two exchanged
    name        min and max, any and all, floor and ceil, and numpy's like

Not mutated: docstrings, annotations, decorators, and error messages.
"""

import ast
import dataclasses
import itertools

ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
COMPARISON = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
PAIRS = "min max, any all, minimum maximum, fmin fmax, floor ceil, floor trunc, abs square, zeros ones, sin cos"
NAMES = dict(pair.split() for pair in PAIRS.split(", ")) | dict(pair.split()[::-1] for pair in PAIRS.split(", "))


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One changed place.

    Attributes:
        operator: from the table above.
        lines: of the changed statement, or of its head if it holds others.
        imported: whether the place is evaluated when the module is imported, not when one of its functions runs.
        where: qualified name of the class or function around it.
        before, after: the changed statement, or its head.
        source: of the whole mutated module.
    """

    operator: str
    lines: range
    imported: bool
    where: str
    before: str
    after: str
    source: str


def count(source):
    """Number of the mutants of a module's source."""
    return sum(1 for _ in _places(ast.parse(source)))


def mutant(source, number):
    """The `Mutant` of a module's source with a number from 0 to `count`, the same for the same source."""
    tree = ast.parse(source)
    place = next(itertools.islice(_places(tree), number, None))
    before = _head(place.statement)
    setattr(place.node, place.field, place.value)
    after = _head(place.statement)
    return Mutant(place.operator, place.lines, place.imported, place.where, before, after, ast.unparse(tree) + "\n")


@dataclasses.dataclass(frozen=True)
class _Place:
    node: ast.AST
    operator: str
    field: str
    value: object
    statement: ast.stmt
    imported: bool
    where: str

    @property
    def lines(self):
        body = getattr(self.statement, "body", None)
        last = max(body[0].lineno - 1, self.statement.lineno) if body else self.statement.end_lineno
        return range(self.statement.lineno, last + 1)


def _places(node, statement=None, imported=True, where=()):
    """Every place at and below a node, in the order of the source."""
    statement = node if isinstance(node, ast.stmt) else statement
    for operator, field, value in _edits(node):
        yield _Place(node, operator, field, value, statement, imported, ".".join(where))
    function = isinstance(node, (ast.FunctionDef, ast.Lambda))
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        where = (*where, node.name)
    for field, child in _children(node):
        yield from _places(child, statement, imported and not (function and field == "body"), where)


def _head(statement):
    """A statement in one line, without its decorators and what it holds."""
    return next(line for line in ast.unparse(statement).splitlines() if not line.startswith("@"))


def _children(node):
    """Fields and nodes below a node that may be mutated."""
    skipped = {"decorator_list", "annotation", "returns"}
    if isinstance(node, ast.Raise):
        return
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if field not in skipped and isinstance(child, ast.AST) and not _is_docstring(child):
                yield field, child


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _edits(node):
    """(operator, field, new value) for every change of a node itself."""
    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in ARITHMETIC:
            yield "arithmetic", "op", ARITHMETIC[type(op)]()
        case ast.Compare(ops=ops):
            for number, op in enumerate(ops):
                for other in COMPARISON[type(op)]:
                    yield "comparison", "ops", [*ops[:number], other(), *ops[number + 1 :]]
        case ast.BoolOp(op=op):
            yield "boolean", "op", ast.And() if isinstance(op, ast.Or) else ast.Or()
        case ast.UnaryOp(op=ast.USub()):
            yield "unary", "op", ast.UAdd()
        case ast.UnaryOp(op=ast.Not() | ast.Invert() as op, operand=operand):
            yield "unary", "operand", ast.UnaryOp(type(op)(), operand)
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield "condition", "test", ast.UnaryOp(ast.Not(), test)
        case ast.comprehension(ifs=[test]):
            yield "condition", "ifs", [ast.UnaryOp(ast.Not(), test)]
        case ast.Expr(value=ast.Call()):
            yield "statement", "value", ast.Constant(None)
        case ast.Return(value=value) if value is not None:
            yield "return", "value", ast.Constant(None)
        case ast.Constant(value=value):
            yield from (("constant", "value", other) for other in _other_constants(value))
        case ast.Call(args=args, keywords=keywords):
            yield from _other_calls(args, keywords)
        case ast.Attribute(attr=name) if name in NAMES:
            yield "name", "attr", NAMES[name]
        case ast.Name(id=name) if name in NAMES:
            yield "name", "id", NAMES[name]


def _other_constants(value):
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, (int, float)):
        return [value + 1, value - 1]
    return [f"{value}_"] if isinstance(value, str) else []


def _other_calls(args, keywords):
    if len(args) > 1:
        yield "call", "args", args[:-1]
        yield "call", "args", [args[1], args[0], *args[2:]]
    for number in range(len(keywords)):
        yield "call", "keywords", [*keywords[:number], *keywords[number + 1 :]]
