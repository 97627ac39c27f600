/** What a client has set in its session, what RESET goes back to, and what was reported to the client. */
import { type Encoding, encodingOf, utf8 } from "../../values/Encodings.ts"
import { material, readingOf, reported, type Settings } from "./Settings.ts"

/** The settings that RESET ALL does not reset. The user precedes the role, which it resets. */
export const ofUser: ReadonlySet<string> = new Set(["session_authorization", "role"])

export class SessionSettings {
  /** The client's settings, by name in lower case. */
  readonly values = new Map<string, string>()
  /** The server's own values of the settings that the client has changed. */
  readonly #own = new Map<string, string>()
  #startup: Settings = new Map()
  /** The values last reported to the client. */
  readonly #reported = new Map<string, string>()

  /** The settings of the client's startup message, which RESET goes back to. */
  get startup(): Settings {
    return this.#startup
  }

  /** The server's own values of the settings that the client has changed. */
  get own(): Settings {
    return this.#own
  }

  /** What the transaction has set for itself, as far as clients are told. */
  readonly local = new Map<string, string>()

  /** The settings to apply before a statement outside of a transaction. */
  due(sql: string): ReadonlyArray<readonly [name: string, value: string]> {
    return material(this.values, sql, false, this.#own)
  }

  /** What stands for the settings by which PostgreSQL reads the literals of a statement, see `readingOf`. */
  reading(within: string): string {
    return readingOf(this.values, within, this.#own)
  }

  /** The encoding of the client's texts. */
  get encoding(): Encoding {
    return encodingOf(this.current("client_encoding")) ?? utf8
  }

  /** The value of a setting, as far as it is known. */
  current(name: string): string {
    return this.local.get(name) ?? this.values.get(name) ?? this.#own.get(name) ?? ""
  }

  /** The names of the settings that may differ from the start of the session. */
  get names(): ReadonlyArray<string> {
    return [...new Set([...ofUser, ...this.#startup.keys(), ...this.values.keys()])]
  }

  /** Makes the present settings those that RESET goes back to. */
  begin(): void {
    this.#startup = new Map(this.values)
  }

  /** Stores the server's own value of a setting. */
  setDefault(name: string, value: string): void {
    this.#own.set(name, value)
  }

  /** Stores the value that a setting had before the client first changed it. */
  noteBefore(name: string, value: string): void {
    if (!this.#own.has(name) && !this.values.has(name)) this.#own.set(name, value)
  }

  /** Stores a setting; without a value, resets it to its value at the start of the session. */
  remember(name: string, wanted: string | undefined): void {
    const value = wanted ?? this.#startup.get(name)
    const known = this.#own.get(name)
    this.local.delete(name)
    // PostgreSQL resets the role when the user changes.
    if (name === "session_authorization") this.values.delete("role")
    if (value === undefined || value === known) this.values.delete(name)
    else this.values.set(name, value)
  }

  /** Goes back to earlier settings, and to what the transaction had set for itself by then. */
  restore(settings: Settings, local: Settings): void {
    // The user first, since a change of user removes the role.
    for (const name of new Set(["session_authorization", ...this.values.keys(), ...settings.keys()])) {
      const value = settings.get(name)
      if (value !== this.values.get(name)) this.remember(name, value)
    }
    this.local.clear()
    for (const [name, value] of local) this.local.set(name, value)
  }

  /** The settings to report to the client, by their names in ParameterStatus. */
  changesToReport(): ReadonlyArray<readonly [name: string, value: string]> {
    const changes: Array<readonly [string, string]> = []
    for (const [name, shown] of reported) {
      const value = this.current(name)
      if (value === this.#reported.get(name)) continue
      this.#reported.set(name, value)
      changes.push([shown, value])
    }
    return changes
  }
}
