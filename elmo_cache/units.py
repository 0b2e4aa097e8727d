"""Numbers as people read them."""

__all__ = ["human_bytes", "human_count"]


def human_bytes(n: int) -> str:
    """Return a size in decimal units with three digits, as `1.23 GB`.

    >>> human_bytes(999), human_bytes(1_234_000_000)
    ('999 B', '1.23 GB')
    """
    size = float(n)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.3g} {unit}" if size < 1000 else f"{size:,.0f} {unit}"


def human_count(n: int, noun: str) -> str:
    """Return a count with its noun, as `1 document` or `25,000 documents`.

    >>> human_count(1, "shard"), human_count(25000, "shard")
    ('1 shard', '25,000 shards')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
