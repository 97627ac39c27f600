/** A server that closes does not wait for connections on which nothing is under way. */
import { connect, type Socket } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { HttpServer } from "../../../src/local/http/HttpServer.ts"
import { authorization, target } from "./RawClient.ts"
import { layerScripted } from "./ScriptedDataApi.ts"

const body = JSON.stringify({ ...target, sql: "select 1" })
const head = [
  "POST /Execute HTTP/1.1",
  "host: 127.0.0.1",
  `authorization: ${authorization()}`,
  "x-amz-date: 20261122T101500Z",
  "content-type: application/json"
].join("\r\n")
const whole = `${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
const inChunks = `${head}\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

/** What a client has sent that then does nothing, and whether it is answered. */
const states: Readonly<Record<string, readonly [octets: string, answered: boolean]>> = {
  "has sent nothing": ["", false],
  "has its answer": [whole, true],
  "has its answer to a request that node:http read": [inChunks, true],
  "has sent part of a request": [whole.slice(0, -10), false]
}

for (const [name, [octets, answered]] of Object.entries(states))
  it.live(
    `closing does not wait for a client that ${name}, and does not end its own half`,
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { port } = yield* HttpServer.make({ port: 0, grace: "1 hour" }).pipe(
          Effect.provide(layerScripted()),
          Scope.provide(scope)
        )
        const socket = yield* Effect.callback<Socket>((resume) => {
          // As the pools of many clients, which see that a connection was ended when they use it again.
          const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () => {
            if (octets === "") resume(Effect.succeed(client))
            else client.write(octets, () => answered || setTimeout(() => resume(Effect.succeed(client)), 100))
          })
          client.on("error", () => {})
          client.on("data", () => resume(Effect.succeed(client)))
        })
        yield* Scope.close(scope, Exit.void)
        assert.isFalse(socket.writableEnded)
        socket.destroy()
      }),
    20_000
  )
