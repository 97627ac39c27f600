/** Bundles by six bundlers in two formats, as docs/bundlers.md says, each called against the local Data API. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as DataApiSql from "../../src/data-api/sql/DataApiSql.ts"
import { HttpServer } from "../../src/local/http/HttpServer.ts"
import { Reset, Target } from "../../src/operations/index.ts"
import * as Repository from "../../src/repository/index.ts"
import { region, target } from "../clients/ServedDatabase.ts"
import { installed } from "../package/installed.ts"
import * as TestDatabase from "../TestDatabase.ts"
import { asJavaScript, project as built, bundle, type Format, type Recipe, recipes, run } from "./Project.ts"

const tools = await installed("bundlers")
const isLong = process.env["ALEX_LONG"] === "1"

/** webpack's minifier takes a minute of processor time and is the same for both formats. */
const quick = (recipe: Recipe): Recipe => {
  const unminified = (command: string) => command.replace("webpack ", "webpack --no-optimization-minimize ")
  return isLong
    ? recipe
    : { ...recipe, commands: { esm: unminified(recipe.commands.esm), cjs: unminified(recipe.commands.cjs) } }
}

class Project extends Context.Service<Project, { readonly folder: string; readonly url: string }>()("test/Project") {
  static readonly layer = Layer.effect(
    Project,
    Effect.gen(function* () {
      const folder = yield* built
      const { url } = yield* HttpServer
      writeFileSync(
        join(folder, "invoke.mjs"),
        `import { createRequire } from "node:module"
         const [, , file, format] = process.argv
         const { handler } = format === "esm" ? await import(file) : createRequire(import.meta.url)(file)
         const answer = await handler({ clerk_user_id: "test_user_001" }).catch((error) => ({ error: String(error) }))
         console.log("ANSWER " + JSON.stringify(answer))
         process.exit(0)`
      )
      mkdirSync(join(folder, ".aws"))
      writeFileSync(
        join(folder, ".aws", "credentials"),
        "[prod]\naws_access_key_id=local\naws_secret_access_key=local\n"
      )
      return { folder, url }
    })
  ).pipe(
    Layer.provide(
      Layer.effectDiscard(
        Reset.reset({ withTestData: true }).pipe(
          Effect.provide(Repository.layer.pipe(Layer.provideMerge(DataApiSql.layer()))),
          Effect.provideService(Target, { backend: "embedded", database: "alex", location: "memory", isLocal: true })
        )
      ).pipe(
        Layer.provideMerge(HttpServer.layer({ port: 0 })),
        Layer.provideMerge(TestDatabase.layer()),
        Layer.provide(NodeServices.layer)
      )
    )
  )
}

const variables = (url: string) => ({
  AURORA_CLUSTER_ARN: target.resourceArn,
  AURORA_SECRET_ARN: target.secretArn,
  AURORA_DATABASE: "alex",
  DEFAULT_AWS_REGION: region,
  AWS_ENDPOINT_URL_RDS_DATA: url
})

/** A function's keys, or a profile, which only the SDK reads. */
const keys = { HOME: "/nowhere", AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" }
const profile = { AWS_PROFILE: "prod", AWS_REGION: region }

/** What a bundled function answers in a process of its own. */
const answerOf = async (
  { folder, url }: Project["Service"],
  file: string,
  format: Format,
  env: Readonly<Record<string, string>>
) => {
  const args = [join(folder, "invoke.mjs"), file, format]
  const stdout = await run(folder, process.execPath, args, { ...variables(url), ...env })
  return /^ANSWER (.*)$/m.exec(stdout)?.[1] ?? stdout
}

/** A copy of what a bundler wrote, where nothing else can be imported. */
const alone = (file: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "alex-bundle-"))
      cpSync(dirname(file), folder, { recursive: true })
      return join(folder, file.slice(dirname(file).length + 1))
    }),
    (copy) => Effect.sync(() => rmSync(dirname(copy), { recursive: true }))
  )

const withoutExternals = (command: string): string =>
  command.replace(/ --(external|deps\.never-bundle)[= ]\S+|--external:\S+ /, "")

/** The recipe that takes the SDK into the bundle. */
const whole = ({ commands, config, name }: Recipe): Recipe => ({
  name,
  commands: { esm: withoutExternals(commands.esm), cjs: withoutExternals(commands.cjs) },
  config:
    config === undefined
      ? undefined
      : { file: config.file, text: config.text.replace(/^ {2}externals: .*$|, external: \[.*?\]/m, "") }
})

const good = /^\{"statusCode":200,"body":"\{\\"total\\":\\"\d+(\.\d+)?\\"\}"\}$/
const notLoaded = /The AWS SDK can't be loaded \(.*Install @aws-sdk\/client-rds-data where the program runs/

describe.skipIf(tools === undefined)("a function, bundled as docs/bundlers.md says", () => {
  layer(Project.layer, { timeout: 120_000 })((it) => {
    it("is documented for six bundlers", () => {
      assert.deepStrictEqual(
        recipes().map(({ name }) => name),
        ["esbuild", "Rollup", "Vite", "webpack", "tsdown", "Bun"]
      )
    })

    const formats: ReadonlyArray<Format> = ["esm", "cjs"]
    for (const recipe of recipes()) {
      for (const format of formats) {
        it.effect(
          `runs with ${recipe.name} in ${format}: without the SDK on a function's keys, with it on a profile`,
          () =>
            Effect.gen(function* () {
              const project = yield* Project
              yield* Effect.promise(async () => {
                const source = await asJavaScript("LambdaHandler.ts")
                return bundle(project.folder, tools ?? "", quick(recipe), format, source)
              }).pipe(
                Effect.tap((file) =>
                  Effect.promise(async () => assert.match(await answerOf(project, file, format, profile), good))
                ),
                Effect.flatMap(alone),
                Effect.tap((copy) =>
                  Effect.promise(async () => {
                    assert.match(await answerOf(project, copy, format, keys), good)
                    if (isLong) assert.match(await answerOf(project, copy, format, profile), notLoaded)
                  })
                )
              )
            }).pipe(Effect.scoped),
          120_000
        )

        // esbuild's ESM is the one of which an error is expected.
        it.effect.skipIf(!isLong && !(recipe.name === "esbuild" && format === "esm"))(
          `runs with ${recipe.name} in ${format} with the SDK in it, or says why it can't`,
          () =>
            Effect.gen(function* () {
              const project = yield* Project
              const copy = yield* Effect.promise(async () => {
                const source = await asJavaScript("LambdaHandler.ts")
                return bundle(project.folder, tools ?? "", whole(recipe), format, source)
              }).pipe(Effect.flatMap(alone))
              const answer = yield* Effect.promise(() => answerOf(project, copy, format, profile))
              const known = recipe.name === "esbuild" && format === "esm"
              assert.match(answer, known ? notLoaded : new RegExp(`${good.source}|${notLoaded.source}`))
            }).pipe(Effect.scoped),
          120_000
        )
      }
    }
  })
})
