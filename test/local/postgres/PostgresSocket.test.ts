/** What comes of a request for TLS, on servers that only know the beginning of a conversation. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { TLSSocket } from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as PostgresSocket from "../../../src/local/postgres/PostgresSocket.ts"
import { isPresent } from "../../clients/program.ts"

type Tls = PostgresSocket.PostgresAddress["tls"]

/** The request for TLS, as PostgreSQL documents it. */
const request = "0000000804d2162f"

/** The port of a server that answers the first message of a client in its way. */
const serverOf = (answer: (socket: Socket, first: string) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly stop: () => void }>((resume) => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => undefined)
        socket.once("data", (first) => answer(socket, first.toString("hex")))
      })
      const stop = () => {
        for (const socket of sockets) socket.destroy()
        server.close()
      }
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        if (address !== null && typeof address === "object") resume(Effect.succeed({ port: address.port, stop }))
      })
    }),
    ({ stop }) => Effect.sync(stop)
  )

/** What opening says; of an open socket, whether it is encrypted, and what it receives. */
const opened = (tls: Tls, answer: (socket: Socket, first: string) => void) =>
  Effect.gen(function* () {
    const { port } = yield* serverOf(answer)
    const address = { host: "127.0.0.1", port, user: "ann", password: undefined, tls }
    return yield* PostgresSocket.open(address).pipe(
      Effect.flatMap((socket) =>
        Effect.callback<string>((resume) => {
          socket.receive = (bytes) => {
            socket.stream.destroy()
            const way = socket.stream instanceof TLSSocket ? "encrypted" : "plain"
            resume(Effect.succeed(`${way}: ${Buffer.from(bytes)}`))
          }
          socket.stream.write("hello")
        })
      ),
      Effect.catch(({ message }) => Effect.succeed(message.replace(String(port), "PORT")))
    )
  }).pipe(Effect.scoped)

const echo = (socket: Socket) => socket.once("data", (bytes) => socket.write(bytes))

const refusing = (socket: Socket, first: string) => {
  if (first === request) socket.write("N")
  echo(socket)
}

describe("a PostgreSQL server that refuses TLS", () => {
  it.live("is spoken to without where TLS is preferred, and refused where it is required", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* opened("preferred", refusing), "plain: hello")
      for (const tls of ["required", "verified"] as const) {
        const said = yield* opened(tls, refusing)
        assert.strictEqual(said, "PostgreSQL at 127.0.0.1:PORT: the server does not speak TLS")
      }
    })
  )

  it.live("is not asked where TLS is off", () =>
    Effect.gen(function* () {
      const first = (socket: Socket, bytes: string) => void socket.write(bytes === request ? "asked" : "not asked")
      assert.strictEqual(yield* opened("off", first), "plain: not asked")
    })
  )
})

describe("a PostgreSQL server that grants TLS and breaks it", () => {
  it.live("is said to have closed the connection, or why the handshake failed", () =>
    Effect.gen(function* () {
      const closed = yield* opened("preferred", (socket) => void socket.end())
      assert.strictEqual(closed, "PostgreSQL at 127.0.0.1:PORT: the connection was closed during the TLS request")
      const broken = yield* opened("preferred", (socket) => {
        socket.write("S")
        socket.once("data", () => socket.write("no handshake at all"))
      })
      assert.match(broken, /^PostgreSQL at 127\.0\.0\.1:PORT: .*(?:SSL|TLS)/i)
      const left = yield* opened("required", (socket) => {
        socket.write("S")
        socket.once("data", () => socket.end())
      })
      assert.match(left, /^PostgreSQL at 127\.0\.0\.1:PORT: .*(?:disconnected|closed|hang up)/)
    })
  )
})

describe.skipIf(!isPresent("openssl", "openssl", ["version"]))(
  "a PostgreSQL server with a certificate of its own",
  () => {
    it.live("is spoken to encrypted, except where the certificate has to be verified", () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-tls-"))),
          (path) => Effect.sync(() => rmSync(path, { recursive: true }))
        )
        const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
        const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        execFileSync("openssl", [...made, "-keyout", key, "-out", cert], { stdio: "ignore" })
        const certified = { key: readFileSync(key), cert: readFileSync(cert), isServer: true }
        const granting = (socket: Socket) => {
          socket.write("S")
          const encrypted = new TLSSocket(socket, certified)
          encrypted.on("error", () => undefined)
          encrypted.once("data", (bytes) => encrypted.write(bytes))
        }
        for (const tls of ["preferred", "required"] as const) {
          assert.strictEqual(yield* opened(tls, granting), "encrypted: hello")
        }
        assert.match(
          yield* opened("verified", granting),
          /^PostgreSQL at 127\.0\.0\.1:PORT: self[- ]signed certificate/
        )
      })
    )
  }
)
