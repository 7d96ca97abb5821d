"""The style rules that a program can check: lengths, parameters, excepts, floats, imports, names.

What linters check already (line length, types, import order, the layers) is not repeated here.
"""

import ast
import io
import re
import subprocess
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_PARAMETERS = 5
MAX_PUBLIC_METHODS = 12
MAX_ROOM_FILES = 20
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "shared", "manager", "base", "misc"}
PURE = ("primitives", "ising", "consensus", "chain")  # below L4: nothing that acts
WITHOUT_FLOATS = ("consensus", "ising")
BINDS_NATIVE = ("primitives", "ising", "consensus", "storage", "mining", "wallet")
ACTING_MODULES = {"asyncio", "threading", "socket", "time", "random", "os", "logging", "secrets", "subprocess"}
ACTING_CALLS = {"open", "print", "input"}


def tracked(*suffixes: str) -> list[Path]:
    """The files of the repository with one of these endings, whether committed yet or not."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return sorted(path for path in paths if path.suffix in suffixes and path.is_file() and not path.is_symlink())


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


PYTHON = tracked(".py")
SOURCE = [path for path in PYTHON if relative(path).startswith("src/quip/")]
CODE = [*PYTHON, *tracked(".rs", ".sh")]
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PYTHON}


def layer(path: Path) -> str:
    """The package below quip that a source file belongs to."""
    parts = path.relative_to(ROOT / "src" / "quip").parts
    return parts[0] if len(parts) > 1 else ""


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def place(path: Path, node: ast.AST) -> str:
    return f"{relative(path)}:{getattr(node, 'lineno', 0)}"


def test_files_are_short() -> None:
    counts = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in CODE}
    assert {name: count for name, count in counts.items() if count > MAX_FILE_LINES} == {}


def test_a_room_has_few_files() -> None:
    """What a folder holds should be seen at a glance."""
    rooms = Counter(relative(path.parent) for path in CODE if relative(path).startswith(("src/", "sim/", "crates/")))
    assert {room: count for room, count in rooms.items() if count > MAX_ROOM_FILES} == {}


def test_functions_fit_a_screen() -> None:
    long = {
        f"{place(path, node)} {node.name}": lines
        for path in PYTHON
        for node in functions(path)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_rust_functions_fit_a_screen() -> None:
    long = {}
    for path in tracked(".rs"):
        opened: tuple[int, str] | None = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            head = re.match(r"( *)(?:pub(?:\([a-z]+\))? )?(?:const |unsafe |extern \"C\" )*fn (\w+)", line)
            if head and opened is None and not line.rstrip().endswith((";", "}")):
                opened, start, name = (len(head[1]), line), number, head[2]
            elif opened is not None and line.startswith(" " * opened[0] + "}"):
                if number - start + 1 > MAX_FUNCTION_LINES:
                    long[f"{relative(path)}:{start} {name}"] = number - start + 1
                opened = None
    assert long == {}


def test_functions_take_few_parameters() -> None:
    many = {}
    for path in SOURCE:
        for node in functions(path):
            arguments = node.args
            names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            count = len([name for name in names if name not in ("self", "cls")])
            if count > MAX_PARAMETERS:
                many[f"{place(path, node)} {node.name}"] = count
    assert many == {}


def test_classes_have_few_public_methods() -> None:
    many = {}
    for path in SOURCE:
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.ClassDef):
                members = [part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
                public = [part.name for part in members if not part.name.startswith("_") and not part.decorator_list]
                if len(public) > MAX_PUBLIC_METHODS:
                    many[f"{place(path, node)} {node.name}"] = len(public)
    assert many == {}


def test_no_broad_except() -> None:
    broad = [
        place(path, node)
        for path in PYTHON
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or {"Exception", "BaseException"} & _names(node.type))
    ]
    assert broad == []


def _names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def test_no_floats_where_the_law_is() -> None:
    floats = []
    for path in SOURCE:
        if layer(path) not in WITHOUT_FLOATS:
            continue
        for node in ast.walk(TREES[path]):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
            name = isinstance(node, ast.Name) and node.id in ("float", "complex", "Decimal", "Fraction")
            division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
            if literal or name or division:
                floats.append(f"{place(path, node)}: {ast.unparse(node)}")
    assert floats == []


def test_below_the_shell_nothing_acts() -> None:
    acts = []
    for path in SOURCE:
        if layer(path) not in PURE:
            continue
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.Import):
                modules = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = {(node.module or "").partition(".")[0]}
            else:
                modules = set()
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ACTING_CALLS
            if modules & ACTING_MODULES or called:
                acts.append(f"{place(path, node)}: {ast.unparse(node)}")
    assert acts == []


def test_native_code_is_bound_in_few_places() -> None:
    """import-linter cannot see a compiled module."""
    elsewhere = []
    for path in SOURCE:
        for node in ast.walk(TREES[path]):
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else set()
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if module == "quip":
                names |= {f"quip.{name}" for name in names}
            bound = any(f"{name}.".startswith("quip._native.") for name in {module, *names})
            if bound and layer(path) not in BINDS_NATIVE:
                elsewhere.append(f"{place(path, node)}: {ast.unparse(node)}")
    assert elsewhere == []


def test_no_file_is_named_for_nothing() -> None:
    assert [relative(path) for path in CODE if path.stem.lower() in FORBIDDEN_NAMES] == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError|todo!\(|unimplemented!\(",
        r"\b[Ii]ssue \d+\b|\bissue \"",
        r"/wor[k]/|/hom[e]/[a-z]|/roo[t]/",
    ],
    ids=["unfinished", "issue numbers", "paths of one machine"],
)
def test_text_that_does_not_belong(pattern: str) -> None:
    found = []
    for path in [*CODE, *tracked(".md", ".toml", ".yml", ".service")]:
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{relative(path)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_public_names_are_documented() -> None:
    bare = []
    for path in SOURCE:
        if ast.get_docstring(TREES[path]) is None and path.read_text(encoding="utf-8").strip():
            bare.append(relative(path))
        for node in TREES[path].body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if not node.name.startswith("_") and ast.get_docstring(node) is None:
                bare.append(f"{place(path, node)} {node.name}")
    assert bare == []


def test_tests_assert_and_never_sleep() -> None:
    found = []
    for path in PYTHON:
        if not relative(path).startswith("tests/"):
            continue
        for node in functions(path):
            source = ast.unparse(node)
            if node.name.startswith("test_") and not re.search(r"assert|raises|expect|check|verify|conform", source):
                found.append(f"{place(path, node)} {node.name} asserts nothing")
            if re.search(r"\btime\.sleep\(|\basyncio\.sleep\((?!0\))", source):
                found.append(f"{place(path, node)} {node.name} sleeps")
    assert found == []


def test_readme_commands_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", readme))
    assert named - targets == set()
    assert "run" in named
    programs = set(
        re.findall(r"\b(quip(?:-[a-z]+)*)(?= )", "\n".join(re.findall(r"^\s*\$? ?(quip.*)$", readme, re.MULTILINE)))
    )
    assert programs - set(scripts) == set()


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "LICENSE",
        "Makefile",
        "quip-node.example.toml",
        "docs/architecture.md",
        "docs/protocol.md",
        "docs/operations.md",
    ],
)
def test_what_people_look_for_is_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 200


def _folders_drawn(page: str) -> set[str]:
    """The paths of the tree in docs/architecture.md: a name's depth is its indentation, one line may name several."""
    block = page.split("## Folders")[1].split("```")[1]
    found: set[str] = set()
    above: list[str] = []
    for line in filter(str.strip, block.splitlines()):
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.match(r" *((?:[\w/]+/ ?)+)", line)
        assert names, f"no folder in {line!r}"
        for name in names[1].split():
            above = [*above[:depth], name.rstrip("/")]
            found.add("/".join(above))
    return found


def test_the_architecture_page_draws_the_folders() -> None:
    drawn = _folders_drawn((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    there = set()
    for path in tracked(".py", ".rs", ".json", ".txt"):
        parts = path.relative_to(ROOT).parts[:-1]
        if parts[:1] == ("crates",) or parts[:1] == ("tests",):
            there.add("/".join(parts[:2]))
        elif parts[:2] == ("src", "quip") or parts[:1] in (("sim",), ("benchmarks",)):
            there.add("/".join(parts))
    assert {name for name in there if "/" in name} - drawn == set(), "folders that the page does not draw"
    assert {name for name in drawn if not (ROOT / name).is_dir()} == set(), "folders that are not there"


def test_every_room_of_the_source_says_what_it_is_for() -> None:
    """A package's docstring is the first thing that a reader meets in it."""
    assert [
        relative(path) for path in SOURCE if path.name == "__init__.py" and not ast.get_docstring(TREES[path])
    ] == []


def _module_names(path: Path) -> set[str]:
    """What a module defines at its top level, and "Class.member" of its classes."""
    found: set[str] = set()
    for node in TREES[path].body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            members = node.body if isinstance(node, ast.ClassDef) else []
            found |= {f"{node.name}.{name}" for part in members for name in _bound(part)}
        found |= _bound(node)
    return found


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement defines or assigns."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def _is_there(dotted: str) -> bool:
    """Whether quip.x.y is a package, a module, or a name that a module defines."""
    place, names = ROOT / "src", dotted.split(".")
    for index, name in enumerate(names):
        if (place / name).is_dir():
            place /= name
            continue
        module = next(
            (place / f"{name}{ending}" for ending in (".py", ".pyi") if (place / f"{name}{ending}").is_file()), None
        )
        if module is None:
            return False
        return index == len(names) - 1 or ".".join(names[index + 1 :]) in _module_names(module)
    return True


PAGES = tracked(".md")


def test_the_pages_name_what_is_there() -> None:
    """Paths from the root (`src/quip/...`, `tests/...`) and dotted names (`quip.x.y`), decisions included."""
    gone = []
    for page in PAGES:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            named = re.findall(r"(?<![\w/.-])(?:src/quip|sim|tests|benchmarks|crates)/[\w./-]*\w", line)
            gone += [f"{relative(page)}:{number}: {name}" for name in named if not (ROOT / name).exists()]
            dotted = re.findall(r"(?<![\w/.-])quip(?:\.\w+){2,}", line)
            gone += [f"{relative(page)}:{number}: {name}" for name in dotted if not _is_there(name)]
    assert gone == []


def _prose(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, text) of what a file says to its reader; of Python that is comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
            yield from enumerate(token.string.splitlines(), token.start[0])


def test_files_that_are_named_are_there() -> None:
    """In comments, docstrings and pages: a file's name, or the end of its path."""
    files = [f"/{relative(path)}" for path in tracked(".py", ".pyi", ".rs")]
    gone = []
    for path in [*CODE, *PAGES]:
        for number, line in _prose(path):
            for name in re.findall(r"(?<![\w/.*-])\w[\w/]*\.(?:pyi?|rs)\b(?!\()", line):
                if not any(file.endswith(f"/{name}") for file in files):
                    gone.append(f"{relative(path)}:{number}: {name}")
    assert gone == []
