"""Calls the original module, which the working directory holds, as its services do: one line of JSON on stdout."""

import json
import sys
from decimal import Decimal

sys.path.insert(0, ".")
from src import Database  # noqa: E402

db, name = Database(), sys.argv[1]
user = f"user_{name}"
db.users.create_user(user, "Ünï", 20, Decimal("90000.50"))
account = db.accounts.create_account(user, "401(k)", "savings", Decimal("5000.25"), Decimal("0.045"))
db.accounts.update(account, {"account_name": "IRA", "cash_balance": Decimal("1.50")})
position = db.positions.add_position(account, "SPY", Decimal("10.5"))
assert db.positions.add_position(account, "SPY", Decimal("11")) == position
job = db.jobs.create_job(user, "portfolio_analysis", {"a": [1, {"b": None}]})
db.jobs.update_status(job, "running")
for part in ("report", "charts", "retirement", "summary"):
    getattr(db.jobs, f"update_{part}")(job, {"content": f"# {part}"})
db.jobs.update_status(job, "completed")
transaction = db.client.begin_transaction()
db.client.rollback_transaction(transaction)
stored = db.jobs.find_by_id(job)
print(
    json.dumps(
        {
            "user": db.users.find_by_clerk_id(user)["display_name"],
            "accounts": [[one["account_name"], one["cash_balance"]] for one in db.accounts.find_by_user(user)],
            "positions": [[one["symbol"], one["quantity"]] for one in db.positions.find_by_account(account)],
            "worth": db.positions.get_portfolio_value(account)["num_positions"],
            "job": [stored["status"], stored["summary_payload"], stored["started_at"] <= stored["completed_at"]],
            "instruments": len(db.instruments.find_all()),
            "found": db.instruments.find_by_symbol("SPY")["symbol"],
        }
    )
)
