/** The output of `alex-db` as a process: through pipes, to full devices, to readers that leave, under signals. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import { commandLine } from "../../CommandLine.ts"

const env = { PATH: process.env.PATH, ALEX_DB_DIR: "db" }

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "alex-streams-"))
  const names = Array.from({ length: 25_000 }, (_, index) => ({ symbol: `S${index}`, name: "x", current_price: 1 }))
  writeFileSync(join(folder, "bad.json"), JSON.stringify(names))
})
afterAll(() => rmSync(folder, { recursive: true }))

const shell = (line: string) =>
  spawnSync(
    "bash",
    ["--norc", "-c", `set -o pipefail; ${line.replaceAll("alex-db", `"${process.execPath}" "${commandLine()}"`)}`],
    {
      cwd: folder,
      encoding: "utf8",
      env,
      maxBuffer: 1e8
    }
  )

describe("output", () => {
  it("of more than a megabyte through a slow pipe is whole, though the exit code is not 0", () => {
    const { status, stderr, stdout } = shell("alex-db seed --file bad.json --json | (sleep 1; cat)")
    assert.strictEqual(status, 1)
    assert.isAbove(stdout.length, 1_000_000)
    assert.isBelow(stderr.length, 3000, "a person is told as much as can be read")
    const { code, ok } = JSON.parse(stdout)
    assert.deepStrictEqual([ok, code], [false, "seed"])
  }, 120_000)

  it.skipIf(!existsSync("/dev/full"))(
    "that can't be written is a failure, and says why",
    () => {
      for (const command of ["--help", "--version", "schema", "migrate status"]) {
        const { status, stderr } = shell(`alex-db ${command} > /dev/full`)
        assert.isAbove(status ?? 0, 0, command)
        assert.match(stderr, /^alex-db: the output could not be written \(ENOSPC/m, command)
        assert.notMatch(stderr, /\n\s+at /)
      }
    },
    120_000
  )

  it("to a reader that has seen enough is no failure", () => {
    const { status, stderr, stdout } = shell("alex-db schema portfolio --json | head -c 10")
    assert.deepStrictEqual([status, stdout.length, stderr], [0, 10, ""])
  }, 120_000)
})

describe("a signal", () => {
  const stoppedBy = (signal: NodeJS.Signals, args: ReadonlyArray<string>) =>
    new Promise<{ code: number | null; signal: string | null; err: string; out: string }>((resolve) => {
      const child = spawn(process.execPath, [commandLine(), ...args], {
        cwd: folder,
        env,
        stdio: ["pipe", "pipe", "pipe"]
      })
      let err = ""
      let out = ""
      let isStopped = false
      const stop = () => {
        if (!isStopped) child.kill(signal)
        isStopped = true
      }
      child.stderr.on("data", (chunk) => {
        err += chunk
        // A server that says nothing makes the command wait.
        if (err.includes("Database: ")) setTimeout(stop, 300)
      })
      child.stdout.on("data", (chunk) => {
        out += chunk
        if (out.includes("AURORA_CLUSTER_ARN")) stop()
      })
      child.on("close", (code, by) => resolve({ code, signal: by, err, out }))
    })

  const numbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const
  for (const [signal, number] of Object.entries(numbers) as ReadonlyArray<[keyof typeof numbers, number]>) {
    it(`${signal} stops a command with ${128 + number}, and says what became of its statements`, async () => {
      const silent = createServer().listen(0, "127.0.0.1")
      await once(silent, "listening")
      const { port } = silent.address() as AddressInfo
      writeFileSync(join(folder, "silent.env"), `DATABASE_URL=postgres://nobody@127.0.0.1:${port}/x\n`)
      const { code, err, out } = await stoppedBy(signal, ["migrate", "--json", "--dotenv", "silent.env"])
      silent.close()
      assert.strictEqual(code, 128 + number, err)
      assert.match(err, new RegExp(`^alex-db: Stopped by ${signal}; open transactions were rolled back`, "m"))
      assert.deepInclude(JSON.parse(out), { ok: false, code: "stopped" })
    }, 120_000)

    it(`${signal} ends a server with 0`, async () => {
      const { code, err } = await stoppedBy(signal, ["serve", "--memory", "--port", "0"])
      assert.deepStrictEqual([code, err], [0, ""])
    }, 120_000)
  }
})
