#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""meson-results.py LOG OUTPUT: print status, name and seconds of each test of a meson testlog.json, tab-separated;
write what the failed ones printed to OUTPUT."""

import json
import sys

STATUS = {"OK": "PASS", "EXPECTEDFAIL": "PASS", "SKIP": "SKIP"}


def main():
    with open(sys.argv[1], encoding="utf-8") as log, open(sys.argv[2], "w", encoding="utf-8") as output:
        for line in log:
            test = json.loads(line)
            name = test["name"].rsplit(" / ", 1)[-1]
            status = STATUS.get(test["result"], "FAIL")
            text = "%.2f s" % test["duration"]
            if status == "SKIP":
                said = (test.get("stdout", "") + test.get("stderr", "")).strip().splitlines()
                text = said[-1] if said else "the test says no reason"
            elif status == "FAIL":
                text = test["result"].lower() + ", " + text
                output.write("---- output of %s\n%s%s\n" % (name, test.get("stdout", ""), test.get("stderr", "")))
            print(status, name, text, sep="\t")


main()
