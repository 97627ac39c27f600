/** The reports of backup, restore, copy and upgrade as text. */
import type { Backup, BackupFormat, Restore } from "../../operations/index.ts"
import type { UpgradeReport } from "../commands/keeping/upgradeFolder.ts"
import { count, type Style, table } from "./text.ts"

const tablesText = (tables: ReadonlyArray<BackupFormat.TableSum>): string =>
  table(
    ["table", "rows", "hash"],
    tables.map(({ name, rows, sum }) => [name, rows.toLocaleString("en-US"), sum.slice(0, 16)])
  )

export const backupText = (
  { anonymized, database, file, leftOut, location, rows, sequences, tables }: Backup.BackupReport,
  { good, warn }: Style
): string =>
  [
    tablesText(tables),
    ...(sequences === 0 ? [] : [`${count(sequences, "sequence")}.`]),
    ...leftOut.map((left) => `${warn("left out:")} ${left}`),
    ...(anonymized === null ? [] : [`Anonymized: ${count(anonymized.columns.length, "column")}.`]),
    `${good("backed up:")} ${count(rows, "row")} of "${database}" at ${location} into ${file}.`
  ].join("\n")

const heldText = (tables: Restore.RestorePlan["tables"], mostCounted: number): ReadonlyArray<string> =>
  tables.map(({ name, rows }) =>
    rows > mostCounted ? `  ${name}: more than ${count(mostCounted, "row")}` : `  ${name}: ${count(rows, "row")}`
  )

/** @param mostCounted The most rows that are counted in a table. */
export const planText =
  (mostCounted: number) =>
  ({
    anonymized,
    backup,
    contents,
    database,
    location,
    migrates,
    mustConfirm,
    resumesAt,
    tables
  }: Restore.RestorePlan) =>
    [
      `The backup is of ${backup.at}, by ${backup.tool} on PostgreSQL ${backup.server}${anonymized ? ", anonymized" : ""}.`,
      ...(contents === null ? [] : [tablesText(contents)]),
      ...(migrates ? [`The migrations make the tables in "${database}" at ${location} first.`] : []),
      ...(resumesAt === null
        ? []
        : [`A restore of it is unfinished: ${count(resumesAt, "row")} are in place, and --resume continues it.`]),
      ...(tables.length === 0
        ? [`The tables in "${database}" at ${location} hold no rows.`]
        : [
            `A restore with --replace loses these rows of "${database}" at ${location}:`,
            ...heldText(tables, mostCounted)
          ]),
      ...(mustConfirm === null ? [] : [`It asks for the database's name, since that ${mustConfirm}.`])
    ].join("\n")

/** @param done `restored` or `copied`. */
export const restoreText =
  (done: string) =>
  (
    {
      database,
      location,
      migrated,
      missingSequences,
      replaced,
      resumedAt,
      rows,
      sequences,
      tables,
      verified
    }: Restore.RestoreReport,
    { good, warn }: Style
  ): string =>
    [
      ...(migrated.length === 0 ? [] : [`${count(migrated.length, "migration")} applied.`]),
      ...(replaced.length === 0 ? [] : [`Rows replaced in ${replaced.map(({ name }) => name).join(", ")}.`]),
      ...(resumedAt === 0 ? [] : [`${count(resumedAt, "row")} were in place.`]),
      tablesText(tables),
      ...(sequences === 0 ? [] : [`${count(sequences, "sequence")} set.`]),
      ...missingSequences.map((name) => `${warn("not set:")} the sequence ${name} is not there`),
      `${good(`${done}:`)} ${count(rows, "row")} in "${database}" at ${location}.`,
      verified ? `${good("verified:")} counts and hashes are the same.` : `${warn("not verified")}`
    ].join("\n")

export const upgradeText = (report: UpgradeReport, marks: Style): string =>
  [
    ...(report.restored === null
      ? [`${report.directory} is of PostgreSQL ${report.to}: nothing to do.`]
      : [
          restoreText("restored")(report.restored, marks),
          ...report.leftBehind.map((what) => `${marks.warn("left behind:")} ${what}`),
          `${marks.good("upgraded:")} ${report.directory} from PostgreSQL ${report.from} to ${report.to}, with ${report.with}.`
        ]),
    ...(report.kept === null ? [] : [`The old folder is ${report.kept}; remove it when nothing is missed.`])
  ].join("\n")
