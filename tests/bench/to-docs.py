#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""to-docs.py JSON DOCUMENT: puts the figures of a run into the rows of the table "operation" of docs/performance.md, and no other."""

import json
import sys

import report

HEAD = "| operation |"


def line(row):
    return "| " + " | ".join(report.cells(row)) + " |"


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
