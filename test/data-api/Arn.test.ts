import { assert, it } from "@effect/vitest"
import * as Arn from "../../src/data-api/Arn.ts"

const cluster = "arn:aws:rds:us-east-1:123456789012:cluster:alex"

it("an ARN is taken apart, whichever service's and partition's it is", () => {
  const parts = { partition: "aws", service: "rds", region: "us-east-1", account: "123456789012" }
  assert.deepStrictEqual(Arn.parse(cluster), { ...parts, kind: "cluster", name: "alex" })
  assert.deepStrictEqual(Arn.parse("arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a/b-AbCdEf"), {
    partition: "aws-us-gov",
    service: "secretsmanager",
    region: "us-gov-west-1",
    account: "123456789012",
    kind: "secret",
    name: "a/b-AbCdEf"
  })
  assert.deepStrictEqual(Arn.parse("arn:aws:iam::123456789012:user/ann"), {
    ...parts,
    service: "iam",
    region: "",
    kind: "user",
    name: "ann"
  })
  for (const none of [
    "",
    "alex",
    "arn:aws:rds",
    `${cluster}\n`.replace("arn", "ARN"),
    "arn:aws:rds:us-east-1:1:cluster:a"
  ])
    assert.isUndefined(Arn.parse(none), none)
})

it("the region of an ARN is the one that it names, if it names one", () => {
  assert.strictEqual(Arn.regionOf(cluster), "us-east-1")
  assert.strictEqual(Arn.regionOf("arn:aws-cn:rds:cn-north-1:123456789012:db:a"), "cn-north-1")
  assert.isUndefined(Arn.regionOf("arn:aws:iam::123456789012:user/ann"))
  assert.isUndefined(Arn.regionOf("us-east-1"))
})

it("a database's ARN is a cluster's or an instance's of RDS, and a cluster's has the form that the service accepts", () => {
  const instance = cluster.replace(":cluster:", ":db:")
  assert.strictEqual(Arn.parseDatabase(instance)?.kind, "db")
  assert.isTrue(Arn.isCluster(cluster))
  const others = [
    instance,
    "alex",
    cluster.replace(":rds:", ":rds-data:"),
    cluster.replace("us-east-1", ""),
    cluster.replace("123456789012", ""),
    cluster.replace("123456789012", "12345678901"),
    `${cluster}:1`,
    `${cluster}_1`,
    `${cluster}${"x".repeat(100)}`
  ]
  for (const other of others) assert.isFalse(Arn.isCluster(other), other)
})
