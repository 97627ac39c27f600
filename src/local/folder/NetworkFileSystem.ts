/** Detects whether a folder is on a network file system, where a lock may not exclude other machines. */
import { readFile, stat, statfs } from "node:fs/promises"
import { Effect, Option } from "effect"

/** Linux's type numbers (statfs(2)) of file systems that are, or may be, shared with other machines. */
const networked: ReadonlyMap<number, string> = new Map([
  [0x6969, "nfs"],
  [0x517b, "smb"],
  [0xfe534d42, "smb2"],
  [0xff534d42, "cifs"],
  [0x01021997, "9p"],
  [0x5346414f, "afs"],
  [0x6b414653, "afs"],
  [0x00c36400, "ceph"],
  [0x73757245, "coda"],
  [0x564c, "ncp"],
  [0x0bd00bd3, "lustre"],
  [0x19830326, "beegfs"],
  [0x47504653, "gpfs"],
  [0x786f4256, "vboxsf"],
  [0xbacbacbc, "vmhgfs"]
])

/** The number of all file systems outside the kernel; only the mount table says which one it is. */
const fuse = 0x65735546

const networkedFuse =
  /^(?:virtiofs|fuse\.(?:sshfs|glusterfs|cephfs|s3fs|rclone|gcsfuse|goofys|davfs2?|curlftpfs|smbnetfs|mfs|juicefs|blobfuse2?|grpcfuse|osxfs))$/

/** `major:minor` of a device, as /proc/self/mountinfo writes it. */
const deviceName = (device: bigint): string => {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn)
  return `${major}:${minor}`
}

/** The file system of a device in the text of /proc/self/mountinfo. */
const mountedAs = (mounts: string, device: bigint): string | undefined => {
  const wanted = deviceName(device)
  for (const line of mounts.split("\n")) {
    const [before = "", after = ""] = line.split(" - ")
    if (before.split(" ")[2] === wanted) return after.split(" ")[0]
  }
  return undefined
}

/**
 * The name of a network file system; undefined for any other.
 *
 * @param type The file system's number from statfs.
 * @param device The device of a file on it.
 * @param mounts The text of /proc/self/mountinfo.
 * @internal
 */
export const networkName = (type: number, device: bigint, mounts: string): string | undefined => {
  if (type !== fuse) return networked.get(type)
  const name = mountedAs(mounts, device)
  return name !== undefined && networkedFuse.test(name) ? name : undefined
}

/** The name of the network file system of a folder. It can be detected only on Linux and Windows. */
export const find = (folder: string): Effect.Effect<Option.Option<string>> => {
  if (process.platform === "win32")
    return Effect.succeed(/^[\\/]{2}[^?.]/.test(folder) ? Option.some("smb") : Option.none())
  if (process.platform !== "linux") return Effect.succeedNone
  return Effect.tryPromise(async () => {
    const { type } = await statfs(folder)
    if (type !== fuse) return networkName(type, 0n, "")
    const { dev } = await stat(folder, { bigint: true })
    return networkName(type, dev, await readFile("/proc/self/mountinfo", "utf8"))
  }).pipe(Effect.option, Effect.map(Option.flatMap(Option.fromUndefinedOr)))
}
