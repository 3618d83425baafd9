"""Send a table, or a directory of Parquet or NDJSON, to Ours: mapped by Spark SQL, sent by `ours batch`.

    spark-submit job.py --input FOLDER --sql orders.sql --out FOLDER --token-file FILE --ours /usr/bin/ours

The query reads from `source` and gives rows in the shape of /track; `distinctId` and `time` must be among its
columns. Every partition goes through `partition.py`. OUT gets `receipts` (one row for each partition) and
`rejects` (NDJSON for `ours batch`, once you have fixed it). Exit code 1: the counts do not balance.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

WRAPPER = Path(__file__).resolve().with_name("partition.py")
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY")
"""The environment that ours gets: nothing else of what an executor has."""


RECEIPT = (
    "receipt STRUCT<run: STRING, read: BIGINT, accepted: BIGINT, rejected: BIGINT, unsent: BIGINT,"
    " requests: BIGINT, retries: BIGINT, bytes: BIGINT, duration_s: DOUBLE>"
)


class Books(NamedTuple):
    """All receipts, added up."""

    partitions: int
    read: int
    accepted: int
    rejected: int
    unsent: int
    reject_rows: int
    """What is in OUT/rejects, counted there."""

    def __str__(self) -> str:
        read, accepted, rejected, unsent = (f"{number:,}" for number in self[1:5])
        return f"{read} read, {accepted} accepted, {rejected} rejected, {unsent} unsent"

    def fault(self, rows: int, partitions: int) -> str | None:
        """Why they do not balance, for `rows` that Spark counted in so many partitions."""
        if self.partitions != partitions:
            return f"{self.partitions} receipts for {partitions} partitions"
        if self.read != rows:
            return f"ours read {self.read:,} rows, Spark counts {rows:,}"
        if self.unsent or self.accepted + self.rejected != rows:
            return f"{self.accepted:,} accepted and {self.rejected:,} rejected are not {rows:,}"
        if self.reject_rows != self.rejected:
            return f"the rejects have {self.reject_rows:,} rows, the receipts count {self.rejected:,}"
        return None


def main(arguments: list[str] | None = None) -> int:
    """Run the job; returns the exit code."""
    given = _arguments(arguments)
    builder = SparkSession.builder.appName("ours").config("spark.sql.session.timeZone", "UTC")
    # A second attempt beside the first would send the same rows at the same time, for nothing.
    builder = builder.config("spark.speculation", "false").config("spark.ui.showConsoleProgress", "false")
    spark = (builder.master(given.master) if given.master else builder).getOrCreate()
    try:
        return _run(spark, given)
    finally:
        spark.stop()


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--input", help="a folder or file of Parquet, or of NDJSON (*.json, *.ndjson)")
    source.add_argument("--table", help="a table that this Spark knows")
    parser.add_argument("--sql", type=Path, required=True, help="the query, from `source` to rows")
    parser.add_argument("--out", required=True, help="a folder that does not exist yet")
    parser.add_argument("--token-file", required=True, help="the source API key, on every executor")
    parser.add_argument("--ours", required=True, help="the absolute path of ours, on every executor")
    parser.add_argument("--base-url", help="else the API itself")
    parser.add_argument("--partitions", type=int, help="else as Spark has them")
    parser.add_argument("--rate", type=float, help="events per second, over all tasks that run at a time")
    parser.add_argument("--master", help="else as spark-submit says")
    given = parser.parse_args(arguments)
    if not Path(given.ours).is_absolute():
        parser.error("--ours must be an absolute path: executors have a PATH of their own")
    return given


def _run(spark: SparkSession, given: argparse.Namespace) -> int:
    source = spark.table(given.table) if given.table else _read(spark, given.input)
    source.createOrReplaceTempView("source")
    rows = spark.sql(given.sql.read_text("utf-8"))
    if given.partitions:
        rows = rows.repartition(given.partitions, "distinctId")
    count = _checked_count(rows)
    lines = rows.select(f.to_json(f.struct("*")).alias("line")).rdd.map(lambda row: row.line)
    partitions = lines.getNumPartitions()
    # One action, or the rows would be sent once for each; and only attempts that succeed leave a file.
    lines.mapPartitions(_with_trailer).pipe(
        _command(given, spark.sparkContext.defaultParallelism), env=_environment(), checkCode=True
    ).saveAsTextFile(f"{given.out}/answers")
    books = _books(spark, given.out)
    print(books)  # noqa: T201
    if (fault := books.fault(count, partitions)) is not None:
        print(f"the books do not balance: {fault}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _read(spark: SparkSession, name: str) -> DataFrame:
    path = Path(name)
    is_json = any(path.glob("*.*json")) if path.is_dir() else path.suffix.endswith("json")
    return spark.read.json(name) if is_json else spark.read.parquet(name)


def _checked_count(rows: DataFrame) -> int:
    """How many rows there are; ends the job where the API would drop some, or give them its own time."""
    found = rows.agg(
        f.count("*").alias("rows"),
        f.count("distinctId").alias("named"),
        f.count_distinct("distinctId").alias("different"),
        f.count("time").alias("timed"),
    ).collect()[0]
    if found.named != found.rows or found.different != found.rows:
        raise SystemExit(
            f"{found.rows:,} rows have {found.different:,} distinctIds: each needs its own, or is a repeat"
        )
    if found.timed != found.rows:
        raise SystemExit(
            f"{found.rows - found.timed:,} rows have no time: the API would stamp them with its own"
        )
    return int(found.rows)


def _with_trailer(lines: Iterable[str]) -> Iterator[str]:
    count = 0
    try:
        for line in lines:
            yield line
            count += 1
    except Exception as error:
        # `pipe` reads this in a thread, whose end by an error would leave the wrapper waiting for more rows.
        # Without a trailer it fails, and with it the attempt. The error's text may quote a row.
        print(f"the rows end early: {type(error).__name__}", file=sys.stderr)  # noqa: T201
        return
    yield json.dumps({"endOfPartition": count})


def _command(given: argparse.Namespace, at_a_time: int) -> str:
    words = [sys.executable, str(WRAPPER), given.ours, "--token-file", given.token_file]
    if given.base_url:
        words += ["--base-url", given.base_url]
    if given.rate:
        words += ["--rate", f"{given.rate / at_a_time:g}"]
    return shlex.join(words)


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def _books(spark: SparkSession, out: str) -> Books:
    """Add the receipts up, and keep them and the rejects as tables."""
    answers = spark.read.text(f"{out}/answers")
    receipts = answers.where(f.col("value").startswith('{"receipt":'))
    table = receipts.select(f.from_json("value", RECEIPT).alias("answer")).select("answer.receipt.*")
    table.write.parquet(f"{out}/receipts")
    rejects = answers.where(f.col("value").startswith('{"reject":'))
    rejects.select(f.expr("substring(value, 11, length(value) - 11)")).write.text(f"{out}/rejects")
    names = ("read", "accepted", "rejected", "unsent")
    totals = (f.sum(name).alias(name) for name in names)
    sums = table.agg(f.count("*").alias("partitions"), *totals).collect()[0]
    reject_rows = spark.read.text(f"{out}/rejects").count()
    return Books(*(int(number or 0) for number in (*sums, reject_rows)))


if __name__ == "__main__":
    sys.exit(main())
