"""From a search to the conditions of a query. Pure: values in, text and bound parameters out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ocpplog_query_api.logs import terms as words
from ocpplog_query_api.logs import times
from ocpplog_query_api.logs.search import ANY_CASE, Match, Search
from ocpplog_query_api.moving import PREFIX, Moving
from ocpplog_query_api.scope import Scope


class Conditions:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.parameters: dict[str, Any] = {}

    def add(self, text: str, **parameters: Any) -> None:
        self.texts.append(text)
        self.parameters |= parameters

    def sql(self) -> str:
        return " AND ".join(self.texts) or "1"


def matching(scope: Scope, search: Search) -> Conditions:
    """The conditions of a search; the scope is in all of them, here and nowhere else. All others only narrow down."""
    conditions = Conditions()
    visible = scope.among(list(search.sites))
    if visible is not None:
        conditions.add("site_id IN {sites:Array(String)}", sites=visible)
    for column, values in search.equal.items():
        if values:
            conditions.add(f"{column} IN {{{column}:Array(String)}}", **{column: list(values)})
    if search.connectors:
        conditions.add(*_connectors(conditions, "connectors", search.connectors))
    for number, match in enumerate(search.matches):
        _match(conditions, f"match{number}", match)
    if search.violations:
        conditions.add("notEmpty(violations)")
    if search.since:
        _bound(conditions, ">=", "since", search.since)
    if search.until:
        _bound(conditions, "<", "until", search.until)
    for number, term in enumerate(search.terms):
        has(conditions, f"term{number}", term, term in search.texts)
    for number, term in enumerate(search.without):
        _has_not(conditions, f"without{number}", term)
    return conditions


def _bound(conditions: Conditions, compared: str, name: str, moment: datetime) -> None:
    """The parameter's name says whether the moment moves with the clock."""
    name = PREFIX + name if isinstance(moment, Moving) else name
    conditions.add(f"datetime {compared} {{{name}:DateTime64(3, 'UTC')}}", **{name: times.for_clickhouse(moment)})


def has(conditions: Conditions, name: str, term: str, is_text: bool = False) -> None:
    """`words` and `numbers` are indexed, and have every run of four letters or digits that `search` has. A term that is one run
    is found there, one with blanks or punctuation in what its runs leave over. What has no such run is looked for in the text
    itself. `is_text`: the term is no entry's message id."""
    runs, elsewhere = words.indexed(term), _elsewhere(conditions, name, term, is_text)
    if elsewhere:
        # Several runs in an OR cost more than they save.
        runs = sorted(runs, key=len)[-1:]
    texts = [_indexed(run, f"lowerUTF8({{{name}_{place}:String}})") for place, run in enumerate(runs)]
    conditions.parameters |= {f"{name}_{place}": words.like_pattern(run) for place, run in enumerate(runs)}
    if runs != [term]:
        texts.append(_in_text(conditions, name, term))
    found = " AND ".join(texts)
    conditions.add(f"({' OR '.join([f'({found})', *elsewhere])})" if elsewhere else found)


def _indexed(run: str, pattern: str) -> str:
    found = f"words LIKE {pattern}"
    return f"({found} OR numbers LIKE {pattern})" if words.in_numbers(run) else found


def _has_not(conditions: Conditions, name: str, term: str) -> None:
    """The index cannot help here: `words` would be made anew for each row, which costs more than reading the text."""
    found = [_in_text(conditions, name, term), *_elsewhere(conditions, name, term)]
    conditions.add(f"NOT ({' OR '.join(found)})")


def _in_text(conditions: Conditions, name: str, term: str) -> str:
    conditions.parameters[name] = words.like_pattern(term)
    pattern = f"lowerUTF8({{{name}:String}})"
    if "." not in term:
        return f"search LIKE {pattern}"
    # `Component.Variable` of OCPP 2.x is put together of two words of the payload.
    return f"(search LIKE {pattern} OR lowerUTF8(error_code) LIKE {pattern})"


def _elsewhere(conditions: Conditions, name: str, term: str, is_text: bool = False) -> list[str]:
    """What is no part of the text: message ids, found whole, and subprotocols, found by how they begin."""
    found = []
    if len(term) >= words.MESSAGE_ID_LENGTH and not is_text:
        found.append(f"message_id IN {{{name}_id:Array(String)}}")
        conditions.parameters[f"{name}_id"] = cases(term)
    if names := words.subprotocols(term):
        found.append(f"subprotocol IN {{{name}_subprotocol:Array(String)}}")
        conditions.parameters[f"{name}_subprotocol"] = names
    return found


def _match(conditions: Conditions, name: str, match: Match) -> None:
    text: str
    if match.column == "connector_id":
        text = _connectors(conditions, name, match.values)[0]
    elif match.column in ANY_CASE:
        text = f"lowerUTF8({match.column}) IN arrayMap(one -> lowerUTF8(one), {{{name}:Array(String)}})"
        conditions.parameters[name] = [str(value) for value in match.values]
    else:
        text = f"{match.column} IN {{{name}:Array(String)}}"
        conditions.parameters[name] = [case for value in match.values for case in cases(str(value))]
    conditions.add(f"NOT ({text})" if match.negated else text)


def _connectors(conditions: Conditions, name: str, values: Sequence[str | int | None]) -> list[str]:
    """Never NULL, so that it can be negated."""
    numbers = [value for value in values if value is not None]
    texts = []
    if numbers:
        texts.append(f"ifNull(connector_id IN {{{name}:Array(Int32)}}, 0)")
        conditions.parameters[name] = numbers
    if None in values:
        texts.append("connector_id IS NULL")
    return [f"({' OR '.join(texts)})"]


def cases(value: str) -> list[str]:
    return list(dict.fromkeys((value, value.lower(), value.upper())))
