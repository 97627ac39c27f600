"""What boto3 sees of a local Data API server: one JSON document on stdout.

Usage: boto3_client.py ENDPOINT RESOURCE_ARN SECRET_ARN (operations | errors NAME...)

With `errors` the endpoint answers each statement by the exception that its SQL names.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, resource_arn, secret_arn, mode, *names = sys.argv[1:]
target = {"resourceArn": resource_arn, "secretArn": secret_arn}
client = boto3.client(
    "rds-data",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="local",
    aws_secret_access_key="local",
    config=Config(retries={"total_max_attempts": 1}),
)


def execute(sql, *parameters, **more):
    return client.execute_statement(**target, database="alex", sql=sql, parameters=list(parameters), **more)


def parameter(value, hint=None):
    return {"name": "v", "value": value, **({"typeHint": hint} if hint else {})}


def operations():
    execute("create table boto (id int8 primary key, at timestamptz)")
    kept = client.begin_transaction(**target, database="alex")["transactionId"]
    batch = client.batch_execute_statement(
        **target,
        database="alex",
        transactionId=kept,
        sql="insert into boto values (:id, :at::timestamptz)",
        parameterSets=[
            [{"name": "id", "value": {"longValue": 9007199254740993}}, {"name": "at", "value": {"isNull": True}}],
            [{"name": "id", "value": {"longValue": 2}}, {"name": "at", "value": {"stringValue": "2026-01-31T10:00:00+02:00"}}],
        ],
    )
    committed = client.commit_transaction(**target, transactionId=kept)
    dropped = client.begin_transaction(**target, database="alex")["transactionId"]
    deleted = execute("delete from boto", transactionId=dropped)
    rolled_back = client.rollback_transaction(**target, transactionId=dropped)
    rows = execute("select id, at from boto order by id", includeResultMetadata=True)
    blob = execute("select :v, pg_typeof(:v)::text", parameter({"blobValue": b"\x00\xff"}))["records"][0]
    kinds = [
        parameter({"stringValue": "é"}),
        parameter({"longValue": -1}),
        parameter({"doubleValue": 0.5}),
        parameter({"booleanValue": False}),
        parameter({"stringValue": "2026-01-31"}, "DATE"),
        parameter({"stringValue": "10:00:00"}, "TIME"),
        parameter({"stringValue": "2026-01-31 10:00:00"}, "TIMESTAMP"),
        parameter({"stringValue": "1.10"}, "DECIMAL"),
        parameter({"stringValue": "6f1c2b1e-0000-4000-8000-000000000000"}, "UUID"),
    ]
    return {
        "batch": batch["updateResults"],
        "committed": committed["transactionStatus"],
        "deleted": deleted["numberOfRecordsUpdated"],
        "rolledBack": rolled_back["transactionStatus"],
        "records": rows["records"],
        "types": [column["typeName"] for column in rows["columnMetadata"]],
        "blob": [list(blob[0]["blobValue"]), blob[1]["stringValue"]],
        "kinds": [execute("select :v", one)["records"][0][0] for one in kinds],
        "json": execute("select :v -> 'a'", parameter({"stringValue": '{"a": 1}'}, "JSON"))["records"][0][0],
        "array": execute("select array[1, null, 3]")["records"][0][0],
    }


def errors():
    seen = {}
    for name in names:
        try:
            if name == "NotFoundException":
                client.commit_transaction(**target, transactionId=name)
            else:
                execute(name)
        except ClientError as error:
            seen[name] = {
                "class": type(error).__name__,
                "code": error.response["Error"]["Code"],
                "message": error.response["Error"]["Message"],
                "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
                "dbConnectionId": error.response.get("dbConnectionId"),
            }
    return seen


print(json.dumps(operations() if mode == "operations" else errors()))
