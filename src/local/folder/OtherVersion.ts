/** Data folders of another major version of PostgreSQL: what opens them, and what is to be done. Pure. */

/** The major version of PostgreSQL that this version of PGlite is; files of another one can't be opened. */
export const postgresMajor = 18

/** A version of `@electric-sql/pglite`, and the hash of its archive. */
export interface Opener {
  readonly version: string
  readonly integrity: string
}

/**
 * Which PGlite opens the files of which older PostgreSQL: the last one that has it, as its own `select version()` says.
 * 0.2 is PostgreSQL 16.4, 0.3 is 17.4 and 17.5, 0.4 is 17.5, and each opens what the first of its PostgreSQL made. 0.1
 * is a "15devel", without the extension that Alex's tables need. The hashes are the registry's.
 */
export const openers: Readonly<Record<number, Opener>> = {
  16: {
    version: "0.2.17",
    integrity: "sha512-qEpKRT2oUaWDH6tjRxLHjdzMqRUGYDnGZlKrnL4dJ77JVMcP2Hpo3NYnOSPKdZdeec57B6QPprCUFg0picx5Pw=="
  },
  17: {
    version: "0.4.6",
    integrity: "sha512-qmlmfN8UyKCee35qkV0r/MBp+Znl8FjBz7OpoglNvww3GJpw0/DLP0o1ZymvLNmcD5DTLOQdzKPtF8Hd3mdl1w=="
  }
}

/** What is wrong with a folder of another major version, and the way out, each a sentence without its full stop. */
export const otherVersion = (dataDir: string, major: number): { readonly problem: string; readonly fix: string } => {
  const problem = `The data folder ${dataDir} was made by PostgreSQL ${major}, this is ${postgresMajor}`
  const opener = openers[major]
  if (opener !== undefined) {
    const fix = `Run "alex-db upgrade ${dataDir}", which reads it with @electric-sql/pglite ${opener.version} and keeps the old folder`
    return { problem, fix }
  }
  return major > postgresMajor
    ? { problem, fix: `Update alex-database to a version that has PostgreSQL ${major}, or choose another folder` }
    : { problem, fix: "No PGlite is known here that opens it for alex-db upgrade. Choose another folder" }
}

/** The same of PostgreSQL's files without a folder around them, as PGlite keeps them by itself. */
export const bareFiles = (dataDir: string, major: number): { readonly problem: string; readonly fix: string } => {
  if (major !== postgresMajor) return otherVersion(dataDir, major)
  const problem = `The data folder ${dataDir} is one of PGlite's own, which other programs may have open`
  return {
    problem,
    fix: `Run "alex-db upgrade ${dataDir}", which keeps it under another name, or choose another folder`
  }
}
