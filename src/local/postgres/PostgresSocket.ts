/** Opens sockets to PostgreSQL servers, with or without TLS. */
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import { Effect, type Redacted } from "effect"
import { SessionLost } from "../engine/Session.ts"

/** Where a server is, and who connects. */
export interface PostgresAddress {
  /** A host name, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: Redacted.Redacted | undefined
  /** `verified` checks the server's certificate. */
  readonly tls: "off" | "preferred" | "required" | "verified"
}

/** An open socket and its reader. */
export interface PostgresSocket {
  readonly stream: Net.Socket
  /** Called with bytes as they arrive. Their buffer is reused for the next ones. */
  receive: (bytes: Uint8Array) => void
}

/** The size in bytes of Node's own reads from a socket. */
const bufferSize = 65_536

const lost = (address: PostgresAddress, reason: string): SessionLost =>
  new SessionLost({ message: `PostgreSQL at ${address.host}:${address.port}: ${reason}` })

const ignore = () => {}

/** Connects, and reads into one buffer: allocating a buffer for each read costs more than the read. */
const connect = (address: PostgresAddress): PostgresSocket => {
  const onread = {
    buffer: Buffer.allocUnsafe(bufferSize),
    callback: (size: number, buffer: Uint8Array) => {
      socket.receive(buffer.subarray(0, size))
      return true
    }
  }
  const stream = address.host.startsWith("/")
    ? Net.connect({ path: `${address.host}/.s.PGSQL.${address.port}`, onread })
    : Net.connect({ host: address.host, port: address.port, onread })
  const socket: PostgresSocket = { stream, receive: ignore }
  return socket
}

const openPlain = (address: PostgresAddress): Effect.Effect<PostgresSocket, SessionLost> =>
  Effect.callback((resume) => {
    const socket = connect(address)
    const { stream } = socket
    const refused = (error: Error) => resume(Effect.fail(lost(address, error.message)))
    stream.once("error", refused)
    stream.once("connect", () => {
      stream.off("error", refused)
      stream.setNoDelay(true)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => stream.destroy())
  })

const tlsGranted = 0x53

/** Requests TLS. The server accepts or refuses it with its first byte. */
const secure = (plain: PostgresSocket, address: PostgresAddress): Effect.Effect<PostgresSocket, SessionLost> =>
  Effect.callback((resume) => {
    const { stream } = plain
    const refused = (reason: string) => {
      stream.destroy()
      resume(Effect.fail(lost(address, reason)))
    }
    const onError = (error: Error) => refused(error.message)
    const onClose = () => refused("the connection was closed during the TLS request")
    stream.once("error", onError)
    stream.once("close", onClose)
    plain.receive = (bytes) => {
      plain.receive = ignore
      stream.off("close", onClose)
      if (bytes[0] === tlsGranted) return encrypt()
      stream.off("error", onError)
      if (address.tls === "preferred") resume(Effect.succeed(plain))
      else refused("the server does not speak TLS")
    }
    const encrypt = (): void => {
      const encrypted = Tls.connect({
        socket: stream,
        servername: Net.isIP(address.host) === 0 ? address.host : "",
        rejectUnauthorized: address.tls === "verified"
      })
      const socket: PostgresSocket = { stream: encrypted, receive: ignore }
      encrypted.on("data", (bytes: Uint8Array) => socket.receive(bytes))
      encrypted.once("error", onError)
      encrypted.once("secureConnect", () => {
        stream.off("error", onError)
        encrypted.off("error", onError)
        resume(Effect.succeed(socket))
      })
    }
    stream.write(PgProtocol.encodeSslRequest())
    return Effect.sync(() => stream.destroy())
  })

/** Opens a socket to a server, with TLS as `tls` of the address requires. */
export const open = (address: PostgresAddress): Effect.Effect<PostgresSocket, SessionLost> =>
  address.tls === "off" || address.host.startsWith("/")
    ? openPlain(address)
    : Effect.flatMap(openPlain(address), (plain) => secure(plain, address))
