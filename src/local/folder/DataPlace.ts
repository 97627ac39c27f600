/**
 * Parses the place of the data as users write it. Forms of PGlite and of a shell are accepted, or refused with advice.
 */
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { LocalDataApiError } from "../LocalDataApiError.ts"

/** The place of a database in memory, which is not kept. */
export const memory = "memory"

const refuse = (message: string) => Effect.fail(new LocalDataApiError({ message }))

/** A relative path leads nowhere if the working folder is gone. */
const fromHere = (dataDir: string): Effect.Effect<string, LocalDataApiError> =>
  isAbsolute(dataDir)
    ? Effect.succeed(dataDir)
    : Effect.try({
        try: () => {
          process.cwd()
          return dataDir
        },
        catch: () =>
          new LocalDataApiError({
            message: `The data folder can't be ${dataDir}: the working folder was removed. Change to one that exists, or name the data folder from the root on.`
          })
      })

/** A scheme has two letters or more; a single letter is a drive of Windows. */
const scheme = /^([a-z][a-z0-9+.-]+):/i

/**
 * Returns the folder, or {@link memory}: `memory://` is memory, `~/alex` is below the home folder, `file:///srv/alex`
 * is the folder of the URL. Other schemes and an empty name are refused: a folder of that name would be created where
 * nobody looks for it.
 *
 * @errors LocalDataApiError
 */
export const read = (dataDir: string): Effect.Effect<string, LocalDataApiError> => {
  if (dataDir.trim() === "") {
    return refuse(
      `The data folder has an empty name. Name a folder, such as .alex-db, or ${memory}, whose data is not kept.`
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
  if (named === undefined) return fromHere(dataDir)
  if (named !== "file") {
    return refuse(
      `The data folder can't be ${dataDir}: a URL with ${named}: is not a folder of this machine. Name a folder, ` +
        `or ${memory}, whose data is not kept; for a folder of exactly this name, write ./${dataDir}.`
    )
  }
  return Effect.mapError(
    Effect.try(() => fileURLToPath(/^file:\/\/\//i.test(dataDir) ? dataDir : "")),
    () =>
      new LocalDataApiError({
        message: `The data folder can't be ${dataDir}: such a URL has the form file:///srv/alex. Write it in this form, or only the path.`
      })
  )
}
