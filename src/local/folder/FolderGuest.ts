/** Works with a folder through the process that holds it. */
import { type IncomingMessage, request } from "node:http"
import { isAbsolute, join, relative, resolve } from "node:path"
import { Context, Data, Effect, Layer, Option, Redacted, Schema, type Scope } from "effect"
import * as HttpDataApi from "../../data-api/aws/HttpDataApi.ts"
import { DataApi } from "../../data-api/DataApi.ts"
import { defaultTarget } from "../http/Clusters.ts"
import { LocalDataApiError } from "../LocalDataApiError.ts"
import { ending, Handshake, protocol } from "./FolderServer.ts"
import * as Holder from "./Holder.ts"

/** Nobody answers at the socket: its process is starting, ending or dead. */
export class NoHolder extends Data.TaggedError("NoHolder")<{ readonly cause: unknown }> {}

/** A way into a folder. */
export interface Guest {
  readonly api: DataApi["Service"]
  /** The holder wants to end: it answers only what belongs to transactions that are open. */
  readonly isEnding: () => boolean
  /** The holder is gone. */
  readonly hasEnded: () => boolean
}

/** The path of a socket as `lock.json` names it, relative to the working folder where the other one is too long. */
const pathOf = (dataDir: string, name: string): string => {
  if (isAbsolute(name)) return name
  const path = join(resolve(dataDir), name)
  const fromHere = relative(process.cwd(), path)
  return fromHere.length < path.length ? fromHere : path
}

/** The answer that lasts as long as the holder does. */
const knock = (socketPath: string) =>
  Effect.acquireRelease(
    Effect.callback<IncomingMessage, NoHolder>((resume) => {
      const asked = request({ socketPath, path: "/guest", agent: false })
      asked.on("error", (cause) => resume(Effect.fail(new NoHolder({ cause }))))
      asked.on("response", (response) => resume(Effect.succeed(response)))
      asked.end()
      return Effect.sync(() => asked.destroy())
    }),
    (response) => Effect.sync(() => response.destroy())
  )

/** What the holder has said by its answer that lasts. */
class Presence {
  readonly #response: IncomingMessage
  #text = ""
  #hasEnded = false

  constructor(response: IncomingMessage) {
    this.#response = response
    response.setEncoding("utf8").on("data", (chunk: string) => {
      this.#text += chunk
    })
    const ended = () => {
      this.#hasEnded = true
    }
    // A holder that was killed breaks its answer off, which is an error, and is told by the close after it.
    response.on("error", ended).on("close", ended)
  }

  /** The first line. */
  readonly handshake = Effect.callback<string, NoHolder>((resume) => {
    const look = () => {
      const end = this.#text.indexOf("\n")
      if (end >= 0) resume(Effect.succeed(this.#text.slice(0, end)))
      else if (this.#hasEnded) resume(Effect.fail(new NoHolder({ cause: "it ended" })))
    }
    this.#response.on("data", look).on("close", look)
    look()
  })

  readonly isEnding = (): boolean => this.#hasEnded || this.#text.includes(`\n${ending}\n`)
  readonly hasEnded = (): boolean => this.#hasEnded
}

const decode = Schema.decodeOption(Schema.fromJsonString(Handshake))

/** The region is anybody's, and so are the keys: the socket itself lets in none but its user. */
const region = "us-east-1"
const { resourceArn, secretArn } = defaultTarget(region)

const credentials = Effect.succeed({
  accessKeyId: "guest",
  secretAccessKey: Redacted.make("guest"),
  sessionToken: undefined
})

/**
 * Comes in through the holder's socket, until the scope closes.
 *
 * @param socket Its name in `lock.json`.
 */
export const connect = Effect.fnUntraced(function* (options: {
  readonly dataDir: string
  readonly database: string
  readonly holder: Holder.Holder
  readonly socket: string
}): Effect.fn.Return<Guest, NoHolder | LocalDataApiError, Scope.Scope> {
  const { database, dataDir, holder } = options
  const socketPath = pathOf(dataDir, options.socket)
  const response = yield* knock(socketPath)
  const presence = new Presence(response)
  const handshake = decode(yield* presence.handshake)
  if (Option.isNone(handshake) || handshake.value.protocol !== protocol) {
    return yield* new LocalDataApiError({
      message: `The data folder ${dataDir} is in use by ${Holder.nameOf(holder)}, which has another version of this package. Stop that process or use its version.`
    })
  }
  if (handshake.value.database !== database) {
    return yield* new LocalDataApiError({
      message: `The data folder ${dataDir} holds the database ${handshake.value.database}, not ${database}. Choose another folder.`
    })
  }
  const api = yield* Layer.build(
    HttpDataApi.layer({
      clusterArn: resourceArn,
      secretArn: Redacted.make(secretArn),
      database,
      region,
      credentials,
      endpoint: `http://localhost/${handshake.value.guest}`,
      // The holder answers when it can, and within its own limits; that it is gone, its first answer tells.
      transport: { socketPath, requestTimeout: 24 * 60 * 60_000 }
    })
  )
  const { hasEnded, isEnding } = presence
  return { api: Context.get(api, DataApi), hasEnded, isEnding }
})
