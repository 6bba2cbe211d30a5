"""Run all benchmarks, or those named: `python -m benchmarks [--list] [NAME …]`."""

import argparse
import importlib
import pkgutil
import sys
from types import ModuleType

import benchmarks


def found() -> dict[str, ModuleType]:
    """The benchmarks by name (`smtp` is bench_smtp.py)."""
    names = [info.name for info in pkgutil.iter_modules(benchmarks.__path__)]
    return {
        name.removeprefix("bench_"): importlib.import_module(f"benchmarks.{name}")
        for name in sorted(names)
        if name.startswith("bench_")
    }


def main() -> int:
    """Run what was asked for; 2 if something is not known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="run only these")
    parser.add_argument("--list", action="store_true", help="say which there are and stop")
    asked = parser.parse_args()
    known = found()
    unknown = sorted(set(asked.names) - set(known))
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    for name, module in known.items():
        if asked.names and name not in asked.names:
            continue
        print(f"{name}: {(module.__doc__ or '').partition(chr(10))[0]}")
        if not asked.list:
            module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
