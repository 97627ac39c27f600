/** Conversations of messages, of which each answer is compared octet by octet with that of a direct connection. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type Answer, RawClient } from "./RawClient.ts"
import { TestGateway } from "./TestGateway.ts"

/** Groups of messages, each of which is answered by one ReadyForQuery at its end. */
export type Conversation = ReadonlyArray<ReadonlyArray<Buffer>>

/** An answer's octets; of an error those fields that the service gives. */
export const said = ({ body, type }: Answer): string => {
  const text = body.toString("latin1")
  if (type !== "E" && type !== "N") return `${type} ${text}`
  const fields = text.split("\0").filter((field) => /^[SVCMP]/.test(field))
  return `${type} ${fields.join(" ")}`
}

/** What the answers to each group come to. */
export const answersTo = async (
  client: RawClient,
  groups: Conversation,
  seen = (answers: ReadonlyArray<Answer>): ReadonlyArray<string> => answers.map(said)
) => {
  const all: Array<string> = []
  for (const group of groups) {
    const { answers } = await client.ask(...group)
    all.push([group[0]?.toString("latin1", 5), ...seen(answers)].join(" | "))
  }
  await client.kill()
  return all
}

/** Both connections begin with the same settings, and everything is answered the same. */
export const asksTheSame = Effect.fnUntraced(function* (
  groups: Conversation,
  settings: Readonly<Record<string, string>> = {}
) {
  const { directUrl, port } = yield* TestGateway
  const direct = new URL(directUrl)
  const database = direct.pathname.slice(1)
  const ask = (to: number, host?: string) =>
    Effect.promise(async () =>
      answersTo(await RawClient.connect(to, database, direct.username, host, settings), groups)
    )
  const expected = yield* ask(Number(direct.port), direct.hostname)
  assert.deepStrictEqual(yield* ask(port), expected)
})
