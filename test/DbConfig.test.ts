import { assert, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import * as DbConfig from "../src/DbConfig.ts"
import * as DbLayer from "../src/DbLayer.ts"

const load = (variables: Readonly<Record<string, string>>, asked?: DbConfig.Backend) =>
  DbConfig.load(asked).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(variables))
  )

const aurora = {
  AURORA_CLUSTER_ARN: "arn:aws:rds:eu-west-1:123456789012:cluster:alex",
  AURORA_SECRET_ARN: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:alex"
}

it.effect("chooses the embedded database where nothing is set, or only empty values are", () =>
  Effect.gen(function* () {
    const config = yield* load({ AURORA_CLUSTER_ARN: "", DATABASE_URL: "  " })
    assert.deepInclude(config, { _tag: "embedded", directory: ".alex-db", database: "alex" })
    assert.include(config.why, "neither")
  })
)

it.effect("chooses Aurora before PostgreSQL, in the region of the cluster unless told otherwise", () =>
  Effect.gen(function* () {
    const config = yield* load({ ...aurora, DATABASE_URL: "postgres://localhost/x" })
    assert.deepInclude(config, { _tag: "data-api", database: "alex", region: "eu-west-1" })
    assert.deepInclude(yield* load({ ...aurora, DEFAULT_AWS_REGION: "us-west-2" }), { region: "us-west-2" })
    assert.notInclude(String(config._tag === "data-api" && config.secretArn), "secretsmanager")
  })
)

it.effect("does what it is told by name: the flag first, then ALEX_DB_BACKEND", () =>
  Effect.gen(function* () {
    const variables = { ...aurora, DATABASE_URL: "postgres://localhost/x", ALEX_DB_BACKEND: "postgres" }
    assert.strictEqual((yield* load(variables))._tag, "postgres")
    assert.strictEqual((yield* load(variables, "embedded"))._tag, "embedded")
    const error = yield* Effect.flip(load({ ALEX_DB_BACKEND: "mysql" }))
    assert.include(error.message, "data-api, postgres or embedded")
  })
)

it.effect("names the variable that is missing", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(load({ AURORA_CLUSTER_ARN: aurora.AURORA_CLUSTER_ARN }))
    assert.strictEqual(error.variable, "AURORA_SECRET_ARN")
    assert.strictEqual((yield* Effect.flip(load({}, "postgres"))).variable, "DATABASE_URL")
  })
)

it("takes only this machine's databases for local ones", () => {
  const isLocal = (url: string) => DbLayer.targetOf({ _tag: "postgres", why: "", url: Redacted.make(url) }).isLocal
  assert.isTrue(isLocal("postgres://postgres@127.0.0.1:5432/alex"))
  assert.isTrue(isLocal("postgres://localhost/alex"))
  assert.isTrue(isLocal("postgres://[::1]/alex"))
  assert.isFalse(isLocal("postgres://db.example.com/alex"))
  assert.isFalse(isLocal("postgres://localhost.example.com/alex"))
  assert.isFalse(isLocal("not a url"))
})

it("names a target without its password", () => {
  const target = DbLayer.targetOf({
    _tag: "postgres",
    why: "",
    url: Redacted.make("postgres://ann:secret@db.example.com:6432/alex?sslmode=require")
  })
  assert.deepStrictEqual(target, {
    backend: "postgres",
    database: "alex",
    location: "db.example.com:6432",
    isLocal: false
  })
})
