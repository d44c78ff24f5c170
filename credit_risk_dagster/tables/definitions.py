"""The version of every table's definition: a hash of what computes it, not a number raised by hand.

Silver and gold are expressions: their version is that of the operations in them, which sees a
changed constant and a changed function, and no change of words. What is not an expression, the
reader and the models, has the version of the syntax of its modules, without comments and
docstrings.
"""

import ast
import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import ibis
import ibis.expr.types as ir

from credit_risk_dagster.contract.installed import CONTRACT
from credit_risk_dagster.contract.source import Source
from credit_risk_dagster.datamart.table import Table
from credit_risk_dagster.tables import gold
from credit_risk_dagster.tables.bronze import BRONZE
from credit_risk_dagster.tables.expression_shape import shape_of
from credit_risk_dagster.tables.labels import labels
from credit_risk_dagster.tables.panel import DORMANT, SO_FAR, so_far
from credit_risk_dagster.tables.silver import REFINE, SILVER, SILVER_LOANS

PACKAGE = "credit_risk_dagster"
DIGITS = 16

READER = ("delivery", "contract/source.py")
MODELS = ("models", "contract/candidates.py")
MONITORING = ("monitoring", "tables/portfolio.py", "tables/delinquency.py", *MODELS)


@cache
def definition_of(table: Table) -> str:
    """Return the version of a table's definition."""
    declared = [f"{field.name} {field.type}" for field in table.schema]
    return _hash([*declared, *table.key, *_computation(table)])


def _computation(table: Table) -> Iterator[str]:
    if table.path in _EXPRESSIONS:
        yield from shape_of(_EXPRESSIONS[table.path]())
    elif table.layer == "bronze":
        yield syntax_hash(*READER)
        yield repr(_reading(CONTRACT.source(table.name)))
    elif table.layer == "monitoring":
        yield syntax_hash(*MONITORING)
        yield repr((_SEEN_BY_MODELS, CONTRACT.outcome))
    else:
        yield syntax_hash(*MODELS)
        yield repr(_SEEN_BY_MODELS)


def _reading(source: Source) -> tuple[object, ...]:
    """Return what the reader is told of a source."""
    columns = [(one.header, one.begins, one.ends) for one in source.columns]
    return source.files, source.dialect, source.month_header, source.key_headers, columns


_SEEN_BY_MODELS = [
    (column.name, column.categorical, column.panel, column.flag)
    for column in CONTRACT.feature_columns
]


def _unbound(table: Table) -> ir.Table:
    return ibis.table(ibis.Schema.from_pyarrow(table.schema), name=table.path.replace("/", "_"))


def _silver(name: str) -> Callable[[], ir.Table]:
    return lambda: REFINE[name](_unbound(BRONZE[name]))


def _features() -> ir.Table:
    return gold.features(
        loans=_unbound(SILVER_LOANS),
        applicants={one.name: _unbound(SILVER[one.name]) for one in CONTRACT.applicants},
        panels={
            name: (_unbound(table), _unbound(table.tables_beside[DORMANT]))
            for name, table in SO_FAR.items()
        },
    )


def _so_far(panel: Source) -> Callable[[], ir.Table]:
    """Give the step of a month: how long a customer is kept is a setting, and no definition."""
    table = SO_FAR[panel.name]
    return lambda: so_far(
        panel,
        before=_unbound(table),
        readings=_unbound(SILVER[panel.name]),
        dormant=_unbound(table.tables_beside[DORMANT]),
        kept_for=1,
    )


_EXPRESSIONS: Mapping[str, Callable[[], ir.Table]] = {
    **{SILVER[source.name].path: _silver(source.name) for source in CONTRACT.sources},
    **{SO_FAR[panel.name].path: _so_far(panel) for panel in CONTRACT.panels},
    gold.FEATURES_TABLE.path: _features,
    gold.LABELS.path: lambda: labels(_unbound(SILVER_LOANS), CONTRACT.outcome),
    gold.COHORT.path: lambda: gold.cohort(_unbound(gold.LABELS), _unbound(gold.FEATURES_TABLE)),
}


@cache
def syntax_hash(*places: str) -> str:
    """Return the hash of what modules of the package do, whatever they say in words.

    Args:
        places: modules and folders of modules, as paths in the package.
    """
    root = files(PACKAGE)
    modules = [module for place in places for module in _modules(root.joinpath(place))]
    return _hash([_shape(ast.parse(module.read_text(encoding="utf-8"))) for module in modules])


def _modules(place: Traversable) -> Iterator[Traversable]:
    if place.is_file():
        yield place
        return
    for path in sorted(place.iterdir(), key=lambda path: path.name):
        if path.is_dir() or path.name.endswith(".py"):
            yield from _modules(path)


def _shape(node: ast.AST) -> str:
    """Return the syntax of a node, without docstrings and without what other Pythons leave out."""
    parts = []
    for name, value in ast.iter_fields(node):
        values = value if isinstance(value, list) else [value]
        if name == "body":
            values = [one for one in values if not _is_text(one)]
        shapes = [
            _shape(one) if isinstance(one, ast.AST) else repr(one)
            for one in values
            if one is not None
        ]
        if shapes:
            parts.append(f"{name}=[{','.join(shapes)}]")
    return f"{type(node).__name__}({','.join(parts)})"


def _is_text(node: object) -> bool:
    """Return whether a statement is a text alone: a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _hash(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:DIGITS]
