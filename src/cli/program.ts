/**
 * The name of this command for other processes that want its folder. Its arguments are left out: they may be secret.
 */
export const program = (): string => {
  const [, , command = ""] = process.argv
  return /^[a-z]+$/.test(command) ? `alex-db ${command}` : "alex-db"
}
