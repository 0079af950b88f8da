"""Which frameworks each formula's function was held against, how often, how closely.

While the formula tests run, this module listens: to calls of the functions that
`chapter.load` takes out of a chapter, and to `compare.same`. What it hears is
``book/formulas.yml``, of which the book makes its formula index. Errors differ from
machine to machine, because rounding does; everything else has to be as the file says.
"""

import functools
import inspect

import yaml

from tools.notebooks import ROOT

FILE = ROOT / "book" / "formulas.yml"
FRAMEWORKS = {"torch": "PyTorch", "tensorflow": "TensorFlow", "keras": "Keras"}
HEAD = """\
# Written by the formula tests: `make formulas`. For each chapter and each function of
# its NumPy cells: the frameworks it is tested against, in how many cases, and the
# largest error, as a share of the size of the terms that are summed.
"""

heard = {}
"""(chapter, function): the frameworks, the number of cases, the largest error."""
_called = set()  # in the present case


def listen(module):
    """Have the functions of a chapter's module report when they are called."""
    for name, function in list(vars(module).items()):
        if inspect.isfunction(function) and function.__module__ == module.__name__:
            setattr(module, name, _reporting((module.__name__, name), function))


def _reporting(key, function):
    @functools.wraps(function)
    def reporting(*arguments, **options):
        _called.add(key)
        return function(*arguments, **options)

    return reporting


def closeness(error):
    """Note how far two results lie apart, as a share of the size of their terms."""
    for key in _called:
        add(key, error=error)


def each_case_of(test):
    """Return the same test, which notes what takes part in each of its cases."""
    against = frameworks(test)

    @functools.wraps(test)
    def noted(*arguments, **options):
        _called.clear()
        test(*arguments, **options)
        for key in _called:
            add(key, against, cases=1)

    return noted


def add(key, against=(), cases=0, error=0.0):
    """Add to what was heard of a function."""
    before = heard.get(key, ((), 0, 0.0))
    names = sorted({*before[0], *against}, key=list(FRAMEWORKS.values()).index)
    heard[key] = (names, before[1] + cases, max(before[2], error))


def frameworks(test):
    """Return the names of the frameworks that a test or its helpers use."""
    test = inspect.unwrap(test)
    return {FRAMEWORKS[root] for root in _roots(test.__code__, test.__globals__, set())}


def _roots(code, scope, seen):
    for name in {*code.co_names, *code.co_freevars} - seen:
        seen.add(name)
        thing = scope.get(name)
        home = thing.__name__ if inspect.ismodule(thing) else _module(thing)
        if (root := home.partition(".")[0]) in FRAMEWORKS:
            yield root
        for part in vars(thing).values() if inspect.isclass(thing) else [thing]:
            if inspect.isfunction(inner := inspect.unwrap(part)):
                yield from _roots(inner.__code__, inner.__globals__, seen)
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _roots(constant, scope, seen)


def _module(thing):
    return getattr(thing, "__module__", None) or ""


def written():
    """Return what was heard as ``formulas.yml`` has it."""
    lines = [HEAD]
    chapter = None
    for (here, function), (against, cases, error) in sorted(heard.items()):
        if here != chapter:
            lines.append(f"{here.replace('.', '/')}:\n")
            chapter = here
        entry = f"against: [{', '.join(against)}], cases: {cases}, error: {error:.1e}"
        lines.append(f"  {function}: {{{entry}}}\n")
    return "".join(lines)


def stale(file, fresh):
    """Return how ``file``, a text as `written` makes it, differs from a ``fresh`` one.

    Errors may be smaller, or larger by a factor of a thousand: other processors round
    otherwise. The number of cases may differ by a tenth: some draws are repeated.
    """
    old, new = (
        {
            f"{chapter}: {name}": entry
            for chapter, functions in (yaml.safe_load(text) or {}).items()
            for name, entry in functions.items()
        }
        for text in (file, fresh)
    )
    for name in sorted({*old, *new}):
        was, is_now = old.get(name), new.get(name)
        if was is None or is_now is None:
            yield f"{name} is {'new' if was is None else 'gone'}"
        elif was["against"] != is_now["against"]:
            yield f"{name} is tested against {is_now['against']}"
        elif abs(was["cases"] - is_now["cases"]) > 0.1 * was["cases"]:
            yield f"{name} is tested in {is_now['cases']} cases"
        elif is_now["error"] > 1e3 * max(was["error"], 1e-16):
            yield f"{name} has an error of {is_now['error']}"
