/** Sees all that a program lets out: logs, spans, what it prints, and its failures in every rendering. */
import { inspect } from "node:util"
import { Cause, Effect, Exit, Layer, Logger, References, Tracer } from "effect"

/** Every secret and every confidential value of the tests has this in it. */
export const mark = "mkSECRET"
export const marked = (what: string): string => `${mark}-${what}-7391`

const json = (value: unknown): string => {
  const seen = new Set<unknown>()
  return String(
    JSON.stringify(value, (_, member: unknown) => {
      if (typeof member === "bigint") return String(member)
      if (typeof member !== "object" || member === null) return member
      if (seen.has(member)) return "[again]"
      seen.add(member)
      return member
    })
  )
}

const renderings = (value: unknown): ReadonlyArray<string> => [
  String(value),
  json(value),
  inspect(value, { depth: 8, maxArrayLength: null, maxStringLength: null }),
  value instanceof Error ? `${value.stack} ${value.message} ${inspect(value, { showHidden: true })}` : ""
]

/** What was seen, with where it was seen. */
export class Witness {
  readonly seen: Array<readonly [where: string, text: string]> = []

  note(where: string, value: unknown): void {
    for (const text of typeof value === "string" ? [value] : renderings(value)) this.seen.push([where, text])
  }

  noteExit(where: string, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isSuccess(exit)) return
    this.note(where, Cause.pretty(exit.cause))
    this.note(where, exit.cause.reasons.map((reason) => reason.toString()).join())
    this.note(where, Cause.squash(exit.cause))
  }

  /** Logs at every level, and spans with their attributes, events and ends, go to the witness. */
  readonly layer = Layer.mergeAll(
    Logger.layer([
      Logger.make((options) => {
        this.note("log", options.message)
        this.note("log", Cause.pretty(options.cause))
        this.note("log annotations", Object.entries(options.fiber.getRef(References.CurrentLogAnnotations)))
      })
    ]),
    Layer.succeed(References.MinimumLogLevel, "All"),
    Layer.succeed(
      Tracer.Tracer,
      Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const end = span.end.bind(span)
          span.end = (endTime, exit) => {
            this.note("span", span.name)
            this.note("span attributes", json([...span.attributes]))
            this.note("span events", json(span.events))
            if (Exit.isFailure(exit)) this.note("span end", Cause.pretty(exit.cause))
            end(endTime, exit)
          }
          return span
        }
      })
    )
  )

  /** Everything in which the mark was seen. */
  hits(): ReadonlyArray<string> {
    return [
      ...new Set(
        this.seen.flatMap(([where, text]) => {
          const at = text.indexOf(mark)
          return at === -1 ? [] : [`${where}: ${text.slice(Math.max(0, at - 150), at + 60)}`]
        })
      )
    ]
  }
}

/** Runs an effect under a witness, who sees how it fails as well. */
export const witnessed = Effect.fnUntraced(function* <A, E, R>(
  witness: Witness,
  where: string,
  effect: Effect.Effect<A, E, R>
) {
  const exit = yield* Effect.exit(Effect.provide(effect, witness.layer))
  witness.noteExit(where, exit)
  return exit
})
