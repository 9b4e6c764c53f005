"""The ordinal lists in words: answers a query as a person would, without tables or tokens."""


def answer(lists, words, query):
    """The right word, or None where there is none.

    ``lists`` maps names to (words, whether they form a cycle); ``words`` stand in any order.
    """
    kind, moved = query.split(" of ")[0], 0
    if kind == "successor":
        query, moved = query.removeprefix("successor of "), 1
    asked, _, other = query.removeprefix("units of ").partition(" as ")
    members, cyclic = lists[asked]
    (word,) = [w for w in words if w in members]
    index = members.index(word)
    if kind == "units":
        first = next(iter(lists))
        return lists[first][0][int(str(index)[-1])]
    if other:
        target = lists[other][0]
        return target[index + moved] if index + moved < len(target) else None
    if word == members[-1]:
        return members[0] if cyclic else None
    return members[index + 1]
