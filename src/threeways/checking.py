"""The checks behind the exercises: a short verdict, never a traceback."""

import importlib
import pkgutil
import textwrap

from threeways import exercises


class NotSolvedError(Exception):
    """The answer is still the empty stub."""


class WrongAnswerError(Exception):
    """The answer is not right; the message says what came and what was expected."""


def check(name, answer):
    """Check the answer to an exercise and print a verdict of one line or two.

    A wrong answer prints what was given and what was expected and raises nothing, so
    that a notebook with unsolved exercises still runs from top to bottom.

    Parameters
    ----------
    name : str
        ``"<chapter>.<exercise>"``, as it stands in the exercise.
    answer : object
        What the exercise asks for: a number, an array or a tensor of any framework, a
        function.

    Raises
    ------
    ValueError
        If no exercise has that name. The message lists those that there are.
    """
    judge = _find(name)
    try:
        # Whatever the reader's own code raises in here becomes a verdict.
        require_answer(answer)
        verdict = f"✓ {name}: {judge(answer)}"
    except NotSolvedError:
        hint = judge.__doc__.strip().splitlines()[0]
        verdict = f"✗ {name}: not solved yet. {hint}"
    except WrongAnswerError as problem:
        verdict = f"✗ {name}: {problem}"
    except Exception as error:
        verdict = f"✗ {name}: your code raised {type(error).__name__}: {error}"
    print(textwrap.fill(verdict, width=80, subsequent_indent="  "))


def exercise_names(chapter):
    """Return the names of a chapter's exercises, in the order of the chapter."""
    module = importlib.import_module(f"threeways.exercises.{chapter}")
    return [f"{chapter}.{exercise}" for exercise in module.CHECKS]


def require_answer(value):
    """Return ``value``; raise NotSolvedError where it is None or ``...``."""
    if value is None or value is ...:
        raise NotSolvedError
    return value


def require_result(answer):
    """Like ``require_answer``, of what the answer returns where it is a function."""
    return require_answer(answer() if callable(answer) else answer)


def require_parts(value, count, what):
    """Return the parts of a tuple or list, as ``require_answer`` would each of them.

    Raises WrongAnswerError if it isn't one, or has another number of parts.

    Parameters
    ----------
    value : object
        What should have ``count`` parts, each with something in it.
    count : int
        How many.
    what : str
        What they are, for the message: "the pair (slope, intercept)".
    """
    require_answer(value)
    require(
        isinstance(value, tuple | list) and len(value) == count,
        f"expected {what}, got {type(value).__name__}",
    )
    return [require_answer(part) for part in value]


def require(condition, message):
    """Raise WrongAnswerError with ``message`` unless ``condition`` holds."""
    if not condition:
        raise WrongAnswerError(message)


def _find(name):
    chapter, _, exercise = name.partition(".")
    chapters = sorted(
        module.name for module in pkgutil.iter_modules(exercises.__path__)
    )
    if chapter not in chapters:
        raise ValueError(
            f"no chapter {chapter!r} has exercises; there are {', '.join(chapters)}"
        )
    module = importlib.import_module(f"threeways.exercises.{chapter}")
    if exercise not in module.CHECKS:
        raise ValueError(
            f"chapter {chapter!r} has no exercise {exercise!r}; "
            f"there are {', '.join(module.CHECKS)}"
        )
    return module.CHECKS[exercise]
