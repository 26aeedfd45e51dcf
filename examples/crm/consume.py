"""A CRM that subscribes to alerts: acts on each once, and reports back what it did.

    pip install kafka-python
    python consume.py --kafka localhost:9092

Alerts come at least once, under the same id; a customer who is held out must not be contacted;
and an alert is worth nothing after its `valid_until`. Everything else is yours.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

from kafka import KafkaConsumer, KafkaProducer

TYPE = b"ebbtide.alert.v1"


def act(alert: dict[str, Any]) -> None:
    """Send the message, book the call: here, say what would be done."""
    why = alert["reasons"][0]["text"] if alert["reasons"] else "no single reason"
    print(f"{alert['action']:9} {alert['user_id']}: {why} (risk {alert['risk']:.2f})", flush=True)


def outcome(alert: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return what is reported of an alert; the id makes a repeat harmless."""
    return {
        "outcome_id": f"{alert['alert_id']}/{kind}",
        "alert_id": alert["alert_id"],
        "user_id": alert["user_id"],
        "type": kind,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def main() -> None:
    """Run until stopped, or until so many alerts were acted on."""
    parser = argparse.ArgumentParser(description="Act on Ebbtide's alerts.")
    parser.add_argument("--kafka", default="localhost:9092", help="bootstrap servers")
    parser.add_argument("--alerts", default="interventions", help="the topic of alerts")
    parser.add_argument("--outcomes", default="outcomes", help="the topic to report to")
    parser.add_argument("--database", default="crm.db", help="what was done already")
    parser.add_argument("--limit", type=int, default=0, help="end after so many; 0: never")
    parser.add_argument("--late", action="store_true", help="also act when it is too late")
    options = parser.parse_args()

    done = sqlite3.connect(options.database)
    done.execute("CREATE TABLE IF NOT EXISTS done (alert_id TEXT PRIMARY KEY)")
    servers = options.kafka.split(",")
    consumer = KafkaConsumer(
        options.alerts,
        bootstrap_servers=servers,
        group_id="crm-example",
        enable_auto_commit=False,
        session_timeout_ms=10_000,
        auto_offset_reset="earliest",
    )
    producer = KafkaProducer(bootstrap_servers=servers, acks="all")
    acted = 0
    for record in consumer:
        # A new version of the body has another type: leave what you do not know.
        if dict(record.headers).get("ce_type") == TYPE:
            alert = json.loads(record.value)
            late = datetime.fromisoformat(alert["valid_until"]) < datetime.now(UTC)
            if alert["arm"] == "treated" and (options.late or not late):
                new = done.execute("INSERT OR IGNORE INTO done VALUES (?)", [alert["alert_id"]])
                if new.rowcount:
                    act(alert)
                    acted += 1
                report = json.dumps(outcome(alert, "delivered")).encode()
                producer.send(options.outcomes, key=record.key, value=report).get(30)
                done.commit()
        # Only now: who is killed before this is told again, and knows what was done.
        consumer.commit()
        if options.limit and acted >= options.limit:
            break
    consumer.close()
    producer.close()


if __name__ == "__main__":
    main()
