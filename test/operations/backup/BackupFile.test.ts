/** A backup goes where its name leads: into a file that is complete or not there, a pipe, a device, what a link names. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { save } from "../../../src/operations/backup/BackupFile.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "alex-backup-file-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const blocks = Stream.make("one\n", "two\n")

it.live("what can't be a file is refused before anything is read for it", () =>
  Effect.gen(function* () {
    const path = yield* folder
    mkdirSync(join(path, "there"))
    const read = Stream.die("rows were read")
    for (const [name, said] of [
      ["there", "that is a folder"],
      ["there/", "that is a folder"],
      ["new/", "that is a folder"],
      ["absent/file", "ENOENT"]
    ] as const) {
      const { message } = yield* Effect.flip(save(join(path, name), read))
      assert.include(message, said, name)
    }
    assert.include((yield* Effect.flip(save("", read))).message, "the name is empty")
    assert.deepStrictEqual(readdirSync(path), ["there"])
  })
)

it.live("a link stays one, and what it names is written", () =>
  Effect.gen(function* () {
    const path = yield* folder
    writeFileSync(join(path, "old"), "the one before")
    for (const target of ["old", "new"]) {
      const link = join(path, `to-${target}`)
      symlinkSync(target, link)
      yield* save(link, blocks)
      assert.isTrue(lstatSync(link).isSymbolicLink())
      assert.strictEqual(readFileSync(join(path, target), "utf8"), "one\ntwo\n")
    }
    assert.sameMembers(readdirSync(path), ["old", "new", "to-old", "to-new"])
  })
)

it.live.skipIf(process.platform === "win32")("a pipe and a device are written to, and stay what they are", () =>
  Effect.gen(function* () {
    const path = yield* folder
    const pipe = join(path, "pipe")
    const reader = spawn("sh", ["-c", 'mkfifo "$0" && echo made && cat "$0"', pipe])
    yield* Effect.promise(() => once(reader.stdout, "data"))
    const heard = text(reader.stdout)
    yield* save(pipe, blocks)
    assert.strictEqual(yield* Effect.promise(() => heard), "one\ntwo\n")
    assert.isTrue(statSync(pipe).isFIFO())
    symlinkSync("/dev/null", join(path, "null"))
    yield* save(join(path, "null"), blocks)
    assert.isTrue(statSync(join(path, "null")).isCharacterDevice())
    assert.sameMembers(readdirSync(path), ["pipe", "null"])
  })
)

it.live.skipIf(!existsSync("/dev/full"))("where there is no room the failure says so, compressed or not", () =>
  Effect.gen(function* () {
    const path = yield* folder
    for (const name of ["full", "full.gz"]) {
      symlinkSync("/dev/full", join(path, name))
      const long = Stream.fromIterable(Array.from({ length: 200 }, () => crypto.randomUUID().repeat(200)))
      assert.include((yield* Effect.flip(save(join(path, name), long))).message, "no space left", name)
    }
  })
)

it.live.skipIf(process.platform === "win32")(
  "stdout that can't be written, or is read no more, is a failure and no wait",
  () =>
    Effect.gen(function* () {
      const module = new URL("../../../src/operations/backup/BackupFile.ts", import.meta.url).href
      const effect = import.meta.resolve("effect")
      const script = `
      import { Effect, Stream } from ${JSON.stringify(effect)}
      import { save } from ${JSON.stringify(module)}
      const blocks = Stream.fromIterable(Array.from({ length: 100 }, () => "x".repeat(50000) + "\\n"))
      process.stderr.write(await Effect.runPromise(Effect.match(save("-", blocks), {
        onFailure: ({ message }) => message, onSuccess: () => "whole"
      })))`
      const said = (to: string) => {
        const child = spawn("sh", ["-c", `"$0" --input-type=module -e "$1" ${to}`, process.execPath, script])
        return Effect.promise(() => text(child.stderr))
      }
      assert.strictEqual(yield* said("> /dev/null"), "whole")
      assert.strictEqual(yield* said("| cat > /dev/null"), "whole")
      assert.match(yield* said("| head -c 10 > /dev/null"), /^stdout can't be written: .*EPIPE/)
      if (existsSync("/dev/full")) assert.match(yield* said("> /dev/full"), /^stdout can't be written: .*ENOSPC/)
    })
)

it.live("of two that write one file at once the first is told, and the second's is complete", () =>
  Effect.gen(function* () {
    const path = yield* folder
    const file = join(path, "one")
    const begun = yield* Deferred.make<void>()
    const ended = yield* Deferred.make<void>()
    const slow = Stream.make("first\n").pipe(
      Stream.concat(
        Stream.fromEffect(Effect.as(Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(ended)), "\n"))
      )
    )
    const first = yield* Effect.forkChild(Effect.flip(save(file, slow)))
    yield* Deferred.await(begun)
    const second = yield* Effect.forkChild(
      save(
        file,
        Stream.concat(
          Stream.make("one\n"),
          Stream.fromEffect(Effect.as(Effect.andThen(Deferred.succeed(ended, undefined), Fiber.join(first)), "two\n"))
        )
      )
    )
    yield* Fiber.join(second)
    assert.include((yield* Fiber.join(first)).message, "another backup")
    assert.strictEqual(readFileSync(file, "utf8"), "one\ntwo\n")
    assert.deepStrictEqual(readdirSync(path), ["one"])
  })
)

it.live("what an earlier run left is not written into, nor what a link of that name leads to", () =>
  Effect.gen(function* () {
    const path = yield* folder
    writeFileSync(join(path, "precious"), "kept")
    symlinkSync("precious", join(path, "one.partial"))
    yield* save(join(path, "one"), blocks)
    assert.strictEqual(readFileSync(join(path, "precious"), "utf8"), "kept")
    assert.strictEqual(readFileSync(join(path, "one"), "utf8"), "one\ntwo\n")
    assert.strictEqual(statSync(join(path, "one")).mode & 0o777, 0o600)
  })
)
