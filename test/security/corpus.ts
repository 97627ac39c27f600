/** Strings with which people try to turn a value into SQL: classic payloads, each in the quotes and comments it needs. */

const payloads = [
  "' OR '1'='1",
  "' OR 1=1",
  "1 OR 1=1",
  "'; DROP TABLE users",
  '"; DROP TABLE users',
  "'; DELETE FROM accounts",
  "'; UPDATE users SET display_name = 'owned'",
  "'; INSERT INTO users (clerk_user_id) VALUES ('owned')",
  "'; TRUNCATE positions CASCADE",
  "'; ALTER TABLE jobs DROP COLUMN status",
  "'; CREATE TABLE owned (id int)",
  "'; GRANT ALL ON users TO public",
  "' UNION SELECT clerk_user_id, display_name FROM users",
  "') UNION ALL SELECT NULL, NULL, version()",
  "'||(SELECT display_name FROM users LIMIT 1)||'",
  "' AND 1=(SELECT count(*) FROM pg_catalog.pg_tables)",
  "'; SELECT pg_sleep(10)",
  "'||pg_sleep(10)||'",
  "'; COPY users TO PROGRAM 'sh'",
  "'; COMMIT; DROP TABLE users; BEGIN",
  "'; ROLLBACK; DROP TABLE users",
  "'; SET statement_timeout = 0",
  "'; DO $$BEGIN EXECUTE 'DROP TABLE users'; END$$",
  "$$; DROP TABLE users; $$",
  "$tag$; DROP TABLE users; $tag$",
  "\\'; DROP TABLE users",
  "\\\\'; DROP TABLE users",
  "E'\\047; DROP TABLE users",
  "U&'\\0027; DROP TABLE users",
  "%27; DROP TABLE users",
  "\u02bc; DROP TABLE users",
  "\uff07; DROP TABLE users",
  ":name; DROP TABLE users",
  ":p1::text",
  "$1",
  "?",
  "::int",
  "{}'; DROP TABLE users",
  "[]::jsonb); DROP TABLE users",
  "%' OR name LIKE '%",
  "_%\\",
  "null",
  "DEFAULT",
  "clerk_user_id"
]

/** What a payload is put between to fit the statement that the attacker imagines. */
const settings: ReadonlyArray<(payload: string) => string> = [
  (payload) => payload,
  (payload) => `${payload}--`,
  (payload) => `${payload} -- `,
  (payload) => `${payload}/*`,
  (payload) => `/*${payload}*/`,
  (payload) => `x${payload};`,
  (payload) => `')${payload});--`,
  (payload) => `"${payload}"`,
  (payload) => `'${payload}'`,
  (payload) => `'')${payload}`,
  (payload) => `\n${payload}\n`,
  (payload) => `${payload}\t\u00a0\u2028`,
  (payload) => `\u202e${payload}\u{1f4a3}`
]

/** More than 500 different strings, each at most 255 characters long. */
export const corpus: ReadonlyArray<string> = [
  ...new Set(payloads.flatMap((payload) => settings.map((set) => set(payload))))
]
