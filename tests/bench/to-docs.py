#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""to-docs.py JSON DOCUMENT: puts the figures of a run into the rows of the table "operation" of docs/performance.md, and no other."""

import json
import sys

HEAD = "| operation |"


def show(value, kind):
    if kind == "bytes":
        return "%.2f MB" % (value / 1e6)
    return "%.0f/s" % value if kind == "rate" else "%.2f ms" % value


def line(row):
    ratio = row["ratio"]
    if row["kind"] == "rate" or ratio >= 1:
        text = "%.2fx" % ratio
    else:
        text = "1/%.1f" % (1 / ratio) if ratio else "0"
    cells = (row["title"], show(row["theirs"], row["kind"]), show(row["ours"], row["kind"]), text, row["must"], row["stretch"], row["held"])
    return "| " + " | ".join(cells) + " |"


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        rows = {row["title"]: row for row in json.load(f) if row["ratio"] is not None}
    with open(sys.argv[2], encoding="utf-8") as f:
        lines = f.read().split("\n")
    start = next(i for i, text in enumerate(lines) if text.startswith(HEAD)) + 2
    end = next(i for i in range(start, len(lines)) if not lines[i].startswith("|"))
    for i in range(start, end):
        row = rows.pop(lines[i].split("|")[1].strip(), None)
        if row:
            lines[i] = line(row)
    lines[end:end] = [line(row) for row in rows.values() if row["must"] != "-"]
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("\n".join(lines))


if __name__ == "__main__":
    main()
