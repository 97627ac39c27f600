/** A server of TLS with a certificate of its own for `localhost`, and what it has seen. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { isPresent } from "../../clients/program.ts"
import { listening } from "../../listening.ts"

/** Whether a certificate can be made on this machine. */
export const hasOpenssl = isPresent("openssl", "openssl", ["version"])

/** More than one read of a socket takes. */
const answer = "answer ".repeat(40_000)

/** Answers every request, and closes its connection. */
export const tlsServer = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-tls-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const [caKey, ca] = [join(folder, "ca-key.pem"), join(folder, "ca.pem")]
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
  const made = (...args: ReadonlyArray<string>) =>
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...args], {
      stdio: "ignore"
    })
  // Deno takes no authority's certificate for a server's own.
  made("-subj", "/CN=authority", "-keyout", caKey, "-out", ca)
  const leaf = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
  made("-CA", ca, "-CAkey", caKey, "-subj", "/CN=localhost", ...leaf, "-keyout", key, "-out", cert)
  const seen = { resumed: 0, names: new Set<string>() }
  const SNICallback = (name: string, done: (error: null) => void) => {
    seen.names.add(name)
    done(null)
  }
  const port = yield* listening(() => {
    const started = createServer(
      { key: readFileSync(key), cert: readFileSync(cert), maxVersion: "TLSv1.2", SNICallback },
      (request, response) => {
        request.resume()
        request.on("end", () => response.setHeader("connection", "close").end(answer))
      }
    )
    started.on("secureConnection", (socket) => {
      if (socket.isSessionReused()) seen.resumed++
    })
    return started
  })
  return { seen, args: [String(port), String(answer.length)], trust: { NODE_EXTRA_CA_CERTS: ca, DENO_CERT: ca } }
})
