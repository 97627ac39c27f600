/** Data folders of another major version of PostgreSQL: who opens them, and what is to be done. Pure. */

/** The major version of PostgreSQL that this version of PGlite is; files of another one can't be opened. */
export const postgresMajor = 18

/** The last version of this package that opens the files of a major version of PostgreSQL. */
const openers: Readonly<Record<number, string>> = { 18: "0.1.0" }

/** The package's version that opens the files of a major version; `undefined` where none is known here. */
export const openerOf = (major: number): string | undefined => openers[major]

/** How two commands move what is in the folder, with the one version of the package and the other. */
const commands = (dataDir: string, version: string): string =>
  `"ALEX_DB_DIR=${dataDir} npx --package alex-database@${version} alex-db backup old.jsonl.gz", then "ALEX_DB_DIR=${dataDir}-new alex-db restore old.jsonl.gz"`

/** What is wrong with a folder of another major version, and the way out. */
export const otherVersion = (dataDir: string, major: number, opener = openerOf(major)): string => {
  const made = `The data folder ${dataDir} was made by PostgreSQL ${major}, this is ${postgresMajor}`
  if (opener !== undefined) {
    return `${made}. Version ${opener} of alex-database opens it: run "alex-db upgrade ${dataDir}", or ${commands(dataDir, opener)}.`
  }
  if (major > postgresMajor)
    return `${made}. A newer version of alex-database made it: use that, or choose another folder.`
  return `${made}. No version of alex-database is known here that opens it. Choose another folder, or give "alex-db upgrade ${dataDir} --with" the package that made it.`
}
