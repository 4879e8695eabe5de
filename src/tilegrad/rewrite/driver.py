"""The driver: applies the rules of a pass to a graph until none matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from tilegrad.base.errors import CompileError, VerifyError
from tilegrad.base.events import RewriteApplied
from tilegrad.base.trace import Trace
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.rewrite.describe import describe
from tilegrad.rewrite.graph import broadcast_to, make
from tilegrad.rewrite.passes import Pass
from tilegrad.rewrite.rule import Rule

Forwarded: TypeAlias = dict[Node, "tuple[Node, Rule | None]"]

FIRST_CHECK = 10_000
"""Applications after which the driver first asks whether so many are plausible."""
APPLICATIONS_PER_NODE = 100
"""More applications than this for each node of the graph count as endless."""
NAMED = 50
"""Applications that are looked at to name the rules of an endless rewriting."""


def rewrite(roots: Iterable[Node], rules: Pass, trace: Trace) -> list[Node]:
    """Return the roots rewritten by the rules of a pass until no rule matches any node.

    A rule sees only a node and what lies below it, and sources are finished before their users, so
    one sweep reaches the fixed point: each node is looked at once, and so is each node that a rule
    makes. Linear in their number, iterative, memoised. dtypes and shapes of the roots remain.

    Args:
        roots: the graph.
        rules: the pass.
        trace: gets a `RewriteApplied` for each application, if it is enabled.

    Raises:
        VerifyError: a rule changed the dtype or shape of a node.
        CompileError: the rules go on for ever.
    """
    roots = list(roots)
    sweep = _Sweep(roots, rules, trace)
    for root in roots:
        sweep.finish(root)
    return [sweep.done[root] for root in roots]


class _Sweep:
    """The state of one `rewrite`.

    Attributes:
        done: what each finished node became.
    """

    def __init__(self, roots: Sequence[Node], rules: Pass, trace: Trace) -> None:
        self.done: dict[Node, Node] = {}
        self._roots = roots
        self._rules = rules
        self._trace = trace
        self._forwarded: Forwarded = {}
        self._applications = 0
        self._next_check = FIRST_CHECK

    def finish(self, root: Node) -> None:
        """Rewrite everything below a root, sources before users."""
        done, forwarded = self.done, self._forwarded
        stack = [root]
        while stack:
            node = stack.pop()
            if node in done:
                continue
            if node in forwarded:
                target, _ = forwarded[node]
                if target not in done:
                    raise self._endless(node)
                done[node] = done[target]
                continue
            pending = [source for source in node.sources if source not in done]
            if pending:
                stack.append(node)
                stack += reversed(pending)
                continue
            target = self._step(node)
            if target is node:
                done[node] = node
            elif target in done:
                done[node] = done[target]
            else:
                stack.append(node)
                stack.append(target)

    def _step(self, node: Node) -> Node:
        """Return the node over its finished sources, or what the first rule that matches makes."""
        done = self.done
        for source in node.sources:
            if done[source] is not source:
                target = make(
                    node.op, tuple([done[source] for source in node.sources]), node.attributes
                )
                self._forwarded[node] = target, None
                return target
        op, rules = node.op, self._rules
        if op not in rules.by_op:
            return node
        ops = [source.op for source in node.sources]
        key = (op, *ops) if op.arity is not None else (op, frozenset(ops))
        candidates = rules.index.get(key)
        if candidates is None:
            candidates = rules.index[key] = rules.find(op, ops)
        for variant in candidates:
            target = variant.attempt(node)
            if target is not None and target is not node:
                return self._apply(node, target, variant.rule)
        return node

    def _apply(self, node: Node, target: Node, rule: Rule) -> Node:
        if target.dtype is not node.dtype:
            raise self._broken(rule, "dtype", node, target)
        if target.shape != node.shape:
            try:
                target = broadcast_to(target, node.shape)
            except VerifyError as error:
                raise self._broken(rule, "shape", node, target) from error
            if target is node:
                return node
        self._forwarded[node] = target, rule
        self._applications += 1
        if self._applications >= self._next_check:
            self._check_progress()
        if self._trace.enabled:
            self._trace.emit(
                RewriteApplied(self._rules.name, rule.name, describe(node), describe(target))
            )
        return target

    def _broken(self, rule: Rule, what: str, node: Node, target: Node) -> VerifyError:
        return VerifyError(
            f"rule {rule.name} of pass {self._rules.name} changed the {what} of a node",
            got=describe(target),
            expected=f"{node.dtype.name}{list(node.shape)} as in {describe(node)}",
            mend="correct the rule; its law must hold for whole tensors",
        )

    def _check_progress(self) -> None:
        limit = APPLICATIONS_PER_NODE * len(sort_topologically(self._roots))
        if self._applications > max(limit, FIRST_CHECK):
            raise self._endless(next(reversed(self._forwarded)))
        self._next_check = max(limit, 2 * self._next_check)

    def _endless(self, node: Node) -> CompileError:
        """Name the rules that were applied last: those of the loop are among them."""
        recent = [rule.name for _, rule in list(self._forwarded.values())[-NAMED:] if rule]
        names = sorted(set(recent))
        return CompileError(
            f"the rules of pass {self._rules.name} go on for ever",
            got=f"{self._applications} applications; the last ones: {', '.join(names)}, "
            f"lately at {describe(node)}",
            mend="two of these rules undo each other, or one makes what it itself matches",
        )
