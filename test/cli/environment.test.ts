/** Where a command's variables come from: files in any of the usual encodings, and names that no file may set. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { setTimeout } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { afterAll, beforeAll } from "vitest"
import { anonymizeKey } from "../../src/cli/commands/keeping/asking.ts"
import { loadEnvironment } from "../../src/cli/environment.ts"
import { commandLine } from "../CommandLine.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "alex-dotenv-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a command in a folder of its own with this file in it; the environment holds nothing but what Node needs. */
const alexDb = (file: { readonly name: string; readonly text: string | Buffer }, ...args: ReadonlyArray<string>) => {
  const cwd = mkdtempSync(join(folder, "work-"))
  writeFileSync(join(cwd, file.name), file.text)
  const { status, stderr, stdout } = spawnSync(process.execPath, [commandLine(), ...args], {
    cwd,
    encoding: "utf8",
    env: { PATH: process.env.PATH }
  })
  return { status, stderr, stdout, cwd }
}

const deaf = "DATABASE_URL=postgres://nobody@127.0.0.1:1/from_the_file\n"
const swapped = (text: string) => Buffer.from(`\ufeff${text}`, "utf16le").swap16()

describe("a file of variables", () => {
  const encodings: Readonly<Record<string, string | Buffer>> = {
    "UTF-8": deaf,
    "UTF-8 with a byte-order mark": `\ufeff${deaf}`,
    "UTF-16, little end first": Buffer.from(`\ufeff${deaf}`, "utf16le"),
    "UTF-16, big end first": swapped(deaf),
    "lines that end in CRLF": deaf.replace("\n", "\r\n")
  }
  for (const [encoding, text] of Object.entries(encodings)) {
    it(`is read in ${encoding}, as .env and by --dotenv, and its path is said`, () => {
      for (const [name, flags] of [
        [".env", []],
        ["other", ["--dotenv", "other"]]
      ] as const) {
        const { cwd, status, stderr, stdout } = alexDb({ name, text }, "check", ...flags)
        assert.include(stderr, `Variables: 1 read from ${join(cwd, name)}`)
        assert.include(stderr, `Database: postgres, "from_the_file" at 127.0.0.1:1`)
        assert.include(stdout, "can't be reached")
        assert.strictEqual(status, 3)
      }
    })
  }

  it.skipIf(process.platform === "win32")(
    "that can't be looked for is said to be, since it may name the database",
    () => {
      const cwd = mkdtempSync(join(folder, "closed-"))
      // Root is let into every folder, and so takes another user's place.
      const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
      const closing = ["-c", 'chmod 0 . 2>/dev/null; exec "$@"', "sh", process.execPath, commandLine(), "check"]
      const { status, stderr } = spawnSync("sh", closing, {
        cwd,
        ...nobody,
        encoding: "utf8",
        env: { PATH: process.env.PATH }
      })
      chmodSync(cwd, 0o700)
      assert.match(stderr, /^alex-db: The working folder can't be searched for a file \.env\. Change to a folder/)
      assert.strictEqual(status, 1)
    }
  )

  describe.skipIf(process.platform === "win32")("that is a pipe", () => {
    const started = () => {
      const cwd = mkdtempSync(join(folder, "pipe-"))
      assert.strictEqual(spawnSync("mkfifo", [join(cwd, ".env")]).status, 0)
      const child = spawn(process.execPath, [commandLine(), "check"], { cwd, env: { PATH: process.env.PATH } })
      return { child, ended: once(child, "close"), errors: text(child.stderr), pipe: join(cwd, ".env") }
    }

    it("is read to its end, though its writer comes late", async () => {
      const { ended, errors, pipe } = started()
      const writer = spawn(
        "sh",
        [
          "-c",
          `sleep 1; printf 'DATABASE_URL=postgres://nobody@127.0.0.1:1/' > .env.part; (cat .env.part; sleep 1; echo from_the_file) > ${pipe}`
        ],
        { cwd: folder }
      )
      await once(writer, "close")
      await ended
      assert.include(await errors, `Database: postgres, "from_the_file" at 127.0.0.1:1`)
    }, 120_000)

    it("and has no writer does not keep a signal from ending the command", async () => {
      const { child, ended } = started()
      await setTimeout(3000)
      child.kill("SIGTERM")
      await ended
    }, 120_000)
  })

  const refused: Readonly<Record<string, Buffer>> = {
    "Latin-1": Buffer.from(`# größe\n${deaf}`, "latin1"),
    "UTF-16 without a byte-order mark": Buffer.from(deaf, "utf16le"),
    "a binary": Buffer.from([0, 1, 2, 0xff, 0xfe, 10])
  }
  for (const [what, text] of Object.entries(refused)) {
    it(`is refused by name where it is ${what}, and no other database is used instead`, () => {
      const { cwd, status, stderr, stdout } = alexDb({ name: ".env", text }, "check")
      assert.strictEqual(status, 1)
      assert.strictEqual(stdout, "")
      assert.include(stderr, `${join(cwd, ".env")} is neither UTF-8 nor UTF-16 with a byte-order mark`)
      assert.include(stderr, "Save it as UTF-8")
    })
  }

  const sets: Readonly<Record<string, string>> = {
    "DATABASE_URL: postgres://127.0.0.1/alex\n": "DATABASE_URL",
    "# YAML\nOTHER=1\n  AURORA_CLUSTER_ARN : arn:aws:rds\n": "AURORA_CLUSTER_ARN"
  }
  for (const [text, name] of Object.entries(sets)) {
    it(`is refused where a colon follows ${name}, and no other database is used instead`, () => {
      const { status, stderr, stdout } = alexDb({ name: ".env", text }, "check")
      assert.deepStrictEqual([status, stdout], [1, ""])
      assert.include(stderr, `has "${name}:", which sets nothing. Write ${name}=`)
    })
  }

  const ofOtherShells: Readonly<Record<string, string>> = {
    'DATABASE_URL": "postgres://127.0.0.1/alex",': 'DATABASE_URL":',
    "set DATABASE_URL=postgres://127.0.0.1/alex": "set DATABASE_URL",
    '$env:DATABASE_URL = "postgres://127.0.0.1/alex"': "$env:DATABASE_URL",
    "set -gx DATABASE_URL 'postgres://127.0.0.1/alex?a=b'": "set -gx DATABASE_URL",
    "setenv DATABASE_URL postgres://127.0.0.1/alex": "setenv DATABASE_URL",
    'declare -x DATABASE_URL="postgres://127.0.0.1/alex"': "declare -x DATABASE_URL",
    "DATABASE_URL postgres://127.0.0.1/alex": "DATABASE_URL"
  }
  it.effect("is refused where a line sets one of its variables as another shell does, or as JSON", () =>
    Effect.gen(function* () {
      for (const [line, written] of Object.entries(ofOtherShells)) {
        const refused = yield* Effect.flip(loadEnvironment(variablesFile(`A=1\n${line}\nB=2\n`)))
        assert.include(refused.problem, written, line)
        assert.include(refused.problem, "which sets nothing")
        assert.strictEqual(refused.fix, "Write DATABASE_URL= and the value after it")
        yield* loadEnvironment(variablesFile(`# ${line}\nALEX_TEST_NOTE='\n${line}\n'\nOTHER_DATABASE_URL=1\n`))
      }
    })
  )

  const variablesFile = (text: string) => {
    const file = join(mkdtempSync(join(folder, "work-")), "variables")
    writeFileSync(file, text)
    return Option.some(file)
  }

  it.effect("is read where such a line is part of a quoted value, in any of the quotes", () =>
    Effect.gen(function* () {
      yield* Effect.addFinalizer(() => Effect.sync(() => delete process.env["ALEX_TEST_NOTE"]))
      for (const quote of ['"', "'", "`"]) {
        const note = `as in YAML ${quote === "'" ? '"' : "'"}\nAURORA_SECRET_ARN: x\n  DATABASE_URL : y\n`
        delete process.env["ALEX_TEST_NOTE"]
        yield* loadEnvironment(variablesFile(`ALEX_TEST_NOTE=${quote}${note}${quote} # a comment\nA=\n`))
        assert.strictEqual(process.env["ALEX_TEST_NOTE"], note)
      }
    })
  )

  it.effect("is refused where such a line follows an open quote, a comment or the middle of a value", () =>
    Effect.gen(function* () {
      for (const before of ['NOTE="', "# NOTE='", 'NOTE=a " b', 'NOTE="a" "', 'AURORA_X="a\nb"', "NOTE"]) {
        const refused = yield* Effect.flip(loadEnvironment(variablesFile(`${before}\nAURORA_SECRET_ARN : x\nNOTE=`)))
        assert.include(refused.problem, 'has "AURORA_SECRET_ARN:", which sets nothing', before)
      }
    })
  )

  it("that is a link to nothing is refused, and no other database is used instead", () => {
    const cwd = mkdtempSync(join(folder, "link-"))
    symlinkSync("nowhere", join(cwd, ".env"))
    const { status, stderr, stdout } = spawnSync(process.execPath, [commandLine(), "check"], {
      cwd,
      encoding: "utf8",
      env: { PATH: process.env.PATH }
    })
    assert.deepStrictEqual([status, stdout], [1, ""])
    assert.match(stderr, /\.env can't be read/)
  })

  it("that does not exist is said in our words, with what to do", () => {
    const { cwd, status, stderr } = alexDb({ name: "x", text: "" }, "check", "--dotenv", "missing.env")
    assert.strictEqual(status, 2)
    assert.match(stderr, /^alex-db: There is no file .*missing\.env\. Give --dotenv the path of a file/)
    assert.include(stderr, join(cwd, "missing.env"))
    assert.notInclude(stderr, "node:")
  })

  it("that is a folder is an error by --dotenv, and not looked at as .env", () => {
    const { cwd } = alexDb({ name: "x", text: "" }, "version")
    mkdirSync(join(cwd, ".env"))
    const run = (...args: ReadonlyArray<string>) =>
      spawnSync(process.execPath, [commandLine(), "check", ...args], {
        cwd,
        encoding: "utf8",
        env: { PATH: process.env.PATH, DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" }
      })
    assert.strictEqual(run().status, 3)
    const named = run("--dotenv", ".env")
    assert.strictEqual(named.status, 1)
    assert.include(named.stderr, "can't be read")
  })

  it("has names that are looked through for misspelt ones, as the environment's are", () => {
    const said = alexDb({ name: ".env", text: "AURORA_SECRET_ARM=x\nAURORA_CLUSTER_ARN=arn:x\n" }, "check").stderr
    assert.include(said, "AURORA_SECRET_ARM is set: did you mean AURORA_SECRET_ARN?")
    const { stderr } = alexDb(
      { name: ".env", text: `DATABSE_URL=x\nALEX_DB_DIR=${join(folder, "misspelt")}\n` },
      "check"
    )
    assert.include(stderr, "DATABSE_URL is set: did you mean DATABASE_URL?")
  })

  it("gives way to the environment, and fills what the environment leaves empty", () => {
    const cwd = mkdtempSync(join(folder, "work-"))
    writeFileSync(join(cwd, ".env"), deaf)
    const url = (value: string) =>
      spawnSync(process.execPath, [commandLine(), "check"], {
        cwd,
        encoding: "utf8",
        env: { PATH: process.env.PATH, DATABASE_URL: value }
      }).stderr
    assert.include(url("postgres://nobody@127.0.0.1:1/from_outside"), `"from_outside"`)
    assert.include(url(""), `"from_the_file"`)
  })
})

it.effect(
  "the AWS SDK finds a file's variables in the process's environment, and those that stood there unchanged",
  () =>
    Effect.gen(function* () {
      const file = join(mkdtempSync(join(folder, "work-")), "variables")
      const names = { set: "ALEX_TEST_SET", empty: "ALEX_TEST_EMPTY", absent: "ALEX_TEST_ABSENT" }
      writeFileSync(
        file,
        Object.values(names)
          .map((name) => `${name}=file\n`)
          .join("")
      )
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          for (const name of Object.values(names)) delete process.env[name]
        })
      )
      process.env[names.set] = "outside"
      process.env[names.empty] = ""
      yield* loadEnvironment(Option.some(file))
      assert.strictEqual(process.env[names.set], "outside")
      assert.strictEqual(process.env[names.empty], "file")
      assert.strictEqual(process.env[names.absent], "file")
    })
)

it.effect("the key of the pseudonyms may be in a file of variables", () =>
  Effect.gen(function* () {
    const variable = "ALEX_DB_ANONYMIZE_KEY"
    yield* Effect.addFinalizer(() => Effect.sync(() => delete process.env[variable]))
    const file = join(mkdtempSync(join(folder, "work-")), "variables")
    writeFileSync(file, `${variable}=from the file\n`)
    yield* loadEnvironment(Option.some(file))
    assert.strictEqual(yield* anonymizeKey(true).pipe(Effect.map((key) => key && Redacted.value(key))), "from the file")
  })
)

describe("what decides which code runs", () => {
  const names = [
    "NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED node_options LD_PRELOAD LD_LIBRARY_PATH",
    "DYLD_INSERT_LIBRARIES NPM_CONFIG_PREFIX npm_config_script_shell PATH Path SHELL IFS ENV BASH_ENV HOME TMPDIR",
    "OPENSSL_CONF PYTHONPATH PERL5LIB RUBYOPT JAVA_TOOL_OPTIONS GIT_SSH_COMMAND GLIBC_TUNABLES GCONV_PATH",
    "AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE"
  ].flatMap((line) => line.split(" "))

  for (const [name, flags] of [
    [".env", []],
    ["other", ["--dotenv", "other"]]
  ] as const) {
    it(`is not taken from ${name === ".env" ? name : "the file of --dotenv"}, and that is said`, () => {
      const planted = join(folder, "planted.cjs")
      writeFileSync(planted, "process.stderr.write('PLANTED\\n')")
      const text = `${names.map((one) => `${one}=--require=${planted}`).join("\n")}\nNODE_ENV=test\n${deaf}`
      const { status, stderr } = alexDb({ name, text }, "check", ...flags)
      assert.strictEqual(status, 3)
      assert.notInclude(stderr, "PLANTED")
      const warned = stderr.split("\n").find((line) => line.startsWith("warn: ")) ?? ""
      for (const one of names) assert.include(warned, one)
      assert.notInclude(warned, "NODE_ENV")
      assert.include(stderr, "Variables: 1 read from")
    })
  }
})
