"""The house rules as tests: sizes, names, words, time and chance, and who may import whom."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PRODUCT: Final = ROOT / "wxbackend"
SIMULATORS: Final = PRODUCT / "simulators"
MIGRATIONS: Final = PRODUCT / "store" / "migrations" / "versions"
FILE_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 59
POSITIONAL_PARAMETERS_MAX: Final = 5
FORBIDDEN_ROOMS: Final = frozenset({"utils", "util", "helpers", "helper", "manager", "common", "base", "core", "misc"})
PROVIDER_FILES: Final = frozenset({"__init__", "adapter", "config", "wire", "signing", "mapping", "notify"})
# What a provider may have beyond the six, because its protocol has it.
PROVIDER_EXTRAS: Final = {
    "wechat_global": frozenset({"statements"}),
    "wechat_v2": frozenset({"code_payments", "keys", "opening", "reading"}),
    "wechat_v3": frozenset(
        {"card_refunds", "certificates", "code_payments", "keys", "mandates", "mandate_wire", "opening", "sealing"}
        | {"bills", "combined", "sharing", "transfers"}
        | {"partner", "roles"}
    ),
}
# What it has from another room, because the protocol is the same.
PROVIDER_LACKS: Final = {"wechat_global": frozenset({"signing"})}

# WeChat's own words. `out_trade_no` and `transaction_id` are not among them: they are our names for
# the number that we gave and the number that the provider gave, in events and tables.
PROVIDER_WORDS: Final = re.compile(
    r"trade_state|trade_type|total_fee|prepay_?id|\bmchid\b|mch_id|success_time|nonce_str|serial_no|bank_type"
    r"|spbill|WECHATPAY2|AEAD_AES|SIGN_ERROR|ORDER_NOT_EXIST|NOTPAY",
    re.IGNORECASE,
)
WORDS_ALLOWED_IN: Final = (
    "providers/",
    "simulators/",
    "settings.py",  # the operator writes the mchid as the console shows it
    "settings_shape.py",
    "settings_cross_border.py",
    "settings_service_provider.py",
    "assembly.py",  # turns settings into a provider's configuration
    "directory.py",
    "doctor/",  # tells the operator what is wrong in the words of the settings and the console
    "demo.py",  # plays the buyer at the simulator's desk
    "identity/order_shipping.py",  # WeChat's platform names combined orders by it
    "api/money_out_examples.py",  # as the next one
    "api/examples.py",  # shows a reader of the OpenAPI document what a front end is handed
)
# Where time and chance may come from, and why.
TIME_ALLOWED_IN: Final = {
    "surroundings.py": "the source of both for everything else",
    "transport/http.py": "deadlines are measured on the monotonic clock",
    "transport/pool.py": "deadlines are measured on the monotonic clock",
    "delivery/courier.py": "scatters repeats a little",
    "development.py": "makes test keys, waits for the stack",
    "demo.py": "stamps its timeline",
    "doctor/": "examines the clock itself",
}
TIME_MODULES: Final = frozenset({"time", "random", "secrets", "uuid"})
NOW_METHODS: Final = frozenset({"now", "utcnow", "today"})


def python_files(*places: Path) -> list[Path]:
    """Every Python file of ours below those places."""
    found = [path for place in places for path in ([place] if place.is_file() else sorted(place.rglob("*.py")))]
    return [path for path in found if "node_modules" not in path.parts]


def name_of(path: Path) -> str:
    """The path as a reader of the repository knows it."""
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


OURS: Final = python_files(PRODUCT, ROOT / "tests", ROOT / "bench", ROOT / "app.py", ROOT / "config")
WRITTEN: Final = [path for path in OURS if MIGRATIONS not in path.parents]
SHIPPED: Final = [path for path in python_files(PRODUCT) if MIGRATIONS not in path.parents]
SERVING: Final = [path for path in SHIPPED if SIMULATORS not in path.parents]


def test_no_file_is_too_long() -> None:
    long = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in OURS}
    assert {name: lines for name, lines in long.items() if lines > FILE_LINES_MAX} == {}


def test_no_function_is_too_long_or_takes_a_row_of_unnamed_things() -> None:
    wrong = []
    for path in WRITTEN:
        for node in functions(tree_of(path)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            taken = [arg.arg for arg in node.args.posonlyargs + node.args.args if arg.arg not in ("self", "cls")]
            if lines > FUNCTION_LINES_MAX:
                wrong.append(f"{name_of(path)}:{node.lineno} {node.name} has {lines} lines")
            is_product = PRODUCT in path.parents
            if is_product and len(taken) > POSITIONAL_PARAMETERS_MAX + 1:
                wrong.append(f"{name_of(path)}:{node.lineno} {node.name} takes {len(taken)} by position")
    assert wrong == []


def test_every_module_says_what_it_is() -> None:
    silent = [name_of(path) for path in OURS if not ast.get_docstring(tree_of(path))]
    assert silent == []


def test_everything_public_in_the_product_says_what_it_means() -> None:
    silent = []
    for path in SERVING:
        for node in tree_of(path).body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node):
                silent.append(f"{name_of(path)} {node.name}")
    assert silent == []


def test_no_room_has_a_name_that_says_nothing() -> None:
    named = [name_of(path) for path in OURS if FORBIDDEN_ROOMS & {path.stem, *path.parent.parts[len(ROOT.parts) :]}]
    assert named == []


def test_nothing_is_pretended_put_off_or_skipped() -> None:
    unfinished = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
    escapes = ("unittest." + "mock", "pytest." + "skip", "pytest.mark." + "skip", "NotImplemented" + "Error")
    wrong = []
    for path in OURS:
        text = path.read_text(encoding="utf-8")
        wrong += [f"{name_of(path)} {word}" for word in escapes if word in text]
        comments = [
            token.string
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.COMMENT and unfinished.search(token.string)
        ]
        wrong += [f"{name_of(path)} {comment}" for comment in comments]
    assert wrong == []


@pytest.mark.parametrize("room", ["domain", "providers", "store"])
def test_no_float_and_no_division_comes_near_money(room: str) -> None:
    wrong = []
    for path in python_files(PRODUCT / room):
        for node in ast.walk(tree_of(path)):
            is_path = isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant | ast.JoinedStr | ast.Name)
            divides = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not (
                is_path and "Path" in ast.unparse(node.left)
            )  # fmt: skip
            floats = (isinstance(node, ast.Name) and node.id == "float") or (
                isinstance(node, ast.Constant) and isinstance(node.value, float)
            )
            if divides or floats:
                wrong.append(f"{name_of(path)} {ast.unparse(node)}")
    assert wrong == []


def test_a_providers_words_never_leave_its_folder() -> None:
    heard = []
    for path in SERVING:
        inside = str(path.relative_to(PRODUCT))
        if inside.startswith(WORDS_ALLOWED_IN):
            continue
        for number, line in enumerate(spoken(path).splitlines(), start=1):
            if PROVIDER_WORDS.search(line):
                heard.append(f"{name_of(path)}:{number} {line.strip()}")
    assert heard == []


def spoken(path: Path) -> str:
    """The code of a file without its docstrings and comments, which may explain WeChat to a reader."""
    tree = tree_of(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def test_every_provider_has_the_same_files() -> None:
    folders = [path for path in sorted((PRODUCT / "providers").iterdir()) if (path / "__init__.py").exists()]
    assert folders
    for folder in folders:
        files = {path.stem for path in folder.glob("*.py")}
        wanted = PROVIDER_FILES - PROVIDER_LACKS.get(folder.name, frozenset())
        assert files == wanted | PROVIDER_EXTRAS.get(folder.name, frozenset()), folder.name


def test_time_and_chance_come_from_the_surroundings() -> None:
    wrong = []
    for path in SERVING:
        if str(path.relative_to(PRODUCT)).startswith(tuple(TIME_ALLOWED_IN)):
            continue
        for node in ast.walk(tree_of(path)):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            asks_now = (
                isinstance(node, ast.Attribute) and node.attr in NOW_METHODS and "date" in ast.unparse(node.value)
            )
            if TIME_MODULES & set(imported) or asks_now:
                wrong.append(f"{name_of(path)}:{getattr(node, 'lineno', 0)}")
    assert wrong == []


def test_only_lifecycle_computes_a_status_and_only_settle_stores_an_intent() -> None:
    computing, storing, of_mandates = [], [], []
    for path in SERVING:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "replace":
                computing += [name_of(path) for keyword in node.keywords if keyword.arg == "status"]
            if isinstance(node, ast.Call) and re.search(
                r"\.(intents|attempts)\.(save|insert)$", ast.unparse(node.func)
            ):
                storing.append(name_of(path))
            if isinstance(node, ast.Call) and re.search(r"\.(setups|mandates)\.(save|insert)$", ast.unparse(node.func)):
                of_mandates.append(name_of(path))
    assert set(of_mandates) == {"wxbackend/flows/settle_mandate.py"}
    assert set(computing) == {"wxbackend/domain/lifecycle.py", "wxbackend/domain/mandate_lifecycle.py"}
    assert set(storing) == {"wxbackend/flows/settle.py"}


def test_every_link_in_a_text_leads_somewhere() -> None:
    folders = [ROOT / name for name in ("docs", "tests", "wxbackend", "miniprogram_stub")]
    texts = [*ROOT.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))]
    dead = []
    for path in texts:
        if "node_modules" in path.parts:
            continue
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            place, _, heading = link.partition("#")
            if place.startswith(("http://", "https://")):
                continue
            target = path.parent / place if place else path
            if not target.exists() or (heading and heading not in anchors(target)):
                dead.append(f"{name_of(path)} {link}")
    assert dead == []


def anchors(path: Path) -> set[str]:
    """The headings of a text, as links name them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_importing_any_module_does_nothing() -> None:
    probe = subprocess.run(
        [sys.executable, "-m", "tests.support.import_probe"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert probe.returncode == 0, probe.stderr
    assert probe.stdout.split("\n")[:-1] == []


def test_the_rooms_import_as_the_contracts_say() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run(
        [program, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
