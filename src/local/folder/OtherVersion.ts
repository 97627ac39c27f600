/** Data folders of another major version of PostgreSQL: which PGlite opens them, and what to do. Pure. */

/** The major version of PostgreSQL in this version of PGlite, which can't open files of another one. */
export const postgresMajor = 18

/** A version of `@electric-sql/pglite`, and the hash of its archive. */
export interface Opener {
  readonly version: string
  readonly integrity: string
}

/**
 * The PGlite that opens the files of each older PostgreSQL: the last one with that major version, by its own `select
 * version()`. PGlite 0.2 is PostgreSQL 16.4, 0.3 is 17.4 and 17.5, 0.4 is 17.5; each opens the files of the earlier
 * ones of its major version. 0.1 is a "15devel" without the extension that Alex's tables need. The hashes are the
 * registry's.
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

/** The problem of a folder of another major version, and its fix, each a sentence without its full stop. */
export const otherVersion = (dataDir: string, major: number): { readonly problem: string; readonly fix: string } => {
  const problem = `The data folder ${dataDir} was made by PostgreSQL ${major}, but this is PostgreSQL ${postgresMajor}`
  const opener = openers[major]
  if (opener !== undefined) {
    const fix = `Run "alex-db upgrade ${dataDir}", which reads it with @electric-sql/pglite ${opener.version} and keeps the old folder`
    return { problem, fix }
  }
  return major > postgresMajor
    ? { problem, fix: `Update alex-database to a version that has PostgreSQL ${major}, or choose another folder` }
    : { problem, fix: "alex-db upgrade knows no PGlite that opens it. Choose another folder" }
}

/** The same for a folder that directly contains PostgreSQL's files, as PGlite itself creates them. */
export const bareFiles = (dataDir: string, major: number): { readonly problem: string; readonly fix: string } => {
  if (major !== postgresMajor) return otherVersion(dataDir, major)
  const problem = `The data folder ${dataDir} is one of PGlite's own, which other programs may have open`
  return {
    problem,
    fix: `Run "alex-db upgrade ${dataDir}", which keeps it under another name, or choose another folder`
  }
}
