#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""report.py ROWS RESULTS JSON: the table of a benchmark run, from lines "id side value" (value "failed" for a failure)."""

import json
import statistics
import sys


def read_rows(path):
    rows = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#") and line.strip():
                keys = ("id", "row", "phase", "kind", "must", "stretch", "title")
                rows.append(dict(zip(keys, line.rstrip("\n").split("\t"))))
    return rows


def read_results(path):
    results = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            name, side, value = line.split()
            values = results.setdefault(name, {}).setdefault(side, [])
            values.append(None if value == "failed" else float(value))
    return results


def median(values):
    good = [v for v in values or [] if v is not None]
    return statistics.median(good) if good else None


def show(value, kind):
    if value is None:
        return "failed"
    if kind == "bytes":
        return "%.2f MB" % (value / 1e6)
    return "%.0f/s" % value if kind == "rate" else "%.2f ms" % value


def show_ratio(ratio, kind):
    if ratio is None:
        return "-"
    if kind == "rate" or ratio >= 1:
        return "%.2fx" % ratio
    return "1/%.1f" % (1 / ratio) if ratio else "0"


def judge(row, ratio):
    if row["must"] == "-" or ratio is None:
        return "-" if row["must"] == "-" else "failed"

    def holds(goal):
        if goal == "-":
            return False
        return ratio >= float(goal) if row["kind"] == "rate" else ratio <= float(goal)

    return "stretch" if holds(row["stretch"]) else "must" if holds(row["must"]) else "NOT HELD"


def cells(row):
    """A row of the run's JSON as texts, in the order of the table's columns."""
    kind = row["kind"]
    return (row["title"], show(row["theirs"], kind), show(row["ours"], kind), show_ratio(row["ratio"], kind), row["must"], row["stretch"],
            row["held"])


def main():
    rows, results = read_rows(sys.argv[1]), read_results(sys.argv[2])
    medians = {name: {side: median(v) for side, v in sides.items()} for name, sides in results.items()}
    out, table = [], [("operation", "LXD", "ours", "ratio", "must", "stretch", "held")]
    for row in rows:
        if row["id"] not in results:
            continue
        ours, theirs = medians[row["id"]].get("ours"), medians[row["id"]].get("theirs")
        base = theirs
        if row["kind"].startswith("self "):
            base = medians.get(row["kind"][5:], {}).get("ours")
        ratio = ours / base if ours is not None and base else None
        held = judge(row, ratio)
        out.append({**row, "theirs": theirs, "ours": ours, "ratio": ratio, "held": held, "values": results[row["id"]]})
        table.append(cells(out[-1]))
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        print("  ".join(text.ljust(width) if i == 0 else text.rjust(width) for i, (text, width) in enumerate(zip(line, widths))))
    counted = [row["held"] for row in out if row["must"] != "-"]
    print("\nheld: %d of %d, the stretch goal in %d" %
          (sum(h in ("must", "stretch") for h in counted), len(counted), counted.count("stretch")))
    with open(sys.argv[3], "w", encoding="utf-8") as f:
        json.dump(out, f, indent=1)


if __name__ == "__main__":
    main()
