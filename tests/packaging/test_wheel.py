"""The wheel, built through the sdist as an installer would, in an environment that has nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

from api.web.phone import views as phone
from api.web.vendor import FILES

pytestmark = pytest.mark.slow
PACKAGES = {"metering", "device_profiles", "collector", "rules", "alerts", "api", "simulators", "aquavolt"}


def run(*command: object, cwd: Path | None = None) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory, committed: list[Path], root: Path) -> Path:
    """Built from a copy of what is committed, and the browser files: nothing of this folder can slip in."""
    source = tmp_path_factory.mktemp("source")
    for path in [*committed, *(root / "api" / "web" / "vendor" / name for name in FILES)]:
        target = source / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", source / "made", cwd=source)
    (made,) = (source / "made").glob("*.tar.gz")
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, sdist: Path) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "made", cwd=source)
    (made,) = (folder / "made").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, wheel: Path, root: Path) -> Path:
    """An environment with the wheel and what it asks for, and no more; its folder of programs."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    install = ("install", "--quiet", "--no-compile", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, *install, "--constraint", root / "constraints.txt", wheel)
    return folder / "bin"


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_has_every_committed_file_of_its_packages(wheel: Path, committed: list[Path], root: Path) -> None:
    names = set(names_in(wheel))
    expected = {str(p.relative_to(root)) for p in committed if p.relative_to(root).parts[0] in PACKAGES}
    assert expected <= names
    assert any(name.startswith("device_profiles/models/") for name in expected)
    assert any(name.startswith("alerts/migrations/versions/") for name in expected)
    assert any(name.startswith("api/web/templates/") for name in expected)


# What is read from files at run time and by no import: were one not committed, the test above would not miss it.
READ_AT_RUN_TIME = {
    "api/web/phone/worker.js", "api/web/locales/zh_CN/LC_MESSAGES/messages.po", "alerts/playbook.yaml",
    "alerts/platform/presets/plain-json.yaml", "alerts/platform/presets/code-message.yaml", "alerts/migrations/env.py",
    *(f"api/web/static/{name}" for name in ("logo.svg", "icons.svg", "icon-apple-180.png")),
    *(f"api/web/static/{name}" for name, _, _ in phone.ICONS),
    *(f"api/web{address}" for address in phone.VERSIONED),
}  # fmt: skip
IN_CODE = re.compile(r'"(\w+\.html)"')
IN_TEMPLATES = re.compile(r'{% (?:extends|include|from|import) "(\w+\.html)"')
IN_PAGES = re.compile(r'(?:href|src)="/(static/[\w.-]+)')


def texts_in(wheel: Path, ending: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        found = [name for name in archive.namelist() if name.startswith("api/") and name.endswith(ending)]
        return "\n".join(archive.read(name).decode() for name in found)


def test_the_wheel_has_what_is_read_at_run_time(wheel: Path) -> None:
    assert READ_AT_RUN_TIME - set(names_in(wheel)) == set()


def test_the_wheel_has_every_template_and_file_that_its_code_names(wheel: Path) -> None:
    names, code, templates = set(names_in(wheel)), texts_in(wheel, ".py"), texts_in(wheel, ".html")
    wanted = {f"api/web/templates/{name}" for name in (*IN_CODE.findall(code), *IN_TEMPLATES.findall(templates))}
    assert len(wanted) > 40
    assert wanted - names == set()
    assert {f"api/web/{name}" for name in IN_PAGES.findall(templates)} - names == set()


def test_the_wheel_brings_the_browser_files(wheel: Path) -> None:
    assert {f"api/web/vendor/{name}" for name in FILES} <= set(names_in(wheel))


def test_the_wheel_has_nothing_but_its_packages_and_metadata(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names_in(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    assert not [name for name in names_in(wheel) if "__pycache__" in name or name.endswith((".pyc", ".map"))]


def test_a_wheel_without_browser_files_is_refused(tmp_path: Path, sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    shutil.rmtree(source / "api" / "web" / "vendor")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    done = subprocess.run(command, cwd=source, check=False, capture_output=True, text=True)
    assert done.returncode
    assert "no browser files" in done.stderr + done.stdout


def test_no_top_level_name_is_a_dependencys(empty: Path) -> None:
    """The wheel carries generic names (`api`, `rules`): none may be brought by anything it is installed with."""
    ask = "import importlib.metadata as m, json; print(json.dumps(m.packages_distributions()))"
    owners = __import__("json").loads(run(empty / "python", "-c", ask, cwd=empty))
    assert {name: owners[name] for name in PACKAGES} == {name: ["aquavolt"] for name in PACKAGES}
    here = packages_distributions()
    assert not {name: here[name] for name in PACKAGES if set(here.get(name, ["aquavolt"])) != {"aquavolt"}}


def test_no_top_level_name_is_the_standard_librarys() -> None:
    assert not PACKAGES & sys.stdlib_module_names


def test_the_installed_program_runs(empty: Path, tmp_path: Path) -> None:
    said = run(empty / "aquavolt", "--help", cwd=tmp_path)
    for command in ("demo", "run", "read", "decode", "import", "export", "backtest", "check", "simulate"):
        assert re.search(rf"^\s*{command}\s", said, re.MULTILINE), command


def test_the_installed_program_needs_nothing_of_the_test_tools(empty: Path, tmp_path: Path) -> None:
    """Every module can be imported in the empty environment."""
    walk = (
        "import importlib, pkgutil\n"
        f"for top in {sorted(PACKAGES)!r}:\n"
        "    package = importlib.import_module(top)\n"
        "    for found in pkgutil.walk_packages(package.__path__, top + '.'):\n"
        "        if not found.name.endswith(('.__main__', 'migrations.env')):\n"
        "            importlib.import_module(found.name)\n"
    )
    run(empty / "python", "-W", "error", "-c", walk, cwd=tmp_path)


def test_the_installed_program_finds_its_data(empty: Path, tmp_path: Path) -> None:
    """Profiles, migrations, a campus: what is read from files inside the packages."""
    ask = (
        "import device_profiles as d, api.web.vendor as v\n"
        "from alerts.records import Records\n"
        "r = Records('sqlite:///records.db'); r.migrate(); r.close()\n"
        "print(len(d.list_profiles()), len(v.missing_files()))"
    )
    profiles, missing = run(empty / "python", "-c", ask, cwd=tmp_path).split()
    assert int(profiles) >= 5
    assert int(missing) == 0
    run(empty / "aquavolt", "simulate", "campus", "--seed", 1, "--days", 1, "--out", tmp_path / "campus")
    assert "everything is in order" in run(empty / "aquavolt", "check", "--site", tmp_path / "campus" / "site.yaml")


def test_the_installed_program_reads_its_pages_phone_and_presets(empty: Path, tmp_path: Path) -> None:
    """Every template compiles, both languages speak, the worker, icons, playbook and mappings are there."""
    ask = (
        "import json\n"
        "from alerts.platform.mapping import PRESETS, with_preset\n"
        "from alerts.playbook import shipped_playbook\n"
        "from api.web import rendering\n"
        "from api.web.phone import views as phone\n"
        "from api.web.texts import LANGUAGES, translations_of\n"
        "for language in LANGUAGES:\n"
        "    made = rendering._environment(language)\n"
        "    templates = [made.get_template(name) for name in made.list_templates()]\n"
        "assert '{{version}}' in phone._worker()\n"
        "assert all((rendering.STATIC / name).read_bytes()[:4] == b'\\x89PNG' for name, _, _ in phone.ICONS)\n"
        "assert all(with_preset({}, name) for name in PRESETS)\n"
        "assert shipped_playbook()\n"
        "print(json.dumps([len(templates), translations_of('zh-CN').gettext('My tasks')]))"
    )
    templates, tasks = __import__("json").loads(run(empty / "python", "-c", ask, cwd=tmp_path))
    assert templates > 40
    assert tasks == "我的任务"


def test_the_licence_and_readme_are_in_the_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        text = archive.read(metadata).decode()
    assert "License-Expression: Apache-2.0" in text
    assert "License-File: LICENSE" in text
    assert f"Version: {distribution('aquavolt').version}" in text
