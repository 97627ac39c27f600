/** Where data is to be kept, as users spell it: PGlite's own spellings and a shell's are understood, or refused in words. */
import { homedir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { LocalDataApiError } from "../LocalDataApiError.ts"

/** What keeps nothing. */
export const memory = "memory"

const refuse = (message: string) => Effect.fail(new LocalDataApiError({ message }))

/** A drive of Windows has one letter. */
const scheme = /^([a-z][a-z0-9+.-]+):/i

/**
 * The folder that a spelling means, or {@link memory}: `memory://` is that, `~/alex` is below the home folder,
 * `file:///srv/alex` is the folder of that URL. What means no folder of this machine is refused, and so is what is empty:
 * as the name of a folder it would be made where nobody looks for it.
 *
 * @errors LocalDataApiError
 */
export const read = (dataDir: string): Effect.Effect<string, LocalDataApiError> => {
  if (dataDir.trim() === "") {
    return refuse(
      `The data folder has an empty name. Name a folder, such as .alex-db, or ${memory}, which keeps nothing.`
    )
  }
  if (dataDir === memory || dataDir === "memory:" || dataDir === "memory://") return Effect.succeed(memory)
  if (dataDir === "~" || /^~[/\\]/.test(dataDir)) return Effect.succeed(join(homedir(), dataDir.slice(1)))
  if (dataDir.startsWith("~")) {
    return refuse(
      `The data folder ${dataDir} begins with the name of a user. Write its path, or ./${dataDir} for a folder of that name.`
    )
  }
  const named = scheme.exec(dataDir)?.[1]?.toLowerCase()
  if (named === undefined) return Effect.succeed(dataDir)
  if (named !== "file") {
    return refuse(
      `The data folder can't be ${dataDir}: what ${named}: names is not a folder of this machine. Name a folder, ` +
        `or ${memory}, which keeps nothing; a folder of that very name is ./${dataDir}.`
    )
  }
  return Effect.mapError(
    Effect.try(() => fileURLToPath(/^file:\/\/\//i.test(dataDir) ? dataDir : "")),
    () =>
      new LocalDataApiError({
        message: `The data folder can't be ${dataDir}: such a URL has the form file:///srv/alex. Write it so, or the path alone.`
      })
  )
}
