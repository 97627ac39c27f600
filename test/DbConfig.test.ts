import { assert, describe, it } from "@effect/vitest"
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

it.effect("chooses Aurora before PostgreSQL, in the region of the cluster unless another is given", () =>
  Effect.gen(function* () {
    const config = yield* load({ ...aurora, DATABASE_URL: "postgres://localhost/x" })
    assert.deepInclude(config, { _tag: "data-api", database: "alex", region: "eu-west-1" })
    assert.deepInclude(yield* load({ ...aurora, DEFAULT_AWS_REGION: "us-west-2" }), { region: "us-west-2" })
    assert.notInclude(String(config._tag === "data-api" && config.secretArn), "secretsmanager")
  })
)

it.effect("takes the backend that is named: the flag first, then ALEX_DB_BACKEND", () =>
  Effect.gen(function* () {
    const variables = { ...aurora, DATABASE_URL: "postgres://localhost/x", ALEX_DB_BACKEND: "postgres" }
    assert.strictEqual((yield* load(variables))._tag, "postgres")
    assert.strictEqual((yield* load(variables, "embedded"))._tag, "embedded")
    const error = yield* Effect.flip(load({ ALEX_DB_BACKEND: "mysql" }))
    assert.include(error.message, "data-api, postgres or embedded")
  })
)

it.effect("syncs the embedded database's commits unless told not to", () =>
  Effect.gen(function* () {
    assert.deepInclude(yield* load({ ALEX_DB_DURABILITY: "" }), { _tag: "embedded", durability: "full" })
    assert.deepInclude(yield* load({ ALEX_DB_DURABILITY: "fast" }), { durability: "fast" })
    const error = yield* Effect.flip(load({ ALEX_DB_DURABILITY: "off" }))
    assert.strictEqual(error.message, 'ALEX_DB_DURABILITY must be full or fast, not "off"')
  })
)

it.effect("takes a value without the white space around it, and a folder as it is written", () =>
  Effect.gen(function* () {
    const padded = Object.entries({
      ...aurora,
      AURORA_DATABASE: "shop",
      DEFAULT_AWS_REGION: "us-west-2",
      AWS_ENDPOINT_URL_RDS_DATA: "http://127.0.0.1:8080",
      ALEX_DB_BACKEND: "data-api"
    }).map(([name, value]) => [name, ` ${value}\r\n`])
    const config = yield* load(Object.fromEntries(padded))
    assert.deepInclude(config, {
      _tag: "data-api",
      clusterArn: aurora.AURORA_CLUSTER_ARN,
      database: "shop",
      region: "us-west-2",
      endpoint: "http://127.0.0.1:8080"
    })
    assert(config._tag === "data-api")
    assert.strictEqual(Redacted.value(config.secretArn), aurora.AURORA_SECRET_ARN)
    assert.deepInclude(yield* load({ AURORA_SECRET_ARN: "x", AURORA_CLUSTER_ARN: `${aurora.AURORA_CLUSTER_ARN}\n` }), {
      region: "eu-west-1"
    })
    const embedded = yield* load({ ALEX_DB_DIR: "data ", AURORA_DATABASE: "shop\n", ALEX_DB_DURABILITY: "fast\n" })
    assert.deepInclude(embedded, { directory: "data ", database: "shop", durability: "fast" })
  })
)

it.effect("names the variable that has quotes around it, and shows no part of it", () =>
  Effect.gen(function* () {
    const all = {
      ...aurora,
      AURORA_DATABASE: "shop",
      DEFAULT_AWS_REGION: "us-west-2",
      AWS_ENDPOINT_URL_RDS_DATA: "http://127.0.0.1:8080",
      ALEX_DB_BACKEND: "data-api"
    }
    for (const [variable, value] of Object.entries(all)) {
      for (const quote of ['"', "'", "`"]) {
        const error = yield* Effect.flip(load({ ...all, [variable]: `${quote}${value}${quote} ` }))
        assert.strictEqual(error.variable, variable)
        assert.match(error.message, /^\w+ has quotes around it, .*: remove the quotes$/)
        assert.notInclude(error.message, value)
      }
    }
    const url = yield* Effect.flip(load({ DATABASE_URL: '"postgres://ann:hunter2@localhost/alex"' }))
    assert.strictEqual(url.variable, "DATABASE_URL")
    assert.include(url.message, "remove the quotes")
    assert.notInclude(url.message, "hunter2")
  })
)

it.effect("names DEFAULT_AWS_REGION where it is no region", () =>
  Effect.gen(function* () {
    for (const named of ["us east", "https://us-east-1", "us_east_1", "us-east-1,eu-west-1", "us-east-1.example.com"]) {
      const error = yield* Effect.flip(load({ ...aurora, DEFAULT_AWS_REGION: named }))
      assert.strictEqual(error.variable, "DEFAULT_AWS_REGION", named)
    }
    for (const named of ["us-gov-west-1", "local", "eusc-de-east-1"]) {
      assert.deepInclude(yield* load({ ...aurora, DEFAULT_AWS_REGION: named }), { region: named })
    }
  })
)

it.effect("names the variable that is missing", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(load({ AURORA_CLUSTER_ARN: aurora.AURORA_CLUSTER_ARN }))
    assert.strictEqual(error.variable, "AURORA_SECRET_ARN")
    assert.strictEqual((yield* Effect.flip(load({}, "postgres"))).variable, "DATABASE_URL")
  })
)

describe("a name that is near that of a variable", () => {
  const url = "postgres://localhost/alex"

  it.effect("is said where the variable decides the backend", () =>
    Effect.gen(function* () {
      for (const name of [
        "DATABSE_URL",
        "DATABASE_ULR",
        "DATABASE_UR",
        "DATABASE_URLS",
        "DATABASEURL",
        "DATABSE_URLS",
        "DATABSE_ULR",
        "database_url"
      ]) {
        const { why } = yield* load({ [name]: url, PATH: "/bin" })
        assert.include(why, `; ${name} is set: did you mean DATABASE_URL?`)
      }
      assert.include(
        (yield* load({ ALEX_DB_BACKED: "postgres" })).why,
        "ALEX_DB_BACKED is set: did you mean ALEX_DB_BACK"
      )
      assert.include(
        (yield* load({ AURORA_CLUSTR_ARN: "x", DATABASE_URL: url })).why,
        "did you mean AURORA_CLUSTER_ARN?"
      )
    })
  )

  it.effect("is said where the variable has to be set, and where a default stands in for it", () =>
    Effect.gen(function* () {
      const { AURORA_CLUSTER_ARN, AURORA_SECRET_ARN } = aurora
      const misspelt = { AURORA_CLUSTER_ARN, AURORA_SECRET_ARM: AURORA_SECRET_ARN }
      const { message } = yield* Effect.flip(load(misspelt))
      assert.match(
        message,
        /^AURORA_SECRET_ARN is not set: .*; AURORA_SECRET_ARM is set: did you mean AURORA_SECRET_ARN\?$/
      )
      assert.include((yield* Effect.flip(load({ DATABSE_URL: url }, "postgres"))).message, "did you mean DATABASE_URL?")
      assert.include((yield* load({ ...aurora, AURORA_DATABSE: "x" })).why, "did you mean AURORA_DATABASE?")
      assert.include((yield* load({ ALEX_DB_DIRR: "x" })).why, "did you mean ALEX_DB_DIR?")
    })
  )

  it.effect("is not said of a variable that is set or not used, of an empty one, or of a name that is not near", () =>
    Effect.gen(function* () {
      const quiet = [
        { DATABASE_URL: url, DATABSE_URL: url },
        { DATABSE_URL: " " },
        { DATBSE_ULR: url, DTBSE_URL: url },
        { ALEX_DB_DIR: "x", ALEX_DB_DIRR: "y" },
        { DATABASE_HOST: "x", AURORA_URL: "x", ALEX: "x", URL: url, DATABASE_URL_999999999: "x" },
        { "DATABASE_UR\u001b": url }
      ]
      for (const variables of quiet) assert.notInclude((yield* load(variables)).why, "did you mean")
      assert.notInclude((yield* load({ DATABSE_URL: url }, "embedded")).why, "did you mean")
    })
  )

  it.effect("is the nearest of several", () =>
    Effect.gen(function* () {
      const { why } = yield* load({ DATABASE_U_: url, DATABASE_URI: url, DATEBASE_ULR: url })
      assert.include(why, "DATABASE_URI is set: did you mean DATABASE_URL?")
      assert.notInclude(why, "DATEBASE_ULR")
    })
  )
})

const postgresTarget = Effect.fnUntraced(function* (url: string) {
  return DbLayer.targetOf(yield* load({ DATABASE_URL: url, USER: "ann" }))
})

it.effect("takes only this machine's databases for local ones, by what is connected to", () =>
  Effect.gen(function* () {
    for (const url of ["postgres://127.0.0.1:5432/alex", "postgres://localhost/alex", "postgres://[::1]/alex"])
      assert.isTrue((yield* postgresTarget(url)).isLocal, url)
    for (const url of ["postgres://db.example.com/alex", "postgres://localhost/alex?host=db.example.com"])
      assert.isFalse((yield* postgresTarget(url)).isLocal, url)
  })
)

it.effect("names a target without its password, by what is connected to", () =>
  Effect.gen(function* () {
    const url = "postgres://ann:secret@localhost/staging?host=db.example.com&port=6432&dbname=prod&sslmode=require"
    assert.deepStrictEqual(yield* postgresTarget(url), {
      backend: "postgres",
      database: "prod",
      location: "db.example.com:6432",
      isLocal: false
    })
  })
)

it.effect("names DATABASE_URL where it can't be read, and no part of it", () =>
  Effect.gen(function* () {
    for (const url of [
      "postgres://ann:se%cret@h/x",
      "postgres://ann:se#cret@h/x",
      "postgres://ann:se?cret@h/x",
      "secret"
    ]) {
      const error = yield* Effect.flip(load({ DATABASE_URL: url }))
      assert.strictEqual(error.variable, "DATABASE_URL")
      assert.match(error.message, /^DATABASE_URL can't be used: /)
      assert.notMatch(error.message, /cret/)
    }
  })
)

it.effect(
  "takes the endpoint of all AWS services where there is none of the Data API's own, and neither if they are to be ignored",
  () =>
    Effect.gen(function* () {
      const all = { ...aurora, AWS_ENDPOINT_URL: "http://127.0.0.1:4566" }
      assert.deepInclude(yield* load(all), { endpoint: "http://127.0.0.1:4566" })
      const own = { ...all, AWS_ENDPOINT_URL_RDS_DATA: "http://127.0.0.1:8080" }
      assert.deepInclude(yield* load(own), { endpoint: "http://127.0.0.1:8080" })
      for (const set of [all, own]) {
        const ignored = { ...set, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" }
        assert.deepInclude(yield* load(ignored), { endpoint: undefined })
      }
      const error = yield* Effect.flip(load({ ...all, AWS_ENDPOINT_URL: "localhost" }))
      assert.strictEqual(error.variable, "AWS_ENDPOINT_URL")
    })
)

it.effect("refuses an endpoint that holds a password, and shows no part of it", () =>
  Effect.gen(function* () {
    for (const endpoint of ["http://user:secret@127.0.0.1:8080", "http://secret@127.0.0.1", "secret"]) {
      const error = yield* Effect.flip(load({ ...aurora, AWS_ENDPOINT_URL_RDS_DATA: endpoint }))
      assert.strictEqual(error.variable, "AWS_ENDPOINT_URL_RDS_DATA")
      assert.notInclude(error.message, "secret")
    }
    const { endpoint } = yield* DbConfig.loadDataApi().pipe(
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnvRecord({ ...aurora, AWS_ENDPOINT_URL_RDS_DATA: "http://127.0.0.1:8080" })
      )
    )
    assert.strictEqual(endpoint, "http://127.0.0.1:8080")
  })
)
