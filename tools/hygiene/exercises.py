"""Rules on the exercises: a stub, a check, a solution."""

from collections import defaultdict

from tools.groups import framework_of
from tools.hygiene.code import calls
from tools.hygiene.text import blocks
from tools.notebooks import code_cells, tags

MIN_EXERCISES = 3


def exercises_complete(path, notebook):
    """Each exercise has a stub that fails kindly and a folded solution that passes."""
    exercises = list(_exercises(notebook))
    if len(exercises) < MIN_EXERCISES:
        yield None, f"has {len(exercises)} exercises. Have {MIN_EXERCISES} or more."
    for number, (cell, title, cells) in enumerate(exercises, start=1):
        if not title.startswith(f"Exercise {number}: "):
            yield cell, f"has the heading {title!r}. Begin it with Exercise {number}: …"
        parts = [_part(part) for part in cells if _part(part)]
        if set(parts) != {"exercise", "solution"} or parts != sorted(parts):
            yield cell, f"{title!r} has {parts}. Have stubs first, then solutions."
        for where, stubs, solutions in _answers(title, cells):
            printed = "".join(map(_printed, stubs))
            unsolved = printed.startswith("✗") and "not solved yet" in printed
            if stubs and (not unsolved or "✓" in printed):
                yield stubs[0], f"{where}: the stub must print ✗ … not solved yet."
            printed = "".join(map(_printed, solutions))
            if solutions and ("✓" not in printed or "✗" in printed):
                yield solutions[0], f"{where}: the solution must print ✓ and no ✗."
    inside = {id(part) for _, _, cells in exercises for part in cells}
    for cell in code_cells(notebook):
        if _part(cell) and id(cell) not in inside:
            yield cell, f"is tagged {_part(cell)} outside of an exercise. Move it."


def exercise_checks_named(path, notebook):
    """Exercises call the checks that the helper package has for this chapter."""
    known = registered(path.stem)
    used = set()
    for cell, title, cells in _exercises(notebook):
        for where, stubs, solutions in _answers(title, cells):
            given, solved = map(_checked, (stubs, solutions))
            used.update(given, solved)
            if given != solved or not given:
                yield cell, f"{where} checks {given}, its solution {solved}. Agree."
    for name in sorted(used.difference(known)):
        yield None, f"checks {name}, unknown to threeways. Add it there."
    for name in sorted(set(known) - used):
        yield None, f"never checks {name}, known to threeways. Use it or drop it."


def registered(chapter: str) -> list[str]:
    """Return the names of the checks that the helper package has for a chapter."""
    from threeways.checking import exercise_names

    try:
        return exercise_names(chapter)
    except ModuleNotFoundError:
        return []


def _exercises(notebook):
    """Iterate over the exercises: the cell of the heading, its text, the code cells."""
    section, current = None, None
    for cell in notebook.cells:
        if cell.cell_type == "code" and current:
            current[2].append(cell)
        for heading in filter(None, blocks(cell)):
            level, text = heading
            if level > 3:
                continue
            if current:
                yield current
            if level == 2:
                section = text
            is_exercise = level == 3 and section == "Exercises"
            current = (cell, text, []) if is_exercise else None
    if current:
        yield current


def _answers(title, cells):
    """Iterate over an exercise by framework: what to call it, stubs, solutions."""
    parts = defaultdict(lambda: {"exercise": [], "solution": []})
    for cell in filter(_part, cells):
        parts[framework_of(tags(cell))][_part(cell)].append(cell)
    for framework, part in parts.items():
        where = f"{title!r} in {framework}" if framework else repr(title)
        yield where, part["exercise"], part["solution"]


def _part(cell):
    return next((name for name in ("exercise", "solution") if name in tags(cell)), None)


def _printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def _checked(cells):
    """Return the names of the checks that cells call, as they are written."""
    found = [
        call for cell in cells for name, call in calls(cell.source) if name == "check"
    ]
    return [getattr(call.args[0], "value", "?") for call in found if call.args]
