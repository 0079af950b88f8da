"""GitHub's workflows do what the documents say, with no more rights than needed."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from tests.house.miniature import ROOT
from tests.house.test_makefile import targets
from tests.house.test_requirements import BOOK, EVERYTHING
from tools.environment import NEWEST_FULL, OLDEST
from tools.publish import BRANCH, OUT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTION = GITHUB / "actions" / "setup" / "action.yml"
EVERY_FILE = [*WORKFLOWS, ACTION]
PUBLISHING = GITHUB / "PUBLISHING.md"

# Wrong in three ways, each of which another check has to find: a key that no job has, a
# pull request's title in a script, and an action that may change tomorrow.
BAD = """
name: bad
on: pull_request
permissions: write-all
jobs:
  bad:
    runs-on: ubuntu-latest
    time-limit: 5
    steps:
      - uses: actions/checkout@v4
      - run: echo "${{ github.event.pull_request.title }}"
"""


def load(path):
    """Read a YAML file; `on`, which YAML 1.1 takes for a truth value, stays a word."""
    content = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in content.items()}


def name(path):
    """Return what a test calls a file."""
    return path.parent.name if path == ACTION else path.stem


def steps(path):
    """Return all steps of a workflow, or of the action."""
    content = load(path)
    lists = [job.get("steps", []) for job in content.get("jobs", {}).values()]
    return content["runs"]["steps"] if path == ACTION else sum(lists, [])


def script(workflow, title):
    """Return the script of one step."""
    (found,) = (
        step["run"]
        for step in steps(GITHUB / "workflows" / workflow)
        if step.get("name") == title
    )
    return found


def bash(code, folder, **environ):
    """Run a step's script as GitHub would, with the programs of `folder` first."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", code],
        cwd=folder,
        env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"} | environ,
        capture_output=True,
        text=True,
    )


# --- What the linters say --------------------------------------------------------


def zizmor(*paths):
    """Look for what an attacker could use, as strictly as zizmor can."""
    program = Path(sysconfig.get_path("scripts")) / "zizmor"
    options = ["--offline", "--persona=auditor", "--color=never", "--quiet"]
    config = ["--config", GITHUB / "zizmor.yml"]
    return subprocess.run(
        [program, *options, *config, *paths], capture_output=True, text=True
    )


def schema(kind, *paths):
    """Check files against the schema of their kind, with a time limit on every job."""
    module = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", kind]
    return subprocess.run([*module, *paths], capture_output=True, text=True)


def test_zizmor_finds_nothing():
    done = zizmor(GITHUB)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("kind", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.github-actions", [ACTION]),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
)
def test_the_files_have_the_form_that_github_reads(kind, paths):
    done = schema(kind, *paths)
    assert done.returncode == 0, done.stdout


def test_a_bad_workflow_is_refused(tmp_path):
    bad = tmp_path / ".github" / "workflows" / "bad.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text(BAD)
    found = zizmor(bad)
    assert found.returncode
    for audit in (
        "unpinned-uses",
        "template-injection",
        "excessive-permissions",
        "artipacked",
    ):
        assert f"[{audit}]" in found.stdout
    assert "time-limit" in schema("vendor.github-workflows", bad).stdout
    assert schema("custom.github-workflows-require-timeout", bad).returncode
    assert unpinned(bad) == ["actions/checkout@v4"]
    assert writes_everywhere(bad)


# --- What we ask besides ---------------------------------------------------------


def unpinned(path):
    """Return the actions of others that aren't named by commit, with their release."""
    used = re.findall(r"^[ -]*uses: (.*)$", path.read_text(), re.M)
    pinned = r"\./\S+|[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+(\.\d+){0,2}"
    return [action for action in used if not re.fullmatch(pinned, action)]


def writes_everywhere(path):
    """Whether a workflow gives rights to all of its jobs."""
    return load(path).get("permissions") not in ({}, {"contents": "read"})


@pytest.mark.parametrize("path", EVERY_FILE, ids=name)
def test_every_action_is_pinned_to_a_commit(path):
    assert unpinned(path) == []


def test_an_action_has_one_commit_in_all_files():
    used = re.findall(
        r"uses: (\S+)@(\S+ # \S+)", "".join(map(Path.read_text, EVERY_FILE))
    )
    assert len(set(used)) == len(dict(used)) > 3


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_rights_to_write_are_given_to_single_jobs_that_need_them(path):
    workflow = load(path)
    assert not writes_everywhere(path)
    assert "pull_request_target" not in workflow["on"]
    given = {
        (path.stem, job, right)
        for job, content in workflow["jobs"].items()
        for right, kind in content.get("permissions", {}).items()
        if kind == "write"
    }
    assert given <= {
        ("newest", "report", "issues"),
        ("publish", "pages", "pages"),
        ("publish", "pages", "id-token"),
        ("publish", "notebooks", "contents"),
        ("tests", "publish", "contents"),  # which hands them on to publish.yml
        ("tests", "publish", "pages"),
        ("tests", "publish", "id-token"),
    }


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_a_job_that_may_write_runs_nothing_of_a_checkout(path):
    for job in load(path)["jobs"].values():
        used = [step.get("uses", "") for step in job.get("steps", [])]
        if "write" in job.get("permissions", {}).values():
            assert not [
                action for action in used if "checkout" in action or "./" in action
            ]


@pytest.mark.parametrize("path", EVERY_FILE, ids=name)
def test_every_make_target_exists(path):
    scripts = "\n".join(step.get("run", "") for step in steps(path))
    # `make "env-$LEVEL"`: the action's, for one of its levels.
    commands = re.findall(r"^\s*make ((?:[\w=.-]+ ?)+)$", scripts, re.M)
    words = {word for command in commands for word in command.split()}
    known = targets() | {"env-book", "env-full"}
    assert {word for word in words if "=" not in word} <= known


def test_the_gate_runs_every_part_of_make_test():
    scripts = [
        step.get("run", "") for step in steps(GITHUB / "workflows" / "tests.yml")
    ]
    parts = {name for name in targets() if name.startswith("test-")} | {"lint"}
    run = {word for code in scripts for word in re.findall(r"make ([\w-]+)", code)}
    assert parts - {"test-gpu"} <= run  # which gpu.yml runs


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_make_works_in_the_environment_of_our_action(path):
    for job in load(path)["jobs"].values():
        runs = [step.get("run", "") for step in job.get("steps", [])]
        used = [step.get("uses") for step in job.get("steps", [])]
        assert "setup-python" not in str(used)  # but through our action
        if "make " in "".join(runs):
            assert "./.github/actions/setup" in used


def test_the_pythons_are_those_of_the_readme_and_of_the_makefile():
    supported = [f"3.{minor}" for minor in range(OLDEST[1], NEWEST_FULL[1] + 1)]
    jobs = load(GITHUB / "workflows" / "tests.yml")["jobs"]
    assert jobs["formulas"]["strategy"]["matrix"]["python"] == supported
    chosen = {load(ACTION)["inputs"]["python-version"]["default"]}
    for path in WORKFLOWS:
        found = re.findall(r'python-version: "([\d.]+)"', path.read_text())
        chosen.update(found)
    assert chosen <= set(supported)
    words = f"{', '.join(supported[:-1])} or {supported[-1]}"
    assert f"You need Python {words}" in (ROOT / "README.md").read_text()


def test_what_nobody_has_looked_at_stays_out_of_the_cache_and_the_cache_out_of_it():
    """All runs share pip's cache: what is published isn't made from it."""
    uses = {
        (name(path), step.get("with", {}).get("cache", "true"))
        for path in WORKFLOWS
        for step in steps(path)
        if step.get("uses", "").endswith("actions/setup")
    }
    apart = {workflow for workflow, cache in uses if cache == "false"}
    assert apart == {"gpu", "newest", "publish", "upgrade"}  # a GPU runner has its own
    assert not {(workflow, "true") for workflow in apart} & uses


def test_the_weekly_run_names_what_is_held_back(tmp_path):
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho one held back; echo another\n")
    python.chmod(0o755)
    code = script("newest.yml", "Say what isn't the newest all the same, and why")
    files = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary"}
    done = bash(code, tmp_path, **files)
    assert done.returncode == 0, done.stderr
    said = "one held back\nanother\n"
    assert (tmp_path / "summary").read_text() == said
    assert (tmp_path / "output").read_text() == f"lines<<END\n{said}END\n"


def test_shards_are_numbered_without_a_gap():
    jobs = load(GITHUB / "workflows" / "tests.yml")["jobs"]
    for job in ("notebooks", "cpu"):
        shards = jobs[job]["strategy"]["matrix"]["shard"]
        assert shards == [f"{k}/{len(shards)}" for k in range(1, len(shards) + 1)]


def test_other_systems_do_what_the_readme_says_without_make():
    readme = (ROOT / "README.md").read_text()
    (job,) = (
        content
        for content in load(GITHUB / "workflows" / "tests.yml")["jobs"].values()
        if "windows-latest" in str(content)
    )
    code = job["steps"][-1]["run"]
    for command in (
        "-m pip install -r requirements.txt",
        "-m pytest --nbval notebooks",
    ):
        assert command in readme and command in code
    notebook = re.search(r"notebooks/\S+\.ipynb", code)[0]
    assert (ROOT / notebook).exists()


def test_the_gpu_workflow_is_not_started_by_pull_requests():
    workflow = load(GITHUB / "workflows" / "gpu.yml")
    assert set(workflow["on"]) == {"push", "schedule", "workflow_dispatch"}
    assert workflow["on"]["push"]["branches"] == ["main"]
    for path in WORKFLOWS:
        for job in load(path)["jobs"].values():
            own = "self-hosted" in str(job.get("runs-on"))
            assert own == (path.stem == "gpu")
            if own:
                assert "vars.GPU_RUNNER == 'true'" in job["if"]
                assert "github.ref == 'refs/heads/main'" in job["if"]


def test_a_skipped_preview_skips_no_publication():
    jobs = load(GITHUB / "workflows" / "publish.yml")["jobs"]
    assert all("!cancelled()" in job["if"] for job in jobs.values())
    assert "needs.build.result == 'success'" in jobs["notebooks"]["if"]
    assert "needs.notebooks.result == 'success'" in jobs["pages"]["if"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_a_failure_within_a_pipe_is_one(path):
    if "run:" in path.read_text():
        assert load(path)["defaults"] == {"run": {"shell": "bash"}}


def test_frameworks_come_in_one_pull_request():
    pip, actions = load(GITHUB / "dependabot.yml")["updates"]
    groups = {name: group["patterns"] for name, group in pip["groups"].items()}
    assert set(groups["frameworks"]) == {"torch", "tensorflow", "keras", "numpy"}
    first = {
        package: next(name for name in groups if matches(package, groups[name]))
        for package in EVERYTHING
    }
    assert {package for package in first if first[package] == "book"} == set(BOOK)
    assert "pytest" in first and first["pytest"] == first["nbval"] == "tests"
    assert {folder.strip("/") for folder in actions["directories"]} == {
        "",
        str(ACTION.parent.relative_to(ROOT)),
    }


def matches(package, patterns):
    """Whether one of Dependabot's patterns, with `*` in them, names the package."""
    expressions = (re.escape(pattern).replace(r"\*", ".*") for pattern in patterns)
    return any(re.fullmatch(expression, package) for expression in expressions)


# --- What the scripts do ---------------------------------------------------------

GOOD = dict.fromkeys(
    ["house", "formulas", "canaries", "notebooks", "cpu", "book", "systems"], "success"
)


@pytest.mark.parametrize(
    ("event", "results", "green"),
    [
        ("push", GOOD | {"preview": "skipped"}, True),
        ("pull_request", GOOD | {"preview": "success"}, True),
        ("pull_request", GOOD | {"preview": "skipped"}, False),
        ("pull_request", GOOD | {"preview": "failure"}, False),
        ("push", GOOD | {"cpu": "failure", "preview": "skipped"}, False),
        ("push", GOOD | {"cpu": "skipped", "preview": "skipped"}, False),
        ("push", GOOD | {"cpu": "cancelled", "preview": "skipped"}, False),
    ],
)
def test_all_green_is_green_only_if_all_is(tmp_path, event, results, green):
    need("jq")
    needs = {job: {"result": result} for job, result in results.items()}
    code = script("tests.yml", "Did all succeed?")
    done = bash(code, tmp_path, RESULTS=json.dumps(needs), EVENT=event)
    assert (done.returncode == 0) == green, done.stderr
    assert "cpu" in done.stdout


def test_all_green_needs_every_job_before_it():
    jobs = load(GITHUB / "workflows" / "tests.yml")["jobs"]
    assert set(jobs["all-green"]["needs"]) == set(jobs) - {"all-green", "publish"}
    assert {*GOOD, "preview"} == set(jobs["all-green"]["needs"])
    assert jobs["publish"]["needs"] == "all-green"
    assert "needs.all-green.result == 'success'" in jobs["publish"]["if"]
    assert "github.ref == 'refs/heads/main'" in jobs["publish"]["if"]
    assert set(load(GITHUB / "workflows" / "publish.yml")["on"]) == {"workflow_call"}


# Stands in for gh: notes what it is asked, and knows the issue given in ISSUE.
GH = """#!/bin/sh
echo "$@" >> asked
case "$1 $2" in "issue list") echo "$ISSUE" ;; esac
"""


@pytest.mark.parametrize("issue", ["", "7"])
def test_the_weekly_run_opens_one_issue(tmp_path, issue):
    gh = tmp_path / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    code = script("newest.yml", "Open an issue, or add to the open one")
    environ = {"ISSUE": issue, "VERSIONS": "torch==9", "RUN": "https://example.org/1"}
    environ["HELD_BACK"] = "numpy 2.4 isn't 2.5: held back by"
    assert bash(code, tmp_path, **environ).returncode == 0
    asked = (tmp_path / "asked").read_text()
    assert "torch==9: https://example.org/1" in asked
    assert environ["HELD_BACK"] in asked
    assert ("issue create" in asked) == (not issue)
    assert ("issue comment 7" in asked) == bool(issue)


def test_the_weekly_run_takes_the_pins_of_the_frameworks_off(tmp_path):
    if subprocess.run(["sed", "--version"], capture_output=True).returncode:
        pytest.skip("the script is for GNU's sed, which GitHub's runners have")
    for file in ("requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / file, tmp_path)
    make = tmp_path / "make"
    make.write_text("#!/bin/sh\n")
    make.chmod(0o755)
    code = script("newest.yml", "Take the pins off, and lock the newest")
    done = bash(code, tmp_path, GITHUB_OUTPUT=str(tmp_path / "output"))
    assert done.returncode == 0, done.stderr
    before = (ROOT / "requirements.txt").read_text().splitlines()
    after = (tmp_path / "requirements.txt").read_text().splitlines()
    changed = {line.split()[0] for line in set(after) - set(before)}
    assert {"torch", "tensorflow", "keras", "numpy", "onnx", "jax"} <= changed
    assert not changed & {"nbval", "pytest", "ruff"}
    assert len(after) == len(before)
    found = (tmp_path / "output").read_text()
    names = ("jax", "keras", "numpy", "tensorflow", "torch")
    pins = [f"{name}{EVERYTHING[name].specifier}" for name in names]
    assert found == f"versions={' '.join(pins)}\n"


def test_only_broken_links_turn_the_weekly_check_red(tmp_path):
    need("jq")
    output = tmp_path / "_build" / "html" / "output.json"
    output.parent.mkdir(parents=True)
    code = script("links.yml", "List the broken ones")
    fine = {"uri": "https://a.org", "filename": "a.md", "status": "working", "info": ""}
    refused = fine | {"status": "broken", "info": "403 Client Error: Forbidden"}
    broken = fine | {"status": "broken", "info": "404 Client Error: Not Found"}
    for links, status in (([fine, refused], 0), ([fine, broken], 1)):
        output.write_text("".join(json.dumps(link) + "\n" for link in links))
        summary = tmp_path / "summary"
        done = bash(code, tmp_path, GITHUB_STEP_SUMMARY=str(summary))
        assert done.returncode == status, done.stderr
    assert (
        summary.read_text() == "- https://a.org in a.md: 404 Client Error: Not Found\n"
    )
    output.unlink()
    assert bash(code, tmp_path, GITHUB_STEP_SUMMARY=str(summary)).returncode


def test_a_publication_replaces_the_branch(tmp_path):
    address = tmp_path / "server" / "owner" / "repo"
    subprocess.run(["git", "init", "--quiet", "--bare", address], check=True)
    gh = tmp_path / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    code = script("publish.yml", f"Push the branch `{BRANCH}`")
    server = {
        "GITHUB_SERVER_URL": f"file://{tmp_path}/server",
        "GITHUB_REPOSITORY": "owner/repo",
        "GITHUB_SHA": "0" * 40,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }
    assert (
        f"path: {OUT.relative_to(ROOT)}\n"
        in (GITHUB / "workflows/publish.yml").read_text()
    )
    for content in ("first", "second"):
        folder = tmp_path / content
        folder.mkdir()
        (folder / f"{content}.ipynb").write_text(content)
        done = bash(code, folder, **server)
        assert done.returncode == 0, done.stderr
    git = ["git", "-C", address]
    listed = subprocess.check_output([*git, "ls-tree", "--name-only", BRANCH])
    assert listed.decode().split() == ["second.ipynb"]
    history = subprocess.check_output([*git, "rev-list", "--count", BRANCH])
    assert int(history) == 1


def test_an_upgrade_shows_what_the_notebooks_print_now(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    notebook = clone / "notebooks" / "foundations" / "linear_regression.ipynb"
    text = notebook.read_text()
    assert "✓" in text
    notebook.write_text(text.replace("✓", "✗", 1))
    summary = tmp_path / "summary"
    done = bash(
        script("upgrade.yml", "Sum up"), clone, GITHUB_STEP_SUMMARY=str(summary)
    )
    assert done.returncode == 0, done.stderr
    shown = summary.read_text()
    assert "### foundations/linear_regression" in shown
    assert "\n-✓" in shown and "\n+✗" in shown
    patch = clone / "_build" / "upgrade" / "upgrade.patch"
    undo = ["git", "apply", "--check", "--reverse", patch]
    assert subprocess.run(undo, cwd=clone).returncode == 0


def need(program):
    """Skip a test whose program, which GitHub's runners have, is not here."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


# --- The page on publishing ------------------------------------------------------


@pytest.mark.parametrize("path", [*WORKFLOWS, GITHUB / "dependabot.yml"], ids=name)
def test_the_page_on_publishing_says_how_to_verify_it(path):
    assert f"`{path.name}`" in PUBLISHING.read_text()


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_contributors_read_what_it_proves(path):
    assert f"| `{path.name}` |" in (ROOT / "CONTRIBUTING.md").read_text()


def test_the_page_on_publishing_lists_every_setting_and_pin():
    text = PUBLISHING.read_text()
    settings = set(re.findall(r"vars\.(\w+)", "".join(map(Path.read_text, WORKFLOWS))))
    assert settings and all(f"`{setting}`" in text for setting in settings)
    assert "`all-green`" in text and f"`{BRANCH}`" in text
