"""``hydra.sweeper.exclude``: conditions over a configuration's keys, read and never executed."""

from __future__ import annotations

import ast
import difflib
import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sweeplab.config import KNOBS
from sweeplab.errors import ConfigError

_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, options: value in options,
    ast.NotIn: lambda value, options: value not in options,
}
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_LONGEST = 300  # characters, so that no expression is nested too deep to be walked over


@dataclass(frozen=True)
class Condition:
    """One condition, such as ``batch_size > data.train_size``."""

    text: str
    tree: ast.expr

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds of a configuration.

        Args:
            values: the configuration's values by dotted key.

        Raises:
            ConfigError: it cannot be worked out for these values: a division by 0, a number
                compared with a text.
        """
        try:
            return bool(_value(self.tree, values))
        except (ArithmeticError, TypeError, ValueError) as error:
            raise ConfigError(f"hydra.sweeper.exclude: '{self.text}' fails: {error}.") from None


def parse_condition(text: Any) -> Condition:
    """``text`` as a condition.

    It may hold keys of the configuration, numbers, texts in quotes, ``true`` and ``false``, lists,
    comparisons, arithmetic, ``in``, ``and``, ``or`` and ``not``.

    Raises:
        ConfigError: it is no such expression, or has a name in it that is no key.
    """
    if len(str(text)) > _LONGEST:
        raise _refused(text, f"it is longer than {_LONGEST} characters")
    try:
        tree = ast.parse(str(text).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refused(text, "it is no expression") from None
    for node in _parts(tree, str(text)):
        if isinstance(node, ast.Name | ast.Attribute):
            key = _key(node, str(text))
            if key not in KNOBS and key not in _WORDS:
                named = [known for known in KNOBS if known.split(".")[-1] == key]
                close = named or difflib.get_close_matches(key, KNOBS, n=1)
                hint = f"{close[0]} is one" if close else f"the keys are {', '.join(KNOBS)}"
                raise _refused(text, f"'{key}' is no key of the configuration; {hint}")
    return Condition(str(text), tree)


_WORDS = {"true": True, "false": False}


def _refused(text: Any, reason: str) -> ConfigError:
    return ConfigError(
        f"hydra.sweeper.exclude: '{text!s:.100}' cannot be used, because {reason}. Write a "
        'condition over keys, such as "batch_size > data.train_size".'
    )


def _parts(node: ast.expr, text: str) -> list[ast.expr]:
    """``node`` and all expressions within it, names whole.

    Raises:
        ConfigError: something else than a condition is made of stands in it.
    """
    inner: list[ast.expr] = []
    operators: list[ast.AST] = []
    match node:
        case ast.Constant(value=bool() | int() | float() | str()):
            pass
        case ast.Name() | ast.Attribute():
            _key(node, text)
        case ast.BoolOp():
            inner = node.values
        case ast.UnaryOp():
            inner, operators = [node.operand], [node.op]
        case ast.BinOp():
            inner, operators = [node.left, node.right], [node.op]
        case ast.Compare():
            inner, operators = [node.left, *node.comparators], list(node.ops)
        case ast.Tuple() | ast.List():
            inner = node.elts
        case _:
            raise _refused(text, f"'{ast.unparse(node):.60}' is more than keys, values and signs")
    for sign in operators:
        if type(sign) not in _BINARY and type(sign) not in _UNARY:
            raise _refused(text, f"it has a sign ({type(sign).__name__}) that is not known here")
    return [node, *(part for one in inner for part in _parts(one, text))]


def _key(node: ast.expr, text: str) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=owner, attr=name):
            return f"{_key(owner, text)}.{name}"
    raise _refused(text, f"'{ast.unparse(node):.60}' is no key")


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    result: Any
    match node:
        case ast.Constant(value=value):
            result = value
        case ast.BoolOp(op=sign, values=parts):
            combine = all if isinstance(sign, ast.And) else any
            result = combine(_value(part, values) for part in parts)
        case ast.UnaryOp(op=sign, operand=operand):
            result = _UNARY[type(sign)](_value(operand, values))
        case ast.BinOp(left=left, op=sign, right=right):
            sides = [_value(side, values) for side in (left, right)]
            # Texts could be multiplied and formatted until the memory is full.
            if not all(isinstance(side, int | float) for side in sides):
                raise TypeError("only numbers can be reckoned with")
            result = _BINARY[type(sign)](*sides)
        case ast.Compare(left=left, ops=signs, comparators=others):
            sides = [_value(side, values) for side in (left, *others)]
            pairs = zip(signs, itertools.pairwise(sides), strict=True)
            result = all(_BINARY[type(sign)](*pair) for sign, pair in pairs)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            result = [_value(part, values) for part in parts]
        case _:
            key = _key(node, "")
            result = _WORDS[key] if key in _WORDS else values[key]
    return result
