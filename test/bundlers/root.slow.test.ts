/** The package's root in a bundle: the embedded database in it starts, or says in an error what the bundle lacks. */
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { build } from "esbuild"
import { type Format, project, run } from "./Project.ts"

class Folder extends Context.Service<Folder, string>()("test/Folder") {
  static readonly layer = Layer.effect(Folder, project)
}

const program = `
  import { Effect } from "effect"
  import * as alex from "alex-database"
  const place = process.argv[2]
  const rows = Effect.flatMap(alex.Users, (users) => users.list()).pipe(
    Effect.provide(alex.DbLayer.layerEmbedded({ directory: place })),
    Effect.matchCause({ onSuccess: () => "opened", onFailure: (cause) => String(cause) })
  )
  Effect.runPromise(rows).then((said) => console.log("SAID " + said))
`

/** Bundles the program, runs it, and gives what it said. */
const said = (folder: string, format: Format, external: ReadonlyArray<string>, place: string) =>
  Effect.promise(async () => {
    const outfile = join(folder, `${external.length}-${place}`, `program.${format === "esm" ? "mjs" : "cjs"}`)
    await build({
      stdin: { contents: program, resolveDir: folder, loader: "js" },
      outfile,
      bundle: true,
      platform: "node",
      format,
      external: [...external],
      logLevel: "error",
      logOverride: { "empty-import-meta": "silent" }
    })
    const stdout = await run(folder, process.execPath, [outfile, join(folder, place)])
    return /^SAID (.*)$/m.exec(stdout)?.[1] ?? stdout
  })

layer(Folder.layer, { timeout: 120_000 })("a bundle of the package's root", (it) => {
  const formats: ReadonlyArray<Format> = ["esm", "cjs"]
  for (const format of formats) {
    it.effect(
      `fails in ${format} with a LocalDataApiError that names PGlite's files, where it has its code only`,
      () =>
        Effect.gen(function* () {
          const answer = yield* said(yield* Folder, format, ["@aws-sdk/*"], `inside-${format}`)
          assert.match(
            answer,
            /LocalDataApiError: The embedded database can't be started: PGlite's files .* not beside/
          )
          assert.include(answer, "--external:@electric-sql/pglite")
        }),
      120_000
    )

    it.effect(
      `opens a database in ${format} where PGlite is left out of it`,
      () =>
        Effect.gen(function* () {
          const out = ["@aws-sdk/*", "@electric-sql/pglite", "@electric-sql/pglite/*"]
          const answer = yield* said(yield* Folder, format, out, `outside-${format}`)
          // A new database without tables, since nothing has migrated it.
          assert.match(answer, /relation "users" does not exist/)
        }),
      120_000
    )
  }
})
