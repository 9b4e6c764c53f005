"""Facts in two languages as sentences of words, one at a time."""


def token(word: str, entities: int, attributes: int) -> int:
    """Number of a word such as ``s1.4``, subject 4 of the second language, or ``tag0``."""
    if word.startswith("tag"):
        return 2 * (entities + attributes) + int(word[3:])
    kind, language, number = word[0], int(word[1]), int(word[3:])
    if kind == "s":
        return language * entities + number
    return 2 * entities + language * attributes + number


def sentences(task, value, parallel, home, same):
    """Every fact's question in a language, ``{(language, entity, attribute): (words, value)}``.

    Args:
        task: the world, with plain numbers.
        value, parallel, home: of the facts, by entity and attribute.
        same: whether the name with a number is one in both languages.
    """
    found = {}
    for language in (0, 1):
        for e in range(task.entities):
            name = (e + int(task.moved)) % task.entities if language else e
            subject = f"s{language if language and not same[name] else 0}.{name}"
            for a in range(task.attributes):
                tag = f"tag{1 + language if task.tag else 0}"
                own = int(value[e][a])
                right = own + task.values if language and task.apart else own
                told = bool(parallel[e][a]) or int(home[e][a]) == language
                words = [tag, subject, f"a{language}.{a}"]
                found[language, e, a] = (words, right, told)
    return found


def askable(found, language, entity, attribute) -> bool:
    """Whether a question is not told, though its entity and its attribute are met elsewhere."""
    told = [key[1:] for key, (_, _, is_told) in found.items() if is_told and key[0] == language]
    met = any(e == entity for e, _ in told) and any(a == attribute for _, a in told)
    return met and (entity, attribute) not in told
