"""The table by call, and the list of the variables that calls share."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .naming import Named, Variable

GOAL = 95  # percent of the pairs that have no conflict


@dataclass(frozen=True)
class Pair:
    """A pair of calls, made by two `threads` of a process or by two `processes`, and its conflicts."""

    state: str
    calls: tuple[str, str]
    conflicts: tuple[Named, ...]

    @property
    def variables(self) -> frozenset[Variable]:
        return frozenset(each.variable for each in self.conflicts)


@dataclass
class Row:
    """How many pairs there are, and how many of them have no conflict. unlocked: how many would have none if
    those at the strand's lock did not count."""

    pairs: int = 0
    free: int = 0
    unlocked: int = 0

    def add(self, pair: Pair) -> None:
        self.pairs += 1
        self.free += not pair.conflicts
        self.unlocked += all(each.is_strand_lock for each in pair.variables)

    @property
    def percent(self) -> float:
        return self._share(self.free)

    @property
    def percent_unlocked(self) -> float:
        return self._share(self.unlocked)

    def _share(self, count: int) -> float:
        return 100 * count / self.pairs if self.pairs else 0.0


@dataclass
class Shared:
    """A variable that calls share. pairs: how many pairs have a conflict at it. alone: how many have no other
    conflict, apart from those at the strand's lock. false_sharing: in how many the calls only use different
    bytes of a line. free_without: how many pairs would be free of conflicts without it and without the
    variables above it in the list."""

    variable: Variable
    pairs: int = 0
    alone: int = 0
    false_sharing: int = 0
    free_without: int = 0
    functions: Counter = field(default_factory=Counter)  # pairs of functions, by their number of conflicts


def by_call(pairs: Iterable[Pair]) -> dict[str, Row]:
    """A row for each call, in the order of the trace. A pair counts in the rows of both calls, and once if
    both calls are the same."""
    rows: dict[str, Row] = defaultdict(Row)
    for pair in pairs:
        for call in dict.fromkeys(pair.calls):
            rows[call].add(pair)
    return dict(rows)


def by_state(pairs: Iterable[Pair]) -> dict[str, Row]:
    rows: dict[str, Row] = defaultdict(Row)
    for pair in pairs:
        rows[pair.state].add(pair)
    return dict(rows)


def total(pairs: Iterable[Pair]) -> Row:
    row = Row()
    for pair in pairs:
        row.add(pair)
    return row


def shared(pairs: list[Pair]) -> list[Shared]:
    """The variables in greedy order: each is the one at which the most pairs conflict, if conflicts at the
    variables before it do not count. Of several it is the first by name."""
    found: dict[Variable, Shared] = {}
    for pair in pairs:
        for conflict in pair.conflicts:
            each = found.setdefault(conflict.variable, Shared(conflict.variable))
            each.functions[tuple(sorted(conflict.functions))] += 1
        really_shared = {each.variable for each in pair.conflicts if not each.is_false_sharing}
        for variable in pair.variables:
            found[variable].false_sharing += variable not in really_shared
            found[variable].pairs += 1
            found[variable].alone += all(each.is_strand_lock for each in pair.variables - {variable})
    left = [set(pair.variables) for pair in pairs]
    ordered = []
    while any(left):
        counts = Counter(variable for variables in left for variable in variables)
        most = min(counts, key=lambda each: (-counts[each], str(each)))
        for variables in left:
            variables.discard(most)
        found[most].free_without = sum(not variables for variables in left)
        ordered.append(found[most])
    return ordered
