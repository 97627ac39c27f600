import { assert, it } from "@effect/vitest"
import { Console, Effect } from "effect"
import { logWriter } from "../../../src/cli/serving/logWriter.ts"

/** A console that notes what is written to stderr. */
const noting = (written: Array<string>): Console.Console => ({
  ...globalThis.console,
  error: (...args: ReadonlyArray<unknown>) => void written.push(args.map(String).join(" "))
})

it.live("many lines of a log are one write", () => {
  const written: Array<string> = []
  return Effect.gen(function* () {
    const write = yield* logWriter
    for (const line of ["a", "b", "c"]) write(line)
    assert.deepStrictEqual(written, [])
    while (written.length === 0) yield* Effect.sleep("5 millis")
    write("d")
    while (written.length === 1) yield* Effect.sleep("5 millis")
    assert.deepStrictEqual(written, ["a\nb\nc", "d"])
  }).pipe(Effect.scoped, Effect.provideService(Console.Console, noting(written)))
})

it.live("no line of a log is lost at the end", () => {
  const written: Array<string> = []
  return Effect.gen(function* () {
    yield* Effect.scoped(Effect.map(logWriter, (write) => write("last")))
    assert.deepStrictEqual(written, ["last"])
    yield* Effect.sleep("50 millis")
    assert.deepStrictEqual(written, ["last"])
  }).pipe(Effect.provideService(Console.Console, noting(written)))
})
