"""One module a chapter: ``CHECKS`` maps each exercise's name to its judge.

A judge takes the reader's answer and returns a sentence of praise that teaches.
It calls :func:`threeways.checking.require` for what must hold and
:func:`threeways.checking.require_answer` on what a reader's function returns. The first
line of its docstring is the hint that an unsolved exercise shows.
"""
