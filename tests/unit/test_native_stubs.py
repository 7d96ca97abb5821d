"""The stubs of the native code name what is there, and nothing else."""

import ast
import importlib
from pathlib import Path

import pytest

import quip._native

STUBS = sorted((Path(__file__).resolve().parents[2] / "src" / "quip" / "_native").glob("[!_]*.pyi"))


def defined(stub: Path) -> set[str]:
    """Functions and classes of a stub, its protocols left out."""
    nodes = [
        node
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    return {node.name for node in nodes if not (isinstance(node, ast.ClassDef) and _is_protocol(node))}


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.stem)
def test_every_submodule_has_what_its_stub_says(stub: Path) -> None:
    module = importlib.import_module(f"quip._native.{stub.stem}")
    assert module is getattr(quip._native, stub.stem)
    assert {name for name in dir(module) if not name.startswith("_")} == defined(stub)
    for name in defined(stub):
        made = getattr(module, name)
        if isinstance(made, type):
            assert made.__module__ == module.__name__


def test_there_is_a_stub_for_every_submodule() -> None:
    assert {stub.stem for stub in STUBS} == {name for name in dir(quip._native) if not name.startswith("_")}
